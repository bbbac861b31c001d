//! A webhook hears of every alert's beginning and end, at least once, with keys that tell repeats apart.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bifocal::config::{Resolved, parse};
use bifocal_telemetry::{Clock, ScaledClock, TaskGroup, Telemetry};
use serde_json::Value;

use super::in_process::start;
use crate::harness::{Upstream, ask, client, serve, until};

#[derive(Default)]
struct Heard {
    /// Key and body of each request, in order.
    calls: Vec<(String, Value)>,
}

/// Refuses the first request of each key, as a receiver that is just restarting.
async fn hook(State(heard): State<Arc<Mutex<Heard>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let mut heard = heard.lock().unwrap();
    let first = heard.calls.iter().all(|(known, _)| *known != key);
    heard.calls.push((key, serde_json::from_slice(&body).unwrap()));
    if first { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_a_webhook_hears_firing_and_resolved_and_again_after_a_503() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let heard = Arc::new(Mutex::new(Heard::default()));
    let receiver =
        serve(&tasks, Router::new().route("/hook", post(hook)).with_state(Arc::clone(&heard))).await;
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nproxy_listen = \"127.0.0.1:0\"\ndata = {:?}\n\
         [[target]]\nname = \"llm\"\nupstream = \"http://{}\"\nscrape = \"off\"\n\
         [[alert]]\nname = \"half fails\"\nwhen = \"value('error_ratio') > 0.5\"\nseverity = \"critical\"\nfor = \"0s\"\n\
         channels = [\"sre\"]\n[[channel]]\nname = \"sre\"\nwebhook = \"http://{receiver}/hook\"\n",
        folder.path(),
        upstream.address,
    );
    let config = Resolved::of(parse(&text, "bifocal.toml").unwrap()).unwrap();
    // An alert ends a minute after its condition: 20 times as fast here.
    let clock: Arc<dyn Clock> = Arc::new(ScaledClock::from_now(20.0));
    let running = start(&config, &clock, &Telemetry::new()).await;
    let (client, proxy) = (client(), format!("http://{}", running.proxies[0]));

    upstream.answer_with(500);
    for _ in 0..20 {
        assert_eq!(ask(&client, &proxy, "Do you work?", false).await.unwrap().0, 500);
    }
    let of_rule = |status: &str| -> Vec<(String, Value)> {
        let calls = heard.lock().unwrap().calls.clone();
        calls.into_iter().filter(|(_, b)| b["rule"] == "half fails" && b["status"] == status).collect()
    };
    let firing =
        until("firing twice", || async { Some(of_rule("firing")).filter(|calls| calls.len() == 2) }).await;
    upstream.answer_with(200);
    for _ in 0..60 {
        assert_eq!(ask(&client, &proxy, "And now?", false).await.unwrap().0, 200);
    }
    let resolved =
        until("resolved twice", || async { Some(of_rule("resolved")).filter(|calls| calls.len() == 2) })
            .await;
    running.stop().await;

    assert_eq!(firing[0], firing[1], "the same message again, under the same key");
    assert_eq!(resolved[0], resolved[1]);
    assert_ne!(firing[0].0, resolved[0].0, "two messages, two keys");
    assert_eq!(firing[0].1["alert_id"], resolved[0].1["alert_id"], "one alert");
    assert_eq!(firing[0].1["severity"], "critical");
    for (key, body) in firing.iter().chain(&resolved) {
        assert_eq!(body["idempotency_key"], **key);
    }
    assert_eq!((of_rule("firing").len(), of_rule("resolved").len()), (2, 2), "and no more after a 200");
}
