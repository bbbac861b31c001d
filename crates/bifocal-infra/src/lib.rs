//! Sources of readings: scrapes of inference servers and GPU exporters, and what the hardware costs.
//!
//! Life of the data: the binary fetches a page of Prometheus text, [`scrape`] translates the series that it
//! knows into canonical signals with canonical units, counters become rates between two scrapes, and the
//! readings go to the store's intake. [`inventory`] says what runs on SageMaker and what changed, [`cost`] whose the
//! accelerators are and what targets cost, [`right_sizing`] how many copies would have been enough;
//! [`survey`] asks SageMaker for the inventory, [`cloudwatch`] CloudWatch for what it measures, and [`promql`] for what the
//! collector on the instances ships there.
//!
//! Invariants: a reading is never invented: a page that did not come, a series that is missing, a counter that
//! was reset and a first scrape make none; a queue that is full is counted and never waited for.

pub mod cloudwatch;
pub mod cost;
pub mod inventory;
mod limits;
pub mod promql;
pub mod right_sizing;
pub mod scrape;
pub mod survey;

pub use limits::{GPU_SERIES, LIMITS};
