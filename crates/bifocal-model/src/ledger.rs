//! What did not become an inference, a reading or a score, and why: the other side of the ledger.

use serde::{Deserialize, Serialize};

use crate::id::Source;
use crate::target::TargetKey;
use crate::time::Timestamp;

/// Something that was received and not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// How it arrived.
    pub source: Source,
    /// Whose it was, where that is known.
    pub target: Option<TargetKey>,
    /// When.
    pub time: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
    /// One word of a short list: `malformed`, `too_long`, `not_utf8`, `buffer_full`, `disk_full`, …
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// What became of a received item. received = stored + duplicate + rejected + dropped + in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is in the journal.
    Stored,
    /// It was there already.
    Duplicate,
    /// It could not be read.
    Rejected,
    /// There was no room.
    Dropped,
}

impl Outcome {
    /// The name used in metrics and API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Rejected => "rejected",
            Self::Dropped => "dropped",
        }
    }
}
