//! The fuzz targets as plain property tests: over any bytes, and over real inputs with a few bytes changed.

use proptest::prelude::*;
use proptest::sample::Index;

const TARGETS: [fn(&[u8]); 6] = [
    bifocal_fuzz::stream,
    bifocal_fuzz::capture_line,
    bifocal_fuzz::prometheus,
    bifocal_fuzz::request,
    bifocal_fuzz::response,
    bifocal_fuzz::redact,
];

const SEEDS: [&[u8]; 7] = [
    include_bytes!("../../crates/bifocal-wire/testdata/vllm-stream.sse"),
    include_bytes!("../../crates/bifocal-wire/testdata/llamacpp-chat.json"),
    include_bytes!("../../crates/bifocal-wire/testdata/llamacpp-metrics.txt"),
    include_bytes!("../../crates/bifocal-wire/testdata/sagemaker_data_capture_sample.jsonl"),
    br#"{"model":"m","stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"a@b.org"}]}]}"#,
    b"mail jane@example.org, pay 4111 1111 1111 1111, call +1 415-555-2671, api_key=abcdefgh12345678",
    br#"[{"generated_text":"x","details":{"finish_reason":"length","generated_tokens":3}}]"#,
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
