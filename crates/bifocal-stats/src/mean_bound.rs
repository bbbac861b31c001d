//! The lower bound of a mean that a baseline rests on: as close as the scores allow, for every standard error between
//! bound and mean is paid for in delay.
//!
//! Scores that are all 0 or 1: Clopper-Pearson, exact. Where the interval rule allows the t distribution (n >= 50 and
//! n mean and n (1 - mean) >= 30) and n >= 25 skew^2 (Cochran's rule): the t bound, lowered for scores skewed to the left by the first term of the Edgeworth
//! expansion of the t statistic, skew (2 z^2 + 1) / (6 sqrt n) standard errors (Hall, "The Bootstrap and Edgeworth
//! Expansion", 1992, section 2.6); skew to the right would raise it and is not used. Else the betting bound, for any n.
//!
//! Assumes independent scores with one mean. The first and the last are exact or conservative for any distribution; the
//! middle one is an approximation whose misses are measured below. Broken by dependence within conversations: then take
//! one score per conversation.

use crate::betting;
use crate::binomial;
use crate::distribution::{normal_quantile, student_t_quantile};

/// What the rule asks of n mean and n (1 - mean), and of n.
const LEAST_SUM: f64 = 30.0;
const LEAST_N: f64 = 50.0;
/// Cochran's rule: n is at least this times the squared skew.
const PER_SQUARED_SKEW: f64 = 25.0;

/// One-sided lower bound of the mean of values in [0, 1] at level 1 - alpha; 0 without values.
pub(crate) fn lower(values: &[f64], alpha: f64) -> f64 {
    let n = values.len() as f64;
    if values.iter().all(|x| *x == 0.0 || *x == 1.0) {
        let hits = values.iter().filter(|x| **x == 1.0).count();
        return binomial::lower(hits as u64, values.len() as u64, alpha);
    }
    let mean = values.iter().sum::<f64>() / n;
    if n < LEAST_N || n * mean < LEAST_SUM || n * (1.0 - mean) < LEAST_SUM {
        return betting::lower_bound(values, alpha);
    }
    let moment = |power: i32| values.iter().map(|x| (x - mean).powi(power)).sum::<f64>() / n;
    let variance = moment(2);
    // Equal values tell nothing about how far others could lie.
    if variance <= 0.0 {
        return betting::lower_bound(values, alpha);
    }
    let skew = moment(3) / variance.powf(1.5);
    if n < PER_SQUARED_SKEW * skew * skew {
        return betting::lower_bound(values, alpha);
    }
    let skew = skew.min(0.0);
    let z = normal_quantile(1.0 - alpha);
    let errors = student_t_quantile(1.0 - alpha, n - 1.0) - skew * (2.0 * z * z + 1.0) / (6.0 * n.sqrt());
    (mean - errors * (variance / (n - 1.0)).sqrt()).clamp(0.0, 1.0)
}

/// One-sided upper bound, the mirror of [`lower`].
pub(crate) fn upper(values: &[f64], alpha: f64) -> f64 {
    let mirrored: Vec<f64> = values.iter().map(|x| 1.0 - x).collect();
    1.0 - lower(&mirrored, alpha)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    /// The share of 4,000 samples of 500 whose bound lies above the truth, for scores of different skew. A plain t
    /// bound is the control: it misses too often for the most skewed ones.
    #[test]
    fn the_bound_is_above_the_truth_in_at_most_one_of_twenty() {
        type Draw = fn(&mut Random) -> f64;
        let cases: [(&str, f64, Draw); 7] = [
            ("left-skewed", 0.9, |random| random.power(9.0)),
            ("right-skewed", 0.2, |random| random.power(0.25)),
            ("flat", 0.5, Random::uniform),
            ("one in twenty fails", 0.95, |random| f64::from(u8::from(random.uniform() < 0.95))),
            ("one in a hundred fails", 0.99, |random| f64::from(u8::from(random.uniform() < 0.99))),
            ("most are 0.9, some are 0", 0.81, |random| if random.uniform() < 0.9 { 0.9 } else { 0.0 }),
            ("few are 0", 0.873, |random| if random.uniform() < 0.97 { 0.9 } else { 0.0 }),
        ];
        let runs = 4_000u32;
        let allowed = 0.05 + 2.0 * (0.05f64 * 0.95 / f64::from(runs)).sqrt();
        let mut random = Random::new(25);
        let mut plain_worst = 0.0f64;
        for (name, truth, draw) in cases {
            let (mut misses, mut plain, mut gaps) = (0u32, 0u32, 0.0);
            for _ in 0..runs {
                let values: Vec<f64> = (0..500).map(|_| draw(&mut random)).collect();
                let bound = lower(&values, 0.05);
                misses += u32::from(bound > truth);
                let mean = values.iter().sum::<f64>() / 500.0;
                let error = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 499.0 / 500.0).sqrt();
                plain += u32::from(mean - 1.648 * error > truth);
                gaps += (mean - bound) / error.max(1e-3) / f64::from(runs);
            }
            let (share, plain) = (f64::from(misses) / f64::from(runs), f64::from(plain) / f64::from(runs));
            eprintln!("{name}: misses {share:.4}, plain t {plain:.4}, {gaps:.2} standard errors below");
            assert!(share <= allowed, "{name}: {share}");
            assert!(upper(&[truth; 60], 0.05) > truth);
            plain_worst = plain_worst.max(plain);
        }
        assert!(plain_worst > allowed, "the control must fail: {plain_worst}");
    }

    #[test]
    fn the_mirror_and_what_says_nothing() {
        let mut random = Random::new(26);
        let values: Vec<f64> = (0..500).map(|_| random.power(3.0)).collect();
        let mirrored: Vec<f64> = values.iter().map(|x| 1.0 - x).collect();
        assert!((upper(&values, 0.05) - (1.0 - lower(&mirrored, 0.05))).abs() < 1e-12);
        assert_eq!((lower(&[], 0.05), lower(&[0.0; 500], 0.05)), (0.0, 0.0));
        let ones = lower(&[1.0; 500], 0.05);
        assert!((ones - 0.05f64.powf(1.0 / 500.0)).abs() < 1e-9, "{ones}");
        let same = lower(&[0.7; 500], 0.05);
        assert!(same < 0.7 && same > 0.68, "{same}");
    }
}
