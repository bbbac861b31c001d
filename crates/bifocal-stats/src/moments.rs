//! Sums that are enough for a weighted mean and its variance, and that add up over parts: minutes to hours,
//! targets to all.
//!
//! Invariant: every field is a plain sum over items, so the moments of a whole are the sums of the moments of
//! any parts of it (to rounding of the last digits).

use serde::{Deserialize, Serialize};

/// Sums over items of value x and weight w = 1/pi.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// How many.
    pub n: u64,
    /// Sum of w.
    pub w: f64,
    /// Sum of w x.
    pub wx: f64,
    /// Sum of w x^2.
    pub wxx: f64,
    /// Sum of w^2.
    pub ww: f64,
    /// Sum of w^2 x.
    pub wwx: f64,
    /// Sum of w^2 x^2.
    pub wwxx: f64,
}

impl Moments {
    /// Adds one item. An item whose value or weight is not finite, or whose weight is not positive, is left out:
    /// one such number would spoil every later sum.
    pub fn add(&mut self, x: f64, weight: f64) {
        if !x.is_finite() || !weight.is_finite() || weight <= 0.0 {
            return;
        }
        let (wx, ww) = (weight * x, weight * weight);
        self.n += 1;
        self.w += weight;
        self.wx += wx;
        self.wxx += wx * x;
        self.ww += ww;
        self.wwx += ww * x;
        self.wwxx += ww * x * x;
    }

    /// Adds the items of another part.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.w += other.w;
        self.wx += other.wx;
        self.wxx += other.wxx;
        self.ww += other.ww;
        self.wwx += other.wwx;
        self.wwxx += other.wwxx;
    }

    /// The weighted mean (Hajek): sum w x / sum w. `None` without items.
    pub fn mean(&self) -> Option<f64> {
        (self.n > 0 && self.w > 0.0).then(|| self.wx / self.w)
    }

    /// The weighted standard deviation of the values, with n / (n - 1). `None` below 2 items.
    pub fn sd(&self) -> Option<f64> {
        let mean = self.mean()?;
        let n = self.n as f64;
        (self.n > 1).then(|| ((self.wxx / self.w - mean * mean).max(0.0) * n / (n - 1.0)).sqrt())
    }

    /// The standard error of the weighted mean by linearisation of the ratio: sqrt(sum w^2 (x - mean)^2) / sum w,
    /// with n / (n - 1). `None` below 2 items.
    ///
    /// Assumes independent inclusions (Poisson sampling) and many items; broken by clusters (many items of one
    /// conversation) and by a few weights that hold most of the sum.
    pub fn standard_error(&self) -> Option<f64> {
        let mean = self.mean()?;
        let n = self.n as f64;
        let squares = (self.wwxx - 2.0 * mean * self.wwx + mean * mean * self.ww).max(0.0);
        (self.n > 1).then(|| (squares * n / (n - 1.0)).sqrt() / self.w)
    }

    /// How many items of equal weight would tell as much (Kish): (sum w)^2 / sum w^2; n when all weights are equal.
    pub fn effective_n(&self) -> f64 {
        if self.ww > 0.0 { (self.w * self.w / self.ww).min(self.n as f64) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(items: &[(f64, f64)]) -> Moments {
        let mut moments = Moments::default();
        for (x, w) in items {
            moments.add(*x, *w);
        }
        moments
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
    }

    #[test]
    fn equal_weights_give_the_textbook_numbers() {
        let moments = of(&[(0.1, 4.0), (0.4, 4.0), (0.7, 4.0), (1.0, 4.0)]);
        assert!(close(moments.mean().unwrap(), 0.55));
        assert!(close(moments.sd().unwrap(), 0.387_298_334_620_741_7));
        assert!(close(moments.standard_error().unwrap(), 0.387_298_334_620_741_7 / 2.0));
        assert!(close(moments.effective_n(), 4.0));
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        let moments = of(&[(f64::NAN, 1.0), (0.5, f64::INFINITY), (0.5, 0.0), (0.5, -1.0)]);
        assert_eq!(moments, Moments::default());
        assert_eq!((moments.mean(), moments.sd(), moments.standard_error()), (None, None, None));
        assert_eq!(moments.effective_n(), 0.0);
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            items in prop::collection::vec((0.0..1.0f64, 1.0..100.0f64), 0..80),
            cut in any::<prop::sample::Index>(),
        ) {
            let at = cut.index(items.len() + 1);
            let mut parts = of(&items[..at]);
            parts.merge(&of(&items[at..]));
            let whole = of(&items);
            prop_assert_eq!(parts.n, whole.n);
            for (a, b) in [
                (parts.w, whole.w), (parts.wx, whole.wx), (parts.wxx, whole.wxx),
                (parts.ww, whole.ww), (parts.wwx, whole.wwx), (parts.wwxx, whole.wwxx),
            ] {
                prop_assert!(close(a, b), "{a} {b}");
            }
            let json = serde_json::to_string(&whole).unwrap();
            prop_assert_eq!(serde_json::from_str::<Moments>(&json).unwrap(), whole);
        }
    }
}
