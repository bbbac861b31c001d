//! The interval of a mean of values in [0, 1] that all count alike.

use bifocal_model::{Probability, Timestamp, Window};

use crate::estimate::{Interval, Weighted, interval};

/// By the rule of [`estimate`](crate::estimate); `None` without values.
pub(crate) fn mean_interval(values: &[f64], alpha: f64) -> Option<Interval> {
    let samples: Vec<Weighted> =
        values.iter().map(|value| Weighted { value: *value, probability: Probability::ONE }).collect();
    let window = Window { start: Timestamp::default(), end: Timestamp::default() };
    let shown = interval(&samples, samples.len() as f64, window, alpha)?;
    Some(Interval { lower: shown.lower, upper: shown.upper })
}
