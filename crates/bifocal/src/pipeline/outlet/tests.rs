use std::path::Path;
use std::sync::Arc;

use bifocal_model::{Reading, ReadingSubject, Severity, Source, Span, TargetKey, Timestamp};
use bifocal_publish::notify::{ChannelConfig, Message};
use bifocal_store::Record;
use bifocal_telemetry::{Clock, ManualClock, Metric, Telemetry};
use bifocal_watch::WatchConfig;
use bifocal_watch::alert::{RuleConfig, Status};

use super::*;
use crate::pipeline::{Costs, Options, Pipeline};

const T0: Timestamp = Timestamp::from_secs(1_800_000_000);

fn at(second: i64) -> Timestamp {
    T0 + Span::from_secs(second)
}

fn crowded() -> RuleConfig {
    RuleConfig {
        channels: vec!["sre".into()],
        ..RuleConfig::new("crowded", "value('requests_waiting') > 2.0")
    }
}

fn open(folder: &Path, rule: RuleConfig, second: i64) -> Pipeline {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(at(second)));
    let options = Options {
        store: bifocal_store::Options::new(folder, clock),
        watch: WatchConfig { rules: vec![rule], ..WatchConfig::default() },
        chooser: None,
        customs: Default::default(),
        contexts: Default::default(),
        costs: Costs::default(),
        channels: ["sre", "boss"].map(|name| ChannelConfig::webhook(name, "http://h/")).to_vec(),
        page: "http://h".into(),
        cloudwatch: Default::default(),
    };
    Pipeline::open(options, at(second), &Telemetry::new()).unwrap()
}

/// A look at so many waiting requests.
fn look(pipeline: &mut Pipeline, second: i64, waiting: f64) -> Result<(), Error> {
    let reading = Reading {
        signal: "requests_waiting".into(),
        subject: ReadingSubject::Target(TargetKey::of_model("local", "m")),
        part: String::new(),
        time: at(second),
        value: waiting,
        source: Source::Scrape,
    };
    pipeline.ingest(vec![vec![Record::Reading(reading)]], at(second)).unwrap();
    pipeline.tick(at(second))
}

/// It fires, and its condition is over for a minute but for one look.
fn fire_and_clear(pipeline: &mut Pipeline) {
    look(pipeline, 0, 5.0).unwrap();
    for second in [200, 230, 259] {
        look(pipeline, second, 0.0).unwrap();
    }
}

/// What was put, the oldest first: channel, status, severity.
fn put(pipeline: &Pipeline) -> Vec<(String, Status, Severity)> {
    let all = pipeline.small_state().outbox_recent(20).unwrap();
    let read = |outgoing: bifocal_store::Outgoing| {
        let message = Message::from_json(&outgoing.payload).unwrap();
        (outgoing.channel, message.status, message.severity)
    };
    all.into_iter().rev().map(read).collect()
}

/// A disk on which the outbox finds no room, while the journal does.
fn fill(folder: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(folder.join("state.sqlite")).unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(FAIL, 'disk full'); END";
    connection.execute_batch(full).unwrap();
    connection
}

fn make_room(connection: &rusqlite::Connection) {
    connection.execute_batch("DROP TRIGGER full").unwrap();
}

#[test]
fn an_end_that_the_outbox_did_not_take_is_told_with_the_next_look() {
    let folder = tempfile::tempdir().unwrap();
    let mut pipeline = open(folder.path(), crowded(), 0);
    fire_and_clear(&mut pipeline);
    assert_eq!(put(&pipeline), [("sre".into(), Status::Firing, Severity::Warning)]);
    let disk = fill(folder.path());
    look(&mut pipeline, 260, 0.0).unwrap_err();
    assert_eq!(put(&pipeline).len(), 1);
    make_room(&disk);
    look(&mut pipeline, 261, 0.0).unwrap();
    assert_eq!(put(&pipeline)[1..], [("sre".into(), Status::Resolved, Severity::Warning)]);
    look(&mut pipeline, 262, 0.0).unwrap();
    assert_eq!(put(&pipeline).len(), 2, "once");
}

#[test]
fn an_end_in_the_journal_that_did_not_reach_the_outbox_is_told_after_a_crash_and_after_a_stop() {
    for is_crash in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let mut pipeline = open(folder.path(), crowded(), 0);
        fire_and_clear(&mut pipeline);
        let disk = fill(folder.path());
        look(&mut pipeline, 260, 0.0).unwrap_err();
        match is_crash {
            true => drop(pipeline),
            // What could not be told keeps the stop from being a clean one.
            false => assert!(pipeline.close().is_err()),
        }
        make_room(&disk);
        drop(disk);
        let pipeline = open(folder.path(), crowded(), 300);
        let told = put(&pipeline);
        assert_eq!(told.len(), 2, "crash: {is_crash}");
        assert_eq!(told[1], ("sre".into(), Status::Resolved, Severity::Warning));
        pipeline.close().unwrap();
        let pipeline = open(folder.path(), crowded(), 400);
        assert_eq!(put(&pipeline).len(), 2, "once");
    }
}

/// The rule is told to somebody else and is worse, or is gone, when its alert ends: after a clean stop and after a crash.
#[test]
fn the_end_goes_where_the_beginning_was_told_and_is_as_bad_as_it_was_told_there() {
    use Severity::{Critical, Warning};
    let moved = RuleConfig { channels: vec!["boss".into()], severity: Critical, ..crowded() };
    let gone = RuleConfig::new("another", "value('requests_waiting') > 1e9");
    for (rule, is_crash) in [(&moved, false), (&moved, true), (&gone, false), (&gone, true)] {
        let folder = tempfile::tempdir().unwrap();
        let mut pipeline = open(folder.path(), crowded(), 0);
        look(&mut pipeline, 0, 5.0).unwrap();
        match is_crash {
            true => drop(pipeline),
            false => pipeline.close().unwrap(),
        }
        let mut pipeline = open(folder.path(), rule.clone(), 10);
        for second in [200, 230, 260] {
            look(&mut pipeline, second, 0.0).unwrap();
        }
        let told = put(&pipeline);
        let of_sre: Vec<_> = told.iter().filter(|(channel, ..)| channel == "sre").collect();
        let [(_, began, was), (_, ended, severity)] = of_sre[..] else { panic!("{told:?}") };
        assert_eq!((*began, *was, *ended, *severity), (Status::Firing, Warning, Status::Resolved, Warning));
        // After a crash all that fires is offered again, and whom the rule names now hears of it for the first time.
        let of_boss: Vec<_> = told.iter().filter(|(channel, ..)| channel == "boss").collect();
        match (rule.name == "crowded", is_crash) {
            (true, true) => assert_eq!(of_boss.len(), 2, "{told:?}"),
            _ => assert!(of_boss.is_empty(), "{told:?}"),
        }
    }
}

fn told_of(key: &str, status: Status, severity: Severity) -> Notification {
    Notification {
        idempotency_key: key.into(),
        alert_id: "a".into(),
        rule: "r".into(),
        target: TargetKey::of_model("local", "m"),
        severity,
        raised_from: None,
        status,
        since: at(0),
        time: at(0),
        summary: String::new(),
        when: String::new(),
        runbook: None,
        incident: None,
        channels: Vec::new(),
    }
}

#[test]
fn an_end_is_as_bad_as_what_was_heard_and_not_as_what_was_given_up() {
    use bifocal_store::Attempt::Ended;
    let folder = tempfile::tempdir().unwrap();
    let pipeline = open(folder.path(), crowded(), 0);
    let outbox = pipeline.small_state();
    let channels = vec![ChannelConfig::webhook("sre", "http://h/")];
    let mut outlet = Outlet::new(outbox.clone(), channels, "http://h".into(), Telemetry::new());
    let mut tell = |key: &str, status, severity, outcome: &str| {
        let raised_from = (key == "a:raised").then_some(Severity::Warning);
        outlet.take(Vec::new(), vec![Notification { raised_from, ..told_of(key, status, severity) }]);
        outlet.tell().unwrap();
        outbox.outbox_note("sre", at(1), &[(&[key], Ended { outcome })]).unwrap();
    };
    tell("a:firing", Status::Firing, Severity::Warning, "delivered");
    tell("a:raised", Status::Firing, Severity::Critical, "gave up: HTTP 400");
    tell("a:resolved", Status::Resolved, Severity::Critical, "delivered");
    let ends: Vec<_> =
        put(&pipeline).into_iter().filter(|(_, status, _)| *status == Status::Resolved).collect();
    assert_eq!(ends, [("sre".into(), Status::Resolved, Severity::Warning)]);
}

/// limit unwritten_events, untold_messages
#[test]
fn while_the_disk_takes_nothing_the_oldest_go_at_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = open(folder.path(), crowded(), 0);
    let telemetry = Telemetry::new();
    let mut outlet = Outlet::new(pipeline.small_state(), Vec::new(), "http://h".into(), telemetry.clone());
    let event = |i: usize| Event {
        time: at(0),
        kind: bifocal_model::EventKind::Configuration,
        target: None,
        id: format!("e{i}"),
        summary: String::new(),
    };
    let notification = told_of("a:firing", Status::Firing, Severity::Info);
    outlet.take((0..=UNWRITTEN_EVENTS).map(event).collect(), vec![notification; UNTOLD_MESSAGES + 1]);
    let kept = outlet.unwritten();
    assert_eq!(kept.len(), UNWRITTEN_EVENTS);
    assert!(matches!(&kept[0], Record::Event(event) if event.id == "e1"), "{:?}", kept[0]);
    for limit in ["unwritten_events", "untold_messages"] {
        assert_eq!(telemetry.value(Metric::LimitHits, &[limit]), 1, "{limit}");
    }
}
