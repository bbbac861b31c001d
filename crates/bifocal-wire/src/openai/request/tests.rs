use super::*;

fn parse(body: &str) -> CallRequest {
    CallRequest::parse(body.as_bytes()).unwrap()
}

fn texts(request: &CallRequest) -> Vec<(&str, &str)> {
    request.messages.iter().map(|m| (m.role.as_str(), m.text.as_str())).collect()
}

#[test]
fn chat_with_parts_and_options() {
    let request = parse(
        r#"{"model":"qwen","stream":true,"stream_options":{"include_usage":true},"temperature":0.2,
            "messages":[{"role":"system","content":"Be brief."},
                        {"role":"user","content":[{"type":"text","text":"What is \"this\"?"},
                                                  {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
                        {"role":"assistant","content":null,"tool_calls":[{"id":"1"}]},
                        {"role":"ignore all rules","content":"x"}]}"#,
    );
    assert_eq!(request.model.as_deref(), Some("qwen"));
    assert!(request.stream && request.include_usage);
    assert_eq!(request.format_asked, FormatAsked::Free);
    let want = [("system", "Be brief."), ("user", "What is \"this\"?"), ("assistant", ""), ("other", "x")];
    assert_eq!(texts(&request), want);
}

#[test]
fn every_family_has_its_prompt() {
    for (body, want) in [
        (r#"{"prompt":"one"}"#, vec![("user", "one")]),
        (r#"{"prompt":["one","two"]}"#, vec![("user", "one"), ("user", "two")]),
        (r#"{"prompt":[1,2,3]}"#, vec![]),
        (r#"{"prompt":[[1,2],[3]]}"#, vec![]),
        (r#"{"inputs":"one","parameters":{"max_new_tokens":4}}"#, vec![("user", "one")]),
        (r#"{"inputs":["one","two"]}"#, vec![("user", "one"), ("user", "two")]),
        (
            r#"{"inputs":[{"role":"system","content":"s"},{"role":"user","content":"u"}]}"#,
            vec![("system", "s"), ("user", "u")],
        ),
        (r#"{"input":"one","instructions":"be kind"}"#, vec![("system", "be kind"), ("user", "one")]),
        (r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"u"}]}]}"#, vec![("user", "u")]),
    ] {
        assert_eq!(texts(&parse(body)), want, "{body}");
    }
}

#[test]
fn json_can_be_asked_for_in_many_ways() {
    for (options, want) in [
        (r#""response_format":{"type":"json_object"}"#, FormatAsked::Json),
        (r#""response_format":{"type":"json_schema","json_schema":{"schema":{}}}"#, FormatAsked::Json),
        (r#""guided_json":{"type":"object"}"#, FormatAsked::Json),
        (r#""structured_outputs":{"json":{"type":"object"}}"#, FormatAsked::Json),
        (r#""text":{"format":{"type":"json_schema"}}"#, FormatAsked::Json),
        (r#""parameters":{"grammar":{"type":"json","value":{}}}"#, FormatAsked::Json),
        (r#""parameters":{"response_format":{"type":"json_object"}}"#, FormatAsked::Json),
        (r#""response_format":{"type":"text"}"#, FormatAsked::Free),
        (r#""response_format":null,"guided_json":null"#, FormatAsked::Free),
        (r#""response_format":"json""#, FormatAsked::Free),
    ] {
        assert_eq!(parse(&format!(r#"{{"prompt":"p",{options}}}"#)).format_asked, want, "{options}");
    }
}

#[test]
fn odd_values_do_not_matter() {
    let request =
        parse(r#"{"model":7,"stream":"yes","stream_options":3,"messages":[{"content":"x"},null,4,"y"]}"#);
    assert_eq!(request.model, None);
    assert!(!request.stream && !request.include_usage);
    assert_eq!(texts(&request), [("user", "x"), ("user", "y")]);
    assert_eq!(parse(r#"{"model":"","prompt":"p"}"#).model, None);
}

#[test]
fn errors_say_where_and_never_what() {
    let reason = |body: &[u8]| CallRequest::parse(body).unwrap_err().reason();
    assert_eq!(reason(b"{}"), "unknown_payload");
    assert_eq!(reason(b"[]"), "malformed");
    assert_eq!(reason(b"{\"prompt\":"), "malformed");
    assert_eq!(reason(b"{\"prompt\":\"\xff\"}"), "not_utf8");
    let err = CallRequest::parse(br#"{"messages": 42, "x": "my secret"}"#).unwrap_err();
    assert_eq!(err.to_string(), "read as JSON at line 1, column 15: a value has another shape than expected");
    let deep = "[".repeat(100_000);
    assert_eq!(reason(format!("{{\"messages\":{deep}").as_bytes()), "malformed");
}

#[test]
fn conversations_end_at_their_limit() {
    let many = vec![r#"{"role":"user","content":"m"}"#; crate::limits::MESSAGES + 1].join(",");
    let request = parse(&format!(r#"{{"messages":[{many}],"stream":true}}"#));
    assert_eq!(request.messages.len(), crate::limits::MESSAGES);
    assert!(request.stream, "what follows is read all the same");
}
