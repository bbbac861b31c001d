//! The handlers, one file a noun.

pub(crate) mod alerts;
pub(crate) mod demo;
pub(crate) mod events;
pub(crate) mod incidents;
pub(crate) mod inferences;
pub(crate) mod labels;
pub(crate) mod ledger;
pub(crate) mod signals;
pub(crate) mod silences;
pub(crate) mod targets;

mod acting;
mod asking;
mod parameters;
