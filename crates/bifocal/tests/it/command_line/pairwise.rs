//! `bifocal judge pairwise` against a server whose judge goes by the place in a known share of calls.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use bifocal_telemetry::TaskGroup;
use serde_json::{Value, json};

use super::run;
use crate::harness::{bifocal, serve};

/// Prefers the answer that says `zebra`; every fourth call takes the first whatever it says.
fn verdict(body: &[u8], call: u64) -> Value {
    let body: Value = serde_json::from_slice(body).unwrap();
    let user = body["messages"][1]["content"].as_str().unwrap();
    let at = |mark: &str| user.find(mark).unwrap();
    let good = at("zebra answer");
    let first = at("<<<ANSWER 1") < good && good < at("<<<ANSWER 2");
    let better = if call % 4 == 3 || first { "1" } else { "2" };
    json!({
        "choices": [{"message": {"content": json!({"reason": "x", "better": better}).to_string()}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_two_sets_are_compared_in_both_orders_and_the_judge_with_them() {
    let tasks = TaskGroup::new();
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let answer = move |body: Bytes| {
        let call = counted.fetch_add(1, Ordering::Relaxed);
        async move { verdict(&body, call).to_string() }
    };
    let address = serve(&tasks, Router::new().route("/v1/chat/completions", post(answer))).await;
    let folder = tempfile::tempdir().unwrap();
    let config = |name: &str, address: &str| {
        let path = folder.path().join(name);
        let text = format!(
            "[judge]\nbase_url = \"http://{address}/v1\"\nmodel = \"j\"\ndimensions = [\"helpfulness\"]\nconcurrency = 1\ntimeout_seconds = 2.0\n"
        );
        fs::write(&path, text).unwrap();
        path
    };
    let set = |name: &str, word: &str| {
        let lines: Vec<String> = (0..40)
            .map(|i| {
                json!({"id": i.to_string(), "prompt": "why?", "answer": format!("a {word} answer, {i}")})
                    .to_string()
            })
            .collect();
        let path = folder.path().join(name);
        fs::write(&path, lines.join("\n")).unwrap();
        path
    };
    let (a, b) = (set("a.jsonl", "zebra"), set("b.jsonl", "poor"));
    let judge = config("judge.toml", &address.to_string());
    let mut command = bifocal();
    command
        .args(["--format", "json", "judge", "pairwise"])
        .arg(&judge)
        .arg(&a)
        .arg(&b)
        .args(["--repeat", "2"]);
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.errors);
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 160, "two orders, twice");
    assert_eq!((told["judge"]["tokens"].as_u64(), told["pairs"].as_u64()), (Some(17_600), Some(40)));
    let result = &told["result"];
    // With A first it wins always. With B first it loses every second time of two repeats: a tie of words, and a contradiction.
    assert_eq!((result["better"].as_str(), result["position_bias"].as_str()), (Some("a"), Some("first")));
    assert!((result["win_rate"].as_f64().unwrap() - 0.75).abs() < 1e-9, "{result}");
    assert!((result["first_rate"].as_f64().unwrap() - 0.75).abs() < 1e-9);
    assert_eq!((result["contradicted"].as_u64(), result["repeatability"].as_f64()), (Some(40), Some(0.5)));

    // Nobody there: it says so, and does not ask on.
    let nobody = config("nobody.toml", "127.0.0.1:9");
    let ended = run(bifocal().args(["judge", "pairwise"]).arg(&nobody).arg(&a).arg(&b));
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.errors);
    assert!(ended.out.contains("8 not: 8 unreachable; it answered nothing"), "{}", ended.out);
    let ended = run(bifocal().args(["judge", "pairwise"]).arg(&judge).arg(&a).arg(&judge));
    assert!(ended.code == Some(2) && ended.errors.contains("judge.toml:1"), "{}{}", ended.out, ended.errors);
}
