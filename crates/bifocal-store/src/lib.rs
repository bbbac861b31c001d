//! The store: a journal that is the only source of truth, and what is derived from it.

pub mod intake;
mod record;

pub use intake::{Acknowledged, Batch, Intake, Refused, intake};
pub use record::{Checkpoint, Record, Seq};
