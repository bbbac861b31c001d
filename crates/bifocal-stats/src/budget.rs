//! What a budget of false pages buys.

use crate::baseline::ALPHA;
use crate::limits::MIN_ALARM_THRESHOLD;

/// The threshold at which a bound of the baseline that is wrong in 1 case of 20 was measured to keep its promise.
const LEVEL_FROM: f64 = 5_000.0;
/// No bound is asked to be wrong more seldom.
const LEVEL_MIN: f64 = 1e-6;

/// The alarm threshold A of each of `streams` detectors that see `judged_in_30_days` scores each, so that together
/// they page falsely at most `false_pages_per_30_days` times in 30 days, in expectation:
/// A = streams x judged / b, and never below 1,000.
///
/// Theorem (SRR): under the null, evidence minus time is a supermartingale, so P(alarm within T scores) <= T / A for
/// each stream, and expectations add up over streams whatever their dependence. Assumes that the baselines are
/// representative, the mix is adjusted and the judge is unchanged; broken by more judged scores than were foreseen,
/// in proportion. A budget that is not positive buys the highest finite threshold: no page at all.
pub fn threshold(streams: u64, judged_in_30_days: f64, false_pages_per_30_days: f64) -> f64 {
    let floor = MIN_ALARM_THRESHOLD as f64;
    let judged = if judged_in_30_days.is_finite() { judged_in_30_days.max(0.0) } else { 0.0 };
    if false_pages_per_30_days.is_nan() || false_pages_per_30_days <= 0.0 {
        return f64::MAX;
    }
    (streams as f64 * judged / false_pages_per_30_days).clamp(floor, f64::MAX)
}

/// How often the bound of a baseline may be wrong for a threshold: 5% up to A = 5,000, then falling with the square root of
/// A. A stream whose bound is wrong alarms sooner or later whatever the threshold, so a threshold that buys one false page
/// in many must not stand on a bound that fails for one stream in 20.
///
/// A choice, not a theorem: it costs 0.5 to 2 standard errors of the baseline in delay.
pub fn baseline_level(threshold: f64) -> f64 {
    if threshold > LEVEL_FROM { (ALPHA * (LEVEL_FROM / threshold).sqrt()).max(LEVEL_MIN) } else { ALPHA }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dearer_alarm_stands_on_a_safer_baseline() {
        assert_eq!(
            (baseline_level(1_000.0), baseline_level(5_000.0), baseline_level(f64::NAN)),
            (0.05, 0.05, 0.05)
        );
        assert!((baseline_level(500_000.0) - 0.005).abs() < 1e-12);
        assert_eq!(baseline_level(f64::MAX), 1e-6);
    }

    #[test]
    fn streams_and_scores_over_budget() {
        assert_eq!(threshold(10, 130_000.0, 1.0), 1.3e6);
        assert_eq!(threshold(10, 130_000.0, 2.0), 6.5e5);
        assert_eq!(threshold(1, 100_000.0, 0.5), 2e5);
    }

    #[test]
    fn the_least_threshold_and_no_numbers() {
        assert_eq!(threshold(1, 3.0, 1.0), MIN_ALARM_THRESHOLD as f64);
        assert_eq!(threshold(0, 3.0, 1.0), MIN_ALARM_THRESHOLD as f64);
        assert_eq!(threshold(5, f64::NAN, 1.0), MIN_ALARM_THRESHOLD as f64);
        assert_eq!(threshold(5, 100.0, 0.0), f64::MAX);
        assert_eq!(threshold(5, 100.0, f64::NAN), f64::MAX);
        assert_eq!(threshold(5, 100.0, 1e-320), f64::MAX);
    }
}
