//! Against the simulator, in its time.

use std::net::SocketAddr;

use bifocal_aws::{Credentials, Endpoints};
use bifocal_model::{Component, TargetNames};
use bifocal_sim::sagemaker::Scenario;
use bifocal_sim::sagemaker::control::{ControlServer, ControlSwitch, Policy};
use bifocal_sim::sagemaker::runtime::Access;
use bifocal_telemetry::{ManualClock, TaskGroup};

use super::*;

const SCENARIO: &str = include_str!("../../../../bifocal-sim/testdata/sagemaker/llm-prod.toml");

struct Bench {
    poll: Poll,
    clock: Arc<ManualClock>,
    telemetry: Telemetry,
    switch: ControlSwitch,
    _tasks: TaskGroup,
}

async fn bench(policy: Policy, budget: Budget) -> Bench {
    bench_of(Scenario::parse(SCENARIO).unwrap(), policy, budget).await
}

async fn bench_of(scenario: Scenario, policy: Policy, budget: Budget) -> Bench {
    let clock = Arc::new(ManualClock::new("2026-11-24T12:00:00Z".parse().unwrap()));
    let access = Access { keys: vec![("AKIDEXAMPLE".into(), "secret".into())], ..Access::default() };
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = ControlServer::bind(local, scenario, policy, access, clock.clone()).await.unwrap();
    let switch = server.switch();
    let endpoints = Endpoints::at(&format!("http://{}", server.address())).unwrap();
    let tasks = TaskGroup::new();
    tasks.spawn("simulator", server.run(tasks.drain()));
    let telemetry = Telemetry::new();
    let keys = Credentials::new("AKIDEXAMPLE", "secret", None);
    let aws = Aws::with_credentials("us-east-1", keys, endpoints, clock.clone(), telemetry.clone()).unwrap();
    let poll = Poll::new(aws, budget, Detail::Target, clock.clone(), telemetry.clone());
    Bench { poll, clock, telemetry, switch, _tasks: tasks }
}

fn component(endpoint: &str, name: &str) -> Watched {
    Watched {
        target: TargetKey::new(TargetNames {
            origin: "sagemaker/123456789012/us-east-1".into(),
            endpoint: endpoint.into(),
            variant: "AllTraffic".into(),
            component: Component::InferenceComponent(name.into()),
        }),
        gpus_per_instance: Some(4.0),
    }
}

fn watched() -> Vec<Watched> {
    vec![component("llm-prod", "qwen"), component("llm-prod", "llama")]
}

fn of<'a>(readings: &'a [Reading], name: &str, signal: &str) -> Vec<&'a Reading> {
    let is_it = |reading: &&Reading| match &reading.subject {
        ReadingSubject::Target(key) => {
            key.name() == name && reading.signal == signal && reading.part.is_empty()
        }
        ReadingSubject::Origin(_) => false,
    };
    readings.iter().filter(is_it).collect()
}

#[tokio::test]
async fn every_point_becomes_a_reading_once_in_the_signal_s_unit() {
    let mut bench = bench(Policy::open(), Budget::default()).await;
    bench.switch.enter(0);
    bench.clock.advance(Span::from_mins(10));
    bench.poll.discover(&watched()).await.unwrap();
    // Eight numbers of calls are published and two of GPUs, for each component.
    assert_eq!(bench.poll.series().len(), 2 * (8 + 2));
    let first = bench.poll.poll().await.unwrap();
    let rates: Vec<f64> = of(&first, "qwen", "requests_per_second").iter().map(|r| r.value).collect();
    assert_eq!(rates.len(), 9, "12:00 to 12:08, the newest minute is left to settle");
    assert!(rates.iter().all(|rate| (rate - 4.0).abs() < 1e-9), "{rates:?}");
    let value = |name, signal| of(&first, name, signal)[0].value;
    assert!((value("qwen", "model_duration_seconds") - 0.8).abs() < 1e-9);
    assert!((value("qwen", "error_ratio") - 0.01).abs() < 1e-9);
    assert!((value("llama", "gpu_utilization_ratio") - 0.2).abs() < 1e-9);
    assert_eq!(of(&first, "qwen", "requests_per_second")[0].time.to_string(), "2026-11-24T12:01:00Z");
    let p90 = first.iter().find(|r| r.signal == "model_duration_seconds" && r.part == "p90").unwrap();
    assert!(p90.value > 0.8);

    // Five minutes on: five new points of each, though twenty minutes were asked for.
    bench.clock.advance(Span::from_mins(5));
    let second = bench.poll.poll().await.unwrap();
    assert_eq!(of(&second, "qwen", "requests_per_second").len(), 5);
    let mut times: Vec<_> = of(&first, "llama", "error_ratio")
        .iter()
        .chain(&of(&second, "llama", "error_ratio"))
        .map(|r| r.time)
        .collect();
    let all = times.len();
    times.dedup();
    assert_eq!(times.len(), all);
    let known = bench.telemetry.value(Metric::CloudwatchPoints, &["known"]);
    assert_eq!(known, 20 * 9, "what was asked for again");
}

#[tokio::test]
async fn the_predicted_calls_are_the_counted_ones() {
    let budget = Budget { usd_per_month: Some(1.0), ..Budget::default() };
    let mut bench = bench(Policy::open(), budget).await;
    bench.switch.enter(0);
    bench.clock.advance(Span::from_mins(5));
    bench.poll.discover(&watched()).await.unwrap();
    let plan = bench.poll.plan();
    assert!(plan.is_capped && plan.usd_per_month <= 1.0 && plan.every > Span::from_mins(5), "{plan:?}");
    let billed_at_first = bench.telemetry.value(Metric::CloudwatchMetricsRequested, &[]);
    let calls = |telemetry: &Telemetry| {
        ["ListMetrics", "GetMetricData"]
            .map(|name| telemetry.value(Metric::AwsCalls, &["cloudwatch", name, "ok"]))
            .iter()
            .sum::<u64>()
    };
    let calls_at_first = calls(&bench.telemetry);
    // Two days, looked at each minute. The scenario stays as it is.
    for _ in 0..2 * 24 * 60 {
        bench.clock.advance(Span::from_mins(1));
        if bench.poll.is_discovery_due() {
            bench.poll.discover(&watched()).await.unwrap();
        }
        if bench.poll.is_due() {
            bench.poll.poll().await.unwrap();
        }
    }
    let share = 2.0 / 30.0;
    let billed = (bench.telemetry.value(Metric::CloudwatchMetricsRequested, &[]) - billed_at_first) as f64;
    assert!((billed / (plan.series_per_month * share) - 1.0).abs() < 0.05, "{billed} of {plan:?}");
    let called = (calls(&bench.telemetry) - calls_at_first) as f64;
    assert!((called / (plan.calls_per_month * share) - 1.0).abs() < 0.05, "{called} of {plan:?}");
}

#[tokio::test]
async fn after_an_error_the_same_is_asked_again() {
    let mut bench = bench(Policy::open(), Budget::default()).await;
    bench.switch.enter(0);
    bench.clock.advance(Span::from_mins(10));
    bench.poll.discover(&watched()).await.unwrap();
    bench.poll.poll().await.unwrap();
    bench.clock.advance(Span::from_mins(5));
    bench.switch.throttle(5);
    assert_eq!(bench.poll.poll().await.unwrap_err().kind(), bifocal_aws::Kind::Throttled);
    bench.clock.advance(Span::from_mins(60));
    let caught_up = bench.poll.poll().await.unwrap();
    assert_eq!(of(&caught_up, "qwen", "requests_per_second").len(), 65);
}

#[tokio::test]
async fn gpus_are_read_one_by_one_up_to_a_limit() {
    let mut bench = bench(Policy::open(), Budget::default()).await;
    bench.switch.enter(0);
    bench.clock.advance(Span::from_mins(10));
    bench.poll.detail = Detail::Gpu { series_max: crate::GPU_SERIES };
    bench.poll.discover(&watched()).await.unwrap();
    // Four GPUs of qwen and two of llama, two numbers of each; the wholes are gone.
    assert_eq!(bench.poll.series().len(), 2 * 8 + 2 * (4 + 2));
    let readings = bench.poll.poll().await.unwrap();
    let of_qwen =
        readings.iter().filter(|r| r.signal == "gpu_utilization_ratio" && r.part.starts_with("qwen"));
    assert!(of_qwen.clone().count() > 0 && of_qwen.into_iter().all(|r| (r.value - 0.625).abs() < 1e-9));
    assert_eq!(bench.telemetry.value(Metric::LimitHits, &["gpu_series"]), 0);
    bench.poll.detail = Detail::Gpu { series_max: 11 };
    bench.poll.discover(&watched()).await.unwrap();
    assert_eq!(bench.poll.series().len(), 2 * (8 + 2));
    assert_eq!(bench.telemetry.value(Metric::LimitHits, &["gpu_series"]), 1);
}

#[tokio::test]
async fn at_zero_there_are_no_readings_and_no_error() {
    let mut bench = bench(Policy::open(), Budget::default()).await;
    bench.switch.enter(4);
    bench.clock.advance(Span::from_mins(20));
    bench.poll.discover(&watched()).await.unwrap();
    assert_eq!(bench.poll.series(), []);
    assert_eq!(bench.poll.poll().await.unwrap(), []);
}

#[tokio::test]
async fn what_is_forbidden_is_named() {
    let mut bench = bench(Policy::of(["cloudwatch:GetMetricData"]), Budget::default()).await;
    let err = bench.poll.discover(&watched()).await.unwrap_err();
    assert_eq!((err.kind(), err.action()), (bifocal_aws::Kind::AccessDenied, Some("cloudwatch:ListMetrics")));
}

/// `bench/polling.py` does so with 50 endpoints of 4 components with 8 GPUs each.
#[tokio::test]
async fn a_fleet_costs_what_is_predicted_and_a_fifth_of_one_query_per_series_and_minute() {
    let mut scenario = Scenario::parse(SCENARIO).unwrap();
    (scenario.endpoint.twins, scenario.endpoint.enhanced) = (8, true);
    let budget = Budget { usd_per_month: None, ..Budget::default() };
    let mut bench = bench_of(scenario, Policy::open(), budget).await;
    bench.switch.enter(0);
    bench.clock.advance(Span::from_mins(10));
    let fleet =
        |n| ["qwen", "llama"].map(|name| component(&format!("llm-prod-{n:02}"), &format!("{name}-{n:02}")));
    let watched: Vec<Watched> = (1..=8).flat_map(fleet).collect();
    let minutes = 3 * 60;
    let (mut readings, mut looks) = (0, 0);
    for _ in 0..minutes {
        if bench.poll.is_discovery_due() {
            bench.poll.discover(&watched).await.unwrap();
        }
        if bench.poll.is_due() {
            readings += bench.poll.poll().await.unwrap().len();
            looks += 1;
        }
        bench.clock.advance(Span::from_mins(1));
    }
    let (plan, series) = (bench.poll.plan(), bench.poll.series().len());
    assert_eq!((series, looks), (8 * 2 * (8 + 2), minutes / 5));
    // Nearly every minute of every series became a reading: what is saved is not what is seen.
    assert!(readings > series * (minutes - 5), "{readings} readings of {series} series");
    let share = f64::from(i32::try_from(minutes).unwrap()) / (30.0 * 24.0 * 60.0);
    let billed = bench.telemetry.value(Metric::CloudwatchMetricsRequested, &[]) as f64;
    assert!((billed / (plan.series_per_month * share) - 1.0).abs() < 0.05, "{billed} of {plan:?}");
    let called: u64 = ["ListMetrics", "GetMetricData"]
        .map(|name| bench.telemetry.value(Metric::AwsCalls, &["cloudwatch", name, "ok"]))
        .iter()
        .sum();
    assert!((called as f64 / (plan.calls_per_month * share) - 1.0).abs() < 0.05, "{called} of {plan:?}");
    let every_minute = (series * minutes) as f64;
    assert!(every_minute / billed >= 5.0, "{every_minute} against {billed}");
}
