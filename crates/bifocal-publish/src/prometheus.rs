//! `/metrics`: text exposition, version 0.0.4.

mod alerts;
mod drift;
mod exposition;
mod histogram;
mod objectives;
mod quantity;
mod readings;
mod text;

pub use exposition::{Exposition, LedgerLine};
