use bifocal_model::TokenSource;

use super::*;

fn parse(body: &str) -> CallResponse {
    CallResponse::parse(body.as_bytes()).unwrap()
}

#[test]
fn captured_answers_are_read() {
    for body in [
        include_str!("../../../testdata/llamacpp-chat.json"),
        include_str!("../../../testdata/vllm-chat.json"),
        include_str!("../../../testdata/vllm-invocations.json"),
    ] {
        let response = parse(body);
        assert_eq!(response.text, "The capital of France is Paris.");
        assert_eq!(response.finish_reason, Some(FinishReason::Stop));
        assert_eq!(response.served_model.as_deref(), Some("smollm2"));
        assert_eq!(response.usage.input, Some(TokenCount::server(42)));
        assert_eq!(response.usage.output, Some(TokenCount::server(8)));
        assert_eq!(response.error, None);
        assert!(response.has_text && response.complete && !response.truncated);
    }
}

#[test]
fn captured_errors_are_read() {
    for (body, begins) in [
        (include_str!("../../../testdata/llamacpp-error.json"), "request (3031 tokens) exceeds"),
        (include_str!("../../../testdata/vllm-error.json"), "This model's maximum context length"),
    ] {
        let response = parse(body);
        let error = response.error.unwrap();
        assert_eq!(error.code, Some(400));
        assert!(error.message.starts_with(begins), "{}", error.message);
        assert!(!response.has_text);
        assert_eq!(response.usage, Usage::default());
    }
}

#[test]
fn errors_come_in_many_shapes() {
    for (body, code, message) in [
        (r#"{"error":"boom","code":424}"#, Some(424), "boom"),
        (r#"{"error":{"message":"slow down","type":"rate","code":"429"}}"#, Some(429), "slow down"),
        (r#"{"error":{"message":"bad","code":"context_length_exceeded"}}"#, None, "bad"),
        (r#"{"error":{"type":"overloaded"}}"#, None, "overloaded"),
        (r#"{"object":"error","message":"old vllm","code":400}"#, Some(400), "old vllm"),
        (
            r#"{"Message":"aws","OriginalStatusCode":500,"OriginalMessage":"the container's"}"#,
            Some(500),
            "the container's",
        ),
        (r#"{"detail":"Not Found"}"#, None, "Not Found"),
        (r#"{"generated_text":"","details":{"finish_reason":"error"}}"#, None, "finish_reason is error"),
    ] {
        let error = parse(body).error.unwrap_or_else(|| panic!("{body}"));
        assert_eq!((error.code, error.message.as_str()), (code, message), "{body}");
    }
    let long = format!(r#"{{"error":"{}"}}"#, "e".repeat(ERROR_BYTES + 1));
    assert_eq!(parse(&long).error.unwrap().message.len(), ERROR_BYTES);
}

#[test]
fn tools_and_reasoning_are_something_but_no_text() {
    let tool = r#"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"1","function":{"name":"f"}}]},"finish_reason":"tool_calls"}]}"#;
    for body in [tool.to_owned(), tool.replace(r#"reason":"tool_calls"#, r#"reason":"stop"#)] {
        let response = parse(&body);
        assert_eq!((response.text.as_str(), response.has_text), ("", true));
        assert_eq!(response.finish_reason, Some(FinishReason::ToolCalls));
        assert_eq!(response.usage.output, None, "nothing to estimate from");
    }
    let thought = r#"{"choices":[{"message":{"content":"","reasoning":"hm","reasoning_content":"hm"},"finish_reason":"length"}]}"#;
    let response = parse(thought);
    assert_eq!((response.text.as_str(), response.has_text), ("", true));
    assert_eq!(response.finish_reason, Some(FinishReason::Length));
    let none = parse(r#"{"choices":[{"message":{"content":"","tool_calls":[]},"finish_reason":"stop"}]}"#);
    assert!(!none.has_text);
    assert_eq!(none.finish_reason, Some(FinishReason::Stop));
}

#[test]
fn other_families_are_read() {
    let lmi = parse(
        r#"{"generated_text":"abcdefgh!","details":{"finish_reason":"eos_token","generated_tokens":3}}"#,
    );
    assert_eq!((lmi.text.as_str(), lmi.finish_reason), ("abcdefgh!", Some(FinishReason::Stop)));
    assert_eq!((lmi.usage.input, lmi.usage.output), (None, Some(TokenCount::server(3))));
    let prefilled = parse(r#"{"generated_text":"abc","details":{"generated_tokens":1,"input_length":7}}"#);
    assert_eq!(prefilled.usage.input, Some(TokenCount::server(7)));

    let tgi = parse(r#"[{"generated_text":"one"},{"generated_text":"three"}]"#);
    assert_eq!(tgi.text, "one\nthree");
    assert_eq!(tgi.usage.output, Some(TokenCount { count: 1 + 2, source: TokenSource::Estimate }));

    let completion = parse(r#"{"model":"m","choices":[{"text":"hi","index":0,"finish_reason":"length"}]}"#);
    assert_eq!((completion.text.as_str(), completion.finish_reason), ("hi", Some(FinishReason::Length)));

    let responses = r#"{"output":[{"type":"message","content":[{"type":"output_text","text":"hi"}]}],
                        "usage":{"input_tokens":5,"output_tokens":1}}"#;
    let responses = parse(responses);
    assert_eq!(responses.text, "hi");
    assert_eq!(responses.usage.input, Some(TokenCount::server(5)));

    let second =
        r#"{"choices":[{"index":1,"message":{"content":"b"}},{"index":0,"message":{"content":"a"}}]}"#;
    assert_eq!(parse(second).text, "a");
}

#[test]
fn what_is_no_response_is_refused() {
    let reason = |body: &[u8]| CallResponse::parse(body).unwrap_err().reason();
    assert_eq!(reason(b"{}"), "unknown_payload");
    assert_eq!(reason(b"[]"), "unknown_payload");
    assert_eq!(reason(b"<html>"), "malformed");
    assert_eq!(reason(b"\"\xc3\""), "not_utf8");
}

#[test]
fn a_finish_reason_that_is_a_sentence_is_not_kept() {
    let response = parse(r#"{"choices":[{"text":"x","finish_reason":"the user said a@b.org"}]}"#);
    assert_eq!(response.finish_reason, Some(FinishReason::Other("other".to_owned())));
}
