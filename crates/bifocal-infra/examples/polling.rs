//! What reading CloudWatch costs for a fleet, predicted and counted: what `bench/polling.py` prints.
//!
//! `polling ENDPOINTS HOURS [USD_PER_MONTH]` lets a simulated account run for so many hours of its own time: each endpoint has four
//! components of one copy on eight GPUs each. Prints one JSON object.
#![expect(clippy::print_stdout, reason = "a program that prints its result")]

use std::error::Error;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use bifocal_aws::{Aws, Credentials, Endpoints};
use bifocal_infra::GPU_SERIES;
use bifocal_infra::cloudwatch::{Budget, Detail, Poll, Watched};
use bifocal_model::{Component, Span, TargetKey, TargetNames};
use bifocal_sim::sagemaker::Scenario;
use bifocal_sim::sagemaker::control::{ControlServer, Policy};
use bifocal_sim::sagemaker::runtime::Access;
use bifocal_telemetry::{Clock as _, ManualClock, Metric, TaskGroup, Telemetry};

type Outcome<T> = Result<T, Box<dyn Error>>;

const COMPONENTS: [&str; 4] = ["qwen", "llama", "mistral", "gemma"];
const GPUS: u32 = 8;

fn scenario(endpoints: u32) -> Outcome<Scenario> {
    let mut text = format!(
        "account = \"123456789012\"\nregion = \"us-east-1\"\n[endpoint]\nname = \"llm\"\nvariant = \"AllTraffic\"\n\
         twins = {endpoints}\npublish_every_seconds = 60\nenhanced = true\ngpu_dimension = \"GpuId\"\nmin_instances = 4\n\
         max_instances = 4\n[[phase]]\nname = \"steady\"\nafter_seconds = 0\npools = {{ \"ml.p4d.24xlarge\" = 4 }}\n"
    );
    for name in COMPONENTS {
        write!(
            text,
            "[[phase.component]]\nname = \"{name}\"\naccelerators = {GPUS}\ncopies = {{ \"ml.p4d.24xlarge\" = 1 }}\n\
             requests_per_second = 2.0\nmodel_latency_ms = 900.0\noverhead_ms = 4.0\nfirst_chunk_ms = 200.0\n\
             streams_every = 2\ngpu_percent = 60.0\ngpu_memory_percent = 80.0\n"
        )?;
    }
    text.push_str(
        "[phase.truth]\ngpus_used = 32\ngpus_free = 0\nidle_usd_per_hour = 0.0\nusd_per_hour = {}\n",
    );
    Ok(Scenario::parse(&text)?)
}

fn watched(endpoints: u32) -> Vec<Watched> {
    let of = |n: u32| {
        COMPONENTS.map(|name| Watched {
            target: TargetKey::new(TargetNames {
                origin: "sagemaker/123456789012/us-east-1".into(),
                endpoint: format!("llm-{n:02}"),
                variant: "AllTraffic".into(),
                component: Component::InferenceComponent(format!("{name}-{n:02}")),
            }),
            gpus_per_instance: Some(f64::from(GPUS)),
        })
    };
    (1..=endpoints).flat_map(of).collect()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: polling ENDPOINTS HOURS [USD_PER_MONTH]";
    let endpoints: u32 = arguments.next().ok_or(usage)?.parse()?;
    let hours: u32 = arguments.next().ok_or(usage)?.parse()?;
    let usd_per_month = arguments.next().map(|usd| usd.parse()).transpose()?;
    let clock = Arc::new(ManualClock::new("2026-11-24T12:00:00Z".parse()?));
    let access = Access { keys: vec![("AKIDEXAMPLE".into(), "secret".into())], ..Access::default() };
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let server =
        ControlServer::bind(local, scenario(endpoints)?, Policy::open(), access, clock.clone()).await?;
    let addresses = Endpoints::at(&format!("http://{}", server.address()))?;
    let tasks = TaskGroup::new();
    tasks.spawn("simulator", server.run(tasks.drain()));
    let telemetry = Telemetry::new();
    let keys = Credentials::new("AKIDEXAMPLE", "secret", None);
    let aws = Aws::with_credentials("us-east-1", keys, addresses, clock.clone(), telemetry.clone())?;
    let budget = Budget { usd_per_month, ..Budget::default() };
    let detail = Detail::Gpu { series_max: GPU_SERIES };
    let mut poll = Poll::new(aws, budget, detail, clock.clone(), telemetry.clone());
    clock.advance(Span::from_mins(10));
    let (watched, minutes) = (watched(endpoints), hours * 60);
    let (mut readings, mut looks) = (0, 0_u32);
    for _ in 0..minutes {
        if poll.is_discovery_due() {
            poll.discover(&watched).await?;
        }
        if poll.is_due() {
            readings += poll.poll().await?.len();
            looks += 1;
        }
        clock.advance(Span::from_mins(1));
    }
    let share = f64::from(minutes) / (30.0 * 24.0 * 60.0);
    let (plan, series) = (poll.plan(), poll.series().len());
    let count = |name: &str| telemetry.value(Metric::AwsCalls, &["cloudwatch", name, "ok"]);
    let result = serde_json::json!({
        "now": clock.now().to_string(), "series": series, "looks": looks, "readings": readings,
        "every_seconds": plan.every.as_secs_f64(), "usd_per_month": plan.usd_per_month,
        "predicted_calls": plan.calls_per_month * share, "counted_calls": count("ListMetrics") + count("GetMetricData"),
        "predicted_billed": plan.series_per_month * share,
        "counted_billed": telemetry.value(Metric::CloudwatchMetricsRequested, &[]),
        "billed_each_minute": series as f64 * f64::from(minutes),
        "gpus_as_a_whole": telemetry.value(Metric::LimitHits, &["gpu_series"]) > 0,
    });
    println!("{result}");
    Ok(())
}
