//! Judgements that wait to be told as `gen_ai.evaluation.result` events.

use std::collections::VecDeque;

use bifocal_model::{EvaluatorKind, Score, TargetKey, Timestamp, Verdict};
use bifocal_store::{Record, Redacted};

use crate::limits::EVALUATIONS_WAITING;

/// One judgement, as an event tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// When it was made.
    pub time: Timestamp,
    /// Whose answer.
    pub target: TargetKey,
    /// Of which inference.
    pub inference: String,
    /// About what.
    pub dimension: String,
    /// Value in [0, 1] and whether it passes; else why there is none.
    pub verdict: Result<(f64, bool), &'static str>,
    /// The judge's words, redacted; `None`: not asked for.
    pub explanation: Option<String>,
    /// By whom, for people and for machines, and of which kind.
    pub evaluator: (String, String, &'static str),
    /// With which probability it was chosen, and captured before.
    pub probabilities: (f64, f64),
    /// From which stratum; empty where there is none.
    pub stratum: String,
}

/// Judgements since the last export; the oldest leave at the limit.
#[derive(Debug, Default)]
pub struct EvaluationBook {
    explanations: bool,
    waiting: VecDeque<Evaluation>,
    dropped: u64,
}

impl EvaluationBook {
    /// With the judge's words or without.
    pub fn new(explanations: bool) -> Self {
        Self { explanations, ..Self::default() }
    }

    /// Takes a durable record. What cheap evaluators say of every answer is in the metrics, and no event of its own.
    pub fn apply(&mut self, record: &Record) {
        let Record::Score(score) = record else { return };
        if score.kind == EvaluatorKind::Heuristic {
            return;
        }
        if self.waiting.len() == EVALUATIONS_WAITING {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.waiting.push_back(self.evaluation(score));
    }

    /// What waits, and how many had to leave before.
    pub fn take(&mut self) -> (Vec<Evaluation>, u64) {
        (self.waiting.drain(..).collect(), std::mem::take(&mut self.dropped))
    }

    fn evaluation(&self, score: &Score<Redacted>) -> Evaluation {
        let (verdict, words) = match &score.verdict {
            Verdict::Scored { value, pass, explanation, .. } => {
                (Ok((value.get(), *pass)), explanation.as_ref())
            }
            Verdict::Failed { failure, .. } => (Err(failure.name()), None),
        };
        Evaluation {
            time: score.scored_at,
            target: score.target.clone(),
            inference: score.inference.to_string(),
            dimension: score.dimension.to_string(),
            verdict,
            explanation: words.filter(|_| self.explanations).map(|words| words.as_str().to_owned()),
            evaluator: (score.evaluator.clone(), score.fingerprint.to_string(), score.kind.name()),
            probabilities: (score.inclusion.get(), score.capture.get()),
            stratum: score.stratum.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bifocal_model::{
        Cost, Dimension, Failure, Fingerprint, Identity, InferenceId, Probability, Source, Unit,
    };

    use super::*;

    fn score(kind: EvaluatorKind, verdict: Verdict<Redacted>) -> Record {
        let identity = Identity { source: Source::Proxy, key: "i".into() };
        let time = Timestamp::from_secs(1_800_000_000);
        Record::Score(Arc::new(Score {
            inference: InferenceId::of_identity(&identity, time),
            target: TargetKey::of_model("local", "m"),
            evaluator: "judge:small".into(),
            fingerprint: Fingerprint(7),
            kind,
            dimension: Dimension::new("relevance"),
            verdict,
            inclusion: Probability::new(0.5).unwrap(),
            capture: Probability::ONE,
            stratum: "all".into(),
            time,
            scored_at: time,
            latency_seconds: 0.1,
            cost: Cost::default(),
        }))
    }

    fn scored() -> Verdict<Redacted> {
        Verdict::Scored { value: Unit::clamped(0.75), pass: true, label: None, explanation: None }
    }

    #[test]
    fn judgements_and_their_failures_are_events_and_heuristics_are_not() {
        let mut book = EvaluationBook::new(false);
        book.apply(&score(EvaluatorKind::Judge, scored()));
        book.apply(&score(EvaluatorKind::Heuristic, scored()));
        book.apply(&score(
            EvaluatorKind::Judge,
            Verdict::Failed { failure: Failure::Timeout, detail: String::new() },
        ));
        let (all, dropped) = book.take();
        assert_eq!((all.len(), dropped), (2, 0));
        assert_eq!(all[0].verdict, Ok((0.75, true)));
        assert_eq!(all[1].verdict, Err(Failure::Timeout.name()));
        assert_eq!(all[0].probabilities, (0.5, 1.0));
        assert_eq!(book.take().0.len(), 0);
    }

    #[test]
    fn the_oldest_leave_at_the_limit_evaluations_waiting_and_are_counted() {
        let mut book = EvaluationBook::new(true);
        (0..EVALUATIONS_WAITING + 3).for_each(|_| book.apply(&score(EvaluatorKind::Judge, scored())));
        let (all, dropped) = book.take();
        assert_eq!((all.len(), dropped), (EVALUATIONS_WAITING, 3));
        assert_eq!(book.take().1, 0);
    }
}
