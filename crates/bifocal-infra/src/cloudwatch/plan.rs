//! How often CloudWatch is asked, what that costs, and how a cap is kept.
//!
//! AWS bills each series of each GetMetricData, whatever the length of time that is asked for. So five minutes of points
//! asked for at once cost a fifth of asking each minute.

use bifocal_model::Span;

/// Seconds of a point.
pub const PERIOD: u32 = 60;

/// Points of one answer, as AWS allows; a longer answer comes in pages, each of which is billed.
const POINTS_PER_CALL: usize = 100_800;

/// Dollars of a thousand series asked for (us-east-1, August 2026).
const USD_PER_1000_SERIES: f64 = 0.01;
/// Dollars of a thousand other calls (us-east-1, August 2026); the first million a month is free and not counted on.
const USD_PER_1000_CALLS: f64 = 0.01;
/// Seconds of a month of 30 days.
const MONTH: f64 = 30.0 * 86_400.0;
/// Asked at least so often, or the cap is too small: points of a minute are kept for 15 days.
const LONGEST: Span = Span::from_secs(24 * 3600);

/// What the user allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// How often it is asked if the cap allows.
    pub every: Span,
    /// Between two looks for new metrics.
    pub discover_every: Span,
    /// Dollars a month; `None`: no cap.
    pub usd_per_month: Option<f64>,
}

/// What will be done, and what it costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// How often it is asked.
    pub every: Span,
    /// Between two looks for new metrics.
    pub discover_every: Span,
    /// Calls of GetMetricData and ListMetrics a month.
    pub calls_per_month: f64,
    /// Series asked for a month: what is billed.
    pub series_per_month: f64,
    /// Dollars a month.
    pub usd_per_month: f64,
    /// Whether the cap was the reason for a longer interval.
    pub is_capped: bool,
    /// Whether the cap is kept. It is not when even one look a day costs more.
    pub is_within_cap: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Self { every: Span::from_mins(5), discover_every: Span::from_mins(15), usd_per_month: Some(10.0) }
    }
}

/// The plan for so many series, of which each look lists the metrics in so many pages.
pub fn plan(series: usize, list_calls: usize, budget: &Budget) -> Plan {
    let first = Plan::with(series, list_calls, budget.every, budget.discover_every);
    let Some(cap) = budget.usd_per_month.filter(|cap| first.usd_per_month > *cap) else { return first };
    // Looking for new metrics is stretched with the asking, and both cost in proportion to how often they are done.
    let stretch = first.usd_per_month / cap.max(f64::MIN_POSITIVE);
    let stretched = |span: Span| {
        let minutes = (span.as_secs_f64() * stretch / 60.0).ceil();
        Span::from_secs_f64((minutes * 60.0).min(LONGEST.as_secs_f64())).max(span)
    };
    let plan = Plan::with(series, list_calls, stretched(budget.every), stretched(budget.discover_every));
    Plan { is_capped: true, is_within_cap: plan.usd_per_month <= cap, ..plan }
}

/// Queries of one call, so that its answer is one page.
pub fn batch_size(window: Span) -> usize {
    let points = (window.as_secs_f64() / f64::from(PERIOD)).ceil().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of minutes, at least 1"
    )]
    let points = points as usize;
    (POINTS_PER_CALL / points).clamp(1, bifocal_aws::QUERIES_PER_CALL)
}

impl Plan {
    fn with(series: usize, list_calls: usize, every: Span, discover_every: Span) -> Self {
        let looks = MONTH / every.as_secs_f64().max(1.0);
        let discoveries = MONTH / discover_every.as_secs_f64().max(1.0);
        let series_per_month = series as f64 * looks;
        let data_calls = series.div_ceil(batch_size(every)) as f64 * looks;
        let list_calls = list_calls as f64 * discoveries;
        Self {
            every,
            discover_every,
            calls_per_month: data_calls + list_calls,
            series_per_month,
            usd_per_month: (series_per_month * USD_PER_1000_SERIES + list_calls * USD_PER_1000_CALLS)
                / 1000.0,
            is_capped: false,
            is_within_cap: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNCAPPED: Budget =
        Budget { every: Span::from_mins(1), discover_every: Span::from_mins(15), usd_per_month: None };

    #[test]
    fn what_is_billed_is_series_and_not_points() {
        // 200 metrics each minute: 288,000 a day, 2.88 dollars a day.
        let minute = plan(200, 0, &UNCAPPED);
        assert_eq!(minute.series_per_month, 8_640_000.0);
        assert!((minute.usd_per_month - 86.4).abs() < 1e-9);
        let five = plan(200, 0, &Budget { every: Span::from_mins(5), ..UNCAPPED });
        assert!((minute.usd_per_month / five.usd_per_month - 5.0).abs() < 1e-9);
        assert_eq!(minute.calls_per_month, 43_200.0);
        assert_eq!(plan(501, 0, &UNCAPPED).calls_per_month, 86_400.0);
    }

    #[test]
    fn a_cap_is_kept_by_asking_less_often() {
        for series in [1, 30, 200, 1600, 10_000] {
            for cap in [1.0, 10.0, 40.0] {
                let kept = plan(series, 3, &Budget { usd_per_month: Some(cap), ..UNCAPPED });
                let free = plan(series, 3, &UNCAPPED);
                assert_eq!(kept.is_capped, free.usd_per_month > cap);
                assert_eq!(kept.is_within_cap, kept.usd_per_month <= cap, "{series} {cap}");
                if !kept.is_capped {
                    assert_eq!(kept.every, UNCAPPED.every);
                } else if kept.every < LONGEST {
                    assert!(kept.is_within_cap, "{series} series for {cap}: {kept:?}");
                    // No longer than it must be.
                    assert!(kept.usd_per_month > cap * 0.5, "{series} series for {cap}: {kept:?}");
                }
            }
        }
        let hopeless = plan(100_000, 3, &Budget { usd_per_month: Some(1.0), ..UNCAPPED });
        assert_eq!((hopeless.every, hopeless.is_within_cap), (LONGEST, false));
        let nothing = plan(10, 3, &Budget { usd_per_month: Some(0.0), ..UNCAPPED });
        assert!(!nothing.is_within_cap);
    }

    #[test]
    fn a_long_window_takes_fewer_queries_so_that_an_answer_is_one_page() {
        assert_eq!(batch_size(Span::from_mins(5)), 500);
        assert_eq!(batch_size(Span::from_secs(24 * 3600)), 70);
        assert_eq!(batch_size(Span::from_secs(1_000_000_000)), 1);
    }
}
