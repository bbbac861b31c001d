//! Against the simulator's logs, in its time.

use std::net::SocketAddr;

use bifocal_aws::{Credentials, Endpoints};
use bifocal_model::{Attribution, Component, Dimension, Fingerprint, Handling, TargetNames};
use bifocal_sim::sagemaker::Scenario;
use bifocal_sim::sagemaker::control::{ControlServer, ControlSwitch, Policy};
use bifocal_sim::sagemaker::runtime::Access;
use bifocal_store::{Options, Store};
use bifocal_telemetry::{ManualClock, TaskGroup};

use super::*;

const ORIGIN: &str = "sagemaker/123456789012/us-east-1";
const QWEN: &str = "/aws/sagemaker/InferenceComponents/qwen";
const ENDPOINT: &str = "/aws/sagemaker/Endpoints/llm-prod";

struct Bench {
    logs: ContainerLogs,
    /// What is shown.
    incidents: Arc<std::sync::Mutex<Vec<Incident>>>,
    small_state: SmallState,
    clock: Arc<ManualClock>,
    switch: ControlSwitch,
    telemetry: Telemetry,
    _store: Store,
    _folder: tempfile::TempDir,
    _tasks: TaskGroup,
}

fn at(text: &str) -> Timestamp {
    format!("2026-11-24T{text}Z").parse().unwrap()
}

fn target(component: &str) -> TargetKey {
    TargetKey::new(TargetNames {
        origin: ORIGIN.into(),
        endpoint: "llm-prod".into(),
        variant: "AllTraffic".into(),
        component: Component::InferenceComponent(component.into()),
    })
}

/// An alarm at 12:10 over a change between 12:00 and 12:05.
fn incident(id: &str, target: TargetKey) -> Incident {
    Incident {
        id: id.to_owned(),
        target,
        dimension: Dimension::new("relevance"),
        fingerprint: Fingerprint(1),
        opened: at("12:10:00"),
        closed: None,
        onset_from: at("12:00:00"),
        onset_to: at("12:05:00"),
        evidence: 1e4,
        threshold: 1e4,
        baseline: 0.8,
        attribution: Attribution::default(),
        aligned: Vec::new(),
        examples: Vec::new(),
        sentence: String::new(),
        handling: Handling::default(),
    }
}

async fn bench() -> Bench {
    let clock = Arc::new(ManualClock::new(at("12:10:00")));
    let access = Access { keys: vec![("AKIDEXAMPLE".into(), "secret".into())], ..Access::default() };
    let scenario = Scenario::of_demo().unwrap();
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = ControlServer::bind(local, scenario, Policy::open(), access, clock.clone()).await.unwrap();
    let switch = server.switch();
    let endpoints = Endpoints::at(&format!("http://{}", server.address())).unwrap();
    let tasks = TaskGroup::new();
    tasks.spawn("simulator", server.run(tasks.drain()));
    let telemetry = Telemetry::new();
    let keys = Credentials::new("AKIDEXAMPLE", "secret", None);
    let aws = Aws::with_credentials("us-east-1", keys, endpoints, clock.clone(), telemetry.clone()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(Options::new(folder.path(), clock.clone()), Telemetry::new()).unwrap();
    let incidents = Arc::new(std::sync::Mutex::new(Vec::new()));
    let shown = Arc::clone(&incidents);
    let log_groups = vec![(target("qwen"), vec![QWEN.to_owned(), ENDPOINT.to_owned()])];
    let (_, found) = watch::channel(Some(Found { aws, buckets: Vec::new(), log_groups }));
    let logs = ContainerLogs {
        pattern: "llm-prod".into(),
        found,
        incidents: Arc::new(move || shown.lock().unwrap().clone()),
        small_state: store.small_state(),
        clock: clock.clone(),
        telemetry: telemetry.clone(),
        state: State::default(),
    };
    let small_state = store.small_state();
    Bench {
        logs,
        incidents,
        small_state,
        clock,
        switch,
        telemetry,
        _store: store,
        _folder: folder,
        _tasks: tasks,
    }
}

impl Bench {
    fn write(&self, group: &str, time: &str, text: &str) {
        self.switch.write_log(group, "AllTraffic/i-0", at(time), text);
    }

    fn shows(&self, incident: Incident) {
        self.incidents.lock().unwrap().push(incident);
    }

    fn kept(&self, id: &str) -> Option<Vec<(String, Vec<String>)>> {
        let logs = self.small_state.container_logs(id).unwrap()?;
        let texts = |lines: &[LogLine<bifocal_redact::Redacted>]| {
            lines.iter().map(|line| line.text.as_str().to_owned()).collect()
        };
        Some(logs.into_iter().map(|log| (log.group, texts(&log.lines))).collect())
    }

    fn counted(&self, outcome: &str) -> u64 {
        self.telemetry.value(Metric::ContainerLogs, &[outcome])
    }
}

#[tokio::test]
async fn lines_of_trouble_and_of_the_beginning_are_kept_redacted_and_once() {
    let mut bench = bench().await;
    bench.write(QWEN, "11:40:00", "ERROR long before");
    bench.write(QWEN, "12:01:00", "INFO all is well");
    bench.write(QWEN, "12:02:00", "ERROR no answer to jane@example.org");
    bench.write(QWEN, "12:04:30", "INFO loading the weights of another revision");
    bench.write(QWEN, "12:11:00", "WARN behind the alarm");
    bench.write(QWEN, "12:12:30", "ERROR later");
    bench.shows(incident("a", target("qwen")));
    bench.clock.set(at("12:12:00"));
    bench.logs.turn().await;
    assert_eq!(bench.kept("a"), None, "its lines may still be on their way");
    bench.clock.set(at("12:13:00"));
    bench.logs.turn().await;
    let wanted = [
        "ERROR no answer to [email]",
        "INFO loading the weights of another revision",
        "WARN behind the alarm",
    ];
    assert_eq!(bench.kept("a"), Some(vec![(QWEN.to_owned(), wanted.map(str::to_owned).to_vec())]));
    // It is evidence of then: nothing is looked at again.
    let before = bench.switch.calls().len();
    bench.write(QWEN, "12:02:30", "ERROR late");
    bench.logs.turn().await;
    bench.logs.state = State::default();
    bench.logs.turn().await;
    assert_eq!((bench.switch.calls().len(), bench.counted("kept")), (before, 1));
}

#[tokio::test]
async fn without_a_group_of_the_component_the_endpoint_s_is_looked_at_and_without_either_none() {
    let mut bench = bench().await;
    bench.clock.set(at("12:13:00"));
    bench.shows(incident("none", target("qwen")));
    bench.logs.turn().await;
    assert_eq!((bench.kept("none"), bench.counted("no_group")), (Some(Vec::new()), 1));
    bench.write(ENDPOINT, "12:02:00", "ERROR of the endpoint");
    // What is nobody's is the endpoint's; another endpoint's is not looked at.
    bench.shows(incident("nobody's", target("unattributed")));
    bench.shows(incident("other", target("qwen").with(|names| names.endpoint = "other".into())));
    bench.shows(incident("qwen", target("qwen")));
    bench.logs.turn().await;
    let wanted = Some(vec![(ENDPOINT.to_owned(), vec!["ERROR of the endpoint".to_owned()])]);
    assert_eq!((bench.kept("nobody's"), bench.kept("qwen")), (wanted.clone(), wanted));
    assert_eq!(bench.kept("other"), None);
}

#[tokio::test]
async fn more_than_the_limits_is_cut_and_counted() {
    let mut bench = bench().await;
    let long = "x".repeat(LOG_LINE_BYTES) + "y";
    for second in 0..=LOG_LINES / 2 {
        let time = format!("12:{:02}:{:02}", second / 60, second % 60);
        bench.write(QWEN, &time, &format!("ERROR {second} {long}"));
    }
    bench.shows(incident("a", target("qwen")));
    bench.clock.set(at("12:13:00"));
    bench.logs.turn().await;
    let kept = bench.small_state.container_logs("a").unwrap().unwrap();
    assert!(kept[0].is_cut);
    assert_eq!(kept[0].lines.len(), LOG_LINES / 2, "lines of trouble take half of the room");
    assert!(kept[0].lines.iter().all(|line| line.text.len() <= LOG_LINE_BYTES + '…'.len_utf8()));
    assert_eq!(bench.telemetry.value(Metric::LimitHits, &["container_log_lines"]), 1);
    // One page would have been enough for one look: the simulator gives half of the group at a time.
    let looks = bench.switch.calls().iter().filter(|call| **call == "logs:FilterLogEvents").count();
    assert!((2..=2 * LOG_PAGES).contains(&looks), "{looks}");
}

/// limits container_log_hours, container_log_tries
#[tokio::test]
async fn a_wide_onset_is_looked_at_from_some_hours_before_the_alarm_and_a_refusal_is_tried_again() {
    let mut bench = bench().await;
    bench.write(QWEN, "06:11:00", "ERROR six hours before");
    bench.write(QWEN, "06:13:00", "ERROR within six hours");
    let wide = Incident { onset_from: at("01:00:00"), ..incident("a", target("qwen")) };
    bench.shows(wide);
    bench.clock.set(at("12:13:00"));
    bench.switch.allow(Policy::of(["s3:GetObject"]));
    for _ in 1..LOG_TRIES {
        bench.logs.turn().await;
    }
    assert_eq!((bench.kept("a"), bench.counted("failed")), (None, u64::from(LOG_TRIES) - 1));
    bench.switch.allow(Policy::open());
    bench.logs.turn().await;
    assert_eq!(LOG_SPAN_HOURS, 6);
    let (_, lines) = bench.kept("a").unwrap().remove(0);
    assert_eq!(lines, ["ERROR within six hours"]);
    // Another one is never allowed.
    bench.shows(incident("b", target("qwen")));
    bench.switch.allow(Policy::of(["s3:GetObject"]));
    for _ in 0..LOG_TRIES + 5 {
        bench.logs.turn().await;
    }
    assert_eq!(bench.counted("failed"), 2 * u64::from(LOG_TRIES) - 1);
    assert_eq!(bench.telemetry.value(Metric::LimitHits, &["container_log_tries"]), 1);
}

#[tokio::test]
async fn what_began_a_day_ago_is_not_looked_for() {
    let mut bench = bench().await;
    bench.write(QWEN, "12:02:00", "ERROR");
    bench.shows(incident("a", target("qwen")));
    bench.clock.set(at("12:10:00") + OLDEST);
    bench.logs.turn().await;
    assert_eq!(bench.kept("a"), None);
}
