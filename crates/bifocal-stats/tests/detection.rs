//! The promises of the detectors on real judge scores and traffic, read from `$BIFOCAL_SHARED/data`, never committed.
//!
//! Both promises, few false alarms and short delays, are checked on the same path: `bifocal_stats::Monitor`, which the
//! watch uses.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

#[path = "../src/test_random.rs"]
#[expect(dead_code, reason = "made-up scores are for the unit tests")]
mod test_random;

#[path = "detection/data.rs"]
mod data;
#[path = "detection/delay.rs"]
mod delay;
#[path = "detection/false_alarms.rs"]
mod false_alarms;
#[path = "detection/golden.rs"]
mod golden;
