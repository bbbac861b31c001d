use base64::prelude::{BASE64_STANDARD, Engine as _};
use bifocal_model::{FinishReason, TokenCount};
use proptest::prelude::*;

use super::*;

const SAMPLE: &str = include_str!("../../testdata/sagemaker_data_capture_sample.jsonl");

fn side(content_type: &str, data: &str, encoding: &str) -> String {
    let data = serde_json::to_string(data).unwrap();
    format!(r#"{{"observedContentType":{content_type},"mode":"X","data":{data},"encoding":"{encoding}"}}"#)
}

fn json(data: &str) -> String {
    side(r#""application/json""#, data, "JSON")
}

fn base64(data: &str) -> String {
    side(r#""application/json""#, &BASE64_STANDARD.encode(data), "BASE64")
}

fn line(input: Option<String>, output: Option<String>) -> String {
    let input = input.map(|side| format!(r#""endpointInput":{side}"#));
    let output = output.map(|side| format!(r#""endpointOutput":{side}"#));
    let sides: Vec<String> = input.into_iter().chain(output).collect();
    format!(
        r#"{{"captureData":{{{}}},"eventMetadata":{{"eventId":"e-1","inferenceId":"i-1","customAttributes":"tenant=a","inferenceTime":"2026-02-19T01:34:30Z"}},"eventVersion":"0"}}"#,
        sides.join(",")
    )
}

fn parse(input: Option<String>, output: Option<String>) -> CapturedCall {
    parse_line(line(input, output).as_bytes()).unwrap()
}

#[test]
fn the_real_records_are_read() {
    let calls: Vec<CapturedCall> = SAMPLE.lines().map(|line| parse_line(line.as_bytes()).unwrap()).collect();
    assert_eq!(calls.len(), 3);
    let first = &calls[0];
    assert_eq!(first.event_id.as_deref(), Some("73c27749-61f8-43ed-b3a6-841c4aa8a7eb"));
    assert_eq!(first.inference_id, None);
    assert_eq!(first.time.to_string(), "2026-02-19T01:34:30Z");
    let request = first.request.as_ref().unwrap();
    assert_eq!(request.messages[0].text, "When does machine learning performce below bar?");
    let response = first.response.as_ref().unwrap();
    assert!(response.text.starts_with(" When does it perform better"), "{}", response.text);
    assert!(response.text.contains("$\\boxed{0}$\n\n## Step 1"));
    let bytes = u32::try_from(response.text.len()).unwrap();
    assert_eq!(response.usage.output, Some(TokenCount::estimate(bytes.div_ceil(4))));
    assert_eq!(calls[2].event_id.as_deref(), Some("4d403029-158f-47f3-ba2f-614f7a678e33"));
    assert_eq!(calls[2].time.to_string(), "2026-02-19T01:35:06Z");
}

#[test]
fn families_and_encodings() {
    let chat = r#"{"messages":[{"role":"user","content":"hé?"}],"stream":false}"#;
    let answer = r#"{"model":"m","choices":[{"message":{"content":"ja"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#;
    for (input, output) in [(json(chat), json(answer)), (base64(chat), base64(answer))] {
        let call = parse(Some(input), Some(output));
        assert_eq!(call.request.unwrap().messages[0].text, "hé?");
        let response = call.response.unwrap();
        assert_eq!((response.text.as_str(), response.finish_reason), ("ja", Some(FinishReason::Stop)));
        assert_eq!(response.usage.input, Some(TokenCount::server(9)));
        assert_eq!(call.failed, None);
        assert_eq!(call.inference_id.as_deref(), Some("i-1"));
        assert_eq!(call.custom_attributes.as_deref(), Some("tenant=a"));
    }
    let list = parse(Some(json(r#"{"inputs":["a","b"]}"#)), Some(json(r#"[{"generated_text":"A"}]"#)));
    assert_eq!(list.request.unwrap().messages.len(), 2);
    assert_eq!(list.response.unwrap().text, "A");

    let csv = parse(Some(side(r#""text/csv""#, "1,2,3", "CSV")), Some(side(r#""text/csv""#, "0.7", "CSV")));
    assert_eq!(csv.request.unwrap().messages[0].text, "1,2,3");
    assert_eq!(csv.response.unwrap().text, "0.7");

    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: [DONE]\n\n";
    let sse = parse(None, Some(side(r#""text/event-stream""#, &BASE64_STANDARD.encode(stream), "BASE64")));
    assert_eq!(sse.response.unwrap().text, "hi");
    let lines = "{\"token\":{\"text\":\"h\"}}\n{\"token\":{\"text\":\"i\"},\"generated_text\":\"hi\"}\n";
    let lines = parse(None, Some(side(r#""application/jsonlines""#, lines, "JSON")));
    assert_eq!(lines.response.unwrap().text, "hi");
}

#[test]
fn failed_calls_say_how() {
    let input = || Some(json(r#"{"inputs":"x"}"#));
    for (report, code, message) in [
        (r#"{"code":424,"message":"Received server error"}"#, Some(424), "Received server error"),
        (r#"{"Message":"m","OriginalStatusCode":400,"OriginalMessage":"too long"}"#, Some(400), "too long"),
        (r#"{"code":"ModelError","message":"died"}"#, None, "died"),
        (r#"{"error":{"message":"oom","code":500}}"#, Some(500), "oom"),
    ] {
        let call = parse(input(), Some(side("null", &BASE64_STANDARD.encode(report), "BASE64")));
        assert_eq!(call.failed, Some(ErrorBody { code, message: message.to_owned() }), "{report}");
        assert_eq!(call.response, None);
        assert!(call.request.is_some());
    }
    // An answer without a content type is an answer.
    let answer = BASE64_STANDARD.encode(r#"{"generated_text":"fine"}"#);
    let call = parse(input(), Some(side("null", &answer, "BASE64")));
    assert_eq!((call.failed, call.response.unwrap().text), (None, "fine".to_owned()));
    // An error that the container answered with a content type of its own is a response with an error.
    let call = parse(input(), Some(json(r#"{"error":"boom","code":424}"#)));
    assert_eq!(call.failed, None);
    assert_eq!(call.response.unwrap().error.unwrap().code, Some(424));
}

#[test]
fn lone_sides_are_kept() {
    let only_input = parse(Some(json(r#"{"inputs":"x"}"#)), None);
    assert!(only_input.request.is_some() && only_input.response.is_none() && only_input.failed.is_none());
    let only_output = parse(None, Some(json(r#"{"generated_text":"x"}"#)));
    assert!(only_output.request.is_none() && only_output.response.is_some());
}

#[test]
fn every_reason_is_reached() {
    let ok = || Some(json(r#"{"inputs":"x"}"#));
    let reason = |line: &[u8]| parse_line(line).unwrap_err().reason();
    assert_eq!(reason(b"{\"captureData\":"), "malformed");
    assert_eq!(reason(b"not json"), "malformed");
    assert_eq!(reason(b"{\"eventMetadata\":{}}"), "malformed");
    assert_eq!(reason(b"{\"captureData\":\"\xff\"}"), "not_utf8");
    let not_text = side("null", &BASE64_STANDARD.encode([0xff, 0xfe]), "BASE64");
    assert_eq!(reason(line(ok(), Some(not_text)).as_bytes()), "not_utf8");
    assert_eq!(reason(line(Some(side("null", "x", "ROT13")), None).as_bytes()), "unknown_encoding");
    assert_eq!(reason(line(Some(side("null", "?", "BASE64")), None).as_bytes()), "bad_base64");
    assert_eq!(reason(line(ok(), None).replace("2026-02", "soon").as_bytes()), "no_time");
    assert_eq!(reason(line(None, None).as_bytes()), "empty");
    assert_eq!(reason(line(Some(json("{}")), None).as_bytes()), "unknown_payload");
    assert_eq!(reason(line(ok(), Some(json("{}"))).as_bytes()), "unknown_payload");
    assert_eq!(reason(&vec![b' '; CAPTURE_LINE_BYTES + 1]), "too_long");
}

proptest! {
    #[test]
    fn any_line_will_do(line in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(parse_line(&line).is_err());
    }

    #[test]
    fn broken_records_are_refused_and_break_nothing(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut line = SAMPLE.lines().next().unwrap().as_bytes().to_vec();
        let at = at.index(line.len());
        line[at] = byte;
        match parse_line(&line) {
            Ok(call) => prop_assert!(call.request.is_some() || call.response.is_some()),
            Err(err) => prop_assert!(!err.reason().is_empty()),
        }
    }
}

#[test]
fn a_field_of_the_request_is_read_as_context() {
    let chat = r#"{"context":"It closes at six.","messages":[{"role":"user","content":"When?"}]}"#;
    let fields = Fields::of(&["/context".to_owned()]).unwrap();
    for input in [json(chat), base64(chat)] {
        let line = line(Some(input), None);
        let request = parse_line_with(line.as_bytes(), &fields).unwrap().request.unwrap();
        let said: Vec<_> = request.messages.iter().map(|m| (m.role.as_str(), m.text.as_str())).collect();
        assert_eq!(said, [("context", "It closes at six."), ("user", "When?")]);
        assert_eq!(parse_line(line.as_bytes()).unwrap().request.unwrap().messages.len(), 1);
    }
}
