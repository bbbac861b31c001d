//! The pipeline: what joins the crates.
//!
//! [`Pipeline`] is plain and synchronous: records in, durable; what is new is evaluated and sampled in the same
//! atomic frame, the watch sees it, a tick joins states and alerts. The demo's history and the simulations in
//! process drive it directly on a clock that they move. [`engine`] runs it on one thread behind the intake.

mod chooser;
mod core;
mod costs;
pub mod engine;
mod names;
mod outlet;
mod quantiles;

pub use chooser::{Chooser, Choosing};
pub use core::{Ingested, Options, Pipeline, ToJudge};
pub use costs::Costs;
