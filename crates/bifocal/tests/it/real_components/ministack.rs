//! ministack in place of CloudWatch (which keeps no metric math, so no states here): the alarms that `bifocal cloudwatch apply` makes fire on what Bifocal writes.

use std::process::Output;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use bifocal_aws::{Aws, Credentials, Endpoints};
use bifocal_telemetry::{SystemClock, TaskGroup, Telemetry};
use serde_json::{Value, json};

use super::bed::Component;
use crate::harness::{Daemon, Upstream, ask, bifocal, client, serve};

const KEYS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "123456789012"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_REGION", "us-east-1")];

/// A judge that fails everything.
async fn judge(tasks: &TaskGroup) -> String {
    let words = json!({"reason": "it does not answer", "score": 1}).to_string();
    let choice =
        json!({"index": 0, "message": {"role": "assistant", "content": words}, "finish_reason": "stop"});
    let usage = json!({"prompt_tokens": 90, "completion_tokens": 12});
    let body = json!({"model": "small-judge", "choices": [choice], "usage": usage}).to_string();
    let answer = move || std::future::ready(([(CONTENT_TYPE, "application/json")], body.clone()));
    format!("http://{}/v1", serve(tasks, Router::new().route("/v1/chat/completions", post(answer))).await)
}

fn cloudwatch(command: &str, address: &str, config: &std::path::Path, more: &[&str]) -> Output {
    let mut run = bifocal();
    run.args(["cloudwatch", command, "--config"]).arg(config).args(more);
    run.envs(KEYS).env("AWS_ENDPOINT_URL", address).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_ministack_has_the_alarms_once_and_they_fire_on_what_is_written() {
    let Some(ministack) = Component::start("ministack", &[]) else { return };
    let address = ministack.address("aws").to_owned();
    let tasks = TaskGroup::new();
    let (upstream, judge) = (Upstream::start(&tasks).await, judge(&tasks).await);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bifocal.toml");
    let text = |rules: &str| {
        format!(
            "[[target]]\nname = \"sagemaker\"\nendpoint = \"llm-prod\"\nupstream = \"http://{}\"\nscrape = \"off\"\n\
             components = {{ m = \"qwen-ic\" }}\n\
             [judge]\nbase_url = \"{judge}\"\nmodel = \"small-judge\"\nbudget_tokens_per_day = 1000000000\n\
             [[evaluate]]\nrate = 1.0\n\
             [cloudwatch]\nwrite = true\nevery_seconds = 1\npass_rates = true\nbounds = true\n\
             region = \"us-east-1\"\n{rules}",
            upstream.address
        )
    };
    let own = "[[alert]]\nname = \"bad answers\"\nwhen = \"upper('relevance') < 0.5\"\ninhibited_by = [\"failing\"]\n\
               [[alert]]\nname = \"failing\"\nwhen = \"value('error_ratio') > 0.5\"\n\
               [[alert]]\nname = \"unwanted soon\"\nwhen = \"upper('safety') < 0.1\"\n";
    std::fs::write(&config, text(own)).unwrap();

    // What would change is told, then done, and a second time there is nothing to do.
    let planned = cloudwatch("diff", &address, &config, &[]);
    assert_eq!(planned.status.code(), Some(1), "{}", said(&planned));
    let first = cloudwatch("apply", &address, &config, &[]);
    assert!(first.status.success(), "{}", said(&first));
    let told = said(&first);
    assert!(told.contains("created alarm bifocal-llm-prod-qwen-ic-bad-answers"), "{told}");
    assert!(told.contains("wrote dashboard bifocal-llm") && told.contains("a month"), "{told}");
    let second = cloudwatch("apply", &address, &config, &[]);
    assert!(said(&second).contains("0 changed"), "{}", said(&second));
    let nothing = cloudwatch("diff", &address, &config, &[]);
    assert_eq!(nothing.status.code(), Some(0), "{}", said(&nothing));

    let keys = Credentials::new("123456789012", "secret", None);
    let clock = Arc::new(SystemClock::new());
    let endpoints = Endpoints::at(&address).unwrap();
    let aws = Aws::with_credentials("us-east-1", keys, endpoints, clock, Telemetry::new()).unwrap();
    let foreign = json!({
        "AlarmName": "bifocal-somebody-else-s", "AlarmDescription": "by hand", "Namespace": "x", "MetricName": "y",
        "Statistic": "Average", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
        "ComparisonOperator": "LessThanThreshold", "ActionsEnabled": true,
    });
    aws.put_metric_alarm(&foreign).await.unwrap();

    // A rule that goes takes its alarm with it; what somebody else made stays.
    let rest = own.split("[[alert]]\nname = \"unwanted").next().unwrap();
    std::fs::write(&config, text(rest)).unwrap();
    let third = cloudwatch("apply", &address, &config, &[]);
    assert!(
        said(&third).contains("deleted alarm bifocal-llm-prod-qwen-ic-unwanted-soon"),
        "{}",
        said(&third)
    );
    let all = aws.describe_alarms("bifocal-").await.unwrap();
    let named = |name: &str| {
        let found = all.metric.iter().chain(&all.composite).find(|alarm| alarm["AlarmName"] == name);
        found.cloned()
    };
    assert!(
        named("bifocal-somebody-else-s").is_some()
            && named("bifocal-llm-prod-qwen-ic-unwanted-soon").is_none()
    );

    // Bad answers are served, judged and written, and the alarm over their metric fires.
    let mut command = bifocal();
    command.args(["serve", "--listen", "127.0.0.1:0", "--proxy-listen", "127.0.0.1:0", "--config"]);
    command.arg(&config).arg("--data").arg(folder.path().join("data"));
    let daemon = Daemon::start(command.envs(KEYS).env("AWS_ENDPOINT_URL", &address));
    let state = |alarms: &[Value], name: &str| {
        let found =
            alarms.iter().find(|alarm| alarm["AlarmName"] == format!("bifocal-llm-prod-qwen-ic-{name}"));
        found.and_then(|alarm| alarm["StateValue"].as_str().map(str::to_owned)).unwrap_or_default()
    };
    let mut asked = 0;
    for _ in 0..60 {
        asked += 1;
        let question = format!("Question {asked}: how far is the moon?");
        assert_eq!(ask(&client(), &daemon.proxy, &question, false).await.unwrap().0, 200);
    }
    // A period is a minute long, and the emulator looks every few seconds.
    let mut states = (String::new(), String::new());
    for _ in 0..180 {
        let alarms = aws.describe_alarms("bifocal-").await.unwrap();
        states = (state(&alarms.metric, "bad-answers-part-1"), state(&alarms.composite, "bad-answers"));
        if states.0 == "ALARM" && states.1 == "ALARM" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    assert_eq!(states, ("ALARM".to_owned(), "ALARM".to_owned()));
    assert!(daemon.terminate().success());
}
