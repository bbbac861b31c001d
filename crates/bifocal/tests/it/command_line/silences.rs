//! A silence made through the API: shown, kept over a restart, ended early, and told then.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use bifocal::config::{Resolved, parse};
use bifocal_telemetry::{Clock, ScaledClock, TaskGroup, Telemetry};
use serde_json::{Value, json};

use super::in_process::start;
use crate::harness::{Upstream, ask, client, get_json, serve, until};

type Heard = Arc<Mutex<Vec<Value>>>;

/// The shipped rules tell of the same failures; the test is about its own.
async fn hook(State(heard): State<Heard>, body: Bytes) {
    let message: Value = serde_json::from_slice(&body).unwrap();
    if message["rule"] == "half fails" {
        heard.lock().unwrap().push(message);
    }
}

async fn of_rule(client: &reqwest::Client, page: &str) -> Option<Value> {
    let alerts = get_json(client, page, "/api/v1/alerts").await.unwrap();
    let rows = alerts["items"].as_array().unwrap().clone();
    rows.into_iter().find(|row| row["rule"] == "half fails" && row["status"] == "firing")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_a_silence_withholds_survives_a_restart_and_is_told_when_it_ends() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let heard = Heard::default();
    let receiver =
        serve(&tasks, Router::new().route("/hook", post(hook)).with_state(Arc::clone(&heard))).await;
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nproxy_listen = \"127.0.0.1:0\"\ndata = {:?}\n\
         [[target]]\nname = \"llm\"\nupstream = \"http://{}\"\nscrape = \"off\"\n\
         [[alert]]\nname = \"half fails\"\nwhen = \"value('error_ratio') > 0.5\"\nseverity = \"critical\"\n\
         channels = [\"sre\"]\n[[channel]]\nname = \"sre\"\nwebhook = \"http://{receiver}/hook\"\n",
        folder.path(),
        upstream.address,
    );
    let config = Resolved::of(parse(&text, "bifocal.toml").unwrap()).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ScaledClock::from_now(20.0));
    let running = start(&config, &clock, &Telemetry::new()).await;
    let (client, page) = (client(), format!("http://{}", running.page));
    let proxy = format!("http://{}", running.proxies[0]);
    let silences = format!("{page}/api/v1/silences");

    for (body, said) in [
        (json!({"owner": "ana", "reason": "r", "for": "2h"}), "everything"),
        (json!({"rule": "half fials", "owner": "ana", "reason": "r", "for": "2h"}), "no alert rule"),
        (json!({"rule": "half fails", "owner": "ana", "reason": "r"}), "one end"),
        (json!({"rule": "half fails", "owner": "ana", "reason": "r", "for": "800h"}), "within 30 days"),
        (json!({"rule": "half fails", "owner": "", "reason": "r", "for": "2h"}), "`owner`"),
        (json!({"rule": "half fails", "owner": "ana", "for": "2h"}), "`reason`"),
    ] {
        let refused = client.post(&silences).json(&body).send().await.unwrap();
        assert_eq!(refused.status(), 400, "{body}");
        let told: Value = refused.json().await.unwrap();
        assert!(told["error"]["message"].as_str().unwrap().contains(said), "{told}");
    }

    let wanted = json!({"rule": "half fails", "owner": "ana", "reason": "upgrade", "for": "100h"});
    let made = client.post(&silences).json(&wanted).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let made: Value = made.json().await.unwrap();
    assert_eq!((&made["status"], &made["owner"]), (&json!("active"), &json!("ana")), "{made}");
    let listed = get_json(&client, &page, "/api/v1/silences").await.unwrap();
    assert_eq!(listed["items"][0], made, "it is in the very next answer");

    upstream.answer_with(500);
    for _ in 0..20 {
        assert_eq!(ask(&client, &proxy, "Do you work?", false).await.unwrap().0, 500);
    }
    let alert = until("firing", || of_rule(&client, &page)).await;
    assert_eq!((&alert["muted"]["by"], &alert["muted"]["owner"]), (&json!("silence"), &json!("ana")));
    assert_eq!(alert["untold"], true);
    // A message counts when its event is in the journal: at the next look.
    until("it is counted", || async {
        let listed = get_json(&client, &page, "/api/v1/silences").await.unwrap();
        Some(()).filter(|()| listed["items"][0]["withheld"] == 1)
    })
    .await;
    let metrics = client.get(format!("{page}/metrics")).send().await.unwrap().text().await.unwrap();
    for line in [
        "bifocal_alert_messages_withheld_total{by=\"silence\"} 1".to_owned(),
        format!("bifocal_silence_messages_withheld{{silence=\"{}\"}} 1", made["id"].as_str().unwrap()),
        "bifocal_silences 1".to_owned(),
    ] {
        assert!(metrics.contains(&line), "{line}");
    }
    running.stop().await;

    let running = start(&config, &clock, &Telemetry::new()).await;
    let page = format!("http://{}", running.page);
    let silences = format!("{page}/api/v1/silences");
    let kept = get_json(&client, &page, "/api/v1/silences").await.unwrap();
    assert_eq!((&kept["items"][0]["id"], &kept["items"][0]["withheld"]), (&made["id"], &json!(1)));
    // It fires again, or still: the old calls are within the window.
    let alert = until("firing", || of_rule(&client, &page)).await;
    assert_eq!(alert["muted"]["name"], made["id"]);
    assert_eq!(*heard.lock().unwrap(), Vec::<Value>::new(), "nothing was sent");

    let one = format!("{silences}/{}", made["id"].as_str().unwrap());
    let nobody = client.delete(format!("{one}?by=")).send().await.unwrap();
    assert_eq!(nobody.status(), 400);
    let ended = client.delete(format!("{one}?by=ben")).send().await.unwrap();
    assert_eq!(ended.status(), 200);
    let ended: Value = ended.json().await.unwrap();
    assert_eq!((&ended["status"], &ended["ended_by"]), (&json!("over"), &json!("ben")));
    assert_eq!(client.delete(format!("{one}?by=ben")).send().await.unwrap().status(), 400, "it is over");
    assert_eq!(client.delete(format!("{silences}/x?by=ben")).send().await.unwrap().status(), 404);
    let told = until("told", || async { heard.lock().unwrap().first().cloned() }).await;
    assert_eq!((&told["rule"], &told["status"]), (&json!("half fails"), &json!("firing")));
    running.stop().await;
}
