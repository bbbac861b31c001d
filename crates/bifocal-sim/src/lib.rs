//! A fleet to watch: scripted or recorded answers, load, incidents and a judge. Demo and tests stand on it.
//!
//! It speaks to the rest in bytes only: request and response bodies, `/metrics` pages, judge replies; never a
//! state, a score or a reading. The core is a set of functions of (seed, component, number or time) with no clock
//! and no socket; [`serve`] puts the same functions behind HTTP on a [`bifocal_telemetry::Clock`].
//!
//! The life of the data: a [`Fleet`] draws when requests come, what they ask and what is answered under the
//! [`Incidents`] of that moment; [`history()`] lists a week of that, thinned; a [`Judge`] recognises the texts and
//! scores them; [`Recorded`] does the same with answers that real models once gave.
//!
//! Invariants: the same seed gives the same bytes; an incident changes only what it is about; a later switch never
//! changes the past.

mod arrivals;
mod component;
mod corpus;
mod error;
mod exchange;
mod fleet;
mod history;
mod incident;
mod judge;
mod limits;
mod load;
mod measured;
mod metrics_text;
mod openai;
mod random;
mod recorded;
pub mod sagemaker;
mod script;
pub mod serve;
mod trace;
mod words;

#[cfg(test)]
mod tests;

pub use component::{Component, ENDPOINT};
pub use error::SimError;
pub use exchange::{Arrival, Chunk, Exchange, Request, Response};
pub use fleet::Fleet;
pub use history::{History, HistoryItem, history};
pub use incident::{Incident, Incidents, Occurrence};
pub use judge::{JUDGE_MODEL, Judge, JudgeTable};
pub use limits::LIMITS;
pub use measured::Measured;
pub use recorded::{Recorded, RecordedScript, RecordedTarget};
pub use script::{Ask, Script};
pub use trace::Trace;
