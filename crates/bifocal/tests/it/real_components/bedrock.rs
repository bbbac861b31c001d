//! A judge on Bedrock: signed calls of Converse, and their answers as scores. The shapes of both are held against
//! botocore's model of the service, since no emulator at hand answers Converse.

use std::path::Path as FilePath;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::post;
use bifocal_telemetry::TaskGroup;
use serde_json::{Value, json};

use super::bed::Component;
use crate::harness::{Daemon, Upstream, ask, bifocal, client, get_json, serve, until};

type Asked = Arc<Mutex<Vec<(String, String, Value)>>>;

/// What Bedrock answers, in the shape of its service model.
async fn converse(
    State(asked): State<Asked>,
    Path(model): Path<String>,
    headers: HeaderMap,
    body: String,
) -> axum::Json<Value> {
    let signed = headers["authorization"].to_str().unwrap().to_owned();
    asked.lock().unwrap().push((model, signed, serde_json::from_str(&body).unwrap()));
    axum::Json(answer())
}

fn answer() -> Value {
    let verdict = json!({"reason": "it answers", "score": 4}).to_string();
    json!({
        "output": {"message": {"role": "assistant", "content": [{"text": verdict}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 90, "outputTokens": 12, "totalTokens": 102},
        "metrics": {"latencyMs": 40},
    })
}

/// What botocore's model of Bedrock has against the two; empty when nothing.
fn faults(component: &Component, question: &Value, answer: &Value) -> String {
    let script = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/real_components/converse.py");
    let both = json!({"question": question, "answer": answer}).to_string();
    let done = Command::new(component.address("python")).arg(script).arg(both).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_a_judge_on_bedrock_is_asked_through_converse_and_its_verdicts_are_scores() {
    let Some(component) = Component::start("aws-mock", &[]) else { return };
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let asked = Asked::default();
    let router =
        Router::new().route("/model/{model}/converse", post(converse)).with_state(Arc::clone(&asked));
    let bedrock = serve(&tasks, router).await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bifocal.toml");
    let text = format!(
        "[[target]]\nname = \"llm\"\nupstream = \"http://{}\"\nscrape = \"off\"\n\
         [judge]\nprovider = \"bedrock\"\nregion = \"eu-west-1\"\nmodel = \"eu.amazon.nova-pro-v1:0\"\nbudget_tokens_per_day = 1000000000\n\
         [[evaluate]]\nrate = 1.0\n",
        upstream.address
    );
    std::fs::write(&config, text).unwrap();
    let mut command = bifocal();
    command.args(["serve", "--listen", "127.0.0.1:0", "--proxy-listen", "127.0.0.1:0", "--config"]);
    command.arg(&config).arg("--data").arg(folder.path().join("data"));
    let endpoint = format!("http://{bedrock}");
    let environment = [
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let daemon = Daemon::start(command.envs(environment));
    assert_eq!(ask(&client(), &daemon.proxy, "How far is the moon?", false).await.unwrap().0, 200);
    let http = client();
    until("scores of three dimensions", || async {
        let scores = get_json(&http, &daemon.page, "/api/v1/scores").await.ok()?;
        let judged = scores["items"].as_array()?.iter().filter(|score| score["value"] == json!(0.75));
        (judged.count() >= 3).then_some(())
    })
    .await;
    let asked = asked.lock().unwrap().clone();
    let (model, signed, body) = &asked[0];
    assert_eq!(model, "eu.amazon.nova-pro-v1:0");
    assert!(signed.contains("/eu-west-1/bedrock/aws4_request"), "{signed}");
    assert_eq!(body["messages"][0]["role"], "user");
    assert!(body["system"][0]["text"].as_str().unwrap().len() > 20);
    assert_eq!(body["outputConfig"]["textFormat"]["type"], "json_schema");
    assert_eq!(faults(&component, body, &answer()), "");
    let mut wrong = body.clone();
    wrong["inferenceConfig"]["maxTokens"] = json!("512");
    assert!(faults(&component, &wrong, &answer()).contains("maxTokens"), "the model would see a fault");
    assert!(daemon.terminate().success());
}
