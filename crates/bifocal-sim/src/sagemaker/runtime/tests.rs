use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use bifocal_model::Timestamp;
use bifocal_telemetry::{Clock, ManualClock, TaskGroup};
use bifocal_wire::data_capture::parse_line;
use bifocal_wire::{CallResponse, StreamDecoder};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::signature::Bearer;
use super::*;
use crate::{Fleet, Incident};

const CHAT: &str = r#"{"messages":[{"role":"user","content":"The leaves of my basil turn yellow although I water it every day, what is wrong?"}]}"#;
const INPUTS: &str = r#"{"inputs":"The leaves of my basil turn yellow although I water it every day, what is wrong?","parameters":{"max_new_tokens":512}}"#;
const BASIL: &str = "Basil likes moist but airy soil";

struct Stage {
    group: TaskGroup,
    address: SocketAddr,
    objects: Objects,
    switch: IncidentSwitch,
}

fn component(name: &str, family: Family, breaks_after: Option<usize>) -> RuntimeComponent {
    RuntimeComponent { name: Some(name.to_owned()), model: "gpt-oss-20b".to_owned(), family, breaks_after }
}

fn settings(percentage: u8) -> CaptureSettings {
    CaptureSettings {
        percentage,
        destination: "bucket/capture".to_owned(),
        input: true,
        output: true,
        json_content_types: vec!["application/json".to_owned()],
    }
}

async fn stage(capture: Option<CaptureSettings>, access: Access) -> Stage {
    let clock: Arc<dyn Clock> =
        Arc::new(ManualClock::new("2026-11-24T12:00:05.25Z".parse::<Timestamp>().unwrap()));
    let switch = IncidentSwitch::new(Arc::clone(&clock));
    let objects = Objects::default();
    let many = vec![
        component("open-ic", Family::OpenAi, None),
        component("lmi-ic", Family::Lmi, None),
        component("tgi-ic", Family::Tgi, None),
        component("djl-ic", Family::Djl, None),
        component("weak-ic", Family::Lmi, Some(2)),
    ];
    let lone = RuntimeComponent { name: None, ..component("", Family::Lmi, None) };
    let endpoint = |name: &str, components| RuntimeEndpoint {
        name: name.to_owned(),
        variant: "AllTraffic".to_owned(),
        components,
        capture: capture.clone(),
    };
    let options = RuntimeOptions {
        endpoints: vec![endpoint("llm-prod", many), endpoint("lone", vec![lone])],
        access,
        objects: objects.clone(),
        script: Arc::new(Fleet::new(5)),
        switch: switch.clone(),
        clock,
    };
    let server = RuntimeServer::bind("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let (group, address) = (TaskGroup::new(), server.address());
    group.spawn("simulated runtime", server.run(group.drain()));
    Stage { group, address, objects, switch }
}

struct Reply {
    status: u16,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn call(stage: &Stage, path: &str, component: &str, body: &str) -> Reply {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = http::Request::post(format!("http://{}{path}", stage.address))
        .header("content-type", "application/json")
        .header("x-amzn-sagemaker-inference-id", "i-1")
        .header("x-amzn-sagemaker-custom-attributes", "trace=7");
    if !component.is_empty() {
        request = request.header("x-amzn-sagemaker-inference-component", component);
    }
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    let response = client.request(request.body(body).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

#[tokio::test]
async fn every_family_answers_whole_and_in_frames() {
    let stage = stage(None, Access::default()).await;
    for (component, body, inner) in [
        ("open-ic", CHAT, "text/event-stream"),
        ("lmi-ic", INPUTS, "application/jsonlines"),
        ("lmi-ic", CHAT, "text/event-stream"),
        ("tgi-ic", INPUTS, "text/event-stream"),
        ("djl-ic", INPUTS, "application/jsonlines"),
    ] {
        let whole = call(&stage, "/endpoints/llm-prod/invocations", component, body).await;
        assert_eq!((whole.status, whole.header("content-type")), (200, "application/json"));
        assert_eq!(whole.header("x-amzn-invoked-production-variant"), "AllTraffic");
        assert_eq!(whole.header("x-amzn-sagemaker-custom-attributes"), "trace=7");
        let whole = CallResponse::parse(&whole.body).unwrap();
        assert!(whole.text.contains(BASIL), "{component}: {}", whole.text);

        let framed = call(&stage, "/endpoints/llm-prod/invocations-response-stream", component, body).await;
        let content_type = framed.header("content-type");
        assert_eq!((framed.status, content_type), (200, "application/vnd.amazon.eventstream"));
        assert_eq!(framed.header("x-amzn-sagemaker-content-type"), inner);
        let mut decoder = StreamDecoder::of_content_types(content_type, Some(inner)).unwrap();
        assert!(decoder.push(&framed.body).unwrap().has_text);
        let framed = decoder.finish();
        assert!(framed.text.contains(BASIL) && framed.complete && framed.error.is_none(), "{component}");
        if component != "djl-ic" {
            assert_eq!(framed.finish_reason.as_ref().unwrap().name(), "stop");
        }
    }
    stage.group.stop_and_join().await;
}

#[tokio::test]
async fn a_stream_that_breaks_says_so_in_its_last_frame() {
    let stage = stage(None, Access::default()).await;
    let framed = call(&stage, "/endpoints/llm-prod/invocations-response-stream", "weak-ic", INPUTS).await;
    let mut decoder = StreamDecoder::of_frames(None);
    decoder.push(&framed.body).unwrap();
    let response = decoder.finish();
    assert!(response.error.unwrap().message.starts_with("ModelStreamError StreamBroken:"));
    assert!(response.has_text && !response.complete);
    stage.group.stop_and_join().await;
}

#[tokio::test]
async fn the_openai_path_and_the_errors_of_the_service() {
    let stage = stage(None, Access::default()).await;
    let path = "/endpoints/llm-prod/inference-components/open-ic/openai/v1/chat/completions";
    let reply = call(&stage, path, "", &CHAT.replacen('{', r#"{"model":"","#, 1)).await;
    assert!(CallResponse::parse(&reply.body).unwrap().text.contains(BASIL));
    let streamed = call(&stage, path, "", &CHAT.replacen('{', r#"{"stream":true,"#, 1)).await;
    assert!(streamed.header("content-type").starts_with("text/event-stream"));
    let lone = call(&stage, "/endpoints/lone/openai/v1/chat/completions", "", CHAT).await;
    assert_eq!(lone.status, 200);

    for (path, component, body, status, kind, words) in [
        ("/endpoints/no/invocations", "", CHAT, 400, "ValidationError", "not found"),
        ("/endpoints/llm-prod/invocations", "", CHAT, 400, "ValidationError", "Component Name header"),
        ("/endpoints/llm-prod/invocations", "no-ic", CHAT, 400, "ValidationError", "no-ic"),
        ("/endpoints/llm-prod/invocations", "open-ic", INPUTS, 424, "ModelError", "BadRequestError"),
    ] {
        let reply = call(&stage, path, component, body).await;
        assert_eq!((reply.status, reply.header("x-amzn-errortype")), (status, kind));
        let said: Value = serde_json::from_slice(&reply.body).unwrap();
        assert!(said["Message"].as_str().unwrap().contains(words), "{said}");
    }
    stage.group.stop_and_join().await;
}

/// The keys of a record, with those of its sides and its metadata.
fn fields(line: &str) -> BTreeSet<String> {
    fn walk(value: &Value, place: &str, found: &mut BTreeSet<String>) {
        let Some(object) = value.as_object() else { return };
        for (key, value) in object {
            found.insert(format!("{place}.{key}"));
            walk(value, &format!("{place}.{key}"), found);
        }
    }
    let mut found = BTreeSet::new();
    walk(&serde_json::from_str(line).unwrap(), "", &mut found);
    found
}

#[tokio::test]
async fn data_capture_has_the_fields_of_the_real_record_and_nothing_of_streams() {
    let stage = stage(Some(settings(100)), Access::default()).await;
    call(&stage, "/endpoints/llm-prod/invocations", "lmi-ic", INPUTS).await;
    call(&stage, "/endpoints/llm-prod/invocations-response-stream", "lmi-ic", INPUTS).await;
    stage.switch.start(Incident::Outage, "gpt-oss-20b");
    let failed = call(&stage, "/endpoints/lone/invocations", "", INPUTS).await;
    assert_eq!(failed.status, 424);
    let Stage { group, objects, .. } = stage;
    group.stop_and_join().await;

    let files = objects.all();
    let places: Vec<_> = files.iter().map(|(key, _)| key.rsplit_once('/').unwrap().0).collect();
    assert_eq!(
        places,
        ["bucket/capture/llm-prod/AllTraffic/2026/11/24/12", "bucket/capture/lone/AllTraffic/2026/11/24/12"]
    );
    let name = files[0].0.rsplit_once('/').unwrap().1;
    assert!(name.starts_with("00-05-250-") && name.len() == "00-05-250-.jsonl".len() + 36, "{name}");
    let text = std::str::from_utf8(&files[0].1).unwrap();
    assert_eq!(text.lines().count(), 1, "the stream is not there");
    let real = include_str!("../../../../bifocal-wire/testdata/sagemaker_data_capture_sample.jsonl");
    let mut wanted = fields(real.lines().next().unwrap());
    wanted.insert(".eventMetadata.inferenceId".to_owned());
    assert_eq!(fields(text.trim_end()), wanted);
    let call = parse_line(text.trim_end().as_bytes()).unwrap();
    assert!(call.response.unwrap().text.contains(BASIL));
    assert_eq!(
        (call.time.to_string().as_str(), call.inference_id.as_deref()),
        ("2026-11-24T12:00:05Z", Some("i-1"))
    );

    let failed = parse_line(std::str::from_utf8(&files[1].1).unwrap().trim_end().as_bytes()).unwrap();
    assert!(failed.response.is_none() && failed.failed.unwrap().code.is_some_and(|code| code >= 400));
}

#[tokio::test]
async fn content_types_that_are_not_listed_are_base64_and_the_percentage_draws() {
    let unlisted = CaptureSettings { json_content_types: Vec::new(), output: false, ..settings(30) };
    let stage = stage(Some(unlisted), Access::default()).await;
    for _ in 0..400 {
        call(&stage, "/endpoints/lone/invocations", "", INPUTS).await;
    }
    let Stage { group, objects, .. } = stage;
    group.stop_and_join().await;
    let lines: Vec<String> = objects
        .all()
        .iter()
        .flat_map(|(_, body)| {
            std::str::from_utf8(body).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    // 120 expected, standard deviation 9.2.
    assert!((80..=160).contains(&lines.len()), "{}", lines.len());
    let record: Value = serde_json::from_str(&lines[0]).unwrap();
    assert!(record["captureData"].get("endpointOutput").is_none());
    let input = &record["captureData"]["endpointInput"];
    assert_eq!(input["encoding"], "BASE64");
    let data = base64::engine::general_purpose::STANDARD.decode(input["data"].as_str().unwrap()).unwrap();
    assert_eq!(data, INPUTS.as_bytes());
    let ids: BTreeSet<String> =
        lines.iter().map(|line| parse_line(line.as_bytes()).unwrap().event_id.unwrap()).collect();
    assert_eq!(ids.len(), lines.len());
}

/// Made by botocore 1.43 (SigV4Auth) at 2026-11-24T12:00:00Z.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/us-east-1/sagemaker/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amzn-sagemaker-inference-component, Signature=bd7aa64607adbb2c043e6b237ac229058045ec4cc80f5f480b2c615a382346f8";
const HOST_NAME: &str = "runtime.sagemaker.us-east-1.amazonaws.com";

fn access() -> Access {
    Access {
        keys: vec![("AKIDEXAMPLE".to_owned(), "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned())],
        bearer_tokens: vec!["token-1".to_owned()],
        host: None,
    }
}

fn head(host: &str, authorization: &str) -> http::request::Parts {
    let request = http::Request::post("/endpoints/llm%20prod/invocations?b=2&a")
        .header("host", host)
        .header("content-type", "application/json")
        .header("x-amz-date", "20261124T120000Z")
        .header("x-amzn-sagemaker-inference-component", "qwen-ic")
        .header("authorization", authorization);
    request.body(()).unwrap().into_parts().0
}

#[test]
fn the_signature_of_another_implementation_passes_and_any_change_does_not() {
    let body = br#"{"inputs": "x"}"#;
    let check = |host: &str, authorization: &str, body: &[u8]| {
        access()
            .check(&head(host, authorization), body, "sagemaker", Bearer::Refused)
            .map_err(|refused| refused.kind)
    };
    assert_eq!(check(HOST_NAME, SIGNED, body), Ok(()));
    assert_eq!(check("127.0.0.1:7701", SIGNED, body), Err("InvalidSignatureException"), "the host is signed");
    assert_eq!(check(HOST_NAME, SIGNED, b"other"), Err("InvalidSignatureException"));
    assert_eq!(check(HOST_NAME, &SIGNED.replace("bd7a", "bd7b"), body), Err("InvalidSignatureException"));
    assert_eq!(check(HOST_NAME, &SIGNED.replace("AKID", "AKIE"), body), Err("UnrecognizedClientException"));
    assert_eq!(check(HOST_NAME, &SIGNED.replace("host;", ""), body), Err("IncompleteSignatureException"));
    assert_eq!(
        check(HOST_NAME, &SIGNED.replace("/sagemaker/", "/s3/"), body),
        Err("IncompleteSignatureException")
    );
    assert_eq!(check(HOST_NAME, "", body), Err("MissingAuthenticationTokenException"));
    assert_eq!(check(HOST_NAME, "Bearer token-1", body), Err("UnrecognizedClientException"));
    let strict = Access { host: Some("elsewhere".to_owned()), ..access() };
    let refused = strict.check(&head(HOST_NAME, SIGNED), body, "sagemaker", Bearer::Refused).unwrap_err();
    assert_eq!(refused.kind, "UnknownOperationException");
    let tokens = access().check(&head(HOST_NAME, "Bearer token-1"), body, "sagemaker", Bearer::Taken);
    assert_eq!(tokens, Ok(()));
}

#[tokio::test]
async fn the_bucket_is_listed_in_pages_and_read() {
    let stage = stage(None, Access::default()).await;
    for n in 0..1003 {
        stage.objects.put(&format!("b/p/{n:04}"), Bytes::from(n.to_string()), "2026-11-24T12:00:00Z");
    }
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let get = async |path: &str| {
        let uri = format!("http://{}{path}", stage.address).parse().unwrap();
        let response = client.get(uri).await.unwrap();
        let status = response.status().as_u16();
        (
            status,
            String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap(),
        )
    };
    let (_, first) = get("/b?list-type=2&prefix=p%2F").await;
    assert_eq!(first.matches("<Key>").count(), 1000);
    assert!(
        first.contains("<IsTruncated>true</IsTruncated>") && first.contains("<NextContinuationToken>p/0999<")
    );
    let (_, second) = get("/b?list-type=2&prefix=p%2F&continuation-token=p%2F0999").await;
    assert_eq!(second.matches("<Key>").count(), 3);
    assert_eq!(get("/b/p/0007").await, (200, "7".to_owned()));
    assert_eq!(get("/b/none").await.0, 404);
    stage.group.stop_and_join().await;
}
