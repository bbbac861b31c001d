//! One conversation in the dialect of each payload family: whole, streamed, and streamed in frames, against
//! `testdata/families/NAME/expected.json`.

use std::fs;
use std::path::{Path, PathBuf};

use bifocal_model::{TokenCount, TokenSource};
use proptest::prelude::*;
use serde::Deserialize;

use crate::event_stream::tests::{exception, part};
use crate::{CallRequest, CallResponse, Delta, StreamDecoder, StreamKind};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    model: Option<String>,
    prompt: Vec<(String, String)>,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    text: String,
    finish_reason: Option<String>,
    input_tokens: Option<u32>,
    output_tokens: Option<u32>,
    mean_log_prob: Option<f64>,
}

fn families() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/families");
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found.into_iter().map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path)).collect()
}

/// The stream of a family and its content type.
fn stream_of(path: &Path) -> Option<(Vec<u8>, &'static str)> {
    let kinds = [
        ("stream.sse", "text/event-stream"),
        ("stream.jsonl", "application/jsonlines"),
        ("stream.txt", "text/plain"),
    ];
    kinds.into_iter().find_map(|(name, kind)| Some((fs::read(path.join(name)).ok()?, kind)))
}

fn streams() -> Vec<(Vec<u8>, &'static str)> {
    families().iter().filter_map(|(_, path)| stream_of(path)).collect()
}

/// Frames with the payload cut into pieces of `step` bytes.
fn in_frames(payload: &[u8], step: usize) -> Vec<u8> {
    payload.chunks(step).flat_map(part).collect()
}

fn read(mut decoder: StreamDecoder, bytes: &[u8], step: usize) -> (Delta, CallResponse) {
    let mut sum = Delta::default();
    for piece in bytes.chunks(step) {
        let delta = decoder.push(piece).unwrap();
        sum.text_bytes_added += delta.text_bytes_added;
        sum.chunks_with_text += delta.chunks_with_text;
        sum.has_text |= delta.has_text;
        sum.done = delta.done;
    }
    (sum, decoder.finish())
}

fn check(name: &str, response: &CallResponse, expected: &Expected) {
    assert_eq!(response.text, expected.text, "{name}");
    let finish_reason = response.finish_reason.as_ref().map(|reason| reason.name().to_owned());
    assert_eq!(finish_reason, expected.finish_reason, "{name}");
    assert_eq!(response.usage.input.map(|count| count.count), expected.input_tokens, "{name}");
    if let Some(tokens) = expected.output_tokens {
        assert_eq!(response.usage.output, Some(TokenCount::server(tokens)), "{name}");
    } else {
        let counted = response.usage.output.unwrap();
        assert_eq!(counted.source, TokenSource::Estimate, "{name}");
    }
    let mean = response.log_probs.as_ref().and_then(|log_probs| log_probs.mean());
    assert_eq!(mean, expected.mean_log_prob, "{name}");
    assert!(response.complete && response.has_text && !response.truncated, "{name}");
    assert_eq!(response.error, None, "{name}");
}

#[test]
fn golden_families_are_read_whole_and_streamed() {
    let (mut whole, mut streamed) = (0, 0);
    for (name, path) in families() {
        let expected: Expected =
            serde_json::from_slice(&fs::read(path.join("expected.json")).unwrap()).unwrap();
        let request = CallRequest::parse(&fs::read(path.join("request.json")).unwrap()).unwrap();
        let prompt: Vec<_> = request.messages.into_iter().map(|m| (m.role, m.text)).collect();
        assert_eq!(prompt, expected.prompt, "{name}");
        assert_eq!(request.model, expected.model, "{name}");
        assert_eq!(request.sampling.max_tokens, expected.max_tokens, "{name}");
        assert_eq!(request.sampling.temperature, expected.temperature, "{name}");
        if let Ok(body) = fs::read(path.join("response.json")) {
            check(&name, &CallResponse::parse(&body).unwrap(), &expected);
            whole += 1;
        }
        if let Some((stream, kind)) = stream_of(&path) {
            for step in [1, 7, 4096] {
                let frames = in_frames(&stream, step);
                for inner in [Some(kind), None] {
                    let (_, response) = read(StreamDecoder::of_frames(inner), &frames, 5);
                    check(&format!("{name} in frames of {step}"), &response, &expected);
                }
            }
            if let Some(decoder) = StreamDecoder::of_content_types(kind, None)
                && name != "djl_outputs"
            {
                check(&name, &read(decoder, &stream, 11).1, &expected);
            }
            streamed += 1;
        }
    }
    assert_eq!((whole, streamed), (10, 7), "families that were read");
}

#[test]
fn a_failure_in_the_middle_of_frames_keeps_the_start() {
    for (last, message) in [
        (
            exception(
                "ModelStreamError",
                r#"{"Message":"took too long","ErrorCode":"ModelInvocationTimeExceeded"}"#,
            ),
            "ModelStreamError ModelInvocationTimeExceeded: took too long",
        ),
        (exception("InternalStreamFailure", r#"{"Message":"m"}"#), "InternalStreamFailure: m"),
        (exception("InternalStreamFailure", "no json"), "InternalStreamFailure: no json"),
    ] {
        for start in [
            &b"data: {\"choices\":[{\"delta\":{\"content\":\"Hal\"}}]}\n\n"[..],
            b"{\"token\":{\"text\":\"Hal\"}}\n",
            b"{\"outputs\":[\"Hal\"]}\n",
            b"Hal",
        ] {
            let stream = [in_frames(start, 9), last.clone()].concat();
            let (_, response) = read(StreamDecoder::of_frames(None), &stream, 3);
            assert_eq!(response.text, "Hal");
            let error = response.error.unwrap();
            assert_eq!((error.code, error.message.as_str()), (None, message));
            assert!(!response.complete);
        }
    }
}

#[test]
fn frames_that_stop_are_no_end() {
    let (text, one) = (in_frames(b"only text", 3), in_frames(b"123", 3).len());
    for cut in 1..text.len() {
        let (_, response) = read(StreamDecoder::of_frames(Some("text/plain")), &text[..cut], 64);
        assert_eq!(response.complete, cut % one == 0, "cut at {cut}, frames of {one}");
    }
    // A family that says which chunk is its last is not whole before it, however cleanly the frames end.
    let tokens = in_frames(b"{\"token\":{\"text\":\"a\"}}\n", 100);
    assert!(!read(StreamDecoder::of_frames(None), &tokens, 100).1.complete);
}

#[test]
fn a_damaged_frame_fails_and_what_came_before_stays() {
    let mut stream = in_frames(b"{\"outputs\":[\"a\"]}\n{\"outputs\":[\"b\"]}\n", 18);
    let last = stream.len() - 1;
    stream[last] ^= 1;
    let mut decoder = StreamDecoder::of_frames(None);
    assert_eq!(decoder.push(&stream).unwrap_err().reason(), "bad_frame");
    assert_eq!(decoder.push(b"x").unwrap_err().reason(), "bad_frame");
    let response = decoder.finish();
    assert_eq!((response.text.as_str(), response.complete), ("a", false));
}

#[test]
fn the_content_type_says_what_is_inside() {
    let frames = "application/vnd.amazon.eventstream";
    let raw = in_frames(b"{\"answer\": 42}", 3);
    let (_, text) = read(StreamDecoder::of_content_types(frames, Some("text/plain")).unwrap(), &raw, 9);
    assert_eq!(text.text, "{\"answer\": 42}");
    let (_, json) = read(StreamDecoder::of_content_types(frames, None).unwrap(), &raw, 9);
    assert_eq!(json.text, "", "without a word for it, a brace begins JSON lines");
    assert!(StreamDecoder::of_content_types("application/json", None).is_none());
    assert!(StreamDecoder::of_content_types("text/event-stream", None).is_some());
    assert_eq!(StreamKind::of_content_type(frames), None);
    // White space before anything does not settle it, much of it does.
    for (payload, want) in [(" \n\n{\"outputs\":[\"a\"]}\n".to_owned(), "a"), (" ".repeat(80) + "{", "{")] {
        for step in [1, 100] {
            let (_, read) = read(StreamDecoder::of_frames(None), &in_frames(payload.as_bytes(), step), 7);
            assert_eq!(read.text.trim_ascii_start(), want);
        }
    }
    let (_, short) = read(StreamDecoder::of_frames(None), &in_frames(b"da", 1), 7);
    assert_eq!(short.text, "da", "never settled: a text");
}

proptest! {
    #[test]
    fn any_split_of_any_frames_gives_the_same_answer(
        (stream, kind) in prop::sample::select(streams()),
        frame in 1usize..50,
        cut in 1usize..200,
        lost in any::<prop::sample::Index>(),
    ) {
        let frames = in_frames(&stream, frame);
        for frames in [&frames[..], &frames[..lost.index(frames.len())]] {
            let at_once = read(StreamDecoder::of_frames(Some(kind)), frames, frames.len().max(1));
            prop_assert_eq!(read(StreamDecoder::of_frames(Some(kind)), frames, cut), at_once);
        }
    }
}
