//! `bifocal judge bridge` between two real servers: the simulator's judge and its stricter twin.

use std::fs;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use bifocal_sim::{Judge, JudgeTable};
use bifocal_telemetry::TaskGroup;
use serde_json::Value;

use super::run;
use crate::harness::{bifocal, serve};

async fn judging(tasks: &TaskGroup, judge: Judge) -> std::net::SocketAddr {
    let answer = move |body: Bytes| {
        let judge = judge.clone();
        async move { String::from_utf8(judge.reply(&body).1).unwrap() }
    };
    serve(tasks, Router::new().route("/v1/chat/completions", post(answer))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_a_bridge_tells_the_step_and_the_map_between_two_judges() {
    let tasks = TaskGroup::new();
    let judge = Judge::new(7, JudgeTable::of_corpus());
    let (usual, strict) = (judging(&tasks, judge.clone()).await, judging(&tasks, judge.stricter()).await);
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("anchors.jsonl");
    fs::write(&set, judge.anchors()).unwrap();
    let config = |name: &str, address: std::net::SocketAddr, more: &str| {
        let path = folder.path().join(name);
        let text = format!(
            "[judge]\nbase_url = \"http://{address}/v1\"\nmodel = \"{name}\"\ndimensions = [\"relevance\", \"safety\"]\n\
             usd_per_million_input_tokens = 3.0\nusd_per_million_output_tokens = 15.0\n{more}"
        );
        fs::write(&path, text).unwrap();
        path
    };
    let old = config("old", usual, &format!("anchors = {:?}\n", set.display().to_string()));
    let new = config("new", strict, "");
    let bridge = |args: &[&str]| {
        let mut command = bifocal();
        command.args(["--format", "json", "judge", "bridge"]).arg(&old).arg(&new).args(args);
        run(&mut command)
    };
    let ended = bridge(&[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.errors);
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    let relevance = &told["dimensions"][0];
    assert_eq!(
        (relevance["dimension"].as_str(), relevance["verdict"].as_str()),
        (Some("relevance"), Some("down"))
    );
    // A point less in two verdicts of five, where there is one to lose.
    let step = relevance["step"].as_f64().unwrap();
    assert!((-0.15..-0.04).contains(&step), "{relevance}");
    assert!(relevance["step_upper"].as_f64().unwrap() < 0.0 && relevance["n"].as_u64().unwrap() >= 60);
    assert!(relevance["map"].as_array().unwrap().len() >= 2 && told["cost_usd"].as_f64().unwrap() > 0.0);
    assert!(relevance["means"].as_str().unwrap().contains("no answer worse"));

    let ended = run(bifocal().args(["judge", "bridge"]).arg(&old).arg(&old).arg("--set").arg(&set));
    assert!(ended.code == Some(0) && ended.out.contains("a step of +0.000"), "{}{}", ended.out, ended.errors);
    let ended = run(bifocal().args(["judge", "bridge"]).arg(&new).arg(&old));
    assert!(
        ended.code == Some(2) && ended.errors.contains("--set answers.jsonl"),
        "{}{}",
        ended.out,
        ended.errors
    );
}
