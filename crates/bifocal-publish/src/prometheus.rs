//! `/metrics`: text exposition, version 0.0.4, or OpenMetrics 1.0 with exemplars.

mod alerts;
mod drift;
mod exposition;
mod histogram;
mod objectives;
mod quantity;
mod readings;
mod text;

pub use exposition::{Exposition, LedgerLine};
pub use text::Form;
