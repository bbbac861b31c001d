//! One number per inference: the weighted mean of its judged dimensions.

use std::collections::BTreeMap;

use bifocal_model::{Cost, Dimension, EvaluatorKind, Fingerprint, Score, Timestamp, Unit, Verdict};

use crate::Error;

/// The weighted mean of the judged dimensions of one inference.
#[derive(Clone, Debug, PartialEq)]
pub struct Composite {
    weights: BTreeMap<Dimension, f64>,
    pass_mark: f64,
}

/// Below this a composite does not pass.
pub(crate) const PASS_MARK: f64 = 0.75;

impl Composite {
    /// With these weights; a dimension without a weight, or with 0, takes no part.
    pub fn new(weights: &BTreeMap<Dimension, f64>, pass_mark: f64) -> Result<Self, Error> {
        let wrong = |setting, problem: &str| Err(Error::Setting { setting, problem: problem.to_owned() });
        if weights.values().any(|weight| !weight.is_finite() || *weight < 0.0) {
            return wrong("weights", "a weight is a number from 0 on");
        }
        if !(0.0..=1.0).contains(&pass_mark) {
            return wrong("composite_pass_mark", "a pass mark lies in [0, 1]");
        }
        let weights: BTreeMap<_, _> =
            weights.iter().filter(|(_, weight)| **weight > 0.0).map(|(d, w)| (d.clone(), *w)).collect();
        if weights.is_empty() {
            return wrong("weights", "no dimension has a weight above 0");
        }
        Ok(Self { weights, pass_mark })
    }

    /// With the same weight for all.
    pub fn equal(dimensions: &[Dimension]) -> Result<Self, Error> {
        Self::new(&dimensions.iter().map(|dimension| (dimension.clone(), 1.0)).collect(), PASS_MARK)
    }

    /// The composite of the judge's scores of one inference: only when every weighted dimension has a score, for a
    /// mean over what happens to be there would be another quantity each time. Its inclusion is the judgement's.
    pub fn score<T>(&self, scores: &[Score<T>], scored_at: Timestamp) -> Option<Score<T>> {
        let (mut sum, mut total) = (0.0, 0.0);
        let mut parts = vec!["composite".to_owned(), "1".to_owned(), self.pass_mark.to_string()];
        let mut first = None;
        for (dimension, weight) in &self.weights {
            let score = scores
                .iter()
                .find(|score| score.dimension == *dimension && score.kind == EvaluatorKind::Judge)?;
            let of = *first.get_or_insert(score);
            if score.inference != of.inference {
                return None;
            }
            sum += weight * score.value()?.get();
            total += weight;
            parts.extend([dimension.to_string(), weight.to_string(), score.fingerprint.to_string()]);
        }
        let of = first?;
        let value = sum / total;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Some(Score {
            inference: of.inference,
            target: of.target.clone(),
            evaluator: "composite".to_owned(),
            fingerprint: Fingerprint::of(&parts),
            kind: EvaluatorKind::Composite,
            dimension: Dimension::new("composite"),
            verdict: Verdict::Scored {
                value: Unit::clamped(value),
                // The mean of three 0.75 must pass a mark of 0.75, whatever rounding does.
                pass: value >= self.pass_mark - 1e-12,
                label: None,
                explanation: None,
            },
            inclusion: of.inclusion,
            capture: of.capture,
            stratum: of.stratum.clone(),
            time: of.time,
            scored_at,
            latency_seconds: 0.0,
            cost: Cost::default(),
        })
    }
}
