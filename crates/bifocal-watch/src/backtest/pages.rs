//! How often a page came for nothing.

use bifocal_model::Span;
use bifocal_stats::poisson;
use serde::Serialize;

const DAYS_30_SECS: f64 = 30.0 * 24.0 * 3600.0;
const ALPHA: f64 = 0.05;

/// False pages of all streams together, at the rate of the history.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FalsePages {
    /// Alarms outside of marked changes. Where nothing is marked, all alarms: an upper bound if some were deserved.
    pub count: u64,
    /// Days that were watched without a marked change, summed over streams.
    pub stream_days: f64,
    /// In 30 days over all streams; `null` where no time was watched.
    pub per_30_days: Option<f64>,
    /// Lower end of the exact Poisson interval at 95%.
    pub lower: Option<f64>,
    /// Its upper end.
    pub upper: Option<f64>,
    /// What the threshold allows for the judged answers that were watched: their number over the threshold; `null` for
    /// methods that promise nothing.
    pub allowed: Option<f64>,
}

impl FalsePages {
    /// From a count over time watched. `watched`: judged answers after the baselines, outside of marked changes.
    pub(super) fn of(count: u64, exposure: Span, streams: u64, watched: u64, threshold: Option<f64>) -> Self {
        let share = exposure.as_secs_f64() / DAYS_30_SECS;
        let scale = streams as f64 / share;
        let interval = poisson::interval(count, ALPHA);
        let rate = |count: f64| (share > 0.0 && scale.is_finite()).then_some(count * scale);
        Self {
            count,
            stream_days: 30.0 * share,
            per_30_days: rate(count as f64),
            lower: rate(interval.lower),
            upper: rate(interval.upper),
            allowed: threshold.map(|threshold| watched as f64 / threshold),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_over_all_streams() {
        // Two streams, 15 days each: 3 in 30 stream-days are 6 in 30 days over both.
        let days = |n: i64| Span::from_secs(n * 24 * 3600);
        let pages = FalsePages::of(3, days(30), 2, 10_000, Some(5_000.0));
        assert!((pages.per_30_days.unwrap() - 6.0).abs() < 1e-9 && pages.allowed == Some(2.0));
        assert!(pages.lower.unwrap() < 6.0 && pages.upper.unwrap() > 12.0);
        let none = FalsePages::of(0, Span::ZERO, 2, 0, None);
        assert_eq!((none.per_30_days, none.upper, none.allowed), (None, None, None));
    }
}
