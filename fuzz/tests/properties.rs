//! The fuzz targets as plain property tests: over any bytes, and over real inputs with a few bytes changed.

use proptest::prelude::*;
use proptest::sample::Index;

const TARGETS: &[fn(&[u8])] = &[
    bifocal_fuzz::stream,
    bifocal_fuzz::event_stream,
    bifocal_fuzz::packed,
    bifocal_fuzz::capture_line,
    bifocal_fuzz::s3_notice,
    bifocal_fuzz::promql,
    bifocal_fuzz::prometheus,
    bifocal_fuzz::request,
    bifocal_fuzz::response,
    bifocal_fuzz::tool_calls,
    bifocal_fuzz::redact,
    #[cfg(feature = "evaluate")]
    bifocal_fuzz::evaluate,
    #[cfg(feature = "evaluate")]
    bifocal_fuzz::judge,
    #[cfg(feature = "backtest")]
    bifocal_fuzz::backtest,
];

const SEEDS: [&[u8]; 15] = [
    br#" {"a": 7, "b": [1, {"c": null}]}"#,
    br#"{"choices":[{"message":{"content":"{\"reason\":\"x\",\"score\":4}"}}],"usage":{"prompt_tokens":5}}"#,
    br#"{"messages":[],"tools":[{"function":{"name":"f","parameters":{"type":"object","required":["a"]}}}]}"#,
    br#"{"t":"2026-11-24T13:51:00Z","target":"a","dimension":"d","score":0.5,"pi":0.25,"proxy":0.4,"judge":"j"}"#,
    PACKED,
    br#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"h","a.b":"c"},"histogram":[1,{"count":"5","sum":"1.5","buckets":[[0,"0","0.1","3"]]}]},{"metric":{},"value":[1,"2"]}]},"warnings":["cut"]}"#,
    br#"{"Records":[{"eventTime":"2026-11-24T12:00:01.234Z","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"a+%C3%A9/x.jsonl","eTag":"e"}}}]}"#,
    br#"{"Type":"Notification","Message":"{\"detail-type\":\"Object Created\",\"time\":\"2026-11-24T12:00:01Z\",\"detail\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"k\"}}}"}"#,
    include_bytes!("../../crates/bifocal-wire/testdata/vllm-stream.sse"),
    include_bytes!("../../crates/bifocal-wire/testdata/llamacpp-chat.json"),
    include_bytes!("../../crates/bifocal-wire/testdata/llamacpp-metrics.txt"),
    include_bytes!("../../crates/bifocal-wire/testdata/sagemaker_data_capture_sample.jsonl"),
    br#"{"model":"m","stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"a@b.org"}]}]}"#,
    b"mail jane@example.org, pay 4111 1111 1111 1111, call +1 415-555-2671, api_key=abcdefgh12345678",
    br#"[{"generated_text":"x","details":{"finish_reason":"length","generated_tokens":3}}]"#,
];

/// One event of a stream by gzip behind a byte that says where to cut.
#[rustfmt::skip]
const PACKED: &[u8] = &[
    0x80, 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0x49, 0x2c, 0x49, 0xb4, 0x52, 0xa8, 0x56, 0x4a, 0xce, 0xc8, 0xcf, 0x4c, 0x4e, 0x2d, 0x56, 0xb2, 0x8a, 0xae, 0x56, 0x4a, 0x49, 0xcd, 0x29, 0x49, 0x54, 0xb2, 0x02, 0x0a, 0xe6, 0xe7, 0x95, 0xa4, 0xe6, 0x95, 0x28, 0x59, 0x29, 0x65, 0x64, 0x2a, 0xd5, 0xd6, 0xc6, 0xd6, 0x72, 0x71, 0x01, 0x00, 0x7a, 0xd4, 0x07, 0xa6, 0x30, 0x00, 0x00, 0x00,
];

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for target in TARGETS {
            target(&bytes);
        }
    }

    #[test]
    fn real_inputs_with_changes(
        seed in prop::sample::select(SEEDS.to_vec()),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4),
        keep in any::<Index>(),
    ) {
        let mut bytes = seed.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for target in TARGETS {
            target(&bytes);
            target(&bytes[..keep.index(bytes.len())]);
        }
    }
}
