//! moto in place of CloudWatch: what Bifocal writes, boto3 reads.

use std::path::Path;
use std::process::Command;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use bifocal_telemetry::TaskGroup;
use serde_json::{Value, json};

use super::bed::Component;
use crate::harness::{Daemon, Upstream, ask, bifocal, client, serve, until};

/// A judge that gives four of five to everything.
async fn judge(tasks: &TaskGroup) -> String {
    let words = json!({"reason": "it answers", "score": 4}).to_string();
    let choice =
        json!({"index": 0, "message": {"role": "assistant", "content": words}, "finish_reason": "stop"});
    let usage = json!({"prompt_tokens": 90, "completion_tokens": 12});
    let body = json!({"model": "small-judge", "choices": [choice], "usage": usage}).to_string();
    let answer = move || std::future::ready(([(CONTENT_TYPE, "application/json")], body.clone()));
    format!("http://{}/v1", serve(tasks, Router::new().route("/v1/chat/completions", post(answer))).await)
}

/// What boto3 finds in both namespaces: metrics with their dimensions and newest averages.
fn read_back(moto: &Component) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/real_components/read_back.py");
    let output = Command::new(moto.address("python")).arg(script).arg(moto.address("aws")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_moto_has_the_quality_metrics_that_were_written() {
    let Some(moto) = Component::start("aws-mock", &[]) else { return };
    let tasks = TaskGroup::new();
    let (upstream, judge) = (Upstream::start(&tasks).await, judge(&tasks).await);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bifocal.toml");
    let text = format!(
        "[[target]]\nname = \"sagemaker\"\nendpoint = \"llm-prod\"\nupstream = \"http://{}\"\nscrape = \"off\"\n\
         components = {{ m = \"qwen-ic\" }}\n\
         [judge]\nbase_url = \"{judge}\"\nmodel = \"small-judge\"\n[[evaluate]]\nrate = 1.0\n\
         [cloudwatch]\nwrite = true\nevery_seconds = 1\ncounts = true\nregion = \"us-east-1\"\n\
         second_namespace = \"SageMaker/InferenceQuality\"\n",
        upstream.address
    );
    std::fs::write(&config, text).unwrap();
    let mut command = bifocal();
    command.args(["serve", "--listen", "127.0.0.1:0", "--proxy-listen", "127.0.0.1:0", "--config"]);
    command.arg(&config).arg("--data").arg(folder.path().join("data"));
    let environment = [
        ("AWS_ENDPOINT_URL", moto.address("aws")),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let daemon = Daemon::start(command.envs(environment));
    for i in 0..3 {
        let question = format!("Question {i}: how far is the moon?");
        assert_eq!(ask(&client(), &daemon.proxy, &question, false).await.unwrap().0, 200);
    }
    let article = "/aws/sagemaker/inference-quality/qwen-ic";
    let written = "bifocal_cloudwatch_puts_total{outcome=\"written\"} ";
    until("two namespaces are written", || async {
        let metrics =
            client().get(format!("{}/metrics", daemon.page)).send().await.ok()?.text().await.ok()?;
        let count = metrics.lines().find_map(|line| line.strip_prefix(written)?.parse::<f64>().ok())?;
        (count >= 2.0).then_some(())
    })
    .await;
    assert!(daemon.terminate().success());
    let found = read_back(&moto);

    let dimensions = json!({
        "EndpointName": "llm-prod", "InferenceComponentLabel": "qwen-ic", "InferenceComponentName": "qwen-ic"
    });
    for metric in ["relevance_score", "safety_score", "professional_tone_score", "composite_quality_score"] {
        let of = &found[article][metric];
        assert_eq!((&of["average"], &of["dimensions"]), (&json!(0.75), &dimensions), "{metric}: {found}");
    }
    assert!(found[article]["quality_evaluation_latency"]["average"].as_f64().unwrap() > 0.0);
    assert!(found[article]["relevance_score_judged"]["average"].as_f64().unwrap() >= 1.0);
    assert_eq!(
        found["SageMaker/InferenceQuality"], found[article],
        "the notebook's namespace holds the same"
    );
}
