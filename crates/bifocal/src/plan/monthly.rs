//! What watching costs in 30 days, item by item.
//!
//! Prices are those of us-east-1, August 2026, without what is free at first; an item whose price or quantity is not known
//! is unknown, and never 0.

use bifocal_publish::cloudwatch::{Template, WriteBackConfig};
use serde::Serialize;

/// Dollars of a metric of one's own a month: the first so many, and those beyond.
const USD_PER_METRIC: f64 = 0.30;
const USD_PER_FURTHER_METRIC: f64 = 0.10;
const METRICS_AT_FIRST_PRICE: f64 = 10_000.0;
/// Dollars of a thousand calls of PutMetricData.
const USD_PER_1000_PUTS: f64 = 0.01;
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
        let item = |what: &str, quantity, unit, usd| Self {
            what: what.to_owned(),
            quantity: Some(quantity),
            unit,
            usd: Some(usd),
            unknown: None,
        };
        [
            item("quality metrics written to CloudWatch", metrics, "metrics", usd),
            item("writing them", puts, "calls", puts * USD_PER_1000_PUTS / 1e3),
        ]
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
        let [many, _] = Item::written(&config, 4_000, 3);
        assert_eq!((many.quantity, many.usd), (Some(20_000.0), Some(4_000.0)));
    }
}
