//! What people say of an answer.

use serde::{Deserialize, Serialize};

use crate::id::InferenceId;
use crate::probability::{Probability, Unit};
use crate::score::{Dimension, Fingerprint, Score};
use crate::target::TargetKey;
use crate::time::Timestamp;

/// One person's word on one dimension of one inference. A later one of the same person on the same dimension takes its
/// place. `T` is the type of the correction, as in [`crate::Inference`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label<T> {
    /// Of which inference.
    pub inference: InferenceId,
    /// Of which target.
    pub target: TargetKey,
    /// About what; [`Label::OVERALL`] for the answer as a whole.
    pub dimension: Dimension,
    /// The name that the person goes by. It is kept as it was given.
    pub who: String,
    /// The mark; `None` where there is a correction only.
    pub mark: Option<Mark>,
    /// What the answer should have been.
    pub correction: Option<T>,
    /// The time of the inference.
    pub time: Timestamp,
    /// When the person said so.
    pub labelled_at: Timestamp,
    /// What judges had said of this dimension by then: their scores may be out of memory when labels are compared.
    pub judged: Vec<Judged>,
}

/// A mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Thumb up, or down.
    Thumbs(bool),
    /// A grade from 1 (worst) to 5.
    Grade(u8),
    /// Passed, or failed.
    Pass(bool),
}

/// What a judge said of an answer that a person labelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Who, for people.
    pub evaluator: String,
    /// Who, for machines.
    pub fingerprint: Fingerprint,
    /// On what.
    pub dimension: Dimension,
    /// Its score.
    pub value: Unit,
    /// Against its mark.
    pub pass: bool,
    /// With which probability the answer was in the sample.
    pub probability: Probability,
}

impl<T> Label<T> {
    /// The dimension of labels that speak of the answer as a whole.
    pub const OVERALL: &'static str = "overall";

    /// The dimension of the scores that it is compared with: a word on the whole goes with the composite.
    pub fn compared_with(&self) -> &str {
        compared_with(&self.dimension)
    }

    /// The same label with its correction turned into another type (the redaction does this).
    pub fn map_text<U>(self, text: impl FnOnce(T) -> U) -> Label<U> {
        Label {
            correction: self.correction.map(text),
            inference: self.inference,
            target: self.target,
            dimension: self.dimension,
            who: self.who,
            mark: self.mark,
            time: self.time,
            labelled_at: self.labelled_at,
            judged: self.judged,
        }
    }
}

/// The dimension of the scores that labels of this dimension are compared with.
pub fn compared_with(dimension: &Dimension) -> &str {
    match dimension.as_str() {
        "overall" => "composite",
        other => other,
    }
}

impl Mark {
    /// The best grade.
    pub const GRADES: u8 = 5;
    /// From this grade on an answer passes, as in the shipped rubrics.
    pub const PASS_GRADE: u8 = 4;

    /// On [0, 1]: grades are spread evenly, thumbs and pass are the ends.
    pub fn value(self) -> Unit {
        match self {
            Self::Thumbs(good) | Self::Pass(good) => Unit::clamped(f64::from(u8::from(good))),
            Self::Grade(grade) => {
                Unit::clamped(f64::from(grade.saturating_sub(1)) / f64::from(Self::GRADES - 1))
            }
        }
    }

    /// Whether the answer passes.
    pub fn passes(self) -> bool {
        match self {
            Self::Thumbs(good) | Self::Pass(good) => good,
            Self::Grade(grade) => grade >= Self::PASS_GRADE,
        }
    }

    /// The grade, where it is one.
    pub fn grade(self) -> Option<u8> {
        match self {
            Self::Grade(grade) => Some(grade),
            Self::Thumbs(_) | Self::Pass(_) => None,
        }
    }
}

impl Judged {
    /// What a score says; `None` for a failure.
    pub fn of<T>(score: &Score<T>) -> Option<Self> {
        Some(Self {
            evaluator: score.evaluator.clone(),
            fingerprint: score.fingerprint,
            dimension: score.dimension.clone(),
            value: score.value()?,
            pass: score.passed()?,
            probability: score.probability(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_have_a_place_on_the_scale() {
        let values: Vec<f64> = (1..=5).map(|grade| Mark::Grade(grade).value().get()).collect();
        assert_eq!(values, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert!(Mark::Grade(4).passes() && !Mark::Grade(3).passes());
        assert_eq!((Mark::Thumbs(true).value(), Mark::Pass(false).value()), (Unit::ONE, Unit::ZERO));
        assert_eq!((Mark::Grade(2).grade(), Mark::Pass(true).grade()), (Some(2), None));
    }

    #[test]
    fn the_whole_goes_with_the_composite() {
        assert_eq!(compared_with(&Dimension::new("overall")), "composite");
        assert_eq!(compared_with(&Dimension::new("safety")), "safety");
    }
}
