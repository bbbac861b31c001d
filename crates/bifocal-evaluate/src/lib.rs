//! Evaluators: what is said about an answer, by rules on all traffic and by a judge on a sample.
//!
//! The life of the data: every redacted inference passes the [`heuristics`] and the [`custom`] evaluators; the first [`rule`]
//! that is for it and the [`pacer`] settle its chance, and the [`Sampler`] decides by a keyed hash of its id whether it is judged; the [`judge`] turns it into one request per dimension and each reply into one
//! score or one typed failure; the [`Composite`] joins the dimensions of one inference. All of it leaves as records
//! through the store's intake.
//!
//! Invariants: everything but `judge::service` is a pure function of its arguments, with no clock and no randomness;
//! each score carries its inclusion probability and the fingerprint of what made it; a chosen inference ends as
//! scores, as typed failures or as shed work with a reason, never as silence; the judged text is data in the user's
//! message, between markers that its author cannot know.

mod composite;
mod context;
pub mod custom;
pub mod descriptors;
mod error;
pub mod features;
pub mod heuristics;
pub mod judge;
mod limits;
mod loose_json;
pub mod pacer;
pub mod probe;
pub mod rule;
mod sampler;
mod stratum;

pub use composite::Composite;
pub use context::{ContextConfig, ContextMap};
pub use error::Error;
pub use limits::LIMITS;
pub use sampler::{Choice, Sampler, SlowAfter};

#[cfg(test)]
mod sample;
