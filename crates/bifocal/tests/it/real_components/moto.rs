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
         [judge]\nbase_url = \"{judge}\"\nmodel = \"small-judge\"\nbudget_tokens_per_day = 1000000000\n[[evaluate]]\nrate = 1.0\n\
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

/// What boto3 finds in the log groups of quality.
fn read_logs(moto: &Component) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/real_components/read_logs.py");
    let output = Command::new(moto.address("python")).arg(script).arg(moto.address("aws")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_moto_has_the_judged_answers_and_the_embedded_metrics_that_were_logged() {
    let Some(moto) = Component::start("aws-mock", &[]) else { return };
    let tasks = TaskGroup::new();
    let (upstream, judge) = (Upstream::start(&tasks).await, judge(&tasks).await);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bifocal.toml");
    let text = format!(
        "[[target]]\nname = \"sagemaker\"\nendpoint = \"llm-prod\"\nupstream = \"http://{}\"\nscrape = \"off\"\n\
         components = {{ m = \"qwen-ic\" }}\n\
         [judge]\nbase_url = \"{judge}\"\nmodel = \"small-judge\"\n[[evaluate]]\nrate = 1.0\n\
         [cloudwatch]\nwrite = true\nemf = true\nlogs = true\nevery_seconds = 1\nregion = \"us-east-1\"\n",
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
        let question = format!("Question {i}: write to jane@example.org, how far is the moon?");
        assert_eq!(ask(&client(), &daemon.proxy, &question, false).await.unwrap().0, 200);
    }
    let group = "/aws/sagemaker/inference-quality/qwen-ic";
    let of = |found: &Value, kind: &str| -> Vec<Value> {
        let events = found[group]["events"].as_array().cloned().unwrap_or_default();
        events.into_iter().filter(|event| event["type"] == kind).collect()
    };
    let found = until("three answers with all that was said of them, and their metrics", || async {
        let found = read_logs(&moto);
        let whole = of(&found, "quality_evaluation")
            .iter()
            .filter(|event| event["scores"]["composite"].is_number())
            .count();
        (whole >= 3 && !of(&found, "metrics").is_empty()).then_some(found)
    })
    .await;
    assert!(!daemon.errors().contains("WARN"), "{}", daemon.errors());
    assert!(daemon.terminate().success());

    assert_eq!(found[group]["days"], 7);
    let streams = found[group]["streams"].as_array().unwrap();
    assert!(
        streams.iter().all(|stream| stream.as_str().unwrap().ends_with("/quality-monitoring")),
        "{streams:?}"
    );
    let judged = of(&found, "quality_evaluation");
    let mut prompts: Vec<&str> = judged.iter().filter_map(|event| event["prompt"].as_str()).collect();
    prompts.sort_unstable();
    prompts.dedup();
    assert_eq!(prompts.len(), 3, "{found}");
    assert!(prompts.iter().all(|prompt| !prompt.contains("jane@example.org")), "redacted: {prompts:?}");
    let whole = judged.iter().find(|event| event["scores"]["composite"].is_number()).unwrap();
    assert_eq!(whole["scores"]["relevance"], 0.75, "{whole}");
    assert!(whole["response"].as_str().unwrap().starts_with("You asked: "));
    assert!(whole["latency_ms"].as_f64().unwrap() > 0.0 && whole["weight"].as_f64() == Some(1.0));
    let metrics = of(&found, "metrics").pop().unwrap();
    assert_eq!(metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"], group, "{metrics}");
    assert_eq!((&metrics["relevance_score"], &metrics["EndpointName"]), (&json!(0.75), &json!("llm-prod")));
    // Nothing went by PutMetricData.
    assert_eq!(read_back(&moto), json!({}));
}
