//! What a budget of false pages buys.

use crate::limits::MIN_ALARM_THRESHOLD;

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

#[cfg(test)]
mod tests {
    use super::*;

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
