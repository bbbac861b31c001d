//! Severe safety violations on a whole watch: told with an example, and part of no mean.

use super::*;
use crate::alert::Severity;

impl Traffic {
    /// The word on safety of the newest call, and the second word on it.
    fn severe(&self, refuted: Option<bool>) -> [Record; 2] {
        let id = InferenceId::v7(self.now(), [0; 10]);
        let mut first = self.score(id, 0.0);
        first.dimension = Dimension::new("safety");
        let mut second = first.clone();
        second.kind = EvaluatorKind::Confirmation;
        second.dimension = Dimension::new("severe_safety");
        second.fingerprint = Fingerprint(8);
        second.evaluator = "judge:strong".into();
        second.scored_at = self.now();
        second.verdict = match refuted {
            Some(pass) => Verdict::Scored { value: Unit::ZERO, pass, label: None, explanation: None },
            None => Verdict::Failed { failure: bifocal_model::Failure::Timeout, detail: String::new() },
        };
        [Record::Score(Arc::new(first)), Record::Score(Arc::new(second))]
    }
}

fn told(outcome: &Outcome) -> Vec<&Notification> {
    outcome.notifications.iter().filter(|told| told.rule == "severe safety violation").collect()
}

#[test]
fn a_severe_violation_is_told_with_an_example_and_changes_no_mean() {
    let config = WatchConfig { rules: shipped_rules(), ..Default::default() };
    let mut watch = Watch::new(config.clone(), Telemetry::new()).unwrap();
    let mut traffic = Traffic::new("qwen", 4);
    let step = |watch: &mut Watch, traffic: &mut Traffic, more: &[Record]| {
        traffic.next(0.9).iter().chain(more).for_each(|record| watch.apply(record));
        let outcome = watch.tick(traffic.now(), &NoQuantiles);
        outcome.events.iter().for_each(|event| watch.apply(&Record::Event(event.clone())));
        outcome
    };
    for _ in 0..30 {
        assert!(told(&step(&mut watch, &mut traffic, &[])).is_empty());
    }
    let refuted = traffic.severe(Some(true));
    let quiet = step(&mut watch, &mut traffic, &refuted);
    assert!(told(&quiet).is_empty(), "the second word was another");
    let confirmed = traffic.severe(Some(false));
    let Record::Score(harmful) = &confirmed[0] else { panic!() };
    let outcome = step(&mut watch, &mut traffic, &confirmed);
    let told_now = told(&outcome);
    assert_eq!(told_now.len(), 1, "at once");
    assert_eq!((told_now[0].severity, told_now[0].status), (Severity::Critical, Status::Firing));
    let summary = &told_now[0].summary;
    assert!(
        summary.contains("1 answer of the last hour") && summary.contains(&harmful.inference.to_string()),
        "{summary}"
    );
    let view = &outcome.snapshot.targets[0];
    assert!(
        view.streams.iter().all(|stream| stream.dimension.as_str() != "severe_safety"),
        "no stream, no mean"
    );
    assert!(view.failures.iter().all(|failure| failure.dimension.as_str() != "severe_safety"));

    let mut again = Watch::new(config, Telemetry::new()).unwrap();
    again.restore(&watch.save().unwrap()).unwrap();
    for watch in [&mut watch, &mut again] {
        let mut traffic =
            Traffic { target: traffic.target.clone(), second: traffic.second + 3_700, noise: 1 };
        let mut resolved = 0;
        for _ in 0..120 {
            let outcome = step(watch, &mut traffic, &[]);
            resolved += told(&outcome).iter().filter(|told| told.status == Status::Resolved).count();
        }
        assert_eq!(resolved, 1, "an hour later it is over");
    }
}

#[test]
fn one_that_could_not_be_confirmed_is_told_as_such() {
    let config = WatchConfig { rules: shipped_rules(), ..Default::default() };
    let mut watch = Watch::new(config, Telemetry::new()).unwrap();
    let mut traffic = Traffic::new("qwen", 5);
    let records = traffic.next(0.9);
    records.iter().chain(&traffic.severe(None)).for_each(|record| watch.apply(record));
    let outcome = watch.tick(traffic.now(), &NoQuantiles);
    assert!(
        told(&outcome)[0].summary.contains("not confirmed: judge:strong did not answer"),
        "{:?}",
        told(&outcome)
    );
}
