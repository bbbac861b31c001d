//! SageMaker's runtime: frames pass untouched and are decoded beside, signatures reach the host they were made for.

use std::sync::Arc;

use bifocal_aws::{Aws, Credentials, Endpoints};
use bifocal_model::{Completeness, ErrorClass};
use bifocal_telemetry::{Metric, SystemClock, Telemetry};

use super::harness::{
    Running, Step, Upstream, body_of, call, chunked, head_of, json_answer, post, proxy, signing_proxy,
    unchunk, upstream,
};
use crate::limits::SIGNED_BODY_BYTES;
use crate::proxy::Signing;

const AWS_HOST: &str = "runtime.sagemaker.eu-west-1.amazonaws.com";
const FRAMES_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n\
    x-amzn-sagemaker-content-type: application/jsonlines\r\nx-amzn-invoked-production-variant: AllTraffic\r\n\
    transfer-encoding: chunked\r\n\r\n";
const INPUTS: &str = r#"{"inputs":"What is the capital of France?","parameters":{"max_new_tokens":8}}"#;
const STREAM_PATH: &str = "/endpoints/llm-prod/invocations-response-stream";
const PATH: &str = "/endpoints/llm-prod/invocations";
const SIGNED: (&str, &str) = (
    "authorization",
    "AWS4-HMAC-SHA256 Credential=A/20261124/eu-west-1/sagemaker/aws4_request, SignedHeaders=host, Signature=00",
);
const OF_COMPONENT: [(&str, &str); 4] = [
    ("x-amzn-sagemaker-inference-component", "qwen-ic"),
    ("x-amzn-sagemaker-inference-id", "i-77"),
    ("x-amzn-sagemaker-target-variant", "AllTraffic"),
    ("x-amzn-sagemaker-target-model", "m.tar.gz"),
];

fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut of_headers = Vec::new();
    for (name, value) in headers {
        of_headers.push(u8::try_from(name.len()).unwrap());
        of_headers.extend(name.bytes());
        of_headers.push(7);
        of_headers.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        of_headers.extend(value.bytes());
    }
    let length = |n: usize| u32::try_from(n).unwrap().to_be_bytes();
    let mut frame = [length(16 + of_headers.len() + payload.len()), length(of_headers.len())].concat();
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(of_headers);
    frame.extend(payload);
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

fn part(payload: &str) -> Vec<u8> {
    frame(&[(":message-type", "event"), (":event-type", "PayloadPart")], payload.as_bytes())
}

/// A call with more headers.
fn request(path: &str, body: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut plain = String::from_utf8(post(path, body)).unwrap();
    if headers.iter().any(|(name, _)| *name == "host") {
        plain = plain.replacen("host: here\r\n", "", 1);
    }
    plain.replacen("\r\n", &format!("\r\n{more}"), 1).into_bytes()
}

fn streamed(frames: &[Vec<u8>]) -> Vec<Step> {
    let mut script = vec![Step::Send(FRAMES_HEAD.to_vec())];
    script.extend(frames.iter().map(|frame| Step::Send(chunked(&[frame]))));
    script.push(Step::Send(b"0\r\n\r\n".to_vec()));
    script
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_pass_untouched_and_leave_a_whole_inference_with_its_first_token() {
    let last = r#"{"token":{"text":"."},"generated_text":"Paris.","details":{"finish_reason":"eos_token","generated_tokens":3}}"#;
    let frames = [
        part("{\"token\":{\"text\":\"\"}}\n{\"tok"),
        part("en\":{\"text\":\"Pa\"}}\n{\"token\":"),
        part("{\"text\":\"ris\"}}\n"),
        part(&format!("{last}\n")),
    ];
    let server = upstream(streamed(&frames)).await;
    let running = proxy(server.address, |_| {}).await;
    let response = call(running.address, &request(STREAM_PATH, INPUTS, &OF_COMPONENT)).await;
    assert_eq!(unchunk(body_of(&response)), frames.concat());
    let recorded = running.sink.inferences(1).await.remove(0);
    assert_eq!((recorded.answer.as_str(), recorded.error), ("Paris.", None));
    assert_eq!((&recorded.completeness, recorded.streamed), (&Completeness::Complete, true));
    assert!(recorded.timing.ttft_seconds.unwrap() > 0.0);
    assert!(recorded.timing.ttft_seconds <= recorded.timing.duration_seconds);
    let target = &recorded.target;
    assert_eq!((target.endpoint.as_str(), target.variant.as_str()), ("llm-prod", "AllTraffic"));
    assert_eq!(target.inference_component(), "qwen-ic");
    assert_eq!(recorded.labels["inference_id"], "i-77");
    assert_eq!(recorded.labels["target_variant"], "AllTraffic");
    assert_eq!(recorded.labels["target_model"], "m.tar.gz");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_in_the_frames_is_an_error_in_the_middle_of_the_stream() {
    let exception = frame(
        &[(":message-type", "exception"), (":exception-type", "ModelStreamError")],
        br#"{"Message":"m","ErrorCode":"StreamBroken"}"#,
    );
    let frames = [part("{\"token\":{\"text\":\"Pa\"}}\n"), exception];
    let server = upstream(streamed(&frames)).await;
    let running = proxy(server.address, |_| {}).await;
    let response = call(running.address, &request(STREAM_PATH, INPUTS, &OF_COMPONENT)).await;
    assert_eq!(unchunk(body_of(&response)), frames.concat());
    let recorded = running.sink.inferences(1).await.remove(0);
    assert_eq!((recorded.answer.as_str(), recorded.error), ("Pa", Some(ErrorClass::MidStream)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_the_container_has_its_class_and_its_target() {
    let report = r#"{"Message":"m","OriginalStatusCode":503,"OriginalMessage":"busy"}"#;
    let failed =
        String::from_utf8(json_answer(report)).unwrap().replacen("200 OK", "424 Failed Dependency", 1);
    let server = upstream(vec![Step::Send(failed.into_bytes())]).await;
    let running = proxy(server.address, |_| {}).await;
    let response = call(running.address, &request(PATH, INPUTS, &OF_COMPONENT)).await;
    assert!(head_of(&response).starts_with("HTTP/1.1 424"));
    // One that names no variant belongs to where the last one went.
    call(running.address, &request(PATH, INPUTS, &OF_COMPONENT[..1])).await;
    for failed in running.sink.inferences(2).await {
        assert_eq!((failed.status, failed.error), (Some(424), Some(ErrorClass::Upstream)));
        assert_eq!(failed.target.variant, "AllTraffic");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_for_another_host_is_refused_in_words_that_boto3_shows() {
    let server = upstream(vec![Step::Send(json_answer("{}"))]).await;
    let running = proxy(server.address, |options| options.upstream_host = Some(AWS_HOST.to_owned())).await;
    let response = call(running.address, &request(PATH, INPUTS, &[SIGNED])).await;
    let head = head_of(&response);
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    assert!(head.contains("x-amzn-errortype: signed_for_another_host"), "{head}");
    let body: serde_json::Value = serde_json::from_slice(body_of(&response)).unwrap();
    assert!(body["message"].as_str().unwrap().contains("B0230"), "{body}");
    assert!(server.seen.lock().unwrap().is_empty(), "nothing went out");

    call(running.address, &request(PATH, INPUTS, &[SIGNED, ("host", AWS_HOST)])).await;
    call(running.address, &request(PATH, INPUTS, &[("authorization", "Bearer t")])).await;
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    for request in seen.iter() {
        assert!(head_of(request).contains(&format!("host: {AWS_HOST}")), "{}", head_of(request));
    }
    assert!(head_of(&seen[0]).contains(SIGNED.1), "as it was signed");
}

fn signing(endpoints: &[&str], token: &str) -> Result<Signing, crate::Error> {
    let keys = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None);
    let clock = Arc::new(SystemClock::new());
    let aws = Aws::with_credentials("eu-west-1", keys, Endpoints::of_aws(), clock, Telemetry::new()).unwrap();
    Signing::new(aws, endpoints.iter().map(|name| (*name).to_owned()).collect(), token.to_owned())
}

#[test]
fn signing_is_never_open_to_everybody() {
    assert!(signing(&["llm-prod"], "secret").is_ok());
    for (endpoints, token) in
        [(&[][..], "secret"), (&["llm-*"], "secret"), (&["llm-prod"], " "), (&[""], "secret")]
    {
        assert_eq!(signing(endpoints, token).unwrap_err().code(), "B0235");
    }
}

async fn signs(answer: &str) -> (Upstream, Running) {
    let server = upstream(vec![Step::Send(json_answer(answer))]).await;
    let signing = signing(&["llm-prod"], "secret-1").unwrap();
    let to_aws = |options: &mut crate::proxy::ProxyOptions| options.upstream_host = Some(AWS_HOST.to_owned());
    let running = signing_proxy(server.address, signing, to_aws).await;
    (server, running)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_signs_for_known_clients_and_listed_endpoints_alone() {
    let (server, running) = signs(r#"{"generated_text":"Paris."}"#).await;
    for (path, headers, code) in [
        (PATH, &[][..], "B0231"),
        (PATH, &[SIGNED][..], "B0231"),
        (PATH, &[("x-bifocal-token", "secret-2")][..], "B0231"),
        (PATH, &[("authorization", "Bearer secret-")][..], "B0231"),
        ("/endpoints/other/invocations", &[("x-bifocal-token", "secret-1")][..], "B0232"),
        ("/endpoints/llm-prod2/invocations", &[("x-bifocal-token", "secret-1")][..], "B0232"),
    ] {
        let response = call(running.address, &request(path, INPUTS, headers)).await;
        let body = String::from_utf8(body_of(&response).to_vec()).unwrap();
        assert!(body.contains(code), "{path}: {body}");
    }
    assert!(server.seen.lock().unwrap().is_empty(), "nothing went out");

    let with_token = [("x-bifocal-token", "secret-1"), SIGNED, OF_COMPONENT[0]];
    call(running.address, &request(PATH, INPUTS, &with_token)).await;
    call(running.address, &request(PATH, INPUTS, &[("authorization", "Bearer secret-1")])).await;
    let seen: Vec<String> =
        server.seen.lock().unwrap().iter().map(|bytes| String::from_utf8(bytes.clone()).unwrap()).collect();
    assert_eq!(seen.len(), 2);
    for request in &seen {
        let lower = request.to_lowercase();
        assert!(!request.contains("secret-1") && !request.contains("Credential=A/"), "{request}");
        assert!(request.contains("Credential=AKIDEXAMPLE/"), "{request}");
        assert!(request.contains("/eu-west-1/sagemaker/aws4_request"), "{request}");
        assert!(lower.contains(&format!("host: {AWS_HOST}")) && lower.contains("x-amz-date: "));
        assert!(request.ends_with(INPUTS), "the body as it came");
        assert_eq!(lower.matches("content-length: ").count(), 1);
    }
    assert!(seen[0].contains("x-amzn-sagemaker-inference-component: qwen-ic"));
    assert!(seen[0].contains(";x-amzn-sagemaker-inference-component"), "it is signed");
    let recorded = running.sink.inferences(2).await;
    assert!(recorded.iter().all(|call| call.answer.as_str() == "Paris." && call.messages.len() == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_too_long_to_sign_is_refused_and_counted() {
    let (server, running) = signs("{}").await;
    let body = "x".repeat(SIGNED_BODY_BYTES + 1);
    let response = call(running.address, &request(PATH, &body, &[("x-bifocal-token", "secret-1")])).await;
    assert!(head_of(&response).starts_with("HTTP/1.1 413"), "{}", head_of(&response));
    assert!(server.seen.lock().unwrap().is_empty());
    assert_eq!(running.telemetry.value(Metric::LimitHits, &["signed_body_bytes"]), 1);
}
