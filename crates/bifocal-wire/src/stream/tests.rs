mod families;

use proptest::prelude::*;

use bifocal_model::{FinishReason, TokenCount};

use super::*;
use crate::ErrorBody;
use crate::limits::ANSWER_BYTES;

const LLAMACPP: &[u8] = include_bytes!("../../testdata/llamacpp-stream.sse");
const VLLM: &[u8] = include_bytes!("../../testdata/vllm-stream.sse");
const LMI: &[u8] = b"{\"token\":{\"id\":1,\"text\":\"Hel\",\"log_prob\":-0.1}}\n{\"token\":{\"id\":2,\"text\":\"lo\"}}\r\n\n\
    {\"token\":{\"id\":3,\"text\":\"\\u00e9\"},\"generated_text\":\"Hello\\u00e9\",\"details\":{\"finish_reason\":\"length\",\"generated_tokens\":3}}";
const TGI: &[u8] = b"data:{\"token\":{\"text\":\"Hi\",\"special\":false},\"generated_text\":null}\n\n\
    data:{\"token\":{\"text\":\"</s>\",\"special\":true},\"generated_text\":\"Hi\",\"details\":{\"finish_reason\":\"eos_token\",\"generated_tokens\":2}}\n\n";
const MID_ERROR: &[u8] = b"data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"Hal\"}}]}\n\n\
    data: {\"error\":{\"message\":\"engine died\",\"code\":500}}\n\n";
const TOOLS: &[u8] =
    b"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[]}}]}\n\n\
    data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\"}}]}}]}\n\n\
    data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
const COMPLETIONS: &[u8] = b"data: {\"choices\":[{\"text\":\"a\",\"index\":0}]}\r\n\r\ndata: {\"choices\":[{\"text\":\"z\",\"index\":1}]}\r\n\r\n\
    data: not json\r\n\r\ndata: {\"choices\":[{\"text\":\"b\",\"index\":0,\"finish_reason\":\"length\"}]}\r\n\r\ndata: [DONE]";

fn whole(kind: StreamKind, bytes: &[u8]) -> CallResponse {
    let mut decoder = StreamDecoder::new(kind);
    decoder.push(bytes).unwrap();
    decoder.finish()
}

#[test]
fn captured_streams_are_put_together() {
    for stream in [LLAMACPP, VLLM] {
        let response = whole(StreamKind::Sse, stream);
        assert_eq!(response.text, "The capital of France is Paris.");
        assert_eq!(response.finish_reason, Some(FinishReason::Stop));
        assert_eq!(response.served_model.as_deref(), Some("smollm2"));
        assert_eq!(response.usage.input, Some(TokenCount::server(42)));
        assert_eq!(response.usage.output, Some(TokenCount::server(8)));
        assert!(response.complete && response.error.is_none());
    }
}

#[test]
fn the_first_token_is_not_in_the_first_chunk() {
    for stream in [LLAMACPP, VLLM] {
        let text = std::str::from_utf8(stream).unwrap();
        let mut decoder = StreamDecoder::new(StreamKind::Sse);
        let deltas: Vec<Delta> =
            text.split_inclusive("\n\n").map(|event| decoder.push(event.as_bytes()).unwrap()).collect();
        assert_eq!(deltas[0], Delta::default(), "null or empty content");
        assert_eq!(
            deltas[1],
            Delta { text_bytes_added: 3, chunks_with_text: 1, has_text: true, done: false }
        );
        let with_text = deltas.iter().filter(|delta| delta.has_text).count();
        assert_eq!(with_text, 7, "one a token, but for the last, which ends the answer");
        assert!(deltas.last().unwrap().done);
    }
}

#[test]
fn sagemaker_containers_stream_in_their_own_ways() {
    let lmi = whole(StreamKind::JsonLines, LMI);
    assert_eq!((lmi.text.as_str(), lmi.finish_reason), ("Hello\u{e9}", Some(FinishReason::Length)));
    assert_eq!(lmi.usage.output, Some(TokenCount::server(3)));
    assert!(lmi.complete);

    let tgi = whole(StreamKind::Sse, TGI);
    assert_eq!((tgi.text.as_str(), tgi.finish_reason), ("Hi", Some(FinishReason::Stop)));
    assert_eq!(tgi.usage.output, Some(TokenCount::server(2)));

    let djl = whole(StreamKind::JsonLines, b"{\"outputs\":[\"a\"]}\n{\"outputs\":[\"b\"]}\n");
    assert_eq!(djl.text, "ab");
    assert_eq!(djl.usage.output, Some(TokenCount::estimate(2)));
    assert!(!djl.complete, "nothing says so");

    let only_last = whole(StreamKind::JsonLines, b"{\"generated_text\":\"all at once\"}");
    assert_eq!(only_last.text, "all at once");
}

#[test]
fn an_error_in_the_middle_keeps_the_start() {
    let response = whole(StreamKind::Sse, MID_ERROR);
    assert_eq!(response.text, "Hal");
    assert_eq!(response.error, Some(ErrorBody { code: Some(500), message: "engine died".to_owned() }));
    assert!(!response.complete);
    assert_eq!(response.usage.output, Some(TokenCount::estimate(1)));

    let named = whole(StreamKind::Sse, b"event: error\ndata: out of memory\n\n");
    assert_eq!(named.error, Some(ErrorBody { code: None, message: "out of memory".to_owned() }));
}

#[test]
fn tools_completions_and_reasoning() {
    let tools = whole(StreamKind::Sse, TOOLS);
    assert_eq!((tools.text.as_str(), tools.has_text), ("", true));
    assert_eq!(tools.finish_reason, Some(FinishReason::ToolCalls));

    let completions = whole(StreamKind::Sse, COMPLETIONS);
    assert_eq!((completions.text.as_str(), completions.finish_reason), ("ab", Some(FinishReason::Length)));
    assert_eq!(completions.usage.output, Some(TokenCount::estimate(2)));

    let mut decoder = StreamDecoder::new(StreamKind::Sse);
    let thought = b"data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n";
    let delta = decoder.push(thought).unwrap();
    assert_eq!(delta, Delta { text_bytes_added: 0, chunks_with_text: 1, has_text: true, done: false });
    decoder.push(b"data: garbage\n\ndata: [DONE]\n\n").unwrap();
    assert_eq!(decoder.bad_events(), 1);
    let response = decoder.finish();
    assert_eq!((response.text.as_str(), response.has_text, response.complete), ("", true, true));
}

#[test]
fn a_long_answer_is_cut_and_never_gains_a_gap() {
    let mut decoder = StreamDecoder::new(StreamKind::Sse);
    let piece = "\u{e9}".repeat(ANSWER_BYTES / 4 - 1);
    let chunk = |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    for _ in 0..2 {
        decoder.push(chunk(&piece).as_bytes()).unwrap();
    }
    let delta = decoder.push(chunk("aaa\u{e9}\u{e9}").as_bytes()).unwrap();
    assert_eq!(delta.text_bytes_added, 3, "the fourth byte would be half a character");
    assert_eq!(decoder.push(chunk("z").as_bytes()).unwrap().text_bytes_added, 0);
    let response = decoder.finish();
    assert!(response.truncated);
    assert_eq!(response.text.len(), ANSWER_BYTES - 1);
    assert_eq!(response.usage.output, Some(TokenCount::estimate(4)));
}

#[test]
fn a_long_line_fails_and_what_came_before_stays() {
    let mut decoder = StreamDecoder::new(StreamKind::JsonLines);
    decoder.push(b"{\"token\":{\"text\":\"Hi\"}}\n").unwrap();
    let err = decoder.push(&vec![b' '; crate::STREAM_LINE_BYTES + 1]).unwrap_err();
    assert_eq!(err.reason(), "too_long");
    assert!(decoder.push(b"\n").is_err());
    assert_eq!(decoder.finish().text, "Hi");
}

#[test]
fn content_types() {
    assert_eq!(StreamKind::of_content_type("text/event-stream; charset=utf-8"), Some(StreamKind::Sse));
    assert_eq!(StreamKind::of_content_type("application/jsonlines"), Some(StreamKind::JsonLines));
    assert_eq!(StreamKind::of_content_type("application/json"), None);
}

fn cut(stream: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| stream[cut[0]..cut[1]].to_vec()).collect()
}

proptest! {
    #[test]
    fn any_split_gives_the_same_answer(
        (kind, stream) in prop::sample::select(vec![
            (StreamKind::Sse, LLAMACPP), (StreamKind::Sse, VLLM), (StreamKind::JsonLines, LMI), (StreamKind::Sse, TGI),
            (StreamKind::Sse, MID_ERROR), (StreamKind::Sse, TOOLS), (StreamKind::Sse, COMPLETIONS),
        ]),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        lost in any::<prop::sample::Index>(),
    ) {
        // A stream that is cut off must not depend on the split either.
        for stream in [stream, &stream[..lost.index(stream.len())]] {
            let mut decoder = StreamDecoder::new(kind);
            let mut sum = Delta::default();
            for piece in cut(stream, &cuts) {
                let delta = decoder.push(&piece).unwrap();
                sum.text_bytes_added += delta.text_bytes_added;
                sum.chunks_with_text += delta.chunks_with_text;
                sum.has_text |= delta.has_text;
                sum.done = delta.done;
            }
            let mut at_once = StreamDecoder::new(kind);
            prop_assert_eq!(sum, at_once.push(stream).unwrap());
            prop_assert_eq!(decoder.bad_events(), at_once.bad_events());
            prop_assert_eq!(decoder.finish(), at_once.finish());
        }
    }

    #[test]
    fn any_bytes_will_do(bytes in prop::collection::vec(any::<u8>(), 0..200), is_sse in any::<bool>()) {
        let kind = if is_sse { StreamKind::Sse } else { StreamKind::JsonLines };
        let response = whole(kind, &bytes);
        prop_assert!(response.text.len() <= bytes.len());
    }
}
