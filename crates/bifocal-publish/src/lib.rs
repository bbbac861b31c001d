//! What leaves Bifocal: `/metrics` for Prometheus, dashboards for Grafana, and notifications for people.
//!
//! `prometheus` keeps counters and histograms of what passed since the process started and renders them with the
//! watch's snapshot. `cloudwatch` says which quality metrics to put there. `grafana` renders dashboards
//! and rules over both. `notify` delivers what the outbox holds: at least once, each with an idempotency key.

pub mod cloudwatch;
pub mod export;
pub mod grafana;
pub mod notify;
pub mod prometheus;

mod limits;
mod simple;

pub use limits::{GROUP_ALERTS_MAX, LIMITS, TEMPLATE_BYTES};
