//! A process that is killed between the receiver's yes and its own note of it: the receiver hears twice, under one key, and that is
//! counted. A stop in order repeats nothing.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use bifocal_telemetry::TaskGroup;
use serde_json::Value;

use crate::harness::{Daemon, Upstream, ask, bifocal, client, get_json, serve, until};

#[derive(Default)]
struct Receiver {
    /// Key, and whether the message says that it may be a repeat; of the test's own rule.
    heard: Mutex<Vec<(String, bool)>>,
    /// Takes what comes and does not say so.
    is_silent: AtomicBool,
}

async fn hook(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) {
    let message: Value = serde_json::from_slice(&body).unwrap();
    if message["rule"] == "half fails" {
        let key = headers["idempotency-key"].to_str().unwrap().to_owned();
        assert_eq!(message["idempotency_key"], *key);
        let may_be_repeated = headers.contains_key("bifocal-maybe-repeated");
        receiver.heard.lock().unwrap().push((key, may_be_repeated));
    }
    if receiver.is_silent.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
}

/// How many messages a process counts as perhaps repeated.
async fn repeated(page: &str) -> u64 {
    let metrics = client().get(format!("{page}/metrics")).send().await.unwrap().text().await.unwrap();
    let counted = |line: &str| {
        line.strip_prefix("bifocal_notifications_repeated_total{")?.split(' ').nth(1)?.parse::<u64>().ok()
    };
    metrics.lines().filter_map(counted).sum::<u64>()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_between_the_receiver_s_yes_and_our_note_repeats_under_one_key_and_is_counted() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let receiver = Arc::new(Receiver::default());
    let address =
        serve(&tasks, Router::new().route("/hook", post(hook)).with_state(Arc::clone(&receiver))).await;
    let folder = tempfile::tempdir().unwrap();
    let (config, data) = (folder.path().join("bifocal.toml"), folder.path().join("data"));
    // The shipped rules that would tell of the same are told to nobody.
    let others: String = ["outage", "overloaded", "service degraded", "slo burn"]
        .map(|name| format!("[[alert]]\nname = \"{name}\"\nwhen = \"false\"\n"))
        .concat();
    let text = format!(
        "[[target]]\nname = \"llm\"\nupstream = \"http://{}\"\nscrape = \"off\"\n\
         [[alert]]\nname = \"half fails\"\nwhen = \"value('error_ratio') > 0.5\"\n{others}\
         [[channel]]\nname = \"sre\"\nwebhook = \"http://{address}/hook\"\n",
        upstream.address
    );
    std::fs::write(&config, text).unwrap();
    let command = || -> Command {
        let mut command = bifocal();
        command.args(["serve", "--listen", "127.0.0.1:0", "--proxy-listen", "127.0.0.1:0"]);
        command.arg("--config").arg(&config).arg("--data").arg(&data);
        command
    };
    let heard = || receiver.heard.lock().unwrap().clone();

    receiver.is_silent.store(true, Ordering::SeqCst);
    upstream.answer_with(500);
    let mut daemon = Daemon::start(&mut command());
    let client = client();
    for _ in 0..20 {
        assert_eq!(ask(&client, &daemon.proxy, "Do you work?", false).await.unwrap().0, 500);
    }
    until("the receiver has it", || async { heard().first().cloned() }).await;
    daemon.kill();
    receiver.is_silent.store(false, Ordering::SeqCst);

    let daemon = Daemon::start(&mut command());
    until("it has it again", || async { (heard().len() == 2).then_some(()) }).await;
    let delivery = until("it is noted", || async {
        let alerts = get_json(&client, &daemon.page, "/api/v1/alerts").await.unwrap();
        let rows = alerts["items"].as_array().unwrap().clone();
        let row = rows.into_iter().find(|row| row["rule"] == "half fails")?;
        Some(row["deliveries"][0].clone()).filter(|delivery| delivery["outcome"] == "delivered")
    })
    .await;
    assert_eq!((&delivery["attempts"], &delivery["unanswered"]), (&2.into(), &1.into()), "{delivery}");
    assert_eq!(repeated(&daemon.page).await, 1);
    let twice = heard();
    assert_eq!(twice[0].0, twice[1].0, "one key");
    assert_eq!((twice[0].1, twice[1].1), (false, true), "only the second says that it may be a repeat");
    assert!(daemon.terminate().success());

    let daemon = Daemon::start(&mut command());
    for _ in 0..20 {
        ask(&client, &daemon.proxy, "And now?", false).await.unwrap();
    }
    assert_eq!(repeated(&daemon.page).await, 0, "the stop was one in order");
    assert!(daemon.terminate().success());
    assert_eq!(heard().len(), 2, "and nothing came again");
}
