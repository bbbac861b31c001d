//! Against the simulator, in its time.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use bifocal_aws::{Credentials, Endpoints as Addresses, Kind};
use bifocal_model::{Component, ReadingSubject, TargetNames};
use bifocal_sim::sagemaker::Scenario;
use bifocal_sim::sagemaker::control::{ControlServer, ControlSwitch, Policy};
use bifocal_sim::sagemaker::runtime::Access;
use bifocal_telemetry::{ManualClock, TaskGroup};
use bifocal_wire::promql::Point;

use super::*;

const SCENARIO: &str = include_str!("../../../../bifocal-sim/testdata/sagemaker/llm-prod.toml");

struct Bench {
    poll: PromPoll,
    clock: Arc<ManualClock>,
    telemetry: Telemetry,
    switch: ControlSwitch,
    _tasks: TaskGroup,
}

/// The first phase of the scenario, in which `qwen` has so many copies.
async fn bench(copies: u32) -> Bench {
    let clock = Arc::new(ManualClock::new("2026-11-24T12:00:00Z".parse().unwrap()));
    let access = Access { keys: vec![("AKIDEXAMPLE".into(), "secret".into())], ..Access::default() };
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut scenario = Scenario::parse(SCENARIO).unwrap();
    scenario.endpoint.detailed = true;
    scenario.phases.truncate(1);
    scenario.phases[0].components[0].copies.insert("ml.g5.12xlarge".into(), copies);
    let server = ControlServer::bind(local, scenario, Policy::open(), access, clock.clone()).await.unwrap();
    let switch = server.switch();
    let endpoints = Addresses::at(&format!("http://{}", server.address())).unwrap();
    let tasks = TaskGroup::new();
    tasks.spawn("simulator", server.run(tasks.drain()));
    let telemetry = Telemetry::new();
    let keys = Credentials::new("AKIDEXAMPLE", "secret", None);
    let aws = Aws::with_credentials("us-east-1", keys, endpoints, clock.clone(), telemetry.clone()).unwrap();
    let poll = PromPoll::new(aws, "sagemaker/123456789012/us-east-1", clock.clone(), telemetry.clone());
    clock.advance(Span::from_mins(10));
    Bench { poll, clock, telemetry, switch, _tasks: tasks }
}

fn target(name: &str) -> TargetKey {
    TargetKey::new(TargetNames {
        origin: "sagemaker/123456789012/us-east-1".into(),
        endpoint: "llm-prod".into(),
        variant: "AllTraffic".into(),
        component: Component::InferenceComponent(name.into()),
    })
}

fn endpoints(names: &[&str]) -> Endpoints {
    BTreeMap::from([("llm-prod".to_owned(), names.iter().map(|name| target(name)).collect())])
}

fn value(readings: &[Reading], name: &str, signal: &str, part: &str) -> Option<f64> {
    let is_it = |reading: &&Reading| {
        let of = matches!(&reading.subject, ReadingSubject::Target(key) if *key == target(name));
        of && reading.signal == signal && reading.part == part
    };
    let found: Vec<f64> = readings.iter().filter(is_it).map(|reading| reading.value).collect();
    assert!(found.len() < 2, "{signal} {part}: {found:?}");
    found.first().copied()
}

fn near(found: Option<f64>, wanted: f64) -> bool {
    found.is_some_and(|found| (found - wanted).abs() < 0.02 * wanted.max(0.01))
}

#[tokio::test]
async fn detailed_metrics_become_readings_of_the_component_that_their_labels_name() {
    let mut bench = bench(2).await;
    let of = endpoints(&["qwen", "llama"]);
    let first = bench.poll.poll(&of).await.unwrap();
    // What the map does not know is not asked for.
    assert_eq!(bench.poll.names().len(), 6, "{:?}", bench.poll.names());
    // Two copies of four calls a second in all, of 0.8 s each.
    assert!(near(value(&first, "qwen", "requests_running", ""), 3.2), "{first:?}");
    assert!(near(value(&first, "llama", "requests_running", ""), 0.675));
    assert!(near(value(&first, "qwen", "gpu_utilization_ratio", "i-0/0"), 0.625), "{first:?}");
    assert!(near(value(&first, "qwen", "gpu_utilization_ratio", "i-1/1"), 0.625));
    assert_eq!(value(&first, "qwen", "requests_per_second", ""), None, "nothing grew yet");
    // Two looks later the deltas have a total, and the total grew.
    for _ in 0..2 {
        bench.clock.advance(Span::from_secs(60));
        assert!(bench.poll.is_due());
        bench.poll.poll(&of).await.unwrap();
    }
    bench.clock.advance(Span::from_secs(60));
    let later = bench.poll.poll(&of).await.unwrap();
    assert!(near(value(&later, "qwen", "requests_per_second", ""), 4.0), "{later:?}");
    assert!(near(value(&later, "qwen", "output_tokens_per_second", ""), 400.0), "deltas: {later:?}");
    assert!(near(value(&later, "qwen", "ttft_seconds", "mean"), 0.21), "native histogram: {later:?}");
    assert!(near(value(&later, "llama", "ttft_seconds", "mean"), 0.12));
    assert!(later.iter().all(|reading| reading.source == Source::CloudWatch));
    assert!(bench.poll.warnings().is_empty());
}

#[tokio::test]
async fn what_names_none_of_several_components_makes_no_reading() {
    let mut bench = bench(2).await;
    // The inventory does not know `llama` yet.
    let readings = bench.poll.poll(&endpoints(&["qwen", "other"])).await.unwrap();
    assert!(value(&readings, "qwen", "requests_running", "").is_some());
    let is_known =
        |reading: &Reading| matches!(&reading.subject, ReadingSubject::Target(key) if *key == target("qwen"));
    assert!(readings.iter().all(is_known), "{readings:?}");
}

#[tokio::test]
async fn an_answer_that_was_cut_is_told() {
    // More copies than the service gives series.
    let mut bench = bench(600).await;
    let readings = bench.poll.poll(&endpoints(&["qwen", "llama"])).await.unwrap();
    assert!(!readings.is_empty());
    let warnings: Vec<&str> = bench.poll.warnings().iter().map(String::as_str).collect();
    assert_eq!(warnings, ["results truncated to 500 series"]);
    assert!(bench.telemetry.value(Metric::PromqlWarnings, &[]) > 0);
}

#[tokio::test]
async fn a_policy_that_lacks_an_action_is_named_by_what_the_service_says() {
    let mut bench = bench(2).await;
    for missing in [
        "cloudwatch:GetMetricData",
        "cloudwatch:QueryMetrics",
        "cloudwatch:ListMetrics",
        "cloudwatch:DescribeMetrics",
    ] {
        let all = [
            "cloudwatch:GetMetricData",
            "cloudwatch:QueryMetrics",
            "cloudwatch:ListMetrics",
            "cloudwatch:DescribeMetrics",
        ];
        bench.switch.allow(Policy::of(all.into_iter().filter(|action| *action != missing)));
        bench.clock.advance(Span::from_mins(20));
        let err = bench.poll.poll(&endpoints(&["qwen"])).await.unwrap_err();
        assert_eq!((err.kind(), err.action()), (Kind::AccessDenied, Some(missing)), "{err}");
    }
}

#[tokio::test]
async fn no_more_names_are_asked_for_than_the_limit() {
    let mut bench = bench(2).await;
    bench.poll.discover().await.unwrap();
    assert!(bench.poll.names().len() < PROMQL_NAMES);
    assert_eq!(bench.poll.names_max, PROMQL_NAMES);
    bench.poll.names_max = 2;
    bench.poll.discover().await.unwrap();
    assert_eq!(bench.poll.names().len(), 2);
    assert_eq!(bench.telemetry.value(Metric::LimitHits, &["promql_names"]), 1);
}

#[tokio::test]
async fn names_that_could_not_be_asked_for_are_asked_for_at_the_next_look() {
    let mut bench = bench(2).await;
    let of = endpoints(&["qwen", "llama"]);
    bench.switch.allow(Policy::of(["cloudwatch:GetMetricData", "cloudwatch:QueryMetrics"]));
    assert!(bench.poll.poll(&of).await.is_err());
    bench.switch.allow(Policy::open());
    bench.clock.advance(Span::from_secs(60));
    assert!(bench.poll.is_due());
    let readings = bench.poll.poll(&of).await.unwrap();
    assert!(value(&readings, "qwen", "requests_running", "").is_some());
}

/// Time to the first token of `qwen` since the server started.
fn first_tokens(count: f64, buckets: &[(f64, f64)]) -> Series {
    let labels = BTreeMap::from([(LABELS.target.to_owned(), "qwen".to_owned())]);
    let point = Point::Histogram { count, sum: count, buckets: buckets.to_vec() };
    Series { name: "vllm:time_to_first_token_seconds".to_owned(), labels, point }
}

#[tokio::test]
async fn a_bucket_that_is_filled_for_the_first_time_does_not_spoil_its_histogram() {
    let mut bench = bench(2).await;
    bench.poll.follow(&endpoints(&["qwen", "llama"]));
    let endpoint = bench.poll.endpoints.get_mut("llm-prod").unwrap();
    let t0 = Timestamp::from_secs(1_000);
    let minute = Span::from_secs(60);
    let mut look = |at: Timestamp, count, buckets: &[(f64, f64)]| {
        endpoint.turn(at);
        let (readings, left_out) = endpoint.read(&[first_tokens(count, buckets)], at);
        assert_eq!(left_out, 0);
        readings
    };
    assert!(look(t0, 10.0, &[(0.1, 10.0)]).is_empty(), "nothing grew yet");
    // Ten more: five as before, five in buckets that were empty.
    let readings = look(t0 + minute, 20.0, &[(0.1, 15.0), (0.2, 1.0), (0.8, 4.0)]);
    for (part, want) in [("mean", 1.0), ("p50", 0.1), ("p95", 0.2 + 0.6 * 3.5 / 4.0)] {
        assert!(near(value(&readings, "qwen", "ttft_seconds", part), want), "{part}: {readings:?}");
    }
    // After an error nothing is known of what was before.
    endpoint.forget();
    endpoint.turn(t0 + minute + minute);
    let more = [first_tokens(30.0, &[(0.1, 15.0), (0.2, 1.0), (0.4, 10.0), (0.8, 4.0)])];
    assert!(endpoint.read(&more, t0 + minute + minute).0.is_empty());
}

#[tokio::test]
async fn series_past_the_limit_are_counted() {
    let mut bench = bench(2).await;
    bench.poll.follow(&endpoints(&["qwen"]));
    let endpoint = bench.poll.endpoints.get_mut("llm-prod").unwrap();
    let of_copy = |n: usize| {
        let labels = BTreeMap::from([("copy".to_owned(), n.to_string())]);
        Series { name: "vllm:prompt_tokens_total".to_owned(), labels, point: Point::Number(1.0) }
    };
    let series: Vec<Series> = (0..crate::limits::SERIES + 3).map(of_copy).collect();
    let (_, left_out) = endpoint.read(&series, Timestamp::from_secs(1_000));
    assert_eq!(left_out, 3);
}

#[tokio::test]
async fn so_many_queries_are_on_their_way_at_once_and_answers_keep_their_order() {
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let asked = (0..3 * PROMQL_AT_ONCE).map(|n| {
        let (now, most) = (&now, &most);
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            // Those asked first answer last.
            for _ in 0..100 - 2 * n {
                tokio::task::yield_now().await;
            }
            now.fetch_sub(1, Ordering::Relaxed);
            n
        }
    });
    let answers: Vec<usize> = at_once(asked).collect().await;
    assert_eq!(answers, (0..3 * PROMQL_AT_ONCE).collect::<Vec<_>>());
    assert_eq!(most.into_inner(), PROMQL_AT_ONCE);
}
