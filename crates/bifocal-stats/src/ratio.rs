//! Ratios of two sums, such as tokens per good answer: watched as a mean by linearisation.
//!
//! With the reference's ratio R0 = sum of numerators / sum of denominators, u = numerator - R0 denominator has the mean
//! 0 while the ratio is R0, and a positive one when it rose. u has no bound, so it is cut at the reference's 0.5% and
//! 99.5% quantiles and watched against the bounds of the mean of the cut values ([`crate::clip`]).
//!
//! Assumes items that are a representative sample. R0 is learnt from the same items as the bounds, which makes their
//! mean 0 by construction: the error of R0 moves u by (error x denominator), which the bounds of the mean cover, for it
//! is the same error. Broken by a denominator that is 0 for all.

use serde::{Deserialize, Serialize};

use crate::clip::Clip;
use crate::edetector::TwoSided;

/// A ratio made watchable.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Linearised {
    ratio: f64,
    clip: Clip,
}

impl Linearised {
    /// Learns from (numerator, denominator) of the reference's items, in their order; items that are not finite are
    /// left out. `None` with fewer than 100 items, a sum of denominators that is not positive, or without spread.
    pub fn fit(reference: &[(f64, f64)]) -> Option<Self> {
        let items = || reference.iter().filter(|(num, den)| num.is_finite() && den.is_finite());
        let (num, den) = items().fold((0.0, 0.0), |(nums, dens), (num, den)| (nums + num, dens + den));
        if den <= 0.0 {
            return None;
        }
        let ratio = num / den;
        let values: Vec<f64> = items().map(|(num, den)| num - ratio * den).collect();
        Some(Self { ratio, clip: Clip::fit(&values, None, None)? })
    }

    /// The reference's ratio.
    pub fn ratio(&self) -> f64 {
        self.ratio
    }

    /// What the detector takes for an item; `None` when it is not finite.
    pub fn value(&self, numerator: f64, denominator: f64) -> Option<f64> {
        let value = numerator - self.ratio * denominator;
        value.is_finite().then(|| self.clip.cut(value))
    }

    /// A detector of a ratio that rose or fell.
    pub fn detector(&self) -> TwoSided {
        TwoSided::between(self.clip.null_low, self.clip.null_high, self.clip.lower, self.clip.upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    /// Tokens with a long tail, and whether the answer is good.
    fn item(random: &mut Random, good: f64, scale: f64) -> (f64, f64) {
        let tokens = scale * 200.0 * (2.0 * (random.uniform() + random.uniform() - 1.0)).exp();
        (tokens, f64::from(u8::from(random.uniform() < good)))
    }

    #[test]
    fn a_rise_is_seen_and_an_unchanged_ratio_is_not() {
        let (runs, threshold) = (150u32, 5_000.0);
        let mut random = Random::new(95);
        let (mut early, mut delays) = (0u32, 0u32);
        for _ in 0..runs {
            let reference: Vec<_> = (0..500).map(|_| item(&mut random, 0.8, 1.0)).collect();
            let ratio = Linearised::fit(&reference).unwrap();
            let mut detector = ratio.detector();
            let mut step = |good, scale, random: &mut Random| {
                let (tokens, good) = item(random, good, scale);
                detector.update(ratio.value(tokens, good).unwrap()) >= threshold
            };
            if (0..500).any(|_| step(0.8, 1.0, &mut random)) {
                early += 1;
                continue;
            }
            delays += (1..5_000).find(|_| step(0.55, 1.0, &mut random)).unwrap_or(5_000);
            assert!(!detector.fell());
        }
        let share = f64::from(early) / f64::from(runs);
        let delay = f64::from(delays) / f64::from(runs - early);
        eprintln!("early {share}, delay {delay}");
        assert!(share <= 0.1 + 2.0 * (0.1f64 * 0.9 / f64::from(runs)).sqrt(), "{share}");
        assert!(delay < 400.0, "{delay}");
    }

    #[test]
    fn nothing_to_divide_by() {
        assert_eq!(Linearised::fit(&[]), None);
        assert_eq!(Linearised::fit(&[(5.0, 0.0); 500]), None);
        assert_eq!(Linearised::fit(&[(5.0, 1.0); 500]), None, "no spread");
        let mut random = Random::new(96);
        let reference: Vec<_> = (0..500).map(|_| item(&mut random, 0.8, 1.0)).collect();
        let ratio = Linearised::fit(&reference).unwrap();
        assert_eq!(ratio.value(f64::NAN, 1.0), None);
        assert!(ratio.ratio() > 200.0);
    }
}
