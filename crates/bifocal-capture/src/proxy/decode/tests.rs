use std::collections::BTreeMap;

use bifocal_model::{Component, FormatAsked, Span, TokenSource};

use super::*;
use std::io::Write as _;

use crate::proxy::config::ComponentRoute;
use bifocal_telemetry::Metric;
use flate2::Compression;
use flate2::write::GzEncoder;

const START: Timestamp = Timestamp::from_secs(1_000);

fn at(millis: i64) -> Timestamp {
    START + Span::from_nanos(millis * 1_000_000)
}

fn exchange(request: &str, content_type: &str, chunks: &[(i64, &str)]) -> Exchange {
    Exchange {
        id: [7; 10],
        capture_probability: Probability::ONE,
        path: "/v1/chat/completions".into(),
        tenant: None,
        component: None,
        sagemaker: None,
        request_body: Bytes::copy_from_slice(request.as_bytes()),
        request_truncated: false,
        status: Some(200),
        content_type: Some(content_type.into()),
        content_encoding: None,
        chunks: chunks.iter().map(|(t, text)| (at(*t), Bytes::copy_from_slice(text.as_bytes()))).collect(),
        answer_truncated: false,
        started: START,
        ended: at(900),
        ending: Ended::Complete,
    }
}

fn decoder() -> Decoder {
    Decoder::new("local", BTreeMap::new(), Telemetry::new())
}

const CHAT: &str = r#"{"model":"m","stream":true,"response_format":{"type":"json_object"},"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]}"#;
const NO_TEXT: &str = "data: {\"model\":\"s\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
const A: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
const B: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"}}]}\n\n";
const STOP: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
const SSE: &str = "text/event-stream; charset=utf-8";

#[test]
fn the_first_token_is_the_first_text_and_the_pace_is_between_texts() {
    let call = exchange(CHAT, SSE, &[(50, NO_TEXT), (200, A), (300, B), (500, A), (800, STOP)]);
    let inference = decoder().decode(&call);
    assert_eq!(inference.timing.ttft_seconds, Some(0.2));
    assert_eq!(inference.timing.itl_seconds, Some(0.15));
    assert_eq!(inference.timing.duration_seconds, Some(0.9));
    assert_eq!(inference.answer, "aba");
    assert_eq!(inference.usage.output, Some(TokenCount::estimate(3)));
    assert_eq!(inference.usage.input.unwrap().source, TokenSource::Estimate);
    assert_eq!(inference.labels["served_model"], "s");
    assert_eq!(inference.format_asked, FormatAsked::Json);
    assert!(inference.streamed && inference.error.is_none());
    assert_eq!(inference.id, InferenceId::v7(START, [7; 10]));
}

#[test]
fn a_stream_in_one_piece_has_no_pace() {
    let all = [NO_TEXT, A, B, STOP].concat();
    let inference = decoder().decode(&exchange(CHAT, SSE, &[(200, &all)]));
    assert_eq!(inference.timing.ttft_seconds, Some(0.2));
    assert_eq!(inference.timing.itl_seconds, None);
}

#[test]
fn each_ending_has_its_class() {
    let stream = [(200, A), (300, B)];
    let whole = [(200, A), (300, STOP)];
    let with = |chunks: &[(i64, &str)], ending, status| {
        let call = Exchange { ending, status, ..exchange(CHAT, SSE, chunks) };
        decoder().decode(&call).error
    };
    assert_eq!(with(&whole, Ended::Complete, Some(200)), None);
    assert_eq!(with(&stream, Ended::Complete, Some(200)), Some(ErrorClass::MidStream));
    assert_eq!(with(&stream, Ended::UpstreamError, Some(200)), Some(ErrorClass::MidStream));
    assert_eq!(with(&stream, Ended::ClientGone, Some(200)), Some(ErrorClass::ClientGone));
    assert_eq!(with(&whole, Ended::ClientGone, Some(200)), None, "it read all and closed");
    assert_eq!(with(&[], Ended::Unreachable, Some(502)), Some(ErrorClass::Unreachable));
    let told = "data: {\"error\":{\"message\":\"out of memory\",\"code\":500}}\n\n";
    assert_eq!(with(&[(200, A), (300, told)], Ended::Complete, Some(200)), Some(ErrorClass::Upstream));
}

#[test]
fn a_body_that_is_not_what_it_says_is_malformed() {
    let inference = decoder().decode(&exchange(CHAT, "application/json", &[(200, "<html>")]));
    assert_eq!(inference.error, Some(ErrorClass::Malformed));
    assert!(!inference.has_answer());
}

#[test]
fn a_compressed_answer_is_no_empty_answer() {
    let mut call = exchange(CHAT, "application/json", &[(200, "\u{1f}\u{8b}")]);
    call.content_encoding = Some("gzip".into());
    let inference = decoder().decode(&call);
    assert_eq!((inference.completeness, inference.error), (Completeness::RequestOnly, None));
}

#[test]
fn an_answer_cut_at_the_limit_is_marked() {
    let mut call = exchange(CHAT, SSE, &[(200, A), (300, B)]);
    call.answer_truncated = true;
    let inference = decoder().decode(&call);
    assert_eq!((inference.completeness, inference.error), (Completeness::AnswerTruncated, None));
    assert_eq!(inference.answer, "ab");
    let mut call = exchange(CHAT, "application/json", &[(200, r#"{"choices":[{"#)]);
    call.answer_truncated = true;
    let inference = decoder().decode(&call);
    assert_eq!((inference.completeness, inference.error), (Completeness::RequestOnly, None));
}

#[test]
fn an_error_keeps_its_words_out_of_the_answer() {
    let mut call = exchange(CHAT, "application/json", &[(200, r#"{"error":{"message":"prompt too long"}}"#)]);
    call.status = Some(400);
    let inference = decoder().decode(&call);
    assert_eq!((inference.answer.as_str(), inference.error), ("", Some(ErrorClass::Client)));
}

#[test]
fn models_map_to_components_and_headers_win() {
    let route = ComponentRoute {
        endpoint: Some("prod".into()),
        variant: "AllTraffic".into(),
        inference_component: Some("m-ic".into()),
    };
    let decoder = Decoder::new("sagemaker/1/eu", BTreeMap::from([("m".to_owned(), route)]), Telemetry::new());
    let mut call = exchange(CHAT, SSE, &[(200, STOP)]);
    let target = decoder.decode(&call).target;
    assert_eq!((target.endpoint.as_str(), target.variant.as_str()), ("prod", "AllTraffic"));
    assert_eq!(target.component, Component::InferenceComponent("m-ic".into()));
    call.component = Some("other-ic".into());
    call.path = "/endpoints/blue/invocations".into();
    let target = decoder.decode(&call).target;
    assert_eq!((target.endpoint.as_str(), target.inference_component()), ("blue", "other-ic"));
}

#[test]
fn no_model_is_unnamed() {
    assert_eq!(decoder().decode(&exchange(r#"{"inputs":"x"}"#, SSE, &[])).target.model(), "unnamed");
}

/// Packs each piece so that it can be unpacked when it comes.
fn packed(mut call: Exchange) -> Exchange {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let last = call.chunks.len() - 1;
    let mut sent = 0;
    for (n, (_, chunk)) in call.chunks.iter_mut().enumerate() {
        encoder.write_all(chunk).unwrap();
        if n == last {
            encoder.try_finish().unwrap()
        } else {
            encoder.flush().unwrap()
        }
        *chunk = Bytes::copy_from_slice(&encoder.get_ref()[sent..]);
        sent = encoder.get_ref().len();
    }
    call.content_encoding = Some("gzip".to_owned());
    call
}

#[test]
fn a_packed_answer_is_recorded_as_the_plain_one() {
    for call in [
        exchange(CHAT, SSE, &[(50, NO_TEXT), (200, A), (300, B), (800, STOP)]),
        exchange(CHAT, SSE, &[(200, A), (300, B)]),
        exchange(
            CHAT,
            "application/json",
            &[(200, r#"{"choices":[{"index":0,"message":{"content":"ab"}}]}"#)],
        ),
    ] {
        assert_eq!(decoder().decode(&packed(call.clone())), decoder().decode(&call));
    }
}

#[test]
fn an_answer_that_cannot_be_unpacked_is_not_an_error_of_the_call() {
    let mut call = exchange(CHAT, SSE, &[(200, A), (300, STOP)]);
    for encoding in ["gzip", "br"] {
        call.content_encoding = Some(encoding.to_owned());
        let inference = decoder().decode(&call);
        assert_eq!(
            (inference.completeness, inference.error),
            (Completeness::RequestOnly, None),
            "{encoding}"
        );
        assert_eq!(inference.answer, "");
    }
}

#[test]
fn a_packed_answer_past_the_limit_is_cut_and_counted() {
    let long = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n",
        "x".repeat(1 << 20)
    );
    let pieces: Vec<(i64, &str)> = (0..20).map(|n| (n * 10, long.as_str())).collect();
    let telemetry = Telemetry::new();
    let decoder = Decoder::new("local", BTreeMap::new(), telemetry.clone());
    let inference = decoder.decode(&packed(exchange(CHAT, SSE, &pieces)));
    assert_eq!((inference.completeness, inference.error), (Completeness::AnswerTruncated, None));
    assert_eq!(telemetry.value(Metric::LimitHits, &["unpacked_bytes"]), 1);
}

#[test]
fn what_stands_in_a_field_of_the_request_comes_before_the_conversation() {
    let request = r#"{"model":"m","documents":[{"text":"Bees fly."},{"text":"Ants walk."}],"messages":[{"role":"context","content":"forged"},{"role":"user","content":"Hi"}]}"#;
    let call = exchange(request, SSE, &[(200, A), (800, STOP)]);
    let said = |decoder: Decoder| {
        let messages = decoder.decode(&call).messages.into_iter();
        messages.map(|message| format!("{}: {}", message.role, message.text)).collect::<Vec<_>>()
    };
    let fields = bifocal_wire::Fields::of(&["/documents/*/text".to_owned()]).unwrap();
    let with = said(decoder().with_fields(fields));
    assert_eq!(with, ["context: Bees fly.\nAnts walk.", "other: forged", "user: Hi"]);
    assert_eq!(said(decoder()), with[1..]);
}
