//! Counts of rare things in a stretch of time: false pages in the weeks that were watched.
//!
//! Assumes that the things come independently at one rate; pages of one cause that come in a bunch are fewer things
//! than pages, and make the interval too narrow.

use crate::estimate::Interval;

/// Steps of a bisection: more than the bits of an f64.
const STEPS: u32 = 200;
/// A count up to which sums are exact; beyond, the normal approximation is off by less than 1%.
const EXACT_MAX: u64 = 100_000;

/// The exact two-sided interval of the mean of a Poisson count at level 1 - alpha (Garwood 1936): its ends are the means
/// at which a count of at least, or at most, `count` has probability alpha / 2. Not cut to [0, 1].
pub fn interval(count: u64, alpha: f64) -> Interval {
    let tail = 0.5 * alpha.clamp(1e-12, 1.0);
    let count = count.min(EXACT_MAX);
    let lower = match count.checked_sub(1) {
        None => 0.0,
        // P(X >= count) = 1 - P(X <= count - 1) grows with the mean.
        Some(less) => mean_where(|mean| 1.0 - at_most(less, mean) < tail, count),
    };
    let upper = mean_where(|mean| at_most(count, mean) > tail, count);
    Interval { lower, upper }
}

/// P(X <= count) of a Poisson variable.
fn at_most(count: u64, mean: f64) -> f64 {
    if mean <= 0.0 {
        return 1.0;
    }
    // Terms from the largest on, relative to it, so that none of them overflows.
    let ln_last = count as f64 * mean.ln() - mean - crate::distribution::ln_gamma(count as f64 + 1.0);
    let (mut sum, mut term) = (1.0, 1.0);
    for k in (1..=count).rev() {
        term *= k as f64 / mean;
        sum += term;
        if term < 1e-17 * sum {
            break;
        }
    }
    (ln_last + f64::ln(sum)).exp().min(1.0)
}

/// The mean up to which a condition holds that holds for small ones.
fn mean_where(holds: impl Fn(f64) -> bool, count: u64) -> f64 {
    let most = count as f64 + 20.0 * (count as f64 + 1.0).sqrt() + 30.0;
    let (mut low, mut high) = (0.0, most);
    for _ in 0..STEPS {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    /// Garwood's table, as in scipy: chi2.ppf(0.025, 2k) / 2 and chi2.ppf(0.975, 2k + 2) / 2.
    #[test]
    fn the_table() {
        for (count, lower, upper) in [
            (0, 0.0, 3.688_879_454_113_936),
            (1, 0.025_317_807_984_289_9, 5.571_643_390_938_97),
            (3, 0.618_672_122_846_847, 8.767_273_069_745_77),
            (10, 4.795_388_654_932_4, 18.390_356_042_241_4),
            (100, 81.363_966_346_2, 121.627_000_846_2),
        ] {
            let interval = interval(count, 0.05);
            assert!((interval.lower - lower).abs() < 1e-3 * lower.max(1e-3), "{count}: {interval:?}");
            assert!((interval.upper - upper).abs() < 1e-3 * upper, "{count}: {interval:?}");
        }
    }

    #[test]
    fn it_covers_and_the_normal_interval_does_not() {
        let mut random = Random::new(121);
        let runs = 4_000u32;
        for mean in [0.5, 2.0, 6.0] {
            let (mut held, mut normal) = (0u32, 0u32);
            for _ in 0..runs {
                // Arrivals of a unit of time.
                let (mut count, mut time) = (0u64, -random.uniform().max(1e-300).ln() / mean);
                while time < 1.0 {
                    count += 1;
                    time -= random.uniform().max(1e-300).ln() / mean;
                }
                let interval = interval(count, 0.05);
                held += u32::from(interval.lower <= mean && mean <= interval.upper);
                normal += u32::from((count as f64 - mean).abs() <= 1.96 * (count as f64).sqrt());
            }
            let share = |n: u32| f64::from(n) / f64::from(runs);
            assert!(share(held) >= 0.95 - 0.007, "{mean}: {}", share(held));
            assert!(share(normal) < 0.95, "the control must miss more: {mean}: {}", share(normal));
        }
    }

    #[test]
    fn large_counts_are_finite() {
        for count in [1_000, EXACT_MAX, u64::MAX] {
            let interval = interval(count, 0.05);
            assert!(interval.lower.is_finite() && interval.lower < interval.upper, "{interval:?}");
        }
    }
}
