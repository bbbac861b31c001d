//! Ratios of two means: tokens per good answer, cost per good answer.
//!
//! Delta method: with R the ratio of the weighted sums, the residuals u = num - R den are linear, and R's standard error
//! is that of sum w u over sum w den. For a test of R against R0 without linearisation the values num - R0 den have
//! mean 0 under R = R0 exactly, and can be fed to a confidence sequence.
//!
//! The interval is Fieller's (1954): all R that such a test with a t quantile does not refuse. Where the denominator is
//! far from 0 it is the delta method's interval; where it is not (few good answers), it is wider to the right, and
//! where the denominator might be 0 there is no upper end.
//!
//! Assumes independent inclusions and enough items for the mean of u to be normal: 50 items and 10 of them with a
//! denominator that is not 0, else there is no interval. Broken by one item that holds most of the numerator.

use crate::distribution::student_t_quantile;
use crate::estimate::CLT_MIN_JUDGED;
use crate::pairs::PairSums;

/// Least (sum den)^2 / sum den^2.
const MIN_DENOMINATORS: f64 = 10.0;

/// A ratio with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Sum of numerators over sum of denominators.
    pub value: f64,
    /// The standard error by the delta method; `None` below 2 items.
    pub standard_error: Option<f64>,
    /// The lower end and, unless the denominator may be 0, the upper end. `None` with too few items for any.
    pub interval: Option<(f64, Option<f64>)>,
}

/// The ratio of y to x of the sums, for numerators and denominators that are not negative. `None` where the
/// denominators add up to nothing.
pub fn ratio(sums: &PairSums, alpha: f64) -> Option<Ratio> {
    let (y, x) = sums.means()?;
    if x.is_nan() || x <= 0.0 {
        return None;
    }
    let value = y / x;
    // The mean of u = y - R x is 0 at R = value, and its variance is quadratic in R.
    let standard_error = sums
        .variance_of_mean_residual(value, 1)
        .map(|variance| variance.sqrt() / x)
        .filter(|se| se.is_finite());
    let degrees = sums.effective_n() - 1.0;
    let enough =
        sums.effective_n() >= CLT_MIN_JUDGED as f64 && sums.denominators() >= MIN_DENOMINATORS && y >= 0.0;
    let interval = if enough {
        let t = student_t_quantile(1.0 - 0.5 * alpha.clamp(1e-12, 0.5), degrees);
        fieller(sums, y, x, t)
    } else {
        None
    };
    Some(Ratio { value, standard_error, interval })
}

/// All R with (y - R x)^2 <= t^2 Var(y - R x): between the roots of a quadratic.
fn fieller(sums: &PairSums, y: f64, x: f64, t: f64) -> Option<(f64, Option<f64>)> {
    let (yy, yx, xx) = sums.variances_of_means()?;
    let g = t * t;
    let (a, b, c) = (x * x - g * xx, y * x - g * yx, y * y - g * yy);
    let root = (b * b - a * c).max(0.0).sqrt();
    if a > 0.0 {
        return Some((((b - root) / a).max(0.0), Some((b + root) / a)));
    }
    // The denominator may be 0. What is left of the set above 0 is a half line, or everything.
    let lower = if a < 0.0 && b * b > a * c { (b - root) / a } else { 0.0 };
    let lower = if c > 0.0 && b + root > 0.0 { c / (b + root) } else { lower.min(0.0) };
    Some((lower.max(0.0), None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    fn of(items: &[(f64, f64)]) -> PairSums {
        let mut sums = PairSums::default();
        items.iter().for_each(|(y, x)| sums.add(*y, *x, 4.0));
        sums
    }

    #[test]
    fn the_delta_method_by_hand() {
        let items: Vec<(f64, f64)> =
            (0..200).map(|i| (f64::from(i % 7) + 2.0, f64::from(i % 3) + 1.0)).collect();
        let ratio = ratio(&of(&items), 0.05).unwrap();
        let n = items.len() as f64;
        let (y, x) = (items.iter().map(|i| i.0).sum::<f64>() / n, items.iter().map(|i| i.1).sum::<f64>() / n);
        let squares: f64 = items.iter().map(|i| (i.0 - y / x * i.1).powi(2)).sum();
        let standard_error = (squares / (n - 1.0) / n).sqrt() / x;
        assert!((ratio.value - y / x).abs() < 1e-12);
        assert!((ratio.standard_error.unwrap() - standard_error).abs() < 1e-12);
        let (lower, upper) = ratio.interval.unwrap();
        let width = 2.0 * 1.972 * standard_error;
        assert!(((upper.unwrap() - lower) / width - 1.0).abs() < 0.02, "{ratio:?} {width}");
    }

    #[test]
    fn few_items_and_nothing_good_are_said_so() {
        assert_eq!(ratio(&PairSums::default(), 0.05), None);
        assert_eq!(ratio(&of(&[(300.0, 0.0); 100]), 0.05), None, "all failures: no ratio");
        let one = ratio(&of(&[(300.0, 1.0)]), 0.05).unwrap();
        assert_eq!((one.value, one.standard_error, one.interval), (300.0, None, None));
        let mut rare = vec![(300.0, 0.0); 95];
        rare.extend([(300.0, 1.0); 5]);
        assert_eq!(ratio(&of(&rare), 0.05).unwrap().interval, None, "five good answers");
        let same = ratio(&of(&[(300.0, 1.0); 100]), 0.05).unwrap();
        assert_eq!((same.standard_error, same.interval), (Some(0.0), Some((300.0, Some(300.0)))));
        assert!(ratio(&of(&[(300.0, f64::NAN)]), 0.05).is_none());
    }

    /// Cost per good answer: a skewed cost, and an answer is good with the given probability.
    #[test]
    fn coverage_of_the_cost_per_good_answer() {
        let mut random = Random::new(81);
        for good in [0.2, 0.6, 0.95] {
            let runs = 1_500;
            let hits = (0..runs)
                .filter(|_| {
                    let items: Vec<(f64, f64)> = (0..100)
                        .map(|_| {
                            let cost = -random.uniform().max(1e-12).ln();
                            (cost, f64::from(u8::from(random.uniform() < good)))
                        })
                        .collect();
                    let (lower, upper) = ratio(&of(&items), 0.05).unwrap().interval.unwrap_or((0.0, None));
                    lower <= 1.0 / good && upper.is_none_or(|upper| upper >= 1.0 / good)
                })
                .count();
            assert!(hits as f64 / f64::from(runs) >= 0.93, "{good}: {hits}");
        }
    }
}
