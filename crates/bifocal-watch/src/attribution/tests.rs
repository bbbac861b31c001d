use bifocal_model::{Attribution, Probability, Unit, Verdict};

use super::*;
use crate::limits::{ALIGNED_MAX, EXAMPLES_MAX, JUDGES_MAX, TIMELINE_MAX};

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn target() -> TargetKey {
    TargetKey::of_model("local", "qwen")
}

fn event(secs: i64, kind: EventKind, id: &str) -> Event {
    Event { time: at(secs), kind, target: Some(target()), id: id.to_owned(), summary: String::new() }
}

fn score(i: i64, value: f64) -> Score<String> {
    Score {
        inference: bifocal_model::InferenceId::v7(at(i), [0; 10]),
        target: target(),
        evaluator: "judge:test".into(),
        fingerprint: Fingerprint(7),
        kind: bifocal_model::EvaluatorKind::Judge,
        dimension: Dimension::new("relevance"),
        verdict: Verdict::Scored { value: Unit::clamped(value), pass: true, label: None, explanation: None },
        inclusion: Probability::ONE,
        capture: Probability::ONE,
        stratum: "language=de;end=ok".into(),
        time: at(i),
        scored_at: at(i),
        latency_seconds: 0.1,
        cost: bifocal_model::Cost::default(),
    }
}

fn standing(turn: Option<EventKind>, alarm: Option<Timestamp>) -> Standing {
    let alarm = alarm.map(|time| AlarmView {
        time,
        index: 600,
        onset_from: at(550),
        onset_to: at(580),
        baseline_mean: 0.8,
        evidence: 2e4,
        size: None,
    });
    Standing { turn, alarm, evidence: 0.0, threshold: 1e4 }
}

/// A book with 500 of a baseline, and an alarm at second 600.
fn alarmed() -> IncidentBook {
    let (mut book, config) = (IncidentBook::default(), QualityConfig::default());
    for i in 0..500 {
        book.take_score(&score(i, 0.75 + 0.1 * (i % 2) as f64), &standing(None, None), &config);
    }
    book.take_score(&score(600, 0.3), &standing(Some(EventKind::Alarm), Some(at(600))), &config);
    book
}

#[test]
fn events_inside_the_range_are_aligned_whenever_they_arrive_and_once() {
    let mut book = IncidentBook::default();
    for (secs, kind, id) in [
        (560, EventKind::Deployment, "d-2"),
        (500, EventKind::Deployment, "too early"),
        (590, EventKind::Scaling, "too late"),
        (565, EventKind::AlertFired, "no event of the world"),
    ] {
        book.take_event(&event(secs, kind, id));
    }
    let other = Event {
        target: Some(TargetKey::of_model("local", "other")),
        ..event(560, EventKind::Deployment, "d-9")
    };
    book.take_event(&other);
    let config = QualityConfig::default();
    book.take_score(&score(600, 0.3), &standing(Some(EventKind::Alarm), Some(at(600))), &config);
    // Out of order, after the alarm, and twice.
    for _ in 0..2 {
        book.take_event(&event(552, EventKind::Deployment, "d-1"));
    }
    let incidents = book.open_of(&target());
    let aligned: Vec<&str> = incidents[0].aligned.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(aligned, ["d-1", "d-2"]);
    assert!(
        incidents[0].sentence.contains("deployment d-1 and 1 more lie in that span"),
        "{}",
        incidents[0].sentence
    );
}

#[test]
fn an_incident_closes_at_recovery_and_says_what_was_missing() {
    let (mut book, config) = (alarmed(), QualityConfig::default());
    for i in 601..620 {
        book.take_score(&score(i, 0.3), &standing(None, Some(at(600))), &config);
    }
    let told = book.take_score(&score(620, 0.8), &standing(Some(EventKind::Recovery), None), &config);
    assert_eq!(told.events.len(), 1);
    assert!(told.events[0].summary.contains("19 were judged after the alarm; 50 are needed"), "{told:?}");
    assert_eq!(book.open_of(&target()), []);
    let all = book.all();
    assert_eq!((all.len(), all[0].closed), (1, Some(at(620))));
    assert_eq!(all[0].attribution.cause, Cause::Undecided);
}

#[test]
fn the_sentence_says_all_that_is_known() {
    let (mut book, config) = (alarmed(), QualityConfig::default());
    book.take_event(&event(560, EventKind::Deployment, "d-123"));
    for i in 0..320 {
        let anchor = AnchorScore {
            anchor: format!("a{}", i % 100),
            evaluator: "judge:test".into(),
            fingerprint: Fingerprint(7),
            dimension: Dimension::new("relevance"),
            frozen: Unit::clamped(0.6),
            value: Unit::clamped(if i % 2 == 0 { 0.55 } else { 0.65 }),
            time: at(600 + i),
            cost: bifocal_model::Cost::default(),
        };
        book.take_anchor(&anchor, |_| 0.0, &config);
    }
    let mut events = Vec::new();
    for i in 601..720 {
        let told =
            book.take_score(&score(i, 0.5 + 0.1 * (i % 2) as f64), &standing(None, Some(at(600))), &config);
        events.extend(told.events);
        assert_eq!(told.start_over, []);
    }
    let incident = &book.open_of(&target())[0];
    assert_eq!(incident.attribution.cause, Cause::System, "{incident:?}");
    assert_eq!(events.len(), 1, "{events:?}");
    let sentence = &incident.sentence;
    for part in [
        "relevance of qwen is lower by 0.2",
        "(measured on 100 judged after the alarm)",
        "began at 00:09 UTC",
        "deployment d-123 lies in that span",
        "judge drift above 0.0",
        "ruled out",
    ] {
        assert!(sentence.contains(part), "`{part}` is not in: {sentence}");
    }
    assert!(!sentence.contains("cause"), "an aligned event is never called a cause: {sentence}");
}

#[test]
fn the_limits_of_incidents() {
    let (mut book, config) = (alarmed(), QualityConfig::default());
    for i in 0..TIMELINE_MAX + 10 {
        book.take_event(&event(560, EventKind::Deployment, &format!("d{i}")));
    }
    assert_eq!(book.open_of(&target())[0].aligned.len(), ALIGNED_MAX);
    for i in 601..660 {
        book.take_score(&score(i, 0.3), &standing(None, Some(at(600))), &config);
    }
    assert_eq!(book.open_of(&target())[0].examples.len(), EXAMPLES_MAX);
    let incident = Incident { attribution: Attribution::default(), ..book.open_of(&target()).remove(0) };
    for i in 0..CLOSED_INCIDENTS_MAX + 3 {
        book.keep(Incident { id: i.to_string(), ..incident.clone() });
    }
    assert_eq!(book.all().len(), 1 + CLOSED_INCIDENTS_MAX);
    let saved = serde_json::to_string(&book).unwrap();
    assert_eq!(serde_json::from_str::<IncidentBook>(&saved).unwrap(), book, "it goes on bit for bit");
    for i in 0..JUDGES_MAX as u64 + 5 {
        let anchor = AnchorScore {
            anchor: "a".into(),
            evaluator: "judge:test".into(),
            fingerprint: Fingerprint(100 + i),
            dimension: Dimension::new("relevance"),
            frozen: Unit::clamped(0.5),
            value: Unit::clamped(0.5),
            time: at(1),
            cost: bifocal_model::Cost::default(),
        };
        book.take_anchor(&anchor, |_| 0.0, &config);
    }
    let json = serde_json::to_value(&book).unwrap();
    assert_eq!(json["judges"]["watches"].as_array().unwrap().len(), JUDGES_MAX);
    assert_eq!(json["timeline"]["events"].as_array().unwrap().len(), TIMELINE_MAX);
}

/// The samples behind an incident are of the core: how likely an answer was to be captured weighs them, and how likely it was to be
/// judged at its time does not.
#[test]
fn samples_are_weighed_by_their_capture_and_not_by_the_pace_of_the_budget() {
    let found = |weigh: fn(&mut Score<String>)| {
        let (mut book, config) = (IncidentBook::default(), QualityConfig::default());
        let mut take = |i: i64, value: f64, turn: Option<EventKind>| {
            let mut score = score(i, value + 0.1 * (i % 2) as f64);
            if i % 2 == 0 {
                weigh(&mut score);
            }
            let alarm = turn.map(|_| at(600));
            book.take_score(&score, &standing(turn, alarm), &config);
        };
        (0..500).for_each(|i| take(i, 0.75, None));
        take(600, 0.3, Some(EventKind::Alarm));
        (601..1_100).for_each(|i| take(i, 0.5, None));
        book.all()[0].attribution.clone()
    };
    let even = found(|_| {});
    assert_eq!(found(|score| score.inclusion = Probability::new(0.1).unwrap()), even);
    assert_ne!(found(|score| score.capture = Probability::new(0.1).unwrap()), even);
}
