//! The binary and a simulated SageMaker: with a name and nothing else, its numbers are the scenario's truth.

mod alarms;
mod answers;
mod policy;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bifocal_model::Span;
use bifocal_sim::sagemaker::control::{ControlServer, ControlSwitch, Policy, Queues};
use bifocal_sim::sagemaker::runtime::{Access, Objects};
use bifocal_sim::sagemaker::{Phase, Scenario};
use bifocal_telemetry::{SystemClock, TaskGroup};
use serde_json::Value;

use crate::harness::{Daemon, bifocal, client, free_port, get_json, until};

const SCENARIO: &str = include_str!("../../../bifocal-sim/testdata/sagemaker/llm-prod.toml");

pub(crate) struct Account {
    pub(crate) address: String,
    switch: ControlSwitch,
    objects: Objects,
    queues: Queues,
    pub(crate) phases: Vec<Phase>,
}

pub(crate) async fn account(tasks: &TaskGroup, policy: Policy) -> Account {
    of_scenario(tasks, policy, Scenario::parse(SCENARIO).unwrap(), Span::from_mins(60)).await
}

/// An account that has been in its first phase for so long.
async fn of_scenario(tasks: &TaskGroup, policy: Policy, scenario: Scenario, history: Span) -> Account {
    let phases = scenario.phases.clone();
    let access = Access { keys: vec![("AKIDEXAMPLE".into(), "secret".into())], ..Access::default() };
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let clock = Arc::new(SystemClock::new());
    let server = ControlServer::bind(local, scenario, policy, access, clock).await.unwrap();
    let (address, switch) = (format!("http://{}", server.address()), server.switch());
    let (objects, queues) = (server.objects(), server.queues());
    tasks.spawn("SageMaker", server.run(tasks.drain()));
    switch.enter(0);
    switch.with_history(history);
    Account { address, switch, objects, queues, phases }
}

/// What `bifocal iam` prints for these flags, and nothing else, is allowed from now on.
fn under_its_policy(account: &Account, flags: &[&str]) -> Policy {
    let mut command = bifocal();
    command.args(["iam", "--region", "us-east-1", "--account", "123456789012"]).args(flags);
    let printed = command.output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let policy = Policy::document(&String::from_utf8(printed.stdout).unwrap()).unwrap();
    account.switch.allow(policy.clone());
    policy
}

/// The environment of a machine with keys and nothing else.
pub(crate) fn with_keys<'a>(command: &'a mut Command, account: &Account, home: &Path) -> &'a mut Command {
    for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE"] {
        command.env_remove(name);
    }
    command
        .env("HOME", home)
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ENDPOINT_URL", &account.address)
}

fn number(target: &Value, key: &str) -> Option<f64> {
    target[key].as_f64()
}

fn is(value: Option<f64>, wanted: f64) -> bool {
    value.is_some_and(|value| (value - wanted).abs() < 1e-6)
}

/// Whether the page's numbers are those of the phase.
fn shows(items: &[Value], phase: &Phase) -> bool {
    let target = |name: &str| items.iter().find(|item| item["inference_component"] == name);
    let used: f64 = items.iter().filter_map(|item| number(item, "gpus_used")).sum();
    let costs = phase.truth.usd_per_hour.iter().all(|(name, usd)| {
        target(name).is_some_and(|target| {
            is(number(target, "cost_usd_per_hour"), *usd)
                && is(number(target, "gpus_free"), phase.truth.gpus_free)
        })
    });
    costs && is(Some(used), phase.truth.gpus_used)
}

#[tokio::test(flavor = "multi_thread")]
async fn e2e_gpus_and_costs_of_an_endpoint_s_name_are_the_scenario_s_truth() {
    let tasks = TaskGroup::new();
    let account = account(&tasks, Policy::open()).await;
    under_its_policy(&account, &["--sagemaker", "llm-prod"]);
    let folder = tempfile::tempdir().unwrap();
    let mut command = bifocal();
    let command = with_keys(&mut command, &account, folder.path());
    let daemon = Daemon::start(command.current_dir(&folder).args([
        "serve",
        "--sagemaker",
        "llm-prod",
        "--listen",
        &free_port().to_string(),
    ]));
    let http = client();
    let items = || async {
        let targets = get_json(&http, &daemon.page, "/api/v1/targets").await.ok()?;
        targets["items"].as_array().cloned()
    };
    for (i, phase) in account.phases.iter().enumerate() {
        account.switch.enter(i);
        // Two looks from now on: what is shown then is of this phase, also where the truth is that of the one before.
        let looks =
            || account.switch.calls().iter().filter(|call| **call == "sagemaker:DescribeEndpoint").count();
        let before = looks();
        until(&phase.name, || async {
            let items = items().await?;
            (looks() >= before + 2 && shows(&items, phase)).then_some(())
        })
        .await;
    }
    // What CloudWatch measured in the hour before: of each component alone, though the same calls are counted for the
    // variant too.
    let items = items().await.unwrap();
    let qwen = items.iter().find(|item| item["inference_component"] == "qwen").unwrap();
    assert_eq!(qwen["origin"], "sagemaker/123456789012/us-east-1");
    assert_eq!((&qwen["endpoint"], &qwen["variant"]), (&"llm-prod".into(), &"AllTraffic".into()));
    assert!(is(number(qwen, "requests_per_second"), 4.0), "{qwen}");
    assert!(is(number(qwen, "error_ratio"), 0.01), "{qwen}");
    assert!(is(number(qwen, "model_duration_seconds"), 0.8), "{qwen}");
    assert!(is(number(qwen, "gpu_utilization_ratio"), 0.625), "{qwen}");
    // What changed became events.
    let events = get_json(&http, &daemon.page, "/api/v1/events").await.unwrap();
    let summaries: Vec<&str> =
        events["items"].as_array().unwrap().iter().filter_map(|event| event["summary"].as_str()).collect();
    for part in ["as an adapter of `qwen`", "`qwen` 2 to 4 copies", "2 ml.g6.12xlarge"] {
        assert!(summaries.iter().any(|summary| summary.contains(part)), "{part}: {summaries:?}");
    }
    // And the truth's cost stands in the exposition.
    let page = http.get(format!("{}/metrics", daemon.page)).send().await.unwrap().text().await.unwrap();
    let cost = page.lines().find(|line| {
        line.starts_with("bifocal_cost_usd_per_hour") && line.contains("inference_component=\"llama\"")
    });
    assert!(cost.is_some_and(|line| line.ends_with(" 0")), "{cost:?}");
    assert!(!daemon.errors().contains("WARN"), "{}", daemon.errors());
    assert!(daemon.terminate().success());
    tasks.stop_and_join().await;
}

fn check(account: &Account, name: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bifocal.toml");
    std::fs::write(&path, format!("[[target]]\nsagemaker = \"{name}\"\n")).unwrap();
    let mut command = bifocal();
    let command = with_keys(&mut command, account, folder.path());
    let done = command.current_dir(&folder).args(["check", "--config"]).arg(path).output().unwrap();
    (done.status.code(), String::from_utf8(done.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn e2e_check_names_the_account_and_what_is_found() {
    let tasks = TaskGroup::new();
    let open = account(&tasks, Policy::open()).await;
    under_its_policy(&open, &["--sagemaker", "llm-*", "--sagemaker", "other"]);
    let (code, said) = check(&open, "llm-*");
    assert_eq!(code, Some(0), "{said}");
    for part in [
        "account 123456789012, region us-east-1",
        "endpoint llm-prod",
        "6 GPUs used, 2 free",
        "$14.18 an hour",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (code, said) = check(&open, "other");
    assert_eq!(code, Some(1));
    assert!(said.contains("no endpoint of this name"), "{said}");
    tasks.stop_and_join().await;
}
