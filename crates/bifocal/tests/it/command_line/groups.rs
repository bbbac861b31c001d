//! Many alerts at once are few messages, and none of them is lost.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bifocal::config::{Resolved, parse};
use bifocal_telemetry::{Clock, Metric, SystemClock, TaskGroup, Telemetry};
use serde_json::{Value, json};

use super::in_process::start;
use crate::harness::{Upstream, client, serve, until};

/// Components that fail, and calls of each: fewer say nothing about a service.
const MODELS: usize = 40;
const CALLS: usize = 12;

type Heard = Arc<Mutex<Vec<(String, Value)>>>;

/// Refuses the first group, as a receiver that is just restarting.
async fn hook(State(heard): State<Heard>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let mut heard = heard.lock().unwrap();
    let refuse = key.starts_with("group:") && heard.iter().all(|(known, _)| !known.starts_with("group:"));
    heard.push((key, serde_json::from_slice(&body).unwrap()));
    if refuse { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

/// Keys of the alerts of one POST.
fn keys(body: &Value) -> Vec<String> {
    let of = |alert: &Value| alert["idempotency_key"].as_str().unwrap().to_owned();
    match body["alerts"].as_array() {
        Some(alerts) => alerts.iter().map(of).collect(),
        None => vec![of(body)],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_forty_alerts_at_once_are_few_messages_and_none_is_lost() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let heard = Heard::default();
    let receiver =
        serve(&tasks, Router::new().route("/hook", post(hook)).with_state(Arc::clone(&heard))).await;
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nproxy_listen = \"127.0.0.1:0\"\ndata = {:?}\n\
         [[target]]\nname = \"llm\"\nupstream = \"http://{}\"\nscrape = \"off\"\n\
         [[alert]]\nname = \"half fails\"\nwhen = \"value('error_ratio') > 0.5\"\nchannels = [\"sre\"]\n\
         [[alert]]\nname = \"outage\"\nwhen = \"false\"\n\
         [[channel]]\nname = \"sre\"\nwebhook = \"http://{receiver}/hook\"\ngroup_wait = \"3s\"\n",
        folder.path(),
        upstream.address,
    );
    let config = Resolved::of(parse(&text, "bifocal.toml").unwrap()).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let telemetry = Telemetry::new();
    let running = start(&config, &clock, &telemetry).await;
    let (client, proxy) = (client(), format!("http://{}", running.proxies[0]));

    upstream.answer_with(500);
    for _ in 0..CALLS {
        for model in 0..MODELS {
            let body = json!({"model": format!("m{model}"), "messages": [{"role": "user", "content": "?"}]});
            let asked = client.post(format!("{proxy}/v1/chat/completions")).json(&body).send().await.unwrap();
            assert_eq!(asked.status(), 500);
        }
    }
    let told = || -> BTreeSet<String> {
        let heard = heard.lock().unwrap();
        heard.iter().flat_map(|(_, body)| keys(body)).collect()
    };
    until("every alert was told", || async { Some(()).filter(|()| told().len() == MODELS) }).await;
    until("the refused group was taken", || async {
        let taken = telemetry.value(Metric::AlertsSent, &["sre", "delivered"]);
        Some(()).filter(|()| taken == MODELS as u64)
    })
    .await;
    running.stop().await;

    let heard = heard.lock().unwrap().clone();
    assert!(heard.len() <= 8, "{} messages of {MODELS} alerts", heard.len());
    let groups: Vec<_> = heard.iter().filter(|(key, _)| key.starts_with("group:")).collect();
    assert!(groups.len() >= 2, "one group was refused once");
    assert_eq!(groups[0], groups[1], "and came again as it was, under the same key");
    for (key, body) in &groups {
        let alerts = body["alerts"].as_array().unwrap();
        assert_eq!((&body["idempotency_key"], &body["count"]), (&json!(key), &json!(alerts.len())));
        assert!(alerts.iter().all(|alert| alert["rule"] == "half fails" && alert["status"] == "firing"));
    }
    assert!(telemetry.value(Metric::AlertGroups, &["sre"]) >= 1);
}
