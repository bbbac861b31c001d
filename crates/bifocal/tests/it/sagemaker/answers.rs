//! Answers from Data Capture with nothing but an endpoint's name: whose they are, and how much of the calls they show.

use bifocal_capture::data_capture::Hour;
use bifocal_model::{Span, Timestamp};
use bifocal_sim::sagemaker::Scenario;
use bifocal_sim::sagemaker::runtime::deliver_hour;
use bifocal_telemetry::Clock;

use super::*;

/// One way in which an endpoint captures, and what a watcher should make of it.
pub(super) struct SetUp {
    name: &'static str,
    /// Name, calls a second, every how many-th call is a stream, what says whose a call is.
    components: &'static [(&'static str, f64, u32, &'static str)],
    percent: u32,
    /// Whether the configuration says that nobody streams.
    no_streams: bool,
    attributed: f64,
    unattributed: f64,
    invisible: f64,
}

/// Worked out by hand: an hour of 0.5 calls a second is 1,800 calls.
pub(super) const SET_UPS: [SetUp; 4] = [
    SetUp {
        name: "one component, every fifth call a stream",
        components: &[("qwen", 0.5, 5, "nothing")],
        percent: 100,
        no_streams: false,
        attributed: 0.8,
        unattributed: 0.0,
        invisible: 0.2,
    },
    SetUp {
        name: "two components whose clients name them in the inference id",
        components: &[("qwen", 0.5, 0, "inference_id"), ("llama", 0.25, 0, "inference_id")],
        percent: 100,
        no_streams: true,
        attributed: 1.0,
        unattributed: 0.0,
        invisible: 0.0,
    },
    SetUp {
        name: "two components, one of them named by the payload's model, the other by nothing",
        components: &[("qwen", 0.5, 0, "model"), ("llama", 0.25, 3, "nothing")],
        percent: 100,
        no_streams: false,
        attributed: 1800.0 / 2700.0,
        unattributed: 600.0 / 2700.0,
        invisible: 300.0 / 2700.0,
    },
    SetUp {
        name: "two components that nothing names, a quarter captured",
        components: &[("qwen", 0.5, 0, "nothing"), ("llama", 0.25, 0, "nothing")],
        percent: 25,
        no_streams: true,
        attributed: 0.0,
        unattributed: 1.0,
        invisible: 0.0,
    },
];

pub(super) fn scenario(set_up: &SetUp) -> Scenario {
    let mut text = format!(
        r#"
account = "123456789012"
region = "us-east-1"
[endpoint]
name = "llm-prod"
variant = "AllTraffic"
publish_every_seconds = 60
gpu_dimension = "GpuId"
min_instances = 1
max_instances = 1
[endpoint.capture]
destination = "s3://captured/team"
percent = {}
[[phase]]
name = "steady"
after_seconds = 0
pools = {{ "ml.g5.12xlarge" = 1 }}
"#,
        set_up.percent
    );
    for (name, rate, streams_every, says) in set_up.components {
        text.push_str(&format!(
            r#"
[[phase.component]]
name = "{name}"
accelerators = 1
copies = {{ "ml.g5.12xlarge" = 1 }}
requests_per_second = {rate:?}
model_latency_ms = 100.0
first_chunk_ms = 50.0
streams_every = {streams_every}
says = "{says}"
"#
        ));
    }
    text.push_str(
        "[phase.truth]\ngpus_used = 1\ngpus_free = 3\nidle_usd_per_hour = 0.0\nusd_per_hour = {}\n",
    );
    Scenario::parse(&text).unwrap()
}

/// Puts the files of the hours that a watcher may take for the last delivered one into the account's bucket.
pub(super) fn deliver(account: &Account, scenario: &Scenario) {
    let now = SystemClock::new().now();
    let last = Hour::last_delivered(now);
    let hours = [last.start, last.end].into_iter().filter(|start| *start + Span::from_mins(60) <= now);
    hours.for_each(|start: Timestamp| deliver_hour(scenario, &scenario.phases[0], start, &account.objects));
}

fn near(value: &Value, wanted: f64, tolerance: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - wanted).abs() <= tolerance)
}

#[tokio::test(flavor = "multi_thread")]
async fn e2e_captured_answers_are_somebody_s_nobody_s_or_not_seen_as_in_the_scenario() {
    let tasks = TaskGroup::new();
    for set_up in &SET_UPS {
        let scenario = scenario(set_up);
        let account = of_scenario(&tasks, Policy::open(), scenario.clone(), Span::from_mins(300)).await;
        deliver(&account, &scenario);
        under_its_policy(&account, &["--sagemaker", "llm-prod", "--capture", "s3://captured/team"]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bifocal.toml");
        let streams = if set_up.no_streams { "streams = false\n" } else { "" };
        let listen = format!("[server]\nlisten = \"{}\"\n", free_port());
        std::fs::write(&path, format!("{listen}[[target]]\nsagemaker = \"llm-prod\"\n{streams}")).unwrap();
        let mut check = bifocal();
        let check = with_keys(&mut check, &account, folder.path());
        let done = check.current_dir(&folder).args(["check", "--config"]).arg(&path).output().unwrap();
        let said = String::from_utf8(done.stdout).unwrap();
        let line = said.lines().find(|line| line.contains("answers of llm-prod")).unwrap_or_default();
        let percents = format!("{:.0}% are seen with their component", set_up.attributed * 100.0);
        // Of a sample of a quarter the share is not a round number.
        assert!(line.contains(&percents), "{}: {said}{}", set_up.name, String::from_utf8_lossy(&done.stderr));

        let mut command = bifocal();
        let command = with_keys(&mut command, &account, folder.path());
        let daemon = Daemon::start(command.current_dir(&folder).args(["serve", "--config"]).arg(&path));
        let http = client();
        let items = || async {
            let targets = get_json(&http, &daemon.page, "/api/v1/targets").await.ok()?;
            targets["items"].as_array().cloned()
        };
        until(set_up.name, || async {
            let items = items().await?;
            items.iter().any(|item| !item["capture"]["invisible"].is_null()).then_some(())
        })
        .await;
        let items = items().await.unwrap();
        let qwen = items.iter().find(|item| item["inference_component"] == "qwen").unwrap();
        let shares = &qwen["capture"];
        let tolerance = if set_up.percent == 100 { 1e-9 } else { 0.1 };
        assert!(near(&shares["attributed"], set_up.attributed, tolerance), "{}: {shares}", set_up.name);
        assert!(near(&shares["unattributed"], set_up.unattributed, tolerance), "{}: {shares}", set_up.name);
        assert!(near(&shares["invisible"], set_up.invisible, tolerance), "{}: {shares}", set_up.name);
        assert!(near(&shares["coverage"], 1.0, tolerance), "{}: {shares}", set_up.name);
        assert!(near(&shares["coverage_upper"], 1.0, tolerance), "{}: {shares}", set_up.name);
        // The same once for the endpoint in `/metrics`.
        let metrics =
            http.get(format!("{}/metrics", daemon.page)).send().await.unwrap().text().await.unwrap();
        let of = |share: &str| {
            let label = format!("endpoint=\"llm-prod\",share=\"{share}\"}} ");
            let lines = metrics.lines().filter(|line| line.starts_with("bifocal_capture_ratio{"));
            lines.filter_map(|line| line.split_once(&label)?.1.parse::<f64>().ok()).collect::<Vec<_>>()
        };
        for share in ["coverage", "coverage_upper", "attributed", "unattributed", "invisible"] {
            let told = of(share);
            assert_eq!(told.len(), 1, "{}: {share}", set_up.name);
            assert!(near(&shares[share], told[0], 0.05), "{}: {share} {told:?} {shares}", set_up.name);
        }
        // The target of nobody's calls is there where it holds some, and a component's answers are its own.
        let nobody = items.iter().any(|item| item["inference_component"] == "unattributed");
        assert_eq!(nobody, set_up.unattributed > 0.0, "{}", set_up.name);
        if set_up.attributed > 0.0 {
            let of_qwen = format!("/api/v1/inferences?target={}", qwen["id"].as_str().unwrap());
            let answers = get_json(&http, &daemon.page, &of_qwen).await.unwrap();
            let answer = answers["items"][0]["answer"].as_str().unwrap_or_default();
            assert!(answer.ends_with("of the endpoint"), "{}: {answers}", set_up.name);
        }
        assert!(!daemon.errors().contains("WARN"), "{}: {}", set_up.name, daemon.errors());
        assert!(daemon.terminate().success());
    }
    tasks.stop_and_join().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e2e_lost_captured_calls_fire_the_shipped_rule_on_their_bound() {
    let tasks = TaskGroup::new();
    let mut scenario = scenario(&SET_UPS[1]);
    let captured = scenario.clone();
    // CloudWatch counts twice the calls that were captured.
    for component in &mut scenario.phases[0].components {
        component.requests_per_second *= 2.0;
    }
    let account = of_scenario(&tasks, Policy::open(), scenario, Span::from_mins(300)).await;
    deliver(&account, &captured);
    under_its_policy(&account, &["--sagemaker", "llm-prod", "--capture", "s3://captured/team"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bifocal.toml");
    let listen = format!("[server]\nlisten = \"{}\"\n", free_port());
    let target = "[[target]]\nsagemaker = \"llm-prod\"\nstreams = false\n";
    std::fs::write(&path, format!("{listen}{target}")).unwrap();
    let mut command = bifocal();
    let command = with_keys(&mut command, &account, folder.path());
    let daemon = Daemon::start(command.current_dir(&folder).args(["serve", "--config"]).arg(&path));
    let http = client();
    until("capture loss", || async {
        let alerts = get_json(&http, &daemon.page, "/api/v1/alerts").await.ok()?;
        let fired = alerts["items"].as_array()?.iter().any(|alert| alert["rule"] == "capture loss");
        fired.then_some(())
    })
    .await;
    assert!(daemon.terminate().success());
    tasks.stop_and_join().await;
}
