//! The rows of the API: plain structs with the field names of the contract.

mod alert;
mod container_log;
mod incident;
mod inference;
mod label;
mod ledger;
mod silence;
mod target;

pub use alert::AlertRow;
pub use container_log::{ContainerLogRow, LogLineRow};
pub use incident::{CheckRow, IncidentRow};
pub use inference::{InferenceRow, ScoreRow};
pub use label::LabelRow;
pub use ledger::{JudgingRow, LedgerView, SourceRow};
pub use silence::SilenceRow;
pub(crate) use target::Measured;
pub use target::{AlarmRow, BaselineRow, EventRow, FailureRow, StreamRow, TargetDetail, TargetRow};

use serde::Serialize;

/// A list with the cursor of its next page.
#[derive(Clone, Debug, Serialize)]
pub struct List<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Give it back as `cursor`; `null` when there is no more.
    pub next: Option<String>,
}

impl<T> List<T> {
    /// A list without a next page.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}
