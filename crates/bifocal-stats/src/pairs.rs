//! Sums over judged answers of a score y and a second number x known with it: a cheap prediction of the score, or the
//! denominator of a ratio. Enough for every estimator of this crate that is linear in both, and they add up over
//! parts.
//!
//! Invariant: every field is a plain sum over items, so the sums of a whole are the sums of any parts of it (to
//! rounding of the last digits).

use serde::{Deserialize, Serialize};

use crate::distribution::normal_quantile;

/// Sums of 1, y, x, y^2, y x and x^2 under one weighing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Products {
    one: f64,
    y: f64,
    x: f64,
    yy: f64,
    yx: f64,
    xx: f64,
}

/// Sums over items of score y, companion x and weight w = 1/pi.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PairSums {
    /// How many.
    n: u64,
    /// Weighed by w.
    by_weight: Products,
    /// Weighed by w^2: what sampling variances are made of.
    by_square: Products,
}

impl Products {
    fn add(&mut self, weight: f64, y: f64, x: f64) {
        self.one += weight;
        self.y += weight * y;
        self.x += weight * x;
        self.yy += weight * y * y;
        self.yx += weight * y * x;
        self.xx += weight * x * x;
    }

    fn merge(&mut self, other: &Self) {
        self.one += other.one;
        self.y += other.y;
        self.x += other.x;
        self.yy += other.yy;
        self.yx += other.yx;
        self.xx += other.xx;
    }

    /// Sum of (y - a - b x)^2 under this weighing.
    fn residual_squares(&self, a: f64, b: f64) -> f64 {
        let squares = self.yy - 2.0 * a * self.y - 2.0 * b * self.yx
            + a * a * self.one
            + 2.0 * a * b * self.x
            + b * b * self.xx;
        squares.max(0.0)
    }
}

impl PairSums {
    /// Adds one item. One with a number that is not finite, or a weight that is not positive, is left out: it would
    /// spoil every later sum.
    pub fn add(&mut self, y: f64, x: f64, weight: f64) {
        if y.is_finite() && x.is_finite() && weight.is_finite() && weight > 0.0 {
            self.n += 1;
            self.by_weight.add(weight, y, x);
            self.by_square.add(weight * weight, y, x);
        }
    }

    /// Adds the items of another part.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.by_weight.merge(&other.by_weight);
        self.by_square.merge(&other.by_square);
    }

    /// How many items.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Sum of the weights.
    pub fn weight(&self) -> f64 {
        self.by_weight.one
    }

    /// Kish's number of items of equal weight that would tell as much, n when weights are equal.
    pub fn effective_n(&self) -> f64 {
        let sum = self.by_weight.one;
        if self.n > 0 { (sum * sum / self.by_square.one).min(self.n as f64) } else { 0.0 }
    }

    /// Weighted means of y and x. `None` without items.
    pub fn means(&self) -> Option<(f64, f64)> {
        let Products { one, y, x, .. } = self.by_weight;
        (self.n > 0).then(|| (y / one, x / one))
    }

    /// Weighted variance of y, covariance, and variance of x, with n / (n - 1). `None` below 2 items.
    pub fn covariances(&self) -> Option<(f64, f64, f64)> {
        let (y, x) = self.means()?;
        let n = self.n as f64;
        let Products { one, yy, yx, xx, .. } = self.by_weight;
        let unbias = n / (n - 1.0);
        (self.n > 1).then(|| {
            (
                (yy / one - y * y).max(0.0) * unbias,
                (yx / one - y * x) * unbias,
                (xx / one - x * x).max(0.0) * unbias,
            )
        })
    }

    /// The squared correlation of y and x, in [0, 1]; 0 where it is negative, for a prediction that points the wrong
    /// way is none, and 0 where either does not vary.
    pub fn rho2(&self) -> f64 {
        match self.covariances() {
            Some((yy, yx, xx)) if varies(yy) && varies(xx) && yx > 0.0 => (yx * yx / (yy * xx)).min(1.0),
            _ => 0.0,
        }
    }

    /// The interval of rho^2 at level 1 - alpha by Fisher's z transform; all of [0, 1] below 10 items.
    ///
    /// Assumes roughly normal pairs, with Kish's n where weights differ; on scores with heavy ends it is too narrow.
    pub fn rho2_interval(&self, alpha: f64) -> (f64, f64) {
        let n = self.effective_n();
        if n < 10.0 {
            return (0.0, 1.0);
        }
        let z = self.rho2().sqrt().min(1.0 - 1e-12).atanh();
        let margin = normal_quantile(1.0 - 0.5 * alpha.clamp(1e-12, 0.5)) / (n - 3.0).sqrt();
        let end = |z: f64| z.max(0.0).tanh().powi(2);
        (end(z - margin), end(z + margin))
    }

    /// The weighted mean of the residuals y - b x.
    pub(crate) fn mean_residual(&self, slope: f64) -> Option<f64> {
        self.means().map(|(y, x)| y - slope * x)
    }

    /// The variance of [`Self::mean_residual`] with the slope given, by linearisation of the weighted mean:
    /// sum w^2 (r - mean r)^2 / (sum w)^2, with n / (n - `fitted`). `None` for n <= `fitted`.
    pub(crate) fn variance_of_mean_residual(&self, slope: f64, fitted: u64) -> Option<f64> {
        let mean = self.mean_residual(slope)?;
        let n = self.n as f64;
        let squares = self.by_square.residual_squares(mean, slope);
        (self.n > fitted).then(|| squares * n / (n - fitted as f64) / self.by_weight.one.powi(2))
    }

    /// Kish's number of the items' x: (sum w x)^2 / sum w^2 x^2.
    pub(crate) fn denominators(&self) -> f64 {
        let (sum, squares) = (self.by_weight.x, self.by_square.xx);
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }

    /// Sampling variances of the weighted means of y and x, with their covariance in the middle, by linearisation.
    /// `None` below 2 items.
    pub(crate) fn variances_of_means(&self) -> Option<(f64, f64, f64)> {
        let (y, x) = self.means()?;
        let n = self.n as f64;
        let Products { one, y: sy, x: sx, yy, yx, xx } = self.by_square;
        let scale = n / (n - 1.0) / self.by_weight.one.powi(2);
        (self.n > 1).then(|| {
            (
                (yy - 2.0 * y * sy + y * y * one).max(0.0) * scale,
                (yx - y * sx - x * sy + y * x * one) * scale,
                (xx - 2.0 * x * sx + x * x * one).max(0.0) * scale,
            )
        })
    }

    /// Sum w y and sum w^2 y^2.
    pub(crate) fn total(&self) -> (f64, f64) {
        (self.by_weight.y, self.by_square.yy)
    }
}

/// A variance that is more than the rounding of its sums.
fn varies(variance: f64) -> bool {
    variance > 1e-14
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(items: &[(f64, f64, f64)]) -> PairSums {
        let mut sums = PairSums::default();
        items.iter().for_each(|(y, x, w)| sums.add(*y, *x, *w));
        sums
    }

    #[test]
    fn textbook_numbers_of_a_line_with_noise() {
        let sums = of(&[(0.1, 0.2, 3.0), (0.4, 0.3, 3.0), (0.5, 0.6, 3.0), (0.9, 0.7, 3.0)]);
        // NumPy: np.cov and np.corrcoef of the same.
        let (yy, yx, xx) = sums.covariances().unwrap();
        assert!((yy - 0.109_166_666_666_666_7).abs() < 1e-12, "{yy}");
        assert!((yx - 0.071_666_666_666_666_67).abs() < 1e-12, "{yx}");
        assert!((xx - 0.056_666_666_666_666_66).abs() < 1e-12, "{xx}");
        assert!((sums.rho2() - yx * yx / (yy * xx)).abs() < 1e-12);
        assert!((sums.variance_of_mean_residual(0.0, 1).unwrap() - yy / 4.0).abs() < 1e-12);
        assert!((sums.effective_n() - 4.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_number_is_left_out_and_nothing_is_nan() {
        let sums =
            of(&[(f64::NAN, 0.5, 1.0), (0.5, f64::INFINITY, 1.0), (0.5, 0.5, 0.0), (0.5, 0.5, f64::NAN)]);
        assert_eq!(sums, PairSums::default());
        assert_eq!((sums.means(), sums.covariances(), sums.rho2()), (None, None, 0.0));
        assert_eq!((sums.effective_n(), sums.rho2_interval(0.05)), (0.0, (0.0, 1.0)));
        let one = of(&[(0.5, 0.5, 2.0)]);
        assert_eq!((one.covariances(), one.variance_of_mean_residual(0.0, 1)), (None, None));
        let same = of(&[(0.5, 0.3, 1.0); 40]);
        assert_eq!(same.rho2(), 0.0, "zero variance");
        let against: Vec<_> =
            (0..40).map(|i| (f64::from(i) / 40.0, 1.0 - f64::from(i) / 40.0, 1.0)).collect();
        assert_eq!(of(&against).rho2(), 0.0, "a prediction that points the wrong way");
        let (low, high) =
            of(&against.iter().map(|(y, _, w)| (*y, *y, *w)).collect::<Vec<_>>()).rho2_interval(0.05);
        assert!(low > 0.99 && high <= 1.0);
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            items in prop::collection::vec((0.0..1.0f64, -1.0..1.0f64, 1.0..100.0f64), 3..80),
            cut in any::<prop::sample::Index>(),
        ) {
            let at = cut.index(items.len() + 1);
            let mut parts = of(&items[at..]);
            parts.merge(&of(&items[..at]));
            let whole = of(&items);
            prop_assert_eq!(parts.n(), whole.n());
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + a.abs());
            prop_assert!(close(parts.rho2(), whole.rho2()));
            prop_assert!(close(parts.effective_n(), whole.effective_n()));
            for slope in [0.0, 0.7, -0.3] {
                prop_assert!(close(parts.mean_residual(slope).unwrap(), whole.mean_residual(slope).unwrap()));
                let variance = |sums: &PairSums| sums.variance_of_mean_residual(slope, 2).unwrap();
                prop_assert!(close(variance(&parts), variance(&whole)));
            }
            let json = serde_json::to_string(&whole).unwrap();
            prop_assert_eq!(serde_json::from_str::<PairSums>(&json).unwrap(), whole);
        }
    }
}
