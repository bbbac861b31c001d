//! A mergeable sketch of a distribution of positive numbers, small enough to keep one per target and minute.
//!
//! DDSketch (Masson, Rim, Lee, VLDB 2019) with logarithmic buckets: a value x falls in bucket ceil(ln x / ln gamma)
//! with gamma = 1.01 / 0.99, and each quantile is off by at most 1% of its value. Only buckets that hold
//! something are stored. Weights are real numbers, because a captured call stands for 1 / capture probability
//! calls. Merging adds weights, so the order of merging changes nothing but the last bits of sums.

use serde::{Deserialize, Serialize};

use crate::limits::SKETCH_BUCKETS;

/// Relative error of a quantile.
pub const RELATIVE_ERROR: f64 = 0.01;
/// Values at or below this count as zero: 1 ns in seconds.
const SMALLEST: f64 = 1e-9;

/// The distribution of one number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sketch {
    buckets: Vec<(i16, f64)>,
    zeros: f64,
    sum: f64,
    weight: f64,
}

fn ln_gamma() -> f64 {
    ((1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR)).ln()
}

impl Sketch {
    /// Adds a value with its weight. Values that are negative or not finite are left out.
    pub fn add(&mut self, value: f64, weight: f64) {
        if !(value.is_finite() && value >= 0.0 && weight.is_finite() && weight > 0.0) {
            return;
        }
        self.weight += weight;
        self.sum += value * weight;
        if value <= SMALLEST {
            self.zeros += weight;
            return;
        }
        self.put(bucket_of(value), weight);
        self.bound();
    }

    /// Adds another sketch.
    pub fn merge(&mut self, other: &Self) {
        self.weight += other.weight;
        self.sum += other.sum;
        self.zeros += other.zeros;
        if self.buckets.is_empty() {
            self.buckets = other.buckets.clone();
            return;
        }
        for &(bucket, weight) in &other.buckets {
            self.put(bucket, weight);
        }
        self.bound();
    }

    /// The smallest value at or below which a share `q` of the weight lies, to 1%; `None` when nothing was added.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if self.weight <= 0.0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let wanted = q * self.weight;
        let mut below = self.zeros;
        if self.zeros > 0.0 && below >= wanted {
            return Some(0.0);
        }
        for &(bucket, weight) in &self.buckets {
            below += weight;
            if below >= wanted {
                return Some(value_of(bucket));
            }
        }
        // Rounding of the sums may leave a remainder above the last bucket.
        self.buckets.last().map(|&(bucket, _)| value_of(bucket)).or(Some(0.0))
    }

    /// The share of the weight above a threshold (which is taken to 1%); `None` when nothing was added.
    pub fn share_above(&self, threshold: f64) -> Option<f64> {
        if self.weight <= 0.0 {
            return None;
        }
        let above = self.buckets.iter().filter(|&&(bucket, _)| value_of(bucket) > threshold);
        let above: f64 = above.map(|&(_, weight)| weight).sum();
        let above = if threshold < 0.0 { above + self.zeros } else { above };
        Some((above / self.weight).clamp(0.0, 1.0))
    }

    /// The weighted mean; exact.
    pub fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }

    /// The weight of everything added.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// The weighted sum; exact.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Weights by upper edge of their bucket, ascending, for histograms.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let zeros = (self.zeros > 0.0).then_some((0.0, self.zeros));
        let upper = |bucket: i16| (f64::from(bucket) * ln_gamma()).exp();
        zeros.into_iter().chain(self.buckets.iter().map(move |&(bucket, weight)| (upper(bucket), weight)))
    }

    fn put(&mut self, bucket: i16, weight: f64) {
        match self.buckets.binary_search_by_key(&bucket, |&(bucket, _)| bucket) {
            Ok(at) => self.buckets[at].1 += weight,
            Err(at) => self.buckets.insert(at, (bucket, weight)),
        }
    }

    fn bound(&mut self) {
        while self.buckets.len() as u64 > SKETCH_BUCKETS {
            let (_, lowest) = self.buckets.remove(0);
            self.buckets[0].1 += lowest;
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates: values beyond 10^280 share the last bucket"
)]
fn bucket_of(value: f64) -> i16 {
    (value.ln() / ln_gamma()).ceil() as i16
}

/// The value of a bucket that is within 1% of everything in it.
fn value_of(bucket: i16) -> f64 {
    let upper = (f64::from(bucket) * ln_gamma()).exp();
    upper * (1.0 - RELATIVE_ERROR)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Sketch {
        let mut sketch = Sketch::default();
        values.iter().for_each(|&value| sketch.add(value, 1.0));
        sketch
    }

    #[test]
    fn quantiles_are_within_one_percent() {
        let values: Vec<f64> = (1..=10_000).map(|i| f64::from(i) * 1e-3).collect();
        let sketch = of(&values);
        for (q, exact) in [(0.5, 5.0), (0.95, 9.5), (0.99, 9.9), (1.0, 10.0)] {
            let found = sketch.quantile(q).unwrap();
            assert!((found / exact - 1.0).abs() <= 0.0101, "q={q} found={found}");
        }
        assert!((sketch.share_above(9.0).unwrap() - 0.1).abs() < 0.011);
        assert!((sketch.mean().unwrap() - 5.0005).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_not_zero() {
        let sketch = of(&[f64::NAN, -1.0, f64::INFINITY]);
        assert_eq!((sketch.quantile(0.5), sketch.mean(), sketch.share_above(1.0)), (None, None, None));
        assert_eq!(of(&[0.0]).quantile(0.5), Some(0.0));
    }

    #[test]
    fn weights_count() {
        let mut sketch = Sketch::default();
        sketch.add(1.0, 9.0);
        sketch.add(100.0, 1.0);
        assert!((sketch.quantile(0.9).unwrap() - 1.0).abs() < 0.011);
        assert_eq!(sketch.share_above(50.0), Some(0.1));
    }

    #[test]
    fn limit_sketch_buckets() {
        let mut sketch = Sketch::default();
        for bucket in 0..2_200_i32 {
            sketch.add(1e-8 * (f64::from(bucket) * ln_gamma()).exp(), 1.0);
        }
        assert_eq!(sketch.buckets.len() as u64, SKETCH_BUCKETS);
        assert_eq!(sketch.buckets.iter().map(|&(_, w)| w).sum::<f64>(), 2_200.0);
    }

    proptest! {
        #[test]
        fn merging_equals_adding(values in proptest::collection::vec(0.0_f64..1e6, 0..200), at in 0_usize..200) {
            let (left, right) = values.split_at(at.min(values.len()));
            let mut merged = of(left);
            merged.merge(&of(right));
            let whole = of(&values);
            prop_assert_eq!(&merged.buckets, &whole.buckets);
            prop_assert!((merged.sum - whole.sum).abs() <= 1e-9 * whole.sum.max(1.0));
        }
    }
}
