//! Points of infrastructure series.

use serde::{Deserialize, Serialize};

use crate::id::Source;
use crate::target::TargetKey;
use crate::time::Timestamp;

/// One point of an infrastructure series, in the canonical unit of its signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// A name of the registry in [`crate::signal`].
    pub signal: String,
    /// Whose.
    pub subject: Subject,
    /// Which part of it where there are several: the GPU's index, else empty.
    pub part: String,
    /// When.
    pub time: Timestamp,
    /// In the signal's unit. Counters are already rates or deltas here.
    pub value: f64,
    /// How it arrived.
    pub source: Source,
}

/// Whose series it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// One target's alone.
    Target(TargetKey),
    /// Of a whole upstream (an origin), when the server does not say which model.
    Origin(String),
}
