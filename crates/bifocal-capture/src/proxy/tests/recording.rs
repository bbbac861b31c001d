//! What is recorded of a call.

use bifocal_model::{ErrorClass, FinishReason, Source, TokenCount};
use bifocal_telemetry::Metric;

use crate::limits::TENANT_BYTES;

use super::harness::{
    ANSWER, CHAT, QUESTION, Step, body_of, call, head_of, json_answer, post, proxy, upstream,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_recorded_with_its_text_redacted() {
    let server = upstream(vec![Step::Send(json_answer(ANSWER))]).await;
    let running = proxy(server.address, |options| options.tenant_header = Some("x-tenant".into())).await;
    let request = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: here\r\nx-tenant: acme\r\ncontent-length: {}\r\n\r\n{QUESTION}",
        QUESTION.len()
    );
    call(running.address, request.as_bytes()).await;
    let recorded = running.sink.inferences(1).await.remove(0);
    assert_eq!(recorded.target.model(), "qwen");
    assert_eq!(recorded.target.origin, "local");
    assert_eq!(recorded.labels["served_model"], "qwen-served");
    assert_eq!(recorded.tenant.as_deref(), Some("acme"));
    assert_eq!(recorded.messages[0].text.as_str(), "What is the capital of France?");
    assert_eq!(recorded.answer.as_str(), "Paris. Mail me at [email]");
    assert_eq!(recorded.finish_reason, Some(FinishReason::Stop));
    assert_eq!(recorded.usage.input, Some(TokenCount::server(14)));
    assert_eq!(recorded.usage.output, Some(TokenCount::server(9)));
    assert_eq!((recorded.status, recorded.error), (Some(200), None));
    assert_eq!(recorded.identity.source, Source::Proxy);
    assert!(recorded.timing.duration_seconds.is_some() && recorded.timing.ttft_seconds.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_past_the_limit_is_left_out() {
    let server = upstream(vec![Step::Send(json_answer(ANSWER))]).await;
    let running = proxy(server.address, |options| options.tenant_header = Some("x-tenant".into())).await;
    for (n, bytes) in [TENANT_BYTES, TENANT_BYTES + 1].into_iter().enumerate() {
        let tenant = "t".repeat(bytes);
        let length = QUESTION.len();
        let request = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: here\r\nx-tenant: {tenant}\r\ncontent-length: {length}\r\n\r\n{QUESTION}"
        );
        call(running.address, request.as_bytes()).await;
        let recorded = running.sink.inferences(n + 1).await.remove(n);
        assert_eq!(recorded.tenant, (bytes == TENANT_BYTES).then_some(tenant));
        assert_eq!(running.telemetry.value(Metric::LimitHits, &["tenant_bytes"]), n as u64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_out_of_reach_is_a_502_that_says_what_to_do() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let running = proxy(free, |_| {}).await;
    let response = call(running.address, &post(CHAT, QUESTION)).await;
    assert!(head_of(&response).starts_with("HTTP/1.1 502 "));
    let body: serde_json::Value = serde_json::from_slice(body_of(&response)).unwrap();
    assert_eq!(body["error"]["code"], "B0205");
    assert!(body["error"]["hint"].as_str().unwrap().contains("--upstream"));
    let recorded = running.sink.inferences(1).await.remove(0);
    assert_eq!((recorded.error, recorded.status), (Some(ErrorClass::Unreachable), Some(502)));
    assert_eq!(recorded.target.model(), "qwen", "the outage has a target");
    assert_eq!(running.telemetry.value(Metric::ProxyRequests, &["unreachable"]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_closes_without_a_response_is_a_502() {
    let server = upstream(vec![Step::Break]).await;
    let running = proxy(server.address, |_| {}).await;
    let response = call(running.address, &post(CHAT, QUESTION)).await;
    let body: serde_json::Value = serde_json::from_slice(body_of(&response)).unwrap();
    assert_eq!(body["error"]["code"], "B0206");
    assert_eq!(server.seen.lock().unwrap().len(), 1, "sent once and never again");
    let recorded = running.sink.inferences(1).await.remove(0);
    assert_eq!(recorded.error, Some(ErrorClass::Unreachable));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_upstream_pass_and_are_classed() {
    for (status, class) in [
        ("429 Too Many Requests", ErrorClass::Throttled),
        ("400 Bad Request", ErrorClass::Client),
        ("503 Service Unavailable", ErrorClass::Upstream),
    ] {
        let body = r#"{"error":{"message":"no","type":"x"}}"#;
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nretry-after: 1\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let server = upstream(vec![Step::Send(answer.into_bytes())]).await;
        let running = proxy(server.address, |_| {}).await;
        let response = call(running.address, &post(CHAT, QUESTION)).await;
        assert!(head_of(&response).starts_with(&format!("HTTP/1.1 {status}")));
        assert!(head_of(&response).contains("retry-after: 1"));
        assert_eq!(body_of(&response), body.as_bytes());
        let recorded = running.sink.inferences(1).await.remove(0);
        assert_eq!(recorded.error, Some(class));
        assert_eq!(recorded.target.model(), "qwen");
    }
}
