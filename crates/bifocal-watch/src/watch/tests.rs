use std::collections::BTreeMap;

use bifocal_model::feature::{BEHAVIOUR, INPUT, OUTPUT};
use bifocal_model::{
    Answers, Completeness, Component, Cost, Dimension, EvaluatorKind, FeatureGroup, Fingerprint, FormatAsked,
    Identity, InferenceId, Probability, Service, Span, Timing, Unit, Usage, Verdict,
};

use super::*;
use crate::alert::{Hold, RuleConfig, Status, shipped_rules};

/// No roll-ups here.
struct NoQuantiles;

impl Quantiles for NoQuantiles {
    fn quantile(&self, _: &TargetKey, _: &str, _: f64, _: Window) -> Option<f64> {
        None
    }
}

/// A stream of calls and scores, one a second, with noise from a fixed generator.
struct Traffic {
    target: TargetKey,
    second: i64,
    noise: u64,
}

impl Traffic {
    fn new(name: &str, seed: u64) -> Self {
        let target = TargetKey::of_model("sim", name)
            .with(|names| names.component = Component::InferenceComponent(name.into()));
        Self { target, second: 0, noise: seed.wrapping_mul(2) + 1 }
    }

    fn uniform(&mut self) -> f64 {
        self.noise =
            self.noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.noise >> 40) as f64 / f64::from(1 << 24)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + self.second)
    }

    /// The next second's call, judged around `mean`.
    fn next(&mut self, mean: f64) -> [Record; 2] {
        self.second += 1;
        let value = (mean + 0.3 * (self.uniform() - 0.5)).clamp(0.0, 1.0);
        let id = InferenceId::v7(self.now(), [0; 10]);
        [Record::Inference(Arc::new(self.call(id))), Record::Score(Arc::new(self.score(id, value)))]
    }

    fn call(&self, id: InferenceId) -> bifocal_model::Inference<bifocal_store::Redacted> {
        bifocal_model::Inference {
            id,
            identity: Identity { source: Source::Proxy, key: id.to_string() },
            target: self.target.clone(),
            labels: BTreeMap::from([("served_model".into(), "m-1".into())]),
            tenant: None,
            time: self.now(),
            messages: Vec::new(),
            answer: Default::default(),
            finish_reason: None,
            usage: Usage::default(),
            timing: Timing { ttft_seconds: Some(0.2), itl_seconds: None, duration_seconds: Some(2.0) },
            status: Some(200),
            error: None,
            completeness: Completeness::Complete,
            capture_probability: Probability::ONE,
            format_asked: FormatAsked::Free,
            streamed: true,
            redactions: Vec::new(),
            findings: bifocal_model::Findings::default(),
            chance: None,
            signs: bifocal_model::Signs::default(),
        }
    }

    fn score(&self, id: InferenceId, value: f64) -> Score<bifocal_store::Redacted> {
        Score {
            inference: id,
            target: self.target.clone(),
            evaluator: "judge:test".into(),
            fingerprint: Fingerprint(7),
            kind: EvaluatorKind::Judge,
            dimension: Dimension::new("relevance"),
            verdict: Verdict::Scored {
                value: Unit::clamped(value),
                pass: value >= 0.75,
                label: None,
                explanation: None,
            },
            inclusion: Probability::new(0.5).unwrap(),
            capture: Probability::ONE,
            stratum: "all".into(),
            time: self.now(),
            scored_at: self.now(),
            latency_seconds: 0.1,
            cost: Cost::default(),
        }
    }
}

fn watch() -> Watch {
    let config = WatchConfig { rules: shipped_rules(), ..Default::default() };
    Watch::new(config, Telemetry::new()).unwrap()
}

fn feed(watch: &mut Watch, traffic: &mut Traffic, seconds: usize, mean: f64) {
    for _ in 0..seconds {
        traffic.next(mean).iter().for_each(|record| watch.apply(record));
    }
}

fn events_of(outcome: &Outcome, kind: EventKind) -> Vec<&str> {
    outcome.events.iter().filter(|event| event.kind == kind).map(|event| event.summary.as_str()).collect()
}

#[test]
fn a_target_learns_degrades_and_recovers() {
    let (mut watch, mut traffic) = (watch(), Traffic::new("qwen", 1));
    feed(&mut watch, &mut traffic, 300, 0.85);
    let learning = watch.tick(traffic.now(), &NoQuantiles).snapshot;
    assert_eq!(learning.targets[0].answers, Answers::Learning { n: 300, of: 500 });
    assert_eq!(learning.targets[0].service, Service::Ok);
    assert!(!learning.targets[0].streams[0].baseline.unwrap().frozen, "provisional from 200 on");

    feed(&mut watch, &mut traffic, 700, 0.85);
    let healthy = watch.tick(traffic.now(), &NoQuantiles);
    assert_eq!(healthy.snapshot.targets[0].state, StateName::Healthy);
    assert_eq!(healthy.snapshot.targets[0].answers, Answers::Ok);
    assert_eq!(healthy.snapshot.sentence, "The one target is healthy.");
    assert!(healthy.notifications.is_empty());

    let onset = traffic.now();
    feed(&mut watch, &mut traffic, 200, 0.55);
    let worse = watch.tick(traffic.now(), &NoQuantiles);
    let view = &worse.snapshot.targets[0];
    assert_eq!(view.state, StateName::SilentDegradation);
    let alarm = view.streams[0].alarm.as_ref().unwrap();
    assert!(alarm.onset_from <= onset && onset <= alarm.onset_to, "{alarm:?} holds {onset}");
    assert!(alarm.index > 1000 && alarm.index < 1200, "{alarm:?}");
    let size = alarm.size.unwrap();
    assert!(size.lower < 0.55 && 0.55 < size.upper, "{size:?}");
    assert_eq!(events_of(&worse, EventKind::Alarm).len(), 1);
    let fired: Vec<&str> = worse.notifications.iter().map(|n| n.rule.as_str()).collect();
    assert_eq!(fired, ["silent degradation"], "which inhibits `answers degraded`");
    assert!(view.sentence.contains("relevance of qwen is lower by"), "{}", view.sentence);

    feed(&mut watch, &mut traffic, 900, 0.85);
    let first = watch.tick(traffic.now(), &NoQuantiles);
    assert_eq!(first.snapshot.targets[0].state, StateName::Healthy);
    assert_eq!(events_of(&first, EventKind::Recovery).len(), 1);
    feed(&mut watch, &mut traffic, 61, 0.85);
    let resolved = watch.tick(traffic.now(), &NoQuantiles).notifications;
    assert!(resolved.iter().all(|n| n.status == Status::Resolved) && resolved.len() == 1, "{resolved:?}");
}

#[test]
fn a_restart_arrives_at_the_same_bits() {
    let (mut whole, mut traffic) = (watch(), Traffic::new("qwen", 2));
    feed(&mut whole, &mut traffic, 800, 0.85);
    let saved = whole.save().unwrap();
    let mut restarted = watch();
    restarted.restore(&saved).unwrap();
    for _ in 0..400 {
        for record in traffic.next(0.6) {
            whole.apply(&record);
            restarted.apply(&record);
        }
    }
    assert_eq!(whole.save().unwrap(), restarted.save().unwrap());
    assert!(String::from_utf8(whole.save().unwrap()).unwrap().contains("Alarmed"), "something happened");
}

#[test]
fn an_alert_that_fired_stands_again_after_a_replay() {
    let (mut before, mut traffic) = (watch(), Traffic::new("qwen", 3));
    let mut journal = Vec::new();
    for i in 0..1200 {
        let records = traffic.next(if i < 1000 { 0.85 } else { 0.5 });
        records.iter().for_each(|record| before.apply(record));
        journal.extend(records);
    }
    // Told at the alarm, and once more with its cause.
    for _ in 0..2 {
        let outcome = before.tick(traffic.now(), &NoQuantiles);
        assert!(!outcome.notifications.is_empty());
        for event in outcome.events {
            before.apply(&Record::Event(event.clone()));
            journal.push(Record::Event(event));
        }
    }
    let mut after = watch();
    journal.iter().for_each(|record| after.apply(record));
    let again = after.tick(traffic.now(), &NoQuantiles);
    assert!(again.events.is_empty(), "everything was told: {:?}", again.events);
    assert!(again.notifications.is_empty(), "nothing is told twice: {:?}", again.notifications);
    assert_eq!(again.snapshot.targets[0].state, StateName::SilentDegradation);
}

/// Features of a call whose answers are written differently by `shift`.
fn features(traffic: &mut Traffic, shift: f64) -> FeatureValues {
    let mut next = || 1.0 + traffic.uniform();
    let behaviour = [0.0; BEHAVIOUR.len()].map(|_| next() + shift);
    FeatureValues {
        input: [0.0; INPUT.len()].map(|_| next()),
        output: Some([0.0; OUTPUT.len()].map(|_| next())),
        behaviour: Some(behaviour),
    }
}

#[test]
fn drift_pages_by_a_rule_of_its_own_and_leaves_answers_alone() {
    let rule = |group: &str| RuleConfig::new(group, &format!("drifted('{group}')"));
    let config = WatchConfig { rules: vec![rule("behaviour"), rule("input")], ..Default::default() };
    let mut watch = Watch::new(config, Telemetry::new()).unwrap();
    let mut traffic = Traffic::new("qwen", 7);
    let mut run = |calls: u32, shift: f64| {
        for _ in 0..calls {
            let id = InferenceId::v7(traffic.now(), [3; 10]);
            let call = traffic.call(id);
            let values = features(&mut traffic, shift);
            traffic.next(0.85).iter().for_each(|record| watch.apply(record));
            watch.take_features(&call, &values);
        }
        watch.tick(traffic.now(), &NoQuantiles)
    };
    let before = run(2_500, 0.0);
    assert!(before.notifications.is_empty(), "{:?}", before.notifications);
    assert_eq!(before.snapshot.totals.budgeted_streams, 4, "one judged stream and three groups");
    let after = run(200, 0.6);
    let fired: Vec<_> = after.notifications.iter().map(|n| (n.rule.as_str(), n.status)).collect();
    assert_eq!(fired, [("behaviour", Status::Firing)]);
    let view = &after.snapshot.targets[0];
    assert_eq!((view.answers, view.state), (Answers::Ok, StateName::Healthy));
    let behaviour = view.drift.iter().find(|drift| drift.group == FeatureGroup::Behaviour).unwrap();
    // Four streams, 600 inferences in ten minutes, one false page in 30 days.
    assert_eq!(behaviour.threshold, 4.0 * 600.0 * 30.0 * 24.0 * 6.0);
    assert!(behaviour.alarm.is_some_and(|alarm| alarm.evidence >= behaviour.threshold));
}

#[test]
fn quiet_weeks_page_nothing() {
    for seed in 0..20 {
        let (mut watch, mut traffic) = (watch(), Traffic::new("qwen", 100 + seed));
        let mut told = 0;
        for _ in 0..100 {
            feed(&mut watch, &mut traffic, 200, 0.85);
            told += watch.tick(traffic.now(), &NoQuantiles).notifications.len();
        }
        assert_eq!(told, 0, "seed {seed}");
    }
}

#[test]
fn a_new_fingerprint_begins_a_new_stream() {
    let (mut watch, mut traffic) = (watch(), Traffic::new("qwen", 4));
    feed(&mut watch, &mut traffic, 600, 0.85);
    traffic.second += 1;
    let mut other = traffic.score(InferenceId::v7(traffic.now(), [1; 10]), 0.1);
    other.fingerprint = Fingerprint(8);
    watch.apply(&Record::Score(Arc::new(other)));
    let view = &watch.tick(traffic.now(), &NoQuantiles).snapshot.targets[0];
    assert_eq!(view.streams.len(), 1, "only the newest is shown");
    assert_eq!((view.streams[0].fingerprint, view.streams[0].judged), (Fingerprint(8), 1));
    assert_eq!(view.answers, Answers::Learning { n: 1, of: 500 });
}

#[test]
fn the_limit_watch_targets_is_counted() {
    let telemetry = Telemetry::new();
    let mut watch = Watch::new(WatchConfig::default(), telemetry.clone()).unwrap();
    for i in 0..=TARGETS_MAX {
        let traffic = Traffic::new(&format!("m{i}"), 1);
        watch.apply(&Record::Inference(Arc::new(traffic.call(InferenceId::v7(traffic.now(), [0; 10])))));
    }
    let snapshot = watch.tick(Timestamp::from_secs(1_800_000_001), &NoQuantiles).snapshot;
    assert_eq!(snapshot.targets.len(), TARGETS_MAX + 1);
    assert!(
        snapshot.targets.iter().any(|target| target.key.is_other()),
        "what has no room is watched as `other`"
    );
    assert_eq!(telemetry.value(bifocal_telemetry::Metric::LimitHits, &["watch_targets"]), 1);
}

#[test]
fn the_limit_watch_streams_is_counted() {
    let telemetry = Telemetry::new();
    let mut watch = Watch::new(WatchConfig::default(), telemetry.clone()).unwrap();
    let traffic = Traffic::new("m", 1);
    for i in 0..=STREAMS_MAX {
        let mut score = traffic.score(InferenceId::v7(traffic.now(), [0; 10]), 0.5);
        score.fingerprint = Fingerprint(u64::try_from(i).unwrap());
        watch.apply(&Record::Score(Arc::new(score)));
    }
    assert_eq!(telemetry.value(bifocal_telemetry::Metric::LimitHits, &["watch_streams"]), 1);
}

#[test]
fn a_pass_rate_rule_waits_for_its_span_and_for_the_upper_bound() {
    let rule = RuleConfig {
        hold: Hold::secs(300),
        ..RuleConfig::new("relevance", "upper('relevance_pass_rate') < 0.7")
    };
    let config = WatchConfig { rules: vec![rule], ..Default::default() };
    let mut watch = Watch::new(config, Telemetry::new()).unwrap();
    let mut traffic = Traffic::new("qwen", 5);
    let mut fired_at = None;
    for minute in 0..20 {
        feed(&mut watch, &mut traffic, 60, 0.5);
        let told = watch.tick(traffic.now(), &NoQuantiles).notifications;
        if !told.is_empty() && fired_at.is_none() {
            fired_at = Some(minute);
        }
    }
    // Every answer fails: the bound is below 0.7 within the first minute, and the rule waits five more.
    assert_eq!(fired_at, Some(5));
}

#[test]
fn an_alert_whose_rule_is_gone_ends_and_is_told() {
    let config = |name: &str| WatchConfig {
        rules: vec![RuleConfig::new(name, "upper('relevance_pass_rate') < 0.7")],
        ..Default::default()
    };
    let mut before = Watch::new(config("old"), Telemetry::new()).unwrap();
    let mut traffic = Traffic::new("qwen", 5);
    feed(&mut before, &mut traffic, 300, 0.5);
    let fired = before.tick(traffic.now(), &NoQuantiles).notifications;
    assert_eq!((fired.len(), fired[0].status), (1, Status::Firing));
    let saved = before.save().unwrap();
    let mut after = Watch::new(config("new"), Telemetry::new()).unwrap();
    after.restore(&saved).unwrap();
    let told = after.tick(traffic.now(), &NoQuantiles).notifications;
    let ends: Vec<_> = told.iter().filter(|told| told.status == Status::Resolved).collect();
    assert_eq!(ends.len(), 1, "{told:?}");
    assert_eq!((&ends[0].alert_id, ends[0].rule.as_str()), (&fired[0].alert_id, "old"));
    assert!(after.tick(traffic.now(), &NoQuantiles).notifications.is_empty(), "once");
}

#[test]
fn silence_is_unknown_and_not_healthy() {
    let (mut watch, mut traffic) = (watch(), Traffic::new("qwen", 6));
    feed(&mut watch, &mut traffic, 600, 0.85);
    let later = traffic.now() + Span::from_mins(30);
    assert_eq!(watch.tick(later, &NoQuantiles).snapshot.targets[0].state, StateName::Unknown);
}

/// An overload's queue is gone before its slow requests have left the window and the dwell is over: until then it is
/// the end of an overload, never a `service_degraded`.
#[test]
fn an_overload_ends_as_an_overload() {
    let mut watch = Watch::new(WatchConfig::default(), Telemetry::new()).unwrap();
    let mut traffic = Traffic::new("a", 5);
    let mut seen: Vec<StateName> = Vec::new();
    for second in 0..1500_i64 {
        let (overload, queue) = ((300..360).contains(&second), (300..380).contains(&second));
        let [call, _] = traffic.next(0.9);
        let Record::Inference(mut shared) = call else { panic!() };
        let call = Arc::make_mut(&mut shared);
        call.timing.ttft_seconds = Some(if overload { 8.0 } else { 0.3 });
        call.timing.duration_seconds = Some(9.0);
        watch.apply(&Record::Inference(shared));
        if second % 10 == 0 {
            watch.apply(&Record::Reading(bifocal_model::Reading {
                signal: "requests_waiting".into(),
                subject: ReadingSubject::Target(traffic.target.clone()),
                part: String::new(),
                time: traffic.now(),
                value: if queue { 90.0 } else { 0.0 },
                source: Source::Scrape,
            }));
        }
        let view = watch.tick(traffic.now(), &NoQuantiles).snapshot.targets.remove(0);
        if view.service != Service::Unknown && seen.last() != Some(&view.state) {
            seen.push(view.state);
        }
    }
    use StateName::{Healthy, Overloaded};
    assert_eq!(seen, [Healthy, Overloaded, Healthy]);
}

mod costs;
mod explained;
mod handling;
mod incidents;
mod ladder;
mod mutes;
mod quiet;
mod severe;
