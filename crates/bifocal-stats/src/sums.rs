//! An interval from sums alone, for the steps of a time chart: a roll-up keeps no single scores.
//!
//! Where the interval rule allows Student's t, that; for scores that are all 0 or 1 (passed or not) Wilson's interval
//! with the effective number of scores; else the empirical Bernstein bound for a fixed sample size
//! (Maurer and Pontil 2009, arXiv 0907.3740, theorem 4): with probability at least 1 - delta the mean of n
//! independent values in [0, 1] lies within sqrt(2 V ln(2/delta) / n) + 7 ln(2/delta) / (3 (n - 1)) of the truth on one
//! side, V the sample variance; both sides take delta/2 each. Assumes equal inclusion probabilities within the step;
//! unequal ones enter through the effective number of scores, which is an approximation.

use bifocal_model::{Estimate, Method, Window};

use crate::distribution::normal_quantile;
use crate::estimate::{Interval, student_t};
use crate::moments::Moments;

/// The mean of weighted sums with its interval; `None` when nothing was scored.
pub fn from_sums(moments: &Moments, n_total: f64, window: Window, alpha: f64) -> Option<Estimate> {
    let value = moments.mean()?.clamp(0.0, 1.0);
    let (interval, method) = match student_t(moments, alpha) {
        Some(interval) => (interval, Method::StudentT),
        None if is_binary(moments) => (wilson(moments, value, alpha), Method::Wilson),
        None => (empirical_bernstein(moments, value, alpha), Method::EmpiricalBernstein),
    };
    let lower = interval.lower.clamp(0.0, value);
    let upper = interval.upper.clamp(value, 1.0);
    Some(Estimate { value, lower, upper, n_judged: moments.n, n_total, method, window })
}

/// Scores that are all 0 or 1 equal their squares.
fn is_binary(moments: &Moments) -> bool {
    (moments.wx - moments.wxx).abs() <= 1e-9 * moments.w
}

/// Wilson 1927, with an effective number of scores that need not be whole.
fn wilson(moments: &Moments, share: f64, alpha: f64) -> Interval {
    let n = moments.effective_n();
    let z = normal_quantile(1.0 - 0.5 * alpha);
    let middle = share + z * z / (2.0 * n);
    let margin = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    Interval::new((middle - margin) / scale, (middle + margin) / scale)
}

fn empirical_bernstein(moments: &Moments, mean: f64, alpha: f64) -> Interval {
    let n = moments.effective_n();
    if n < 2.0 {
        return Interval::new(0.0, 1.0);
    }
    let variance = moments.sd().map_or(0.25, |sd| sd * sd);
    let log = (4.0 / alpha).ln();
    let margin = (2.0 * variance * log / n).sqrt() + 7.0 * log / (3.0 * (n - 1.0));
    Interval::new(mean - margin, mean + margin)
}

#[cfg(test)]
mod tests {
    use bifocal_model::Timestamp;

    use super::*;
    use crate::test_random::Random;

    fn window() -> Window {
        Window { start: Timestamp::from_secs(0), end: Timestamp::from_secs(60) }
    }

    #[test]
    fn the_interval_covers_the_truth_for_rare_failures() {
        // One score in fifty is bad: t may not be used, and the bound must still cover.
        let mut random = Random::new(11);
        let mut missed = 0;
        for _ in 0..2_000 {
            let mut moments = Moments::default();
            let mut bad = 0;
            for _ in 0..60 {
                let is_bad = random.uniform() < 0.02;
                bad += u32::from(is_bad);
                moments.add(if is_bad { 0.5 } else { 1.0 }, 2.0);
            }
            let estimate = from_sums(&moments, 120.0, window(), 0.05).unwrap();
            // Sums without a bad one are those of sixty passed.
            let method = if bad == 0 { Method::Wilson } else { Method::EmpiricalBernstein };
            assert_eq!(estimate.method, method);
            missed += u32::from(!(estimate.lower..=estimate.upper).contains(&0.99));
        }
        assert!(missed <= 100, "missed {missed} of 2000");
    }

    #[test]
    fn shares_get_wilsons_interval() {
        let mut moments = Moments::default();
        for i in 0..60 {
            moments.add(if i < 58 { 1.0 } else { 0.0 }, 3.0);
        }
        let estimate = from_sums(&moments, 180.0, window(), 0.05).unwrap();
        let whole = crate::binomial::wilson(58, 60, 0.05);
        assert_eq!(estimate.method, Method::Wilson);
        assert!((estimate.lower - whole.lower).abs() < 1e-9 && (estimate.upper - whole.upper).abs() < 1e-9);
    }

    #[test]
    fn one_score_says_next_to_nothing() {
        let mut moments = Moments::default();
        assert!(from_sums(&moments, 0.0, window(), 0.05).is_none());
        moments.add(0.8, 1.0);
        assert!(!is_binary(&moments));
        let estimate = from_sums(&moments, 1.0, window(), 0.05).unwrap();
        assert_eq!((estimate.lower, estimate.upper), (0.0, 1.0));
    }
}
