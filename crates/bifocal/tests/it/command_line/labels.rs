//! What people say of answers: durable before it is confirmed, compared with the judge, imported twice without effect.

use std::fs;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use bifocal_telemetry::TaskGroup;
use serde_json::{Value, json};

use super::{Ended, run};
use crate::harness::{Daemon, Upstream, ask, bifocal, client, free_port, get_json, serve, until};

/// Answers, each with a grade that the judge reads off it.
const ANSWERS: usize = 25;

/// A judge that gives the grade that stands in the text, and a 4 where none does.
async fn judge(body: Bytes) -> String {
    let text = String::from_utf8_lossy(&body).into_owned();
    let grade: u8 =
        text.split("shelf-").nth(1).and_then(|rest| rest.get(..1)).and_then(|g| g.parse().ok()).unwrap_or(4);
    let content = json!({"reason": "as asked", "score": grade}).to_string();
    json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 12, "total_tokens": 112}})
    .to_string()
}

async fn post_json(address: String, body: &Value) -> (u16, Value) {
    let response = client().post(address).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn judge_command(folder: &std::path::Path, args: &[&str]) -> Ended {
    run(bifocal().args(["--format", "json", "judge"]).args(args).arg("--data").arg(folder.join("data")))
}

fn relevance(judges: &Value) -> Option<Value> {
    let all = judges.get("items").unwrap_or(judges).as_array()?;
    all.iter().find(|judge| judge["dimension"] == "relevance").cloned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_labels_survive_a_kill_and_are_compared_with_the_judge() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let judge = serve(&tasks, Router::new().route("/v1/chat/completions", post(judge))).await;
    let folder = tempfile::tempdir().unwrap();
    let serve_args = || {
        let mut command = bifocal();
        command
            .args(["serve", "--upstream", &format!("http://{}", upstream.address)])
            .args(["--listen", &free_port().to_string(), "--proxy-listen", &free_port().to_string()])
            .args([
                "--judge-url",
                &format!("http://{judge}/v1"),
                "--judge-model",
                "j",
                "--judge-rate",
                "1",
                "--judge-tokens-per-day",
                "1000000000",
            ])
            .arg("--data")
            .arg(folder.path().join("data"));
        command
    };
    let mut daemon = Daemon::start(&mut serve_args());
    for i in 0..ANSWERS {
        let question = format!("Question {i}: where is shelf-{} now?", 1 + i % 5);
        assert_eq!(ask(&client(), &daemon.proxy, &question, false).await.unwrap().0, 200);
    }
    let rows = until("all answers judged", || async {
        let page = get_json(&client(), &daemon.page, "/api/v1/inferences?limit=100").await.unwrap();
        let rows = page["items"].as_array().unwrap().clone();
        let is_judged =
            |row: &Value| row["scores"].as_array().unwrap().iter().any(|s| s["kind"] == "composite");
        (rows.len() == ANSWERS && rows.iter().all(is_judged)).then_some(rows)
    })
    .await;

    // Ann agrees with the judge on all but one.
    let grade = |row: &Value| -> u64 {
        row["question"].as_str().unwrap().split("shelf-").nth(1).unwrap()[..1].parse().unwrap()
    };
    let labels =
        |row: &Value| format!("{}/api/v1/inferences/{}/labels", daemon.page, row["id"].as_str().unwrap());
    for (i, row) in rows.iter().enumerate() {
        let given = if i == 0 { 6 - grade(row) } else { grade(row) };
        let body =
            json!({"who": "ann", "dimension": "relevance", "grade": given, "correction": "ask a@b.org"});
        let (status, said) = post_json(labels(row), &body).await;
        assert_eq!((status, &said["items"][0]["grade"]), (200, &json!(given)), "{said}");
        assert_eq!(said["items"][0]["correction"], "ask [email]");
    }
    let (status, said) = post_json(labels(&rows[0]), &json!({"who": "bob", "thumbs": "down"})).await;
    assert_eq!((status, said["items"].as_array().unwrap().len()), (200, 2), "{said}");
    for (wrong, code) in [
        (json!({"who": "ann", "grade": 9}), 400),
        (json!({"who": "", "grade": 1}), 400),
        (json!({"who": "ann"}), 400),
        (json!({"who": "ann", "grade": 1, "stars": 2}), 400),
    ] {
        assert_eq!(post_json(labels(&rows[0]), &wrong).await.0, code, "{wrong}");
    }
    let nobody = format!("{}/api/v1/inferences/0199/labels", daemon.page);
    assert_eq!(post_json(nobody, &json!({"who": "ann", "grade": 1})).await.0, 404);
    // What any site may send without asking is not taken.
    let plain = client().post(format!("{}/api/v1/labels", daemon.page)).body("{}").send().await.unwrap();
    assert_eq!(plain.status().as_u16(), 400);

    daemon.kill();
    let daemon = Daemon::start(&mut serve_args());
    let kept = get_json(&client(), &daemon.page, "/api/v1/labels?limit=100").await.unwrap();
    assert_eq!(kept["items"].as_array().unwrap().len(), ANSWERS + 1, "{kept}");
    let path = format!("/api/v1/inferences/{}", rows[0]["id"].as_str().unwrap());
    let one = get_json(&client(), &daemon.page, &path).await.unwrap();
    assert_eq!(one["people"].as_array().unwrap().len(), 2);
    let lines = format!(
        "{}\n\n{}\n",
        json!({"inference": rows[1]["id"], "who": "bob", "thumbs": "up"}),
        json!({"inference": rows[2]["id"], "who": "bob", "thumbs": "up"})
    );
    let many = |lines: String| {
        let request = client().post(format!("{}/api/v1/labels", daemon.page));
        request.header("content-type", "application/x-ndjson").body(lines).send()
    };
    let taken: Value = many(lines.clone()).await.unwrap().json().await.unwrap();
    assert_eq!(taken, json!({"new": 2, "known": 0}));
    let half = many(format!("{lines}{{\"who\": \"bob\"}}\n")).await.unwrap();
    assert_eq!(half.status().as_u16(), 400);
    assert!(half.text().await.unwrap().contains("line 4"), "the line is named");
    let judges = get_json(&client(), &daemon.page, "/api/v1/judges").await.unwrap();
    let before = relevance(&judges).unwrap();
    let agreement = &before["agreement"];
    assert_eq!((&agreement["labelled"], &agreement["scale"]), (&json!(ANSWERS), &json!("grades")));
    let kappa = agreement["kappa"]["value"].as_f64().unwrap();
    assert!(kappa > 0.6 && kappa < 1.0, "{agreement}");
    assert_eq!(before["difference"], Value::Null, "it has no anchors");
    assert!(daemon.terminate().success());

    // The file again, from the command line: what is there already is told, what is wrong too.
    let file = folder.path().join("labels.jsonl");
    let name = file.to_str().unwrap();
    fs::write(
        &file,
        format!("{lines}nonsense\n{}", json!({"inference": rows[3]["id"], "who": "bob", "pass": false})),
    )
    .unwrap();
    let ended = judge_command(folder.path(), &["labels", name]);
    assert_eq!(ended.code, Some(1), "{}", ended.errors);
    assert_eq!(
        serde_json::from_str::<Value>(&ended.out).unwrap(),
        json!({"new": 1, "known": 2, "rejected": 1})
    );
    assert!(ended.errors.contains("line 4"), "{}", ended.errors);
    let again = judge_command(folder.path(), &["labels", name]);
    assert_eq!(
        serde_json::from_str::<Value>(&again.out).unwrap(),
        json!({"new": 0, "known": 3, "rejected": 1})
    );
    // More than "labels_at_once" go in several writes; of more wrong lines than "wrong_labels_told" the first 20 are told.
    let repeated = json!({"inference": rows[1]["id"], "who": "bob", "thumbs": "up"}).to_string() + "\n";
    fs::write(&file, repeated.repeat(1_001) + &"nonsense\n".repeat(25)).unwrap();
    let large = judge_command(folder.path(), &["labels", name]);
    let counts: Value = serde_json::from_str(&large.out).unwrap();
    assert_eq!(counts, json!({"new": 0, "known": 1_001, "rejected": 25}));
    assert_eq!(large.errors.lines().filter(|line| line.starts_with("line ")).count(), 20);
    let shown = judge_command(folder.path(), &["agreement"]);
    let after = relevance(&serde_json::from_str(&shown.out).unwrap()).unwrap();
    assert_eq!(&after["agreement"]["kappa"], &agreement["kappa"], "the same bits after two restarts");
    let text = run(bifocal().args(["judge", "agreement"]).arg("--data").arg(folder.path().join("data")));
    assert!(text.out.contains("kappa, quadratic, on grades"), "{}", text.out);
    assert_eq!(judge_command(folder.path(), &["labels", "no-such-file"]).code, Some(2));
}
