//! How Bifocal watches itself: a clock that is passed in, tasks with names, metrics declared once as data, logs.
//!
//! Time: every component takes an [`Arc<dyn Clock>`](Clock); only this crate reads the machine's clocks.
//! Tasks: [`TaskGroup::spawn`] is the only way to start one, so that shutdown knows and joins all of them.
//! Metrics: [`Metric`] lists every metric that the binary can emit about itself; [`Telemetry`] holds the values
//! and is itself a value, so that two tests never share one.

mod clock;
mod logging;
mod metrics;
mod tasks;

pub use clock::{Clock, ManualClock, ScaledClock, SystemClock, sleep, sleep_until};
pub use logging::{LogFormat, init_logging};
pub use metrics::{Counter, Gauge, Kind, Metric, Telemetry};
pub use tasks::{Drain, TaskGroup};
