//! Answers that the cheap judge was drawn for and has said nothing of yet. Nobody was promised a word on them, so they stand in no
//! journal; they are kept over a restart all the same, for what was drawn and lost would make its score count for more than it
//! stands for.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bifocal_model::{Dimension, InferenceId, Probability};
use bifocal_stats::Draw;
use serde::{Deserialize, Serialize};

use crate::Choice;

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheapWait {
    /// Which answer.
    pub inference: InferenceId,
    /// With which probability the cheap judge is asked about it.
    pub inclusion: Probability,
    /// How it stood in the draw for the judge.
    draw: f64,
    included: bool,
    chance: Probability,
    stratum: String,
    dimensions: Vec<Dimension>,
}

impl CheapWait {
    pub(super) fn of(inference: InferenceId, choice: &Choice, inclusion: Probability) -> Self {
        let Choice { draw: Draw { draw, included, inclusion: chance }, stratum, dimensions } = choice.clone();
        Self { inference, inclusion, draw, included, chance, stratum, dimensions }
    }

    /// How it was chosen; `None` where the judge is asked about it too: that stands in the journal.
    pub fn choice(&self) -> Option<Choice> {
        let Self { draw, included, chance, stratum, dimensions, .. } = self.clone();
        (!included).then_some(Choice {
            draw: Draw { draw, included, inclusion: chance },
            stratum,
            dimensions,
        })
    }
}

/// All that wait, by their ids: no more than the queue holds and workers have in hand.
#[derive(Debug, Default)]
pub(super) struct CheapWaits(Mutex<BTreeMap<InferenceId, CheapWait>>);

impl CheapWaits {
    pub(super) fn add(&self, wait: CheapWait) {
        self.with(|waits| waits.insert(wait.inference, wait));
    }

    pub(super) fn done(&self, inference: InferenceId) {
        self.with(|waits| waits.remove(&inference));
    }

    pub(super) fn all(&self) -> Vec<CheapWait> {
        self.with(|waits| waits.values().cloned().collect())
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<InferenceId, CheapWait>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
