//! Incidents on a whole watch: who is blamed, who is not, and what a restart keeps.

use bifocal_model::{AnchorScore, Cause};

use super::*;

impl Traffic {
    /// An anchor scored again, around `mean`; frozen at 0.7.
    fn anchor(&mut self, mean: f64) -> Record {
        let value = (mean + 0.2 * (self.uniform() - 0.5)).clamp(0.0, 1.0);
        Record::Anchor(AnchorScore {
            anchor: format!("a{}", self.second % 100),
            evaluator: "judge:test".into(),
            fingerprint: Fingerprint(7),
            dimension: Dimension::new("relevance"),
            frozen: Unit::clamped(0.7),
            value: Unit::clamped(value),
            time: self.now(),
            cost: Cost::default(),
        })
    }
}

/// Scores around `mean` and, as often as the watch wants them (else one in twenty), anchors around `anchor`. Gives all
/// outcomes.
fn run(watch: &mut Watch, traffic: &mut Traffic, seconds: usize, mean: f64, anchor: f64) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut wanted = false;
    for i in 0..seconds {
        traffic.next(mean).iter().for_each(|record| watch.apply(record));
        if wanted || i % 20 == 0 {
            watch.apply(&traffic.anchor(anchor));
        }
        let outcome = watch.tick(traffic.now(), &NoQuantiles);
        for event in &outcome.events {
            watch.apply(&Record::Event(event.clone()));
        }
        wanted = !outcome.anchors_wanted.is_empty();
        outcomes.push(outcome);
    }
    outcomes
}

fn events(outcomes: &[Outcome], kind: EventKind) -> Vec<String> {
    outcomes.iter().flat_map(|outcome| events_of(outcome, kind)).map(str::to_owned).collect()
}

#[test]
fn a_model_that_falls_is_told_from_its_judge() {
    let (mut watch, mut traffic) = (watch(), Traffic::new("qwen", 3));
    run(&mut watch, &mut traffic, 800, 0.85, 0.7);
    let worse = run(&mut watch, &mut traffic, 500, 0.65, 0.7);
    let view = &worse.last().unwrap().snapshot.targets[0];
    assert_eq!(view.state, StateName::SilentDegradation);
    assert_eq!(view.incidents[0].attribution.cause, Cause::System, "{:?}", view.incidents[0]);
    assert!(view.sentence.contains("judge drift above 0.0"), "{}", view.sentence);
    assert_eq!(events(&worse, EventKind::Verdict).len(), 1);
    // The channels are told at the alarm, and once more when the cause is known.
    let told: Vec<&Notification> = worse.iter().flat_map(|outcome| &outcome.notifications).collect();
    let silent: Vec<_> = told.iter().filter(|told| told.rule == "silent degradation").collect();
    assert_eq!(silent.len(), 2, "{silent:?}");
    assert!(silent[1].idempotency_key.ends_with(":cause:system") && silent[1].summary.contains("ruled out"));
    let better = run(&mut watch, &mut traffic, 1_500, 0.85, 0.7);
    let snapshot = &better.last().unwrap().snapshot;
    assert_eq!(snapshot.targets[0].state, StateName::Healthy);
    assert!(snapshot.targets[0].incidents.is_empty());
    assert!(snapshot.incidents[0].closed.is_some());
}

#[test]
fn a_judge_that_falls_does_not_blame_the_model() {
    let (mut watch, mut traffic) = (watch(), Traffic::new("qwen", 4));
    run(&mut watch, &mut traffic, 800, 0.85, 0.7);
    let moved = run(&mut watch, &mut traffic, 500, 0.75, 0.6);
    let last = &moved.last().unwrap().snapshot;
    assert_ne!(last.targets[0].state, StateName::SilentDegradation);
    assert!(matches!(last.targets[0].answers, Answers::Learning { .. }), "{:?}", last.targets[0].answers);
    let judges = last.incidents.iter().filter(|incident| incident.attribution.cause == Cause::Judge).count();
    assert_eq!(judges, last.incidents.len(), "{:?}", last.incidents);
    assert!(!events(&moved, EventKind::Judge).is_empty() || judges == 1);
    // What the new judge says is learnt, and then watched again.
    let learnt = run(&mut watch, &mut traffic, 1_200, 0.75, 0.6);
    let last = &learnt.last().unwrap().snapshot;
    assert_eq!(last.targets[0].answers, Answers::Ok);
    assert!(last.targets[0].incidents.is_empty(), "{:?}", last.targets[0].incidents);
    let worse = run(&mut watch, &mut traffic, 500, 0.55, 0.6);
    assert_eq!(worse.last().unwrap().snapshot.targets[0].answers, Answers::Worse);
}

/// A rule that pages on a judge puts the streams of its anchors into the budget: their number times their re-scores in
/// 30 days, over the pages allowed. Without such a rule a move costs a baseline and no part of the budget.
#[test]
fn a_judge_that_pages_is_paid_from_the_budget() {
    let totals_and_threshold = |rules: Vec<RuleConfig>| {
        let mut watch =
            Watch::new(WatchConfig { rules, ..WatchConfig::default() }, Telemetry::new()).unwrap();
        let mut traffic = Traffic::new("qwen", 8);
        let outcomes = run(&mut watch, &mut traffic, 400, 0.85, 0.7);
        let snapshot = outcomes.last().unwrap().snapshot.clone();
        (
            snapshot.totals.budgeted_streams,
            snapshot.judges[0].threshold,
            snapshot.targets[0].streams[0].threshold,
        )
    };
    let (streams, judge, answers) = totals_and_threshold(shipped_rules());
    // 20 re-scores a day at most, 400 judged in ten minutes at most, two streams, one page.
    assert_eq!((streams, judge), (2, Some(10_000.0)), "never below what a baseline costs");
    let without = shipped_rules().into_iter().filter(|rule| !rule.when.contains("judge_drifted")).collect();
    let (streams, judge, alone) = totals_and_threshold(without);
    assert_eq!((streams, judge), (1, Some(10_000.0)));
    assert!((answers / alone - 2.0).abs() < 1e-9, "{answers} {alone}");
    let mut busy =
        Watch::new(WatchConfig { rules: shipped_rules(), ..WatchConfig::default() }, Telemetry::new())
            .unwrap();
    let mut traffic = Traffic::new("qwen", 9);
    (0..400).for_each(|_| {
        traffic.second += 1;
        let record = traffic.anchor(0.7);
        busy.apply(&record);
    });
    let judge = busy.tick(traffic.now(), &NoQuantiles).snapshot.judges[0].threshold;
    assert_eq!(judge, Some(2.0 * 400.0 * 30.0), "no judged stream counts as one");
}

/// The control: the same fall without anchors cannot be told from a fall of the model, and is not called one either.
#[test]
fn without_anchors_the_cause_stays_undecided_and_the_state_stands() {
    let (mut watch, mut traffic) = (watch(), Traffic::new("qwen", 5));
    feed(&mut watch, &mut traffic, 800, 0.85);
    feed(&mut watch, &mut traffic, 500, 0.75);
    let view = &watch.tick(traffic.now(), &NoQuantiles).snapshot.targets[0];
    assert_eq!(
        (view.state, view.incidents[0].attribution.cause),
        (StateName::SilentDegradation, Cause::Undecided)
    );
    assert!(view.sentence.contains("the judge cannot be checked: there are no anchors"), "{}", view.sentence);
    assert!(!view.sentence.contains("judge drift above"), "{}", view.sentence);
}

#[test]
fn a_restart_in_the_middle_of_an_incident_arrives_at_the_same_bits() {
    let (mut whole, mut traffic) = (watch(), Traffic::new("qwen", 6));
    run(&mut whole, &mut traffic, 800, 0.85, 0.7);
    feed(&mut whole, &mut traffic, 90, 0.65);
    let mut restarted = watch();
    restarted.restore(&whole.save().unwrap()).unwrap();
    for i in 0..400 {
        let mut records = traffic.next(0.65).to_vec();
        if i % 2 == 0 {
            records.push(traffic.anchor(0.7));
        }
        for record in records {
            whole.apply(&record);
            restarted.apply(&record);
        }
    }
    assert_eq!(whole.save().unwrap(), restarted.save().unwrap());
    let incidents = &whole.tick(traffic.now(), &NoQuantiles).snapshot.incidents;
    assert_eq!(incidents[0].attribution.cause, Cause::System, "something happened: {incidents:?}");
}
