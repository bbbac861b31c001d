//! The nouns of Bifocal: what is watched, what was seen, what was judged, and what is said about it.
//!
//! Everything here is plain data with its units and its invariants; there is no I/O, no async, no clock and
//! no randomness. The life of the data: bytes become an [`Inference`] or a [`Reading`], an evaluator makes
//! [`Score`]s of an inference, scores become an [`Estimate`], estimates and detectors become a [`Condition`]
//! with its three axes and one name.

mod act;
mod anchor;
mod condition;
mod container_log;
mod estimate;
pub mod evaluator;
mod event;
pub mod feature;
mod finish;
mod id;
mod incident;
mod inference;
mod label;
mod ledger;
mod limits;
mod probability;
mod reading;
mod score;
mod severity;
pub mod signal;
mod signs;
pub mod stratum;
mod target;
mod time;

pub mod invariant;

pub use act::{Act, Deed, Silencing};
pub use anchor::AnchorScore;
pub use condition::{Answers, Condition, Efficiency, Service, StateName};
pub use container_log::{ContainerLog, LogLine};
pub use estimate::{Estimate, Method};
pub use evaluator::{Evaluator, Findings};
pub use event::{Event, EventKind};
pub use feature::{FeatureGroup, FeatureValues};
pub use finish::{ErrorClass, FinishReason};
pub use id::{Identity, InferenceId, Source, fnv1a};
pub use incident::{
    AlignedEvent, Attribution, Cause, Check, CheckOutcome, Difference, Handling, Incident, Said, Slice,
};
pub use inference::{
    CONTEXT_ROLE, Chance, Completeness, FormatAsked, Inference, Message, Redaction, Timing, TokenCount,
    TokenSource, Usage,
};
pub use label::{Judged, Label, Mark, compared_with};
pub use ledger::{Loss, Outcome as LedgerOutcome};
pub use limits::LIMITS;
pub use probability::{Probability, Unit};
pub use reading::{Reading, Subject as ReadingSubject};
pub use score::{Cost, Dimension, EvaluatorKind, Failure, Fingerprint, Score, Selection, Shed, Verdict};
pub use severity::Severity;
pub use signs::{Signs, TokenSigns, ToolUse};
pub use target::{Component, TargetId, TargetKey, TargetNames};
pub use time::{Span, Timestamp, Window};
