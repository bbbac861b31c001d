//! Anchors: answers whose text is frozen, scored again and again, so that only the judge can move their scores.

use serde::{Deserialize, Serialize};

use crate::probability::Unit;
use crate::score::{Cost, Dimension, Fingerprint};
use crate::time::Timestamp;

/// One anchor scored again by the judge that is in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnchorScore {
    /// The anchor's id: the same for every re-score of one frozen answer.
    pub anchor: String,
    /// Who scored, for people.
    pub evaluator: String,
    /// Who scored, for machines: re-scores of different fingerprints are never compared.
    pub fingerprint: Fingerprint,
    /// About what.
    pub dimension: Dimension,
    /// The score that was frozen with the text, best the mean of several scorings.
    pub frozen: Unit,
    /// The score now.
    pub value: Unit,
    /// When it was scored again.
    pub time: Timestamp,
    /// What that cost.
    #[serde(default)]
    pub cost: Cost,
}

impl AnchorScore {
    /// The difference D = now - frozen, in [-1, 1].
    pub fn difference(&self) -> f64 {
        self.value.get() - self.frozen.get()
    }
}
