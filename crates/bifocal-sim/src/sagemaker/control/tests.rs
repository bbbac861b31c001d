//! The control plane against boto3 and botocore's models, and its own promises.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bifocal_model::Span;
use bifocal_telemetry::{Clock, ManualClock, SystemClock, TaskGroup};
use serde_json::{Value, json};

use super::*;

const SCENARIO: &str = include_str!("../../../testdata/sagemaker/llm-prod.toml");

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn access() -> Access {
    Access { keys: vec![("AKIDEXAMPLE".into(), "secret".into())], ..Access::default() }
}

async fn server(policy: Policy, access: Access, clock: Arc<dyn Clock>) -> (ControlServer, ControlSwitch) {
    let scenario = Scenario::parse(SCENARIO).unwrap();
    let server = ControlServer::bind(local(), scenario, policy, access, clock).await.unwrap();
    let switch = server.switch();
    (server, switch)
}

/// The Python with boto3; `None` when it cannot be had here.
fn python() -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbed/aws-mock");
    let mut child = Command::new(script)
        .arg("--watch-stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    drop(child.stdin.take());
    let code = child.wait().unwrap().code();
    let Some(up) = line.strip_prefix("READY ") else {
        assert_eq!(code, Some(77), "testbed/aws-mock failed");
        assert!(
            std::env::var_os("BIFOCAL_CI").is_none(),
            "testbed/aws-mock cannot run here, and CI allows no skip"
        );
        println!("skipped: testbed/aws-mock cannot run on this machine");
        return None;
    };
    let up: Value = serde_json::from_str(up).unwrap();
    Some(up["python"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn e2e_boto3_reads_every_phase_and_botocore_s_models_fit() {
    let Some(python) = python() else { return };
    let (server, switch) = server(Policy::open(), access(), Arc::new(SystemClock::new())).await;
    switch.with_history(Span::from_mins(60));
    let address = format!("http://{}", server.address());
    let tasks = TaskGroup::new();
    tasks.spawn("simulator", server.run(tasks.drain()));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/sagemaker/boto.py");
    let run = |python: String, address: String, script: std::path::PathBuf| {
        tokio::task::spawn_blocking(move || {
            let done = Command::new(python).arg(script).arg(address).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            serde_json::from_slice::<Value>(&done.stdout).unwrap()
        })
    };
    let said = run(python.clone(), address.clone(), script.clone()).await.unwrap();
    assert_eq!(said["account"], "123456789012");
    assert_eq!(said["names"], json!(["qwen", "llama"]));
    assert_eq!((&said["instances"], &said["instance_type"]), (&json!(2), &json!("ml.g5.12xlarge")));
    assert_eq!(said["copies"], json!([2, 2]));
    assert!(said["missing"].as_str().unwrap().contains("Could not find endpoint"), "{said}");
    assert_eq!(said["sum"], json!([240.0, 240.0, 240.0, 240.0, 240.0]), "4 a second");
    assert_eq!(said["own"], json!([0.75]));
    assert_eq!(
        said["seen"].as_array().unwrap().len(),
        7,
        "all but PutMetricData, which answers nothing: {said}"
    );
    switch.enter(3);
    let said = run(python, address, script).await.unwrap();
    assert_eq!((&said["instances"], &said["instance_type"]), (&json!(3), &Value::Null));
    assert_eq!(said["copies"], json!([4, 2]));
    tasks.stop_and_join().await;
}

fn world(policy: Policy) -> (Arc<World>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_795_521_600)));
    let start = clock.now();
    let scenario = Scenario::parse(SCENARIO).unwrap();
    let entered = scenario
        .phases
        .iter()
        .enumerate()
        .map(|(i, p)| (start + Span::from_secs(p.after_seconds), i))
        .collect();
    let written = metrics::Written::default();
    let logs = logs::Groups::default();
    let board = alarms::Board::default();
    let state = Changing { policy, entered, to_throttle: 0, calls: Vec::new(), written, logs, board };
    let published = scenario.phases.iter().map(|_| std::sync::OnceLock::new()).collect();
    let world = World {
        scenario,
        access: Access::default(),
        objects: Objects::default(),
        queues: Queues::default(),
        clock: clock.clone(),
        live: std::sync::OnceLock::new(),
        published,
        state: Mutex::new(state),
    };
    (Arc::new(world), clock)
}

fn points(world: &World, metric: Value, period: u32, stat: &str, minutes: i64) -> Vec<f64> {
    let now = world.clock.now();
    let input = json!({
        "MetricDataQueries": [{"Id": "a", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}],
        "StartTime": (now - Span::from_mins(minutes)).as_secs_f64(), "EndTime": now.as_secs_f64(),
        "ScanBy": "TimestampAscending",
    });
    let Ok(data) = world.cloudwatch("GetMetricData", &input) else { panic!("refused") };
    serde_json::from_value(data["MetricDataResults"][0]["Values"].clone()).unwrap()
}

fn of_component(metric: &str, component: &str) -> Value {
    json!({"Namespace": "/aws/sagemaker/InferenceComponents", "MetricName": metric, "Dimensions": [{"Name": "InferenceComponentName", "Value": component}]})
}

#[test]
fn the_phases_truths_are_those_of_their_copies() {
    let scenario = Scenario::parse(SCENARIO).unwrap();
    for phase in &scenario.phases {
        let used: u32 = phase.components.iter().map(|c| c.copies() * c.accelerators.unwrap_or(0)).sum();
        assert_eq!(f64::from(used), phase.truth.gpus_used, "{}", phase.name);
        assert_eq!(f64::from(phase.instances() * 4 - used), phase.truth.gpus_free, "{}", phase.name);
    }
}

#[test]
fn gpus_are_counted_by_samples_and_short_points_vanish() {
    let (world, clock) = world(Policy::open());
    clock.advance(Span::from_secs(590));
    let metric = of_component("GPUUtilizationNormalized", "qwen");
    // Two copies of two GPUs, six samples of each in a minute; the last minute is not whole yet.
    let counts = points(&world, metric.clone(), 60, "SampleCount", 5);
    assert_eq!(counts[..3], [24.0, 24.0, 24.0]);
    assert_eq!(points(&world, metric.clone(), 10, "SampleCount", 1).first(), Some(&4.0));
    assert_eq!(points(&world, metric.clone(), 60, "Average", 3)[0], 62.5);
    clock.advance(Span::from_mins(240));
    let (short, long) =
        (points(&world, metric.clone(), 10, "Average", 245), points(&world, metric, 60, "Average", 245));
    assert!(short.is_empty() && !long.is_empty(), "{} {}", short.len(), long.len());
}

#[test]
fn at_zero_there_is_no_series() {
    let (world, clock) = world(Policy::open());
    clock.advance(Span::from_secs(2400 + 600));
    assert_eq!(points(&world, of_component("GPUUtilizationNormalized", "qwen"), 60, "Average", 5), [0.0; 0]);
}

#[test]
fn what_the_policy_does_not_allow_is_named() {
    let (world, _) = world(Policy::of(["sagemaker:List*"]));
    let name = |_: &str| "llm-prod".to_owned();
    assert!(world.sagemaker("ListEndpoints", &name).is_ok());
    let Err(refusal) = world.sagemaker("DescribeEndpoint", &name) else { panic!("allowed") };
    assert_eq!(refusal.code, "AccessDeniedException");
    assert!(refusal.message.contains("not authorized to perform: sagemaker:DescribeEndpoint"));
    assert_eq!(world.lock().calls, ["sagemaker:ListEndpoints", "sagemaker:DescribeEndpoint"]);
}

#[test]
fn one_request_stands_under_several_sets() {
    let (world, clock) = world(Policy::open());
    clock.advance(Span::from_mins(5));
    let input = json!({"Namespace": "AWS/SageMaker", "MetricName": "Invocations"});
    let Ok(listed) = world.cloudwatch("ListMetrics", &input) else { panic!("refused") };
    let sets: Vec<usize> = listed["Metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["Dimensions"].as_array().unwrap().len())
        .collect();
    assert_eq!(sets.iter().filter(|n| **n == 1).count(), 2);
    assert_eq!(sets.iter().filter(|n| **n == 4).count(), 2);
    let whole = json!({"Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Dimensions": [{"Name": "EndpointName", "Value": "llm-prod"}, {"Name": "VariantName", "Value": "AllTraffic"}]});
    assert_eq!(points(&world, whole, 60, "Sum", 4)[0], 330.0, "4 and 1.5 a second");
}

#[test]
fn numbers_per_copy_are_those_of_a_component_divided_by_its_copies() {
    let (world, clock) = world(Policy::open());
    clock.advance(Span::from_mins(5));
    let metric = |name: &str, dimensions: Value| json!({"Namespace": "AWS/SageMaker", "MetricName": name, "Dimensions": dimensions});
    let qwen = json!([{"Name": "InferenceComponentName", "Value": "qwen"}]);
    // Two copies, 4 requests a second of 0.8 s.
    assert_eq!(points(&world, metric("InvocationsPerCopy", qwen.clone()), 60, "Sum", 4)[0], 120.0);
    assert_eq!(points(&world, metric("ConcurrentRequestsPerCopy", qwen), 60, "Maximum", 4)[0], 1.6);
    let variant = json!([{"Name": "EndpointName", "Value": "llm-prod"}, {"Name": "VariantName", "Value": "AllTraffic"}]);
    assert!(points(&world, metric("InvocationsPerCopy", variant), 60, "Sum", 4).is_empty());
}

#[test]
fn a_scenario_that_is_none_is_refused() {
    for wrong in ["", "account = 1", "account = \"1\"\nregion = \"r\"\nphase = []\n[endpoint]\n"] {
        assert!(Scenario::parse(wrong).is_err(), "{wrong}");
    }
    let backwards = SCENARIO.replace("after_seconds = 600", "after_seconds = 0");
    assert!(Scenario::parse(&backwards).is_err());
}
