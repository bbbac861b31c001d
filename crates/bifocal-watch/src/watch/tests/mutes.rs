//! Alerts that are shown and not told: silences, maintenance, inhibition.

use bifocal_model::{Act, Deed, Severity, Silencing};

use super::*;
use crate::mute::{MaintenanceConfig, MutedBy, SilenceStatus, Withheld};

const T0: Timestamp = Timestamp::from_secs(1_800_000_000);

fn at(second: i64) -> Timestamp {
    T0 + Span::from_secs(second)
}

/// Latencies as the test wants them.
#[derive(Clone, Copy)]
struct Latencies {
    ttft: f64,
    itl: f64,
}

impl Quantiles for Latencies {
    fn quantile(&self, _: &TargetKey, signal: &str, _: f64, _: Window) -> Option<f64> {
        match signal {
            "ttft_seconds" => Some(self.ttft),
            "itl_seconds" => Some(self.itl),
            _ => None,
        }
    }
}

/// Values with which the two rules fire and do not.
const BIG: f64 = 5.0;
const FULL: f64 = 2.0;
const FINE: f64 = 0.1;

/// A watch with two rules, everything that went through it, and what it told.
struct Bench {
    config: WatchConfig,
    watch: Watch,
    journal: Vec<Record>,
    now: Latencies,
}

impl Bench {
    fn new(change: impl FnOnce(&mut WatchConfig)) -> Self {
        let big = RuleConfig::new("big", "p95('ttft_seconds') > 4.0");
        let full = RuleConfig {
            severity: Severity::Critical,
            ..RuleConfig::new("full", "p95('itl_seconds') > 1.0")
        };
        let mut config = WatchConfig { rules: vec![big, full], ..Default::default() };
        change(&mut config);
        let watch = Watch::new(config.clone(), Telemetry::new()).unwrap();
        Self { config, watch, journal: Vec::new(), now: Latencies { ttft: FINE, itl: FINE } }
    }

    fn target() -> TargetKey {
        TargetKey::of_model("o", "qwen")
    }

    fn apply(&mut self, record: Record) {
        self.watch.apply(&record);
        self.journal.push(record);
    }

    /// A look. Gives rule and status of what is told.
    fn tick(&mut self, second: i64, ttft: f64, itl: f64) -> Vec<(String, Status)> {
        self.now = Latencies { ttft, itl };
        self.apply(Record::Reading(Reading {
            signal: "requests_running".into(),
            subject: ReadingSubject::Target(Self::target()),
            part: String::new(),
            time: at(second),
            value: 1.0,
            source: Source::Scrape,
        }));
        let outcome = self.watch.tick(at(second), &self.now);
        outcome.events.into_iter().for_each(|event| self.apply(Record::Event(event)));
        outcome.notifications.into_iter().map(|told| (told.rule, told.status)).collect()
    }

    fn silence(&mut self, id: &str, second: i64, rule: &str, until: i64) {
        let of = Silencing {
            rule: Some(rule.to_owned()),
            target: None,
            severity: None,
            reason: "upgrade".to_owned(),
            start: at(second),
            end: at(until),
        };
        self.act(id, second, Deed::Silence(of));
    }

    fn act(&mut self, id: &str, second: i64, deed: Deed) {
        self.apply(Record::Act(Act { id: id.to_owned(), time: at(second), by: "ana".to_owned(), deed }));
    }

    fn snapshot(&mut self, second: i64) -> Snapshot {
        self.watch.tick(at(second), &self.now).snapshot
    }

    /// The same from the journal alone, as after a crash.
    fn replayed(&self) -> Self {
        let mut watch = Watch::new(self.config.clone(), Telemetry::new()).unwrap();
        self.journal.iter().for_each(|record| watch.apply(record));
        let now = self.now;
        Self { config: self.config.clone(), watch, journal: self.journal.clone(), now }
    }
}

fn said(told: &[(&str, Status)]) -> Vec<(String, Status)> {
    told.iter().map(|(rule, status)| ((*rule).to_owned(), *status)).collect()
}

use Status::{Firing, Resolved};

#[test]
fn a_silenced_alert_is_shown_and_told_when_the_silence_ends() {
    let mut bench = Bench::new(|_| {});
    bench.silence("s1", 0, "big", 600);
    assert_eq!(bench.tick(1, BIG, FINE), []);
    let snapshot = bench.snapshot(2);
    let alert = &snapshot.alerts[0];
    assert_eq!((alert.status, alert.untold), (Firing, true), "it is evaluated and shown");
    let muted = alert.muted.as_ref().unwrap();
    assert_eq!(
        (muted.by, muted.owner.as_deref(), muted.until),
        (MutedBy::Silence, Some("ana"), Some(at(600)))
    );
    assert_eq!((snapshot.silences[0].withheld, snapshot.silences[0].status), (1, SilenceStatus::Active));
    assert_eq!(snapshot.withheld, Withheld { silence: 1, ..Withheld::default() });
    assert_eq!(bench.tick(599, BIG, FINE), [], "and counted once, not at every look");
    assert_eq!(bench.snapshot(599).silences[0].withheld, 1);
    assert_eq!(bench.tick(600, BIG, FINE), said(&[("big", Firing)]), "it still fires when the silence ends");
    assert_eq!(bench.tick(601, BIG, FINE), [], "once");
    bench.tick(602, FINE, FINE);
    assert_eq!(bench.tick(663, FINE, FINE), said(&[("big", Resolved)]));
}

#[test]
fn the_end_of_an_alert_that_nobody_heard_of_is_not_told() {
    let mut bench = Bench::new(|_| {});
    bench.silence("s1", 0, "big", 600);
    bench.tick(1, BIG, FINE);
    bench.tick(2, FINE, FINE);
    assert_eq!(bench.tick(63, FINE, FINE), [], "it is over");
    assert_eq!(bench.snapshot(64).alerts[0].status, Resolved);
    assert_eq!(bench.tick(601, FINE, FINE), []);
}

#[test]
fn an_alert_that_is_about_to_end_is_not_told_when_its_silence_ends() {
    let mut bench = Bench::new(|_| {});
    bench.silence("s1", 0, "big", 30);
    bench.tick(1, BIG, FINE);
    bench.tick(29, FINE, FINE);
    assert_eq!(bench.tick(31, FINE, FINE), [], "its condition does not hold");
    assert_eq!(bench.tick(40, BIG, FINE), said(&[("big", Firing)]), "now it does");
}

#[test]
fn the_end_is_told_to_those_who_were_told_of_the_beginning_silence_or_not() {
    let mut bench = Bench::new(|_| {});
    assert_eq!(bench.tick(1, BIG, FINE), said(&[("big", Firing)]));
    bench.silence("s1", 2, "big", 600);
    bench.tick(3, FINE, FINE);
    assert_eq!(bench.tick(64, FINE, FINE), said(&[("big", Resolved)]));
    assert_eq!(bench.snapshot(65).silences[0].withheld, 0);
}

#[test]
fn a_silence_that_is_ended_early_ends_at_once() {
    let mut bench = Bench::new(|_| {});
    bench.silence("s1", 0, "big", 600);
    bench.tick(1, BIG, FINE);
    bench.act("e1", 10, Deed::EndSilence { silence: "s1".to_owned() });
    assert_eq!(bench.tick(11, BIG, FINE), said(&[("big", Firing)]));
}

#[test]
fn silences_and_what_they_withheld_survive_a_crash() {
    let mut bench = Bench::new(|_| {});
    bench.silence("s1", 0, "big", 600);
    bench.tick(1, BIG, FINE);
    let mut again = bench.replayed();
    assert_eq!(again.tick(2, BIG, FINE), [], "it is not told after the crash either");
    let snapshot = again.snapshot(3);
    assert_eq!((snapshot.silences[0].withheld, snapshot.withheld.silence), (1, 1), "and counted once");
    assert!(snapshot.alerts[0].untold);
    assert!(again.watch.owed_notifications(at(3)).is_empty(), "nobody was told of it");
    assert_eq!(again.tick(600, BIG, FINE), said(&[("big", Firing)]));
    let mut after = again.replayed();
    assert_eq!(after.tick(601, BIG, FINE), [], "it was told before the second crash");
    assert_eq!(after.watch.owed_notifications(at(601)).len(), 1);
    let saved = after.watch.save().unwrap();
    let mut restored = Watch::new(bench.config.clone(), Telemetry::new()).unwrap();
    restored.restore(&saved).unwrap();
    assert_eq!(restored.save().unwrap(), saved);
}

#[test]
fn a_rule_that_fires_in_the_same_moment_inhibits_the_other() {
    let mut bench = Bench::new(|config| config.rules[1].inhibits = vec!["big".to_owned()]);
    assert_eq!(bench.tick(1, BIG, FULL), said(&[("full", Firing)]), "`big` comes first and is inhibited");
    let snapshot = bench.snapshot(2);
    let big = snapshot.alerts.iter().find(|alert| alert.rule == "big").unwrap();
    assert_eq!(
        big.muted.as_ref().map(|muted| (muted.by, muted.name.as_str())),
        Some((MutedBy::Inhibition, "full"))
    );
    assert_eq!(snapshot.withheld.inhibition, 1);
    assert_eq!(snapshot.rules[0].inhibited_by, ["full"]);
    bench.tick(3, BIG, FINE);
    let told = bench.tick(64, BIG, FINE);
    assert_eq!(
        told,
        said(&[("big", Firing), ("full", Resolved)]),
        "what goes on is told when `full` is over"
    );
}

#[test]
fn a_maintenance_window_mutes_and_ends() {
    // T0 is 2027-01-15T08:00:00Z, a Friday.
    let window: MaintenanceConfig = serde_json::from_str(
        r#"{"name": "upgrade", "targets": ["qwen"], "days": ["fri"], "at": "08:00", "for": "10m"}"#,
    )
    .unwrap();
    let mut bench = Bench::new(|config| config.maintenance = vec![window]);
    assert_eq!(bench.tick(1, BIG, FINE), []);
    let snapshot = bench.snapshot(2);
    assert_eq!(snapshot.alerts[0].muted.as_ref().map(|muted| muted.name.as_str()), Some("upgrade"));
    assert_eq!(snapshot.withheld.maintenance, 1);
    assert_eq!(bench.tick(600, BIG, FINE), said(&[("big", Firing)]));
    assert_eq!(bench.tick(700, BIG, FULL), said(&[("full", Firing)]));
}
