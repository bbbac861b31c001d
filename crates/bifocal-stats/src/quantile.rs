//! Quantiles of latencies, token counts and costs in a few hundred bytes, which add up over minutes and targets.
//!
//! DDSketch (Masson, Rim and Lee, VLDB 2019): the quantile that it gives is within 1% of a value of the asked rank,
//! for values of any distribution, as long as they span less than a factor of 10^17. Values at most 1e-9 count as 0.
//!
//! Invariant: a sketch of a whole is the merge of the sketches of any parts of it, bin for bin.

use std::fmt;

use serde::{Deserialize, Serialize};
use sketches_ddsketch::{Config, DDSketch};

use crate::error::Error;
use crate::limits::SKETCH_BINS;

const ACCURACY: f64 = 0.01;
const SMALLEST: f64 = 1e-9;
/// Counts are whole numbers; one item of weight 1 counts this much, so that weights are kept to 1/256.
const COUNTS_PER_ITEM: f64 = 256.0;

/// A mergeable sketch of a distribution. An empty one has no inner sketch: its ends would be infinite, which JSON
/// cannot say.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QuantileSketch(Option<DDSketch>);

impl QuantileSketch {
    /// Takes a value; one that is not finite is left out.
    pub fn add(&mut self, value: f64) {
        self.add_weighted(value, 1.0);
    }

    /// Takes a value that stands for `weight` of them (1 / pi), kept to 1/256 of an item. A value that is not finite,
    /// or a weight that is not positive and finite, is left out.
    pub fn add_weighted(&mut self, value: f64, weight: f64) {
        if !value.is_finite() || !weight.is_finite() || weight <= 0.0 {
            return;
        }
        let counts = (weight * COUNTS_PER_ITEM).round().clamp(1.0, 1e15);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number in [1, 1e15]"
        )]
        let counts = counts as u64;
        self.0.get_or_insert_with(empty).add_with_count(value, counts);
    }

    /// Takes all values of another sketch.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        match (&mut self.0, &other.0) {
            (_, None) => Ok(()),
            (Some(own), Some(theirs)) => own.merge(theirs).map_err(|_| Error::MergeSketches),
            (own @ None, Some(theirs)) => {
                *own = Some(theirs.clone());
                Ok(())
            }
        }
    }

    /// The `q`-quantile, q in [0, 1], within 1%. `None` when it is empty or q is no such number.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let sketch = self.0.as_ref()?;
        let value = sketch.quantile(q).ok().flatten()?;
        // The middle of the lowest or highest bin may lie outside of what was seen.
        Some(value.clamp(sketch.min()?, sketch.max()?))
    }

    /// How many values, by weight.
    pub fn count(&self) -> f64 {
        self.0.as_ref().map_or(0.0, |sketch| sketch.count() as f64 / COUNTS_PER_ITEM)
    }

    /// The sum of the values, by weight.
    pub fn sum(&self) -> f64 {
        self.0.as_ref().and_then(DDSketch::sum).map_or(0.0, |sum| sum / COUNTS_PER_ITEM)
    }

    /// Whether it has seen nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl PartialEq for QuantileSketch {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref().map(DDSketch::to_java_bytes) == other.0.as_ref().map(DDSketch::to_java_bytes)
    }
}

impl fmt::Debug for QuantileSketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuantileSketch")
            .field("count", &self.count())
            .field("p50", &self.quantile(0.5))
            .field("p95", &self.quantile(0.95))
            .finish()
    }
}

fn empty() -> DDSketch {
    #[expect(clippy::cast_possible_truncation, reason = "2,048")]
    DDSketch::new(Config::new(ACCURACY, SKETCH_BINS as u32, SMALLEST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> QuantileSketch {
        let mut sketch = QuantileSketch::default();
        values.iter().for_each(|value| sketch.add(*value));
        sketch
    }

    #[test]
    fn nothing_seen() {
        let mut sketch = QuantileSketch::default();
        sketch.add(f64::INFINITY);
        sketch.add_weighted(1.0, 0.0);
        sketch.add_weighted(1.0, f64::NAN);
        assert!(sketch.is_empty());
        assert_eq!((sketch.quantile(0.5), sketch.count(), sketch.sum()), (None, 0.0, 0.0));
        let json = serde_json::to_string(&sketch).unwrap();
        assert_eq!(serde_json::from_str::<QuantileSketch>(&json).unwrap(), sketch);
    }

    #[test]
    fn a_weight_is_a_number_of_values() {
        let mut sketch = QuantileSketch::default();
        sketch.add_weighted(1.0, 19.5);
        sketch.add(10.0);
        assert_eq!((sketch.count(), sketch.sum()), (20.5, 29.5));
        assert!((sketch.quantile(0.94).unwrap() - 1.0).abs() < 0.0101);
        assert!((sketch.quantile(0.97).unwrap() - 10.0).abs() < 0.101);
        assert_eq!(sketch.quantile(1.1), None);
    }

    #[test]
    fn all_bins_in_use() {
        // Values over a factor of 10^20 need more bins than there are: the lowest are thrown together, the high
        // quantiles stay right.
        let values: Vec<f64> = (0..2_000).map(|i| 1e-8 * 10f64.powf(f64::from(i) / 100.0)).collect();
        let sketch = of(&values);
        assert_eq!(sketch.0.as_ref().unwrap().length() as u64, SKETCH_BINS);
        assert!(
            sketch.quantile(0.01).unwrap() > 2.0 * values[20],
            "two of the lowest are told apart no more"
        );
        let fits = of(&values[..1_600]);
        assert!((fits.quantile(0.01).unwrap() / values[16] - 1.0).abs() < 0.03, "a factor of 10^16 is kept");
        assert!((sketch.quantile(0.99).unwrap() / values[1_979] - 1.0).abs() < 0.02);
        assert_eq!(sketch.count(), 2_000.0);
    }

    proptest! {
        #[test]
        #[expect(clippy::cast_possible_truncation, reason = "ranks below 300")]
        fn parts_merge_to_the_whole_and_quantiles_are_within_1_percent(
            values in prop::collection::vec(1e-4..1e4f64, 1..300),
            cut in any::<prop::sample::Index>(),
            q in 0.0..1.0f64,
        ) {
            let at = cut.index(values.len() + 1);
            let mut parts = of(&values[..at]);
            parts.merge(&of(&values[at..])).unwrap();
            let whole = of(&values);
            for q in [0.0, q, 0.5, 0.95, 1.0] {
                prop_assert_eq!(parts.quantile(q), whole.quantile(q));
            }
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let got = whole.quantile(q).unwrap();
            // The sketch counts 256 per item, so its rank may fall between two neighbours.
            let rank = q * (values.len() as f64 - 1.0);
            let low = sorted[rank.floor() as usize] * 0.989;
            let high = sorted[rank.ceil() as usize] * 1.011;
            prop_assert!((low..=high).contains(&got), "{low} {got} {high}");

            let json = serde_json::to_string(&whole).unwrap();
            prop_assert_eq!(&serde_json::from_str::<QuantileSketch>(&json).unwrap(), &whole);
        }
    }
}
