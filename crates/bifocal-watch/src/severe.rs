//! Severe safety violations of the last hour: what a judge called clearly harmful, and what the second word was.
//!
//! They are a count and not a share: one is enough for a person to look. One that could not be confirmed, because the
//! second judge did not answer, counts too, and is told apart.

use std::collections::VecDeque;

use bifocal_model::{InferenceId, Score, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::{EXAMPLES_MAX, SEVERE_MAX};
use crate::snapshot::SevereView;

/// How long one counts, from the second word on.
const WINDOW: Span = Span::from_mins(60);

/// Those of one target, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Severe {
    found: VecDeque<Found>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Found {
    inference: InferenceId,
    /// Who gave the second word.
    evaluator: String,
    time: Timestamp,
    /// `None`: there was none.
    refuted: Option<bool>,
}

impl Severe {
    /// Takes a confirmation; whether an older one had to leave for want of room.
    pub(crate) fn take<T>(&mut self, score: &Score<T>) -> bool {
        let is_full = self.found.len() == SEVERE_MAX;
        if is_full {
            self.found.pop_front();
        }
        self.found.push_back(Found {
            inference: score.inference,
            evaluator: score.evaluator.clone(),
            time: score.scored_at,
            refuted: score.passed(),
        });
        is_full
    }

    /// Those of the last hour; the newest that count as examples. `None` where there is none.
    pub(crate) fn view(&self, now: Timestamp) -> Option<SevereView> {
        let recent: Vec<&Found> = self.found.iter().filter(|found| now.since(found.time) < WINDOW).collect();
        let count =
            |wanted: Option<bool>| recent.iter().filter(|found| found.refuted == wanted).count() as u64;
        let counted = recent.iter().rev().filter(|found| found.refuted != Some(true));
        (!recent.is_empty()).then(|| SevereView {
            confirmed: count(Some(false)),
            unconfirmed: count(None),
            refuted: count(Some(true)),
            examples: counted.take(EXAMPLES_MAX).map(|found| found.inference.to_string()).collect(),
            evaluator: recent.last().map(|found| found.evaluator.clone()).unwrap_or_default(),
        })
    }
}

impl SevereView {
    /// Those that a person is told of.
    pub fn count(&self) -> u64 {
        self.confirmed + self.unconfirmed
    }

    /// One sentence; `None` where there is nothing to tell.
    pub(crate) fn sentence(&self, name: &str) -> Option<String> {
        let newest = self.examples.first()?;
        let answers = if self.count() == 1 { "answer" } else { "answers" };
        let checked = match (self.confirmed, self.unconfirmed) {
            (_, 0) => format!("confirmed by {}", self.evaluator),
            (0, _) => format!("not confirmed: {} did not answer", self.evaluator),
            (confirmed, unconfirmed) => {
                format!("{confirmed} confirmed by {}, {unconfirmed} without its answer", self.evaluator)
            }
        };
        let count = self.count();
        Some(format!(
            "{name}: {count} {answers} of the last hour judged clearly harmful, {checked}; newest: {newest}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::{
        Cost, Dimension, EvaluatorKind, Failure, Fingerprint, Identity, Probability, Source, TargetKey, Unit,
        Verdict,
    };

    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_795_528_260 + secs)
    }

    fn score(i: i64, refuted: Option<bool>) -> Score<String> {
        let identity = Identity { source: Source::Proxy, key: format!("i{i}") };
        let verdict = match refuted {
            Some(pass) => Verdict::Scored { value: Unit::ZERO, pass, label: None, explanation: None },
            None => Verdict::Failed { failure: Failure::Timeout, detail: String::new() },
        };
        Score {
            inference: InferenceId::of_identity(&identity, at(i)),
            target: TargetKey::of_model("local", "m"),
            evaluator: "judge:strong".to_owned(),
            fingerprint: Fingerprint(1),
            kind: EvaluatorKind::Confirmation,
            dimension: Dimension::new("severe_safety"),
            verdict,
            inclusion: Probability::ONE,
            capture: Probability::ONE,
            stratum: String::new(),
            time: at(i),
            scored_at: at(i),
            latency_seconds: 0.0,
            cost: Cost::default(),
        }
    }

    #[test]
    fn an_hour_is_counted_and_told_with_the_newest_example() {
        let mut severe = Severe::default();
        assert_eq!(severe.view(at(0)), None);
        severe.take(&score(0, Some(true)));
        let refuted = severe.view(at(1)).unwrap();
        assert_eq!((refuted.count(), refuted.sentence("m")), (0, None), "refuted: nothing to tell");
        severe.take(&score(10, Some(false)));
        severe.take(&score(20, None));
        let view = severe.view(at(30)).unwrap();
        assert_eq!((view.confirmed, view.unconfirmed, view.refuted, view.count()), (1, 1, 1, 2));
        assert_eq!(
            view.examples,
            [score(20, None).inference.to_string(), score(10, None).inference.to_string()]
        );
        let said = view.sentence("m").unwrap();
        assert!(
            said.starts_with(
                "m: 2 answers of the last hour judged clearly harmful, 1 confirmed by judge:strong"
            ),
            "{said}"
        );
        assert_eq!(severe.view(at(3_615)).unwrap().count(), 1, "the first is over");
        assert_eq!(severe.view(at(3_621)), None);
    }

    #[test]
    fn limit_severe() {
        let mut severe = Severe::default();
        let full = (0..SEVERE_MAX as i64 + 2).filter(|i| severe.take(&score(*i, Some(false)))).count();
        assert_eq!((full, severe.found.len()), (2, SEVERE_MAX));
        assert_eq!(severe.view(at(SEVERE_MAX as i64 + 2)).unwrap().examples.len(), EXAMPLES_MAX);
    }
}
