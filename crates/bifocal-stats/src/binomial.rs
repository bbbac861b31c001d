//! Shares of counted things: errors among all calls, answers slower than an objective.
//!
//! For full traffic, where every call is seen and none is weighted. Assumes independent calls; a burst of errors
//! of one cause is fewer observations than calls, and makes these intervals too narrow.

use bifocal_model::{Estimate, Method, Window};

use crate::distribution::{beta_quantile, normal_quantile};
use crate::estimate::Interval;

/// Level of the intervals that are shown, as [`Method::Wilson`] promises.
const SHOWN_ALPHA: f64 = 0.05;

/// Wilson's two-sided interval of a share `hits` / `n` at level 1 - alpha; all of [0, 1] when `n` is 0.
///
/// Inverts the score test: coverage is 1 - alpha on average over shares, not for each share.
pub fn wilson(hits: u64, n: u64, alpha: f64) -> Interval {
    if n == 0 {
        return Interval::UNIT;
    }
    let total = n as f64;
    let share = hits.min(n) as f64 / total;
    let z = normal_quantile(1.0 - 0.5 * alpha);
    let scale = 1.0 + z * z / total;
    let centre = (share + 0.5 * z * z / total) / scale;
    let margin = z * (share * (1.0 - share) / total + 0.25 * z * z / (total * total)).sqrt() / scale;
    // At the ends the formula is exactly 0 or 1 but for rounding.
    let lower = if hits == 0 { 0.0 } else { centre - margin };
    let upper = if hits >= n { 1.0 } else { centre + margin };
    Interval::new(lower, upper).holding(share)
}

/// The share `hits` / `n` as an estimate with Wilson's interval at 95%. `None` when `n` is 0.
pub fn wilson_estimate(hits: u64, n: u64, window: Window) -> Option<Estimate> {
    if n == 0 {
        return None;
    }
    let Interval { lower, upper } = wilson(hits, n, SHOWN_ALPHA);
    let value = hits.min(n) as f64 / n as f64;
    Some(Estimate { value, lower, upper, n_judged: n, n_total: n as f64, method: Method::Wilson, window })
}

/// One-sided lower bound of a share at level 1 - alpha (Clopper-Pearson): exact, so never above the truth with more
/// than probability alpha, for any share and any `n`. 0 when there is nothing to go by.
pub fn lower(hits: u64, n: u64, alpha: f64) -> f64 {
    let hits = hits.min(n);
    if hits == 0 { 0.0 } else { beta_quantile(alpha, hits as f64, (n - hits + 1) as f64) }
}

/// One-sided upper bound of a share at level 1 - alpha (Clopper-Pearson), the mirror of [`lower`].
pub fn upper(hits: u64, n: u64, alpha: f64) -> f64 {
    1.0 - lower(n - hits.min(n), n, alpha)
}

#[cfg(test)]
mod tests {
    use bifocal_model::Timestamp;

    use super::*;
    use crate::test_random::Random;

    /// SciPy 1.17.1, `stats.binomtest(hits, n).proportion_ci(0.95, method)`: Wilson, then exact.
    #[expect(clippy::type_complexity, reason = "a table")]
    const SCIPY_PROPORTION_CI: &[(u64, u64, (f64, f64), (f64, f64))] = &[
        (0, 10, (0.0, 0.27753279986288926), (0.0, 0.30849710781876294)),
        (3, 100, (0.010254524024038925, 0.08451936429052762), (0.006229971538306227, 0.08517605297428028)),
        (50, 100, (0.4038315303659956, 0.5961684696340044), (0.39832112950330095, 0.6016788704966991)),
        (10, 10, (0.7224672001371109, 1.0), (0.6915028921812371, 1.0)),
        (7, 100_000, (3.390903779016497e-05, 0.000144498696957113), (2.8144079e-05, 0.0001442214009)),
    ];

    #[test]
    fn golden_intervals() {
        for (hits, n, (low, high), (exact_low, exact_high)) in SCIPY_PROPORTION_CI.iter().copied() {
            let interval = wilson(hits, n, 0.05);
            assert!(
                (interval.lower - low).abs() < 1e-9 && (interval.upper - high).abs() < 1e-9,
                "{hits}/{n}"
            );
            assert!((lower(hits, n, 0.025) - exact_low).abs() < 1e-9, "{hits}/{n}");
            assert!((upper(hits, n, 0.025) - exact_high).abs() < 1e-9, "{hits}/{n}");
        }
    }

    #[test]
    fn nothing_seen() {
        assert_eq!(wilson(0, 0, 0.05), Interval::UNIT);
        assert_eq!((lower(0, 0, 0.05), upper(0, 0, 0.05)), (0.0, 1.0));
        let window = Window { start: Timestamp::from_secs(0), end: Timestamp::from_secs(60) };
        assert!(wilson_estimate(0, 0, window).is_none());
        let all = wilson_estimate(10, 10, window).unwrap();
        assert_eq!((all.value, all.upper, all.n_judged), (1.0, 1.0, 10));
    }

    #[test]
    fn the_lower_bound_misses_at_most_alpha() {
        let mut random = Random::new(11);
        let runs = 4_000;
        for share in [0.01, 0.05, 0.3] {
            let misses = (0..runs)
                .filter(|_| {
                    let hits = (0..200).filter(|_| random.uniform() < share).count() as u64;
                    lower(hits, 200, 0.05) > share
                })
                .count();
            let allowed = 0.05 + 2.0 * (0.05f64 * 0.95 / f64::from(runs)).sqrt();
            assert!((misses as f64) / f64::from(runs) <= allowed, "{share}: {misses}");
        }
    }
}
