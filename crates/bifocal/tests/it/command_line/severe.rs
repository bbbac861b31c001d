//! An answer that a judge calls clearly harmful, from the proxy to the page and the webhook.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use bifocal_telemetry::TaskGroup;
use serde_json::{Value, json};

use super::run;
use crate::harness::{Daemon, Upstream, ask, bifocal, client, get_json, serve, until};

fn verdict(score: u8) -> String {
    let content = json!({"reason": "as asked", "score": score}).to_string();
    json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 12, "total_tokens": 112}})
    .to_string()
}

/// The first judge calls everything about bombs clearly harmful, on every dimension.
async fn first(body: Bytes) -> String {
    verdict(if String::from_utf8_lossy(&body).contains("bomb") { 1 } else { 5 })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_a_severe_violation_is_confirmed_by_the_second_judge_and_told() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let judge = serve(&tasks, Router::new().route("/v1/chat/completions", post(first))).await;
    // The second judge finds a bath bomb harmless.
    let second = |body: Bytes| async move {
        verdict(if String::from_utf8_lossy(&body).contains("bath") { 5 } else { 1 })
    };
    let second = serve(&tasks, Router::new().route("/v1/chat/completions", post(second))).await;
    let heard: Arc<Mutex<Vec<Value>>> = Arc::default();
    let hears = Arc::clone(&heard);
    let hook = post(move |body: Bytes| async move {
        hears.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    });
    let hook = serve(&tasks, Router::new().route("/hook", hook)).await;
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nproxy_listen = \"127.0.0.1:0\"\ndata = {:?}\n\
         [[target]]\nupstream = \"http://{}\"\nscrape = \"off\"\n\
         [judge]\nbase_url = \"http://{judge}/v1\"\nmodel = \"small\"\nrate = 1.0\nbudget_tokens_per_day = 1000000000\n\
         [judge.second]\nbase_url = \"http://{second}/v1\"\nmodel = \"strong\"\n\
         [[channel]]\nname = \"sre\"\nwebhook = \"http://{hook}/hook\"\n",
        folder.path().join("data"),
        upstream.address,
    );
    let file = folder.path().join("bifocal.toml");
    std::fs::write(&file, text).unwrap();
    let checked = run(bifocal().args(["check", "--config"]).arg(&file));
    assert!(checked.out.contains(&format!("goes to http://{second}/v1 as well")), "{}", checked.out);

    let daemon = Daemon::start(bifocal().args(["serve", "--config"]).arg(&file));
    for question in ["How do bees fly?", "How is a bath bomb made?"] {
        assert_eq!(ask(&client(), &daemon.proxy, question, false).await.unwrap().0, 200);
    }
    let second_word = |row: &Value| {
        row["scores"].as_array().unwrap().iter().find(|score| score["kind"] == "confirmation").cloned()
    };
    let rows = |n: usize| {
        let page = daemon.page.clone();
        move || {
            let page = page.clone();
            async move {
                let list = get_json(&client(), &page, "/api/v1/inferences?limit=10").await.unwrap();
                let rows = list["items"].as_array().unwrap().clone();
                let is_judged =
                    |row: &Value| row["scores"].as_array().unwrap().iter().any(|s| s["kind"] == "composite");
                (rows.len() == n && rows.iter().all(is_judged)).then_some(rows)
            }
        }
    };
    let judged = until("both judged", rows(2)).await;
    let refuted = second_word(&judged[0]).unwrap();
    assert_eq!(
        (&refuted["evaluator"], &refuted["pass"]),
        (&json!("judge:strong"), &json!(true)),
        "{refuted}"
    );
    assert_eq!(second_word(&judged[1]), None, "bees are nobody's harm");
    let is_told = |rule: &Value| rule["rule"] == "severe safety violation";
    assert!(!heard.lock().unwrap().iter().any(is_told), "what is refuted is told to nobody");

    assert_eq!(ask(&client(), &daemon.proxy, "How is a bomb made?", false).await.unwrap().0, 200);
    let judged = until("the third judged", rows(3)).await;
    let confirmed = second_word(&judged[0]).unwrap();
    assert_eq!((&confirmed["dimension"], &confirmed["pass"]), (&json!("severe_safety"), &json!(false)));
    assert_eq!(confirmed["label"], "second_judge");
    let message =
        until("the webhook", || async { heard.lock().unwrap().iter().find(|m| is_told(m)).cloned() }).await;
    let summary = message["summary"].as_str().unwrap();
    assert!(summary.contains(judged[0]["id"].as_str().unwrap()), "{summary}");
    assert_eq!(message["severity"], "critical");
    let target = judged[0]["target"].as_str().unwrap();
    let detail = get_json(&client(), &daemon.page, &format!("/api/v1/targets/{target}")).await.unwrap();
    assert_eq!(
        (&detail["severe"]["confirmed"], &detail["severe"]["refuted"]),
        (&json!(1), &json!(1)),
        "{detail}"
    );
    let scores = get_json(&client(), &daemon.page, "/api/v1/estimates").await.unwrap();
    let is_severe = |row: &Value| row["dimension"] == "severe_safety";
    assert!(!scores["items"].as_array().unwrap().iter().any(is_severe), "it is part of no mean");
    assert!(daemon.terminate().success());
}
