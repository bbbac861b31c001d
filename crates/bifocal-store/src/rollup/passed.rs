//! Answers that evaluators found good, counted by the set of evaluators that did: most answers of a minute share one
//! set, so the minute holds one sum instead of one for each evaluator.

use std::sync::{Arc, LazyLock};

use bifocal_model::evaluator::EVALUATORS;
use bifocal_model::{Dimension, Evaluator, EvaluatorKind};
use serde::{Deserialize, Serialize};

use super::moments::{Moments, StreamKey};

/// Sums over answers whose value is 1, weighted by 1 / capture probability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Passed {
    /// How many.
    pub n: u64,
    /// Σ w
    pub w: f64,
    /// Σ w²
    pub w2: f64,
}

static KEYS: LazyLock<Vec<Arc<StreamKey>>> = LazyLock::new(|| EVALUATORS.iter().map(make_key).collect());

fn make_key(evaluator: &Evaluator) -> Arc<StreamKey> {
    Arc::new(StreamKey {
        dimension: Dimension::known(evaluator.dimension),
        fingerprint: evaluator.fingerprint(),
        evaluator: evaluator.name(),
        kind: EvaluatorKind::Heuristic,
    })
}

/// The stream of an evaluator.
pub(super) fn key(evaluator: &Evaluator) -> Arc<StreamKey> {
    KEYS.get(usize::from(evaluator.number)).map_or_else(|| make_key(evaluator), Arc::clone)
}

impl Passed {
    pub(super) const fn one(weight: f64) -> Self {
        Self { n: 1, w: weight, w2: weight * weight }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.w += other.w;
        self.w2 += other.w2;
    }

    /// The same as sums of scores.
    pub(super) const fn moments(&self) -> Moments {
        let Self { n, w, w2 } = *self;
        Moments { n, failed: 0, w, wx: w, wx2: w, w2, w2x: w2, w2x2: w2, wp: w, w2p: w2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{at, inference};
    use crate::limits::STREAMS_PER_MINUTE;
    use crate::rollup::Cell;

    fn dimension_n(cell: &Cell, dimension: &str) -> (u64, f64) {
        let streams = cell.streams();
        let found = streams.iter().find(|(key, _)| key.dimension.as_str() == dimension);
        found.map_or((0, 0.0), |(_, moments)| (moments.n, moments.wp))
    }

    #[test]
    fn sets_add_up_to_streams() {
        let mut cell = Cell::default();
        for (passed, probability) in [(0b11, 1.0), (0b11, 0.25), (0b01, 1.0)] {
            let mut call = inference(0, 1);
            call.findings = bifocal_model::Findings { passed, values: vec![(12, 0.5)] };
            call.capture_probability = bifocal_model::Probability::new(probability).unwrap();
            assert!(cell.add_findings(&call));
        }
        assert_eq!(cell.passed.len(), 2);
        assert_eq!((dimension_n(&cell, "empty"), dimension_n(&cell, "truncated")), ((3, 6.0), (2, 5.0)));
        let readability = cell.streams().into_iter().find(|(key, _)| key.dimension.as_str() == "readability");
        assert_eq!(readability.unwrap().1.mean(), Some(0.5));
        let key = key(bifocal_model::evaluator::find("empty").unwrap());
        assert_eq!(cell.stream(&key).unwrap().n, 3);
    }

    /// More sets than there is room for are counted evaluator by evaluator: longer, and the same sums.
    #[test]
    fn the_limit_on_sets_loses_nothing() {
        let mut cell = Cell::default();
        let sets = STREAMS_PER_MINUTE + 10;
        for set in 0..sets {
            let mut call = inference(0, 1);
            call.time = at(1);
            call.capture_probability = bifocal_model::Probability::ONE;
            call.findings = bifocal_model::Findings { passed: 1 | set << 1, values: Vec::new() };
            assert!(cell.add_findings(&call));
        }
        assert_eq!(cell.passed.len() as u64, STREAMS_PER_MINUTE);
        assert_eq!(dimension_n(&cell, "empty"), (sets, sets as f64));
    }
}
