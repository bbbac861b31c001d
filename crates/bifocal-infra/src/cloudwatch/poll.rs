//! Asks CloudWatch and makes readings of what is new.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bifocal_aws::{Aws, Error, MetricQuery, MetricStat, ResultStatus};
use bifocal_model::{Reading, ReadingSubject, Source, Span, TargetKey, Timestamp};
use bifocal_telemetry::{Clock, Metric, Telemetry};

use super::choose::{Detail, NAMESPACES, Series, Watched, choose};
use super::plan::{Budget, PERIOD, Plan, batch_size, plan};

/// Points younger than this are left for the next time: CloudWatch may still add to them.
const SETTLE: Span = Span::from_secs(60);
/// Points are asked for again for so long, since some come late.
const LATE: Span = Span::from_mins(15);
/// Metrics of one page of a list.
const LIST_PAGE: usize = 500;
/// After an outage no more than this is caught up on.
const CATCH_UP: Span = Span::from_secs(24 * 3600);

/// One signal of one target, or of a part of it.
type Key = (TargetKey, &'static str, String);

/// A look at CloudWatch that goes on from where it was.
#[derive(Debug)]
pub struct Poll {
    aws: Aws,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
    budget: Budget,
    detail: Detail,
    series: Vec<Series>,
    plan: Plan,
    discovered: Option<Timestamp>,
    asked: Option<Timestamp>,
    /// Up to here everything was asked for; `None`: nothing yet.
    watermark: Option<Timestamp>,
    /// What of the last minutes became readings already.
    told: BTreeMap<Key, BTreeSet<Timestamp>>,
}

impl Poll {
    /// Nothing is asked yet.
    pub fn new(
        aws: Aws,
        budget: Budget,
        detail: Detail,
        clock: Arc<dyn Clock>,
        telemetry: Telemetry,
    ) -> Self {
        Self {
            aws,
            clock,
            telemetry,
            budget,
            detail,
            series: Vec::new(),
            plan: plan(0, NAMESPACES.len(), &budget),
            discovered: None,
            asked: None,
            watermark: None,
            told: BTreeMap::new(),
        }
    }

    /// What is asked for now.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// How often, and what it costs.
    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// Whether it is time to look for metrics.
    pub fn is_discovery_due(&self) -> bool {
        is_due(self.discovered, self.plan.discover_every, self.clock.now())
    }

    /// Whether it is time to ask for points.
    pub fn is_due(&self) -> bool {
        is_due(self.asked, self.plan.every, self.clock.now())
    }

    /// Looks which metrics the targets have, and plans anew.
    pub async fn discover(&mut self, watched: &[Watched]) -> Result<(), Error> {
        self.discovered = Some(self.clock.now());
        let (mut metrics, mut list_calls) = (Vec::new(), 0);
        for namespace in NAMESPACES {
            let listed = self.aws.list_metrics(namespace, &[]).await?;
            list_calls += listed.len().div_ceil(LIST_PAGE).max(1);
            metrics.extend(listed);
        }
        let choice = choose(&metrics, watched, self.detail);
        if choice.too_many_gpus {
            self.telemetry.limit_hit("gpu_series");
        }
        self.series = choice.series;
        self.plan = plan(self.series.len(), list_calls, &self.budget);
        Ok(())
    }

    /// The readings of what is new since the last time. After an error the next time asks for the same again.
    pub async fn poll(&mut self) -> Result<Vec<Reading>, Error> {
        let now = self.clock.now();
        self.asked = Some(now);
        let minute = Span::from_secs(i64::from(PERIOD));
        let end = (now - SETTLE).floor_to(minute);
        let from = self.watermark.map_or(end - LATE, |mark| mark - LATE);
        let start = from.max(end - CATCH_UP).floor_to(minute);
        let mut readings = Vec::new();
        for batch in self.series.chunks(batch_size(end.since(start))) {
            let queries: Vec<MetricQuery> = batch.iter().enumerate().map(query).collect();
            for found in self.aws.metric_data(&queries, start, end).await? {
                let series =
                    found.id.get(1..).and_then(|i| i.parse::<usize>().ok()).and_then(|i| batch.get(i));
                let Some(series) = series else { continue };
                if matches!(found.status_code, ResultStatus::Forbidden | ResultStatus::InternalError) {
                    self.telemetry.count(Metric::CloudwatchPoints, &["series_refused"], 1);
                    continue;
                }
                let key = (series.target.clone(), series.signal, series.part.clone());
                let told = self.told.entry(key).or_default();
                for (time, value) in found.points() {
                    let is_late = self.watermark.is_some_and(|mark| time < mark);
                    if !told.insert(time) {
                        self.telemetry.count(Metric::CloudwatchPoints, &["known"], 1);
                        continue;
                    }
                    self.telemetry.count(
                        Metric::CloudwatchPoints,
                        &[if is_late { "late" } else { "new" }],
                        1,
                    );
                    readings.push(reading(series, time, value));
                }
            }
        }
        self.watermark = Some(end);
        let oldest = end - LATE - minute;
        self.told.retain(|_, times| {
            *times = times.split_off(&oldest);
            !times.is_empty()
        });
        readings.sort_by_key(|reading| reading.time);
        Ok(readings)
    }
}

fn is_due(last: Option<Timestamp>, every: Span, now: Timestamp) -> bool {
    last.is_none_or(|last| now.since(last) >= every)
}

fn query((i, series): (usize, &Series)) -> MetricQuery {
    MetricQuery {
        id: format!("m{i}"),
        metric_stat: MetricStat {
            metric: series.metric.clone(),
            period: PERIOD,
            stat: series.stat.to_owned(),
        },
    }
}

/// A point stands for its minute, and is known at its end.
fn reading(series: &Series, start: Timestamp, value: f64) -> Reading {
    Reading {
        signal: series.signal.to_owned(),
        subject: ReadingSubject::Target(series.target.clone()),
        part: series.part.clone(),
        time: start + Span::from_secs(i64::from(PERIOD)),
        value: value * series.factor,
        source: Source::CloudWatch,
    }
}

#[cfg(test)]
mod tests;
