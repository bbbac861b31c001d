//! Values without useful bounds, made watchable: cut at quantiles of a reference, with bounds of the mean of the cut
//! values.
//!
//! A bet's stake is limited by the worst value that could come. For sums and differences that bound is so far out that
//! it eats the gain (statistics: the delay of prediction-powered detection grew from 32 to 53 judged). Cut values have a
//! near bound, and the theorem of [`crate::edetector`] holds for them when the null is about *their* mean. The cut is
//! found on the reference itself; it is taken for fixed afterwards.
//!
//! Assumes a reference that is representative; broken by changes that happen beyond the cut only, which are not seen.

use serde::{Deserialize, Serialize};

use crate::betting;

/// The share of reference values beyond a cut.
const BEYOND: f64 = 0.005;
/// One-sided level of the bounds of the mean, as for a baseline.
const ALPHA: f64 = 0.05;
/// Least references for a quantile this far out to mean anything.
const LEAST: usize = 100;
/// Least distance of the null's ends from the mean of the reference, as a share of the range.
const GAP_SHARE: f64 = 1e-6;

/// Cut values: their range and the range in which their normal mean lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    /// Values below are cut to this.
    pub lower: f64,
    /// Values above are cut to this.
    pub upper: f64,
    /// Mean of the cut reference values.
    pub mean: f64,
    /// 95% lower bound of their true mean: the null of a fall.
    pub null_low: f64,
    /// 95% upper bound of their true mean: the null of a rise.
    pub null_high: f64,
}

impl Clip {
    /// Learns from reference values, in their order; what is not finite is left out. A bound that is known is taken as
    /// it is; a bound that is not is the 0.5% or 99.5% quantile. `None` with fewer than 100 values or without spread.
    pub fn fit(reference: &[f64], lower: Option<f64>, upper: Option<f64>) -> Option<Self> {
        let values: Vec<f64> = reference.iter().copied().filter(|x| x.is_finite()).collect();
        if values.len() < LEAST {
            return None;
        }
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, reason = "a share of the number of values")]
        let beyond = (BEYOND * values.len() as f64) as usize;
        let lower = lower.or_else(|| sorted.get(beyond).copied())?;
        let upper = upper.or_else(|| sorted.get(sorted.len() - 1 - beyond).copied())?;
        let range = upper - lower;
        if !range.is_finite() || range <= 0.0 {
            return None;
        }
        let unit: Vec<f64> = values.iter().map(|x| ((x - lower) / range).clamp(0.0, 1.0)).collect();
        let mirrored: Vec<f64> = unit.iter().map(|u| 1.0 - u).collect();
        let mean = unit.iter().sum::<f64>() / unit.len() as f64;
        let low = betting::lower_bound(&unit, ALPHA).min(mean - GAP_SHARE);
        let high = (1.0 - betting::lower_bound(&mirrored, ALPHA)).max(mean + GAP_SHARE);
        let of = |unit: f64| lower + range * unit;
        Some(Self { lower, upper, mean: of(mean), null_low: of(low), null_high: of(high) })
    }

    /// The value, cut.
    pub fn cut(&self, x: f64) -> f64 {
        x.clamp(self.lower, self.upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    #[test]
    fn the_cut_and_the_bounds() {
        let mut random = Random::new(91);
        let values: Vec<f64> = (0..1_000).map(|_| 10.0 * random.uniform() - 5.0).collect();
        let clip = Clip::fit(&values, None, None).unwrap();
        assert!((clip.lower + 4.95).abs() < 0.05 && (clip.upper - 4.95).abs() < 0.05, "{clip:?}");
        assert!(clip.null_low < clip.mean && clip.mean < clip.null_high, "{clip:?}");
        assert!(clip.null_high - clip.null_low < 0.7, "{clip:?}");
        assert_eq!((clip.cut(99.0), clip.cut(-99.0), clip.cut(0.5)), (clip.upper, clip.lower, 0.5));
        let known = Clip::fit(&values, Some(-7.0), Some(8.0)).unwrap();
        assert_eq!((known.lower, known.upper), (-7.0, 8.0));
    }

    #[test]
    fn the_null_holds_the_true_mean() {
        let mut random = Random::new(92);
        let runs = 400u32;
        // A fixed cut, so that the true mean of the cut values is known: 2.
        let misses = (0..runs)
            .filter(|_| {
                let values: Vec<f64> = (0..300).map(|_| 10.0 * random.power(0.25)).collect();
                Clip::fit(&values, Some(0.0), Some(10.0)).unwrap().null_low > 2.0
            })
            .count();
        assert!(
            misses as f64 / f64::from(runs) <= 0.05 + 2.0 * (0.05f64 * 0.95 / f64::from(runs)).sqrt(),
            "{misses}"
        );
    }

    #[test]
    fn too_few_and_no_spread() {
        assert_eq!(Clip::fit(&[0.5; 99], Some(0.0), Some(1.0)), None);
        assert_eq!(Clip::fit(&[0.5; 500], None, None), None);
        assert_eq!(Clip::fit(&[f64::NAN; 500], Some(0.0), Some(1.0)), None);
        assert_eq!(Clip::fit(&[0.5; 500], Some(0.0), Some(f64::INFINITY)), None);
        assert!(Clip::fit(&[0.5; 500], Some(0.0), Some(1.0)).is_some());
    }
}
