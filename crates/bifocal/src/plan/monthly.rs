//! What watching costs in 30 days, item by item.
//!
//! Prices are those of us-east-1, August 2026 (Amazon CloudWatch's pricing page, by way of copies of it), without what is free
//! at first; an item whose price or quantity is not known is unknown, and never 0.

use bifocal_publish::cloudwatch::{Template, WriteBackConfig};
use serde::Serialize;

use super::{Basis, Known};

/// Dollars of a metric of one's own a month: the first so many, and those beyond.
const USD_PER_METRIC: f64 = 0.30;
const USD_PER_FURTHER_METRIC: f64 = 0.10;
const METRICS_AT_FIRST_PRICE: f64 = 10_000.0;
/// Dollars of a thousand calls of PutMetricData.
const USD_PER_1000_PUTS: f64 = 0.01;
/// Dollars of a gigabyte that CloudWatch Logs takes in, and of one that it keeps for a month.
const USD_PER_LOG_GB: f64 = 0.50;
const USD_PER_KEPT_GB_MONTH: f64 = 0.03;
/// What is kept is compressed: to some 15%, as AWS's own examples of prices have it.
const KEPT_SHARE: f64 = 0.15;
const GB: f64 = 1e9;
const MONTH_SECONDS: f64 = 30.0 * 86_400.0;

/// One thing that is paid for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item {
    /// What it is.
    pub what: String,
    /// How much of it; `null`: not known.
    pub quantity: Option<f64>,
    /// Of what.
    pub unit: &'static str,
    /// Dollars; `null`: not known.
    pub usd: Option<f64>,
    /// Why something is not known.
    pub unknown: Option<String>,
}

impl Item {
    /// An item of which nothing is known but why.
    pub fn unknown(what: String, unit: &'static str, why: String) -> Self {
        Self { what, quantity: None, unit, usd: None, unknown: Some(why) }
    }

    /// What reading CloudWatch costs.
    pub fn reads(what: String, plan: &bifocal_infra::cloudwatch::Plan) -> Self {
        Self {
            what,
            quantity: Some(plan.calls_per_month),
            unit: "calls",
            usd: Some(plan.usd_per_month),
            unknown: None,
        }
    }

    /// Metrics that are written for so many targets, and the calls that write them.
    pub fn written(config: &WriteBackConfig, targets: usize, dimensions: usize) -> [Self; 2] {
        let metrics = (targets * config.metrics_of_target(dimensions)) as f64;
        let first = metrics.min(METRICS_AT_FIRST_PRICE);
        let usd = first * USD_PER_METRIC + (metrics - first) * USD_PER_FURTHER_METRIC;
        let puts = config.namespaces(targets) as f64 * MONTH_SECONDS / f64::from(config.every_seconds.get());
        let metrics_item =
            Self::of("quality metrics written to CloudWatch".to_owned(), metrics, "metrics", usd);
        // In the embedded format they are events of a log, and no calls are billed.
        let writing = if config.emf {
            let times = MONTH_SECONDS / f64::from(config.every_seconds.get());
            let gb = targets as f64 * config.embedded_bytes(dimensions) as f64 * times / GB;
            Self::logged("writing them as events of CloudWatch Logs".to_owned(), gb, config)
        } else {
            Self::of("writing them".to_owned(), puts, "calls", puts * USD_PER_1000_PUTS / 1e3)
        };
        [metrics_item, writing]
    }

    /// Judged answers that are written to CloudWatch Logs in 30 days; `bytes` is what one event is billed as.
    pub fn answers(config: &WriteBackConfig, judged_per_day: f64, bytes: Known) -> Self {
        let basis = match bytes.basis {
            Basis::Observed => "observed",
            Basis::Said => "said",
            Basis::Assumed => "assumed",
        };
        let kb = bytes.value / 1e3;
        let what = format!("judged answers written to CloudWatch Logs, {kb:.1} KB each ({basis})");
        Self::logged(what, 30.0 * judged_per_day * bytes.value / GB, config)
    }

    /// What CloudWatch Logs takes in and keeps for the days of the configuration.
    fn logged(what: String, gb: f64, config: &WriteBackConfig) -> Self {
        // For ever is a month in the month in which it is written, and more in each that follows.
        let months_kept = match config.log_retention_days {
            0 => 1.0,
            days => f64::from(days) / 30.0,
        };
        let usd = gb * (USD_PER_LOG_GB + KEPT_SHARE * months_kept * USD_PER_KEPT_GB_MONTH);
        Self::of(what, gb, "GB", usd)
    }

    /// Looks at container logs around incidents: AWS bills reading of its own logs neither by call nor by byte.
    pub fn container_logs(what: String) -> Self {
        Self::of(what, 0.0, "billed calls", 0.0)
    }

    fn of(what: String, quantity: f64, unit: &'static str, usd: f64) -> Self {
        Self { what, quantity: Some(quantity), unit, usd: Some(usd), unknown: None }
    }

    /// Alarms and a dashboard, once the template is deployed.
    pub fn alarms(template: &Template) -> Self {
        Self {
            what: "alarms and a dashboard of `bifocal cloudwatch`, where they are deployed".to_owned(),
            quantity: Some((template.metric_alarms + template.composite_alarms) as f64),
            unit: "alarms",
            usd: Some(template.usd_per_month()),
            unknown: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_beyond_ten_thousand_are_cheaper() {
        let config = WriteBackConfig { write: true, ..WriteBackConfig::default() };
        // Three dimensions, the composite and the latency.
        let [metrics, calls] = Item::written(&config, 2, 3);
        assert_eq!((metrics.quantity, metrics.usd), (Some(10.0), Some(3.0)));
        assert_eq!(calls.quantity, Some(2.0 * 43_200.0));
        assert!((calls.usd.unwrap() - 0.864).abs() < 1e-9);
        let embedded = WriteBackConfig { emf: true, ..config.clone() };
        let [_, logged] = Item::written(&embedded, 2, 3);
        let gb = 2.0 * embedded.embedded_bytes(3) as f64 * 43_200.0 / 1e9;
        assert_eq!((logged.unit, logged.quantity), ("GB", Some(gb)));
        let [many, _] = Item::written(&config, 4_000, 3);
        assert_eq!((many.quantity, many.usd), (Some(20_000.0), Some(4_000.0)));
    }

    #[test]
    fn logged_answers_cost_what_is_taken_in_and_kept() {
        let config = WriteBackConfig { logs: true, log_retention_days: 30, ..WriteBackConfig::default() };
        let bytes = |basis| Known { value: 4_000.0, basis };
        let item = Item::answers(&config, 10_000.0, bytes(Basis::Observed));
        // 300,000 answers of 4 KB are 1.2 GB: $0.60 to take in, 0.18 GB kept for a month at $0.03.
        assert_eq!((item.quantity, item.unit), (Some(1.2), "GB"));
        assert!((item.usd.unwrap() - 0.6054).abs() < 1e-9, "{item:?}");
        assert!(item.what.ends_with("4.0 KB each (observed)"), "{}", item.what);
        let week = WriteBackConfig { log_retention_days: 7, ..config.clone() };
        assert!(Item::answers(&week, 10_000.0, bytes(Basis::Assumed)).usd < item.usd);
    }
}
