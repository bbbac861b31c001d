use bifocal_model::feature::{BEHAVIOUR, INPUT, OUTPUT};
use bifocal_stats::drift::Seeded;

use super::*;
use crate::limits::{DRIFT_MARKS_MAX, DRIFT_RECENT_MAX};

const ALARM: f64 = 20_000.0;
/// The feature that moves.
const MOVED: usize = 3;

/// A target's inferences, one a second.
struct Traffic {
    drift: Drift,
    random: Seeded,
    second: i64,
}

impl Traffic {
    fn new(seed: u64) -> Self {
        Self { drift: Drift::default(), random: Seeded::new(seed), second: 0 }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + self.second)
    }

    /// Rows whose behaviour has moved by `shift`; the events that they cause.
    fn run(&mut self, rows: u64, shift: f64) -> Vec<Event> {
        let key = TargetKey::of_model("local", "m");
        let mut events = Vec::new();
        for _ in 0..rows {
            self.second += 1;
            let mut next = || (0.5 * self.random.normal()).exp();
            let mut values = FeatureValues {
                input: [0.0; INPUT.len()].map(|_| next()),
                output: Some([0.0; OUTPUT.len()].map(|_| next().round())),
                behaviour: Some([0.0; BEHAVIOUR.len()].map(|_| next())),
            };
            if let Some(behaviour) = &mut values.behaviour {
                behaviour[MOVED] += shift;
            }
            let seed = self.random.bits();
            events.extend(self.drift.take(&key, self.now(), &values, seed, |_| ALARM));
        }
        events
    }

    fn view(&mut self, group: FeatureGroup) -> GroupDriftView {
        self.drift.views().into_iter().find(|view| view.group == group).unwrap()
    }
}

fn kinds(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(|event| event.kind).collect()
}

#[test]
fn a_change_of_behaviour_is_seen_named_dated_and_over() {
    let mut traffic = Traffic::new(1);
    assert_eq!(kinds(&traffic.run(1_000, 0.0)), []);
    let learning = traffic.view(FeatureGroup::Behaviour);
    assert_eq!((learning.status, learning.n, learning.of), (DriftStatus::Learning, 1_000, 2_000));
    assert_eq!((learning.evidence, learning.features.len()), (None, 0));
    assert_eq!(kinds(&traffic.run(1_000, 0.0)), [EventKind::Baseline; 3]);
    assert_eq!(kinds(&traffic.run(1_000, 0.0)), []);
    let steady = traffic.view(FeatureGroup::Behaviour);
    assert_eq!((steady.status, steady.window), (DriftStatus::Steady, 500));
    assert!(steady.evidence.unwrap() < ALARM && steady.features.len() == BEHAVIOUR.len());

    let began = traffic.now();
    let events = traffic.run(300, 1.0);
    assert_eq!(kinds(&events), [EventKind::Alarm], "{events:?}");
    assert_eq!(events[0].summary, "behaviour of m is not what it was");
    let drifted = traffic.view(FeatureGroup::Behaviour);
    let alarm = drifted.alarm.unwrap();
    assert_eq!((drifted.status, alarm.feature), (DriftStatus::Drifted, BEHAVIOUR[MOVED].name));
    assert!(
        alarm.onset_from <= began && began <= alarm.onset_to && alarm.onset_to <= alarm.time,
        "{alarm:?}"
    );
    assert!(alarm.time.since(began) < Span::from_secs(120), "{alarm:?}");
    let moved = drifted.features[0];
    assert_eq!(moved.name, BEHAVIOUR[MOVED].name);
    assert!(moved.psi.unwrap() > 0.25 && moved.psi_p_value.unwrap() <= 0.01, "{moved:?}");
    assert!(moved.ks_p_value.unwrap() < 1e-6 && moved.wasserstein.unwrap() > 0.3, "{moved:?}");
    for group in [FeatureGroup::Input, FeatureGroup::Output] {
        assert_eq!(traffic.view(group).status, DriftStatus::Steady, "{group:?} did not move");
    }

    assert_eq!(kinds(&traffic.run(800, 1.0)), [], "it is told once");
    assert_eq!(kinds(&traffic.run(2_000, 0.0)), [EventKind::Recovery]);
    assert_eq!(traffic.view(FeatureGroup::Behaviour).status, DriftStatus::Steady);
}

/// 30 streams of 3,000 rows: P(alarm) is at most 0.15 each, so 4.5 are expected at most, and 8.5 lie two standard errors above.
#[test]
fn without_a_change_alarms_are_as_rare_as_the_threshold_says() {
    let alarms = (0..10).map(|seed| {
        let events = kinds(&Traffic::new(100 + seed).run(5_000, 0.0));
        assert_eq!(events.iter().filter(|kind| **kind == EventKind::Baseline).count(), 3, "seed {seed}");
        events.iter().filter(|kind| **kind == EventKind::Alarm).count()
    });
    let alarms: usize = alarms.sum();
    assert!(alarms <= 8, "{alarms}");
}

#[test]
fn a_drift_that_stays_becomes_the_new_normal() {
    let mut traffic = Traffic::new(2);
    traffic.run(2_000, 0.0);
    assert_eq!(kinds(&traffic.run(1_000, 1.5)), [EventKind::Alarm]);
    let mut events = traffic.run(ADOPT, 1.5);
    // In so many rows the other groups may alarm by chance.
    events.retain(|event| event.summary.starts_with("behaviour"));
    assert_eq!(kinds(&events), [EventKind::Baseline], "{events:?}");
    assert!(events[0].summary.contains("learned anew"));
    assert_eq!(traffic.view(FeatureGroup::Behaviour).status, DriftStatus::Learning);
    let mut events = traffic.run(3_000, 1.5);
    events.retain(|event| event.summary.starts_with("behaviour"));
    assert_eq!(kinds(&events), [EventKind::Baseline], "and is the normal");
}

#[test]
fn a_restart_arrives_at_the_same_bits() {
    for rows in [700, 2_300, 3_100] {
        let mut whole = Traffic::new(3);
        whole.run(rows, if rows > 3_000 { 1.0 } else { 0.0 });
        let saved = serde_json::to_string(&whole.drift).unwrap();
        let mut restarted = Traffic {
            drift: serde_json::from_str(&saved).unwrap(),
            random: whole.random.clone(),
            second: whole.second,
        };
        assert_eq!(restarted.run(600, 1.0), whole.run(600, 1.0));
        let bits = |traffic: &Traffic| serde_json::to_string(&traffic.drift).unwrap();
        assert_eq!(bits(&restarted), bits(&whole));
    }
}

#[test]
fn other_features_start_over() {
    let mut traffic = Traffic::new(4);
    traffic.run(2_100, 0.0);
    traffic.drift.version = FEATURES_VERSION + 1;
    traffic.run(1, 0.0);
    let view = traffic.view(FeatureGroup::Input);
    assert_eq!((view.status, view.n), (DriftStatus::Learning, 1));
}

#[test]
fn what_is_kept_ends_at_the_limits() {
    let mut traffic = Traffic::new(5);
    traffic.run(2_000 + MARK_EVERY * (DRIFT_MARKS_MAX as u64 + 2), 0.0);
    for group in &traffic.drift.groups {
        assert_eq!(group.recent.len(), DRIFT_RECENT_MAX);
        assert!(group.marks.len() < DRIFT_MARKS_MAX && group.marks.len() >= DRIFT_MARKS_MAX / 2);
        assert!(group.marks.iter().is_sorted());
    }
}

#[test]
fn what_does_not_apply_is_not_counted() {
    let key = TargetKey::of_model("local", "m");
    let (mut drift, mut random) = (Drift::default(), Seeded::new(7));
    let values = FeatureValues { input: [f64::NAN; INPUT.len()], output: None, behaviour: None };
    for i in 0..3_000 {
        drift.take(&key, Timestamp::from_secs(i), &values, random.bits(), |_| ALARM);
    }
    let views = drift.views();
    assert_eq!(views.len(), 1, "no answer, no row");
    assert_eq!(views[0].status, DriftStatus::Steady);
    let nothing = views[0].features[0];
    assert_eq!((nothing.psi, nothing.ks, nothing.window_median), (None, None, None), "a gap is no number");
    let saved = serde_json::to_vec(&drift).unwrap();
    let read: Drift = serde_json::from_slice(&saved).unwrap();
    assert_eq!(serde_json::to_vec(&read).unwrap(), saved, "a restart reads gaps back");
}
