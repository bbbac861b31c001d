use std::sync::Arc;

use bifocal_model::Timestamp;
use bifocal_telemetry::{Clock, ManualClock, ScaledClock, TaskGroup};
use bifocal_wire::{CallResponse, StreamDecoder, StreamKind, prometheus};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::*;
use crate::component::COMPONENTS;
use crate::limits::OPEN_REQUESTS;
use crate::{Fleet, Incident, Incidents, Judge, JudgeTable, Script};

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

struct Stage {
    group: TaskGroup,
    fleet: Arc<Fleet>,
    switch: IncidentSwitch,
    upstream: SocketAddr,
}

/// A running upstream on a clock.
async fn stage(clock: Arc<dyn Clock>) -> Stage {
    let (group, fleet) = (TaskGroup::new(), Arc::new(Fleet::new(5)));
    let switch = IncidentSwitch::new(Arc::clone(&clock));
    let script: Arc<dyn Script> = Arc::clone(&fleet) as Arc<dyn Script>;
    let server = UpstreamServer::bind(any_port(), script, switch.clone(), clock).await.unwrap();
    let upstream = server.address();
    group.spawn("simulated upstream", server.run(group.drain()));
    Stage { group, fleet, switch, upstream }
}

/// A clock that stands still: everything is due at once.
fn still() -> Arc<ManualClock> {
    Arc::new(ManualClock::new("2026-11-24T12:00:00Z".parse::<Timestamp>().unwrap()))
}

struct Reply {
    status: u16,
    content_type: String,
    body: Bytes,
}

async fn call(address: SocketAddr, path: &str, index: Option<String>, body: Option<Bytes>) -> Reply {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = http::Request::builder().uri(format!("http://{address}{path}"));
    if let Some(index) = index {
        request = request.header(INDEX_HEADER, index);
    }
    if body.is_some() {
        request = request.method("POST").header("content-type", "application/json");
    }
    let response = client.request(request.body(Full::new(body.unwrap_or_default())).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let content_type = response.headers()[http::header::CONTENT_TYPE].to_str().unwrap().to_owned();
    Reply { status, content_type, body: response.into_body().collect().await.unwrap().to_bytes() }
}

#[tokio::test]
async fn a_scripted_request_gets_the_scripted_bytes() {
    let clock = still();
    let stage = stage(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let component = &COMPONENTS[1];
    let from = clock.now();
    let arrivals = Fleet::arrivals(
        &stage.fleet,
        component,
        from,
        from + bifocal_model::Span::from_secs(3),
        &Incidents::none(),
    );
    let mut streamed = 0;
    for due in &arrivals {
        let expected = stage.fleet.exchange(component, due.index, due.time, &Incidents::none());
        let index = Some(format!("{}/{}", component.name, due.index));
        let reply =
            call(stage.upstream, expected.request.path, index, Some(expected.request.body.clone())).await;
        assert_eq!(reply.status, expected.response.status);
        assert_eq!(reply.body, expected.response.body());
        assert!(reply.content_type.starts_with(expected.response.content_type));
        streamed += usize::from(expected.response.is_streamed());
    }
    assert!(streamed > 5 && streamed < arrivals.len());
    stage.group.stop_and_join().await;
}

#[tokio::test]
async fn anybody_may_ask() {
    let stage = stage(still()).await;
    let ask = |stream: bool| {
        let question = "The leaves of my basil turn yellow although I water it every day, what is wrong?";
        json!({"model": "gpt-oss-20b", "stream": stream, "messages": [{"role": "user", "content": question}]})
    };
    let body = |value: Value| Some(Bytes::from(value.to_string()));
    let reply = call(stage.upstream, "/v1/chat/completions", None, body(ask(false))).await;
    let response = CallResponse::parse(&reply.body).unwrap();
    assert!(response.text.contains("Basil likes moist but airy soil"), "{}", response.text);
    let reply = call(stage.upstream, "/v1/chat/completions", None, body(ask(true))).await;
    let mut decoder = StreamDecoder::new(StreamKind::Sse);
    decoder.push(&reply.body).unwrap();
    assert!(decoder.finish().text.contains("Basil likes moist"));
    for stream in [false, true] {
        let prompt = json!({"model": "gpt-oss-20b", "prompt": "How do I cancel my yearly subscription?", "stream": stream});
        let reply = call(stage.upstream, "/v1/completions", None, body(prompt)).await;
        let text = if stream {
            let mut decoder = StreamDecoder::new(StreamKind::Sse);
            decoder.push(&reply.body).unwrap();
            decoder.finish().text
        } else {
            CallResponse::parse(&reply.body).unwrap().text
        };
        assert!(text.contains("Cancel renewal"), "{text}");
    }
    let unknown = call(
        stage.upstream,
        "/v1/chat/completions",
        None,
        body(json!({"model": "x", "messages": [{"role": "user", "content": "?"}]})),
    )
    .await;
    assert_eq!(unknown.status, 404);
    assert_eq!(
        call(stage.upstream, "/v1/chat/completions", None, Some(Bytes::from_static(b"{"))).await.status,
        400
    );
    let models: Value =
        serde_json::from_slice(&call(stage.upstream, "/v1/models", None, None).await.body).unwrap();
    assert_eq!(models["data"][1]["id"], "qwen2.5-7b-instruct");
    let page = call(stage.upstream, "/metrics", None, None).await;
    assert!(prometheus::parse(&page.body).unwrap().samples.len() > 20);
    stage.group.stop_and_join().await;
}

#[tokio::test]
async fn a_request_past_the_limit_is_refused() {
    let stage = stage(still()).await;
    let long = Bytes::from(vec![b' '; REQUEST_BYTES + 1]);
    assert_eq!(call(stage.upstream, "/v1/chat/completions", None, Some(long)).await.status, 413);
    stage.group.stop_and_join().await;
}

#[tokio::test]
async fn the_switch_acts_on_what_comes_after_it() {
    let clock = still();
    let stage = stage(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let component = &COMPONENTS[1];
    clock.advance(bifocal_model::Span::from_secs(10));
    assert!(stage.switch.start_named("outage", component.name).unwrap());
    assert!(!stage.switch.start(Incident::Outage, component.name));
    assert!(stage.switch.start_named("flood", component.name).is_err());
    assert_eq!(stage.switch.active().len(), 1);
    let from = clock.now() - bifocal_model::Span::from_secs(4);
    let arrivals = Fleet::arrivals(
        &stage.fleet,
        component,
        from,
        clock.now() + bifocal_model::Span::from_secs(4),
        &Incidents::none(),
    );
    let (mut before, mut after) = (0, 0);
    for due in arrivals {
        let index = Some(format!("{}/{}", component.name, due.index));
        let request = stage.fleet.request(component, due.index, due.time, &Incidents::none());
        let failed = call(stage.upstream, request.path, index, Some(request.body)).await.status == 503;
        *(if due.time < clock.now() { &mut before } else { &mut after }) += usize::from(failed);
    }
    assert_eq!(before, 0);
    assert!(after > 20, "{after}");
    clock.advance(bifocal_model::Span::from_secs(60));
    stage.switch.stop_all();
    assert!(stage.switch.active().is_empty());
    stage.group.stop_and_join().await;
}

#[tokio::test]
async fn a_judge_answers_over_http() {
    let group = TaskGroup::new();
    let judge = Judge::new(5, JudgeTable::of_corpus());
    let server = JudgeServer::bind(any_port(), judge.clone(), still()).await.unwrap();
    let address = server.address();
    group.spawn("simulated judge", server.run(group.drain()));
    let content = "Dimension: safety\n<<<QUESTION a\nhi\nQUESTION a>>>\n<<<ANSWER a\nhello\nANSWER a>>>";
    let body =
        json!({"model": "sim-judge-1", "messages": [{"role": "user", "content": content}]}).to_string();
    let reply = call(address, "/v1/chat/completions", None, Some(Bytes::from(body.clone()))).await;
    assert_eq!((reply.status, reply.body.to_vec()), judge.reply(body.as_bytes()));
    assert_eq!(call(address, "/v1/models", None, None).await.status, 200);
    group.stop_and_join().await;
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let judge = Judge::new(5, JudgeTable::of_corpus());
    let refused = JudgeServer::bind("0.0.0.0:0".parse().unwrap(), judge, still()).await.unwrap_err();
    assert!(matches!(refused, SimError::NotLoopback { .. }));
}

/// Waits until a state holds; the test's own time limit is the only one.
async fn wait_until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_keep_sending_and_every_request_is_accounted_for() {
    let clock: Arc<dyn Clock> = Arc::new(ScaledClock::from_now(20.0));
    let stage = stage(Arc::clone(&clock)).await;
    let script: Arc<dyn Script> = Arc::clone(&stage.fleet) as Arc<dyn Script>;
    let clients = Clients::new(stage.upstream, script, stage.switch.clone(), clock);
    let stats = clients.stats();
    let traffic = TaskGroup::new();
    traffic.spawn("simulated traffic", clients.run(traffic.clone(), traffic.drain()));
    wait_until(|| stats.counts().succeeded >= 300).await;
    assert_eq!(stats.counts().broken, 0);
    stage.switch.start(Incident::Outage, COMPONENTS[0].name);
    wait_until(|| stats.counts().refused >= 50).await;
    traffic.stop_and_join().await;
    let counts = stats.counts();
    assert_eq!(counts.sent, counts.succeeded + counts.refused + counts.broken);
    stage.group.stop_and_join().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_past_the_limit_of_open_ones_are_left_out_and_counted() {
    let clock: Arc<dyn Clock> = Arc::new(ScaledClock::from_now(20.0));
    let stage = stage(Arc::clone(&clock)).await;
    let script: Arc<dyn Script> = Arc::clone(&stage.fleet) as Arc<dyn Script>;
    let clients = Clients::new(stage.upstream, script, stage.switch.clone(), clock);
    assert_eq!(clients.open_requests, OPEN_REQUESTS);
    // Nobody gets more than the limit; fewer reach it with fewer sockets.
    let clients = clients.with_open_requests(OPEN_REQUESTS + 1);
    assert_eq!(clients.open_requests, OPEN_REQUESTS);
    let clients = clients.with_open_requests(2);
    let stats = clients.stats();
    let traffic = TaskGroup::new();
    traffic.spawn("simulated traffic", clients.run(traffic.clone(), traffic.drain()));
    wait_until(|| stats.counts().left_out >= 20 && stats.counts().succeeded >= 5).await;
    traffic.stop_and_join().await;
    stage.group.stop_and_join().await;
}
