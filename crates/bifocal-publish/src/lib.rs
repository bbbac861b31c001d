//! What leaves Bifocal: `/metrics` for Prometheus, and notifications for people.
//!
//! `prometheus` keeps counters and histograms of what passed since the process started and renders them with the
//! watch's snapshot. `cloudwatch` says which quality metrics to put there. `notify` delivers what the outbox holds: at least once, each with an idempotency key.

pub mod cloudwatch;
pub mod notify;
pub mod prometheus;

mod limits;

pub use limits::LIMITS;
