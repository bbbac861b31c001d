//! Which metrics there are, and their points.

use bifocal_model::{Span, Timestamp};
use bifocal_telemetry::Metric as OwnMetric;
use serde::{Deserialize, Deserializer, Serialize};

use crate::connect::Aws;
use crate::error::Error;
use crate::limits::{PAGES, QUERIES_PER_CALL};
use crate::operation::{Operation, Service};

const LIST_METRICS: Operation = Operation::read(Service::CloudWatch, "ListMetrics", "cloudwatch:ListMetrics");
const GET_METRIC_DATA: Operation =
    Operation::read(Service::CloudWatch, "GetMetricData", "cloudwatch:GetMetricData");

/// A metric: two with different dimensions are two metrics, also when both count the same requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Metric {
    /// `AWS/SageMaker`, …
    pub namespace: String,
    /// `Invocations`, …
    pub metric_name: String,
    /// In AWS's order.
    pub dimensions: Vec<Dimension>,
}

/// A dimension of a metric.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Dimension {
    /// `EndpointName`, …
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Which dimensions a listed metric must have, among others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DimensionFilter {
    /// `EndpointName`, …
    pub name: String,
    /// Its value; `None`: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A page of metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MetricPage {
    /// Up to 500.
    pub metrics: Vec<Metric>,
    /// Asks for the next page; `None`: this is the last.
    pub next_token: Option<String>,
}

/// One series of a GetMetricData.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricQuery {
    /// `[a-z][A-Za-z0-9_]*`, unique in the call.
    pub id: String,
    /// What of which metric.
    pub metric_stat: MetricStat,
}

/// A statistic of a metric over periods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricStat {
    /// Which.
    pub metric: Metric,
    /// Seconds: 1, 5, 10, 20, 30 or a multiple of 60.
    pub period: u32,
    /// `Sum`, `Average`, `SampleCount`, `Maximum`, `p90`, …
    pub stat: String,
}

/// A page of points.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SeriesPage {
    /// Parts of series: one may go on in the next page.
    pub metric_data_results: Vec<Series>,
    /// Asks for the next page; `None`: this is the last.
    pub next_token: Option<String>,
}

/// The points of one query.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Series {
    /// The query's id.
    pub id: String,
    /// AWS's name of the series.
    pub label: String,
    /// Starts of periods.
    #[serde(deserialize_with = "times")]
    pub timestamps: Vec<Timestamp>,
    /// One for each time; one that is no number is NaN here.
    #[serde(deserialize_with = "values")]
    pub values: Vec<f64>,
    /// Whether that is all.
    pub status_code: ResultStatus,
}

/// Whether a series is whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ResultStatus {
    /// All that there is.
    Complete,
    /// There is more on the next page.
    PartialData,
    /// The policy does not allow this metric.
    Forbidden,
    /// CloudWatch failed on it.
    InternalError,
    /// None was said, or one that is not known.
    #[default]
    #[serde(other)]
    Unknown,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListRequest<'a> {
    namespace: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    dimensions: &'a [DimensionFilter],
    #[serde(skip_serializing_if = "Option::is_none")]
    recently_active: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DataRequest<'a> {
    metric_data_queries: &'a [MetricQuery],
    start_time: i64,
    end_time: i64,
    scan_by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Aws {
    /// The metrics of a namespace that had points in the last three hours (about), each once, sorted.
    pub async fn list_metrics(
        &self,
        namespace: &str,
        dimensions: &[DimensionFilter],
    ) -> Result<Vec<Metric>, Error> {
        let recently_active = Some("PT3H");
        let mut request = ListRequest { namespace, dimensions, recently_active, next_token: None };
        let mut all = Vec::new();
        for _ in 0..PAGES {
            let mut page: MetricPage = self.json(&LIST_METRICS, &request).await?;
            all.append(&mut page.metrics);
            request.next_token = page.next_token.filter(|token| !token.is_empty());
            if request.next_token.is_none() {
                all.sort();
                all.dedup();
                return Ok(all);
            }
        }
        Err(self.too_many_pages(&LIST_METRICS))
    }

    /// The points from `start` up to and without `end`, oldest first, whole series in the order of the queries.
    /// No more than [`QUERIES_PER_CALL`] queries. AWS bills each query of each page.
    pub async fn metric_data(
        &self,
        queries: &[MetricQuery],
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<Series>, Error> {
        let action = GET_METRIC_DATA.action;
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        if queries.len() > QUERIES_PER_CALL {
            self.inner.telemetry.limit_hit("aws_queries_per_call");
            let what = format!("{} queries in one call, {QUERIES_PER_CALL} are allowed", queries.len());
            return Err(Error::Misuse { action, what });
        }
        let mut request = DataRequest {
            metric_data_queries: queries,
            start_time: whole_secs(start),
            end_time: whole_secs(end),
            scan_by: "TimestampAscending",
            next_token: None,
        };
        let mut all: Vec<Series> = Vec::with_capacity(queries.len());
        for _ in 0..PAGES {
            let page: SeriesPage = self.json(&GET_METRIC_DATA, &request).await?;
            let billed = u64::try_from(queries.len()).unwrap_or(u64::MAX);
            self.inner.telemetry.count(OwnMetric::CloudwatchMetricsRequested, &[], billed);
            merge(&mut all, page.metric_data_results).map_err(|what| Error::Malformed { action, what })?;
            request.next_token = page.next_token.filter(|token| !token.is_empty());
            if request.next_token.is_none() {
                return Ok(all);
            }
        }
        Err(self.too_many_pages(&GET_METRIC_DATA))
    }

    fn too_many_pages(&self, operation: &Operation) -> Error {
        self.inner.telemetry.limit_hit("aws_pages");
        Error::Malformed { action: operation.action, what: format!("more than {PAGES} pages") }
    }
}

impl Metric {
    /// The names of its dimensions, sorted: the set that it is counted under.
    pub fn dimension_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.dimensions.iter().map(|dimension| dimension.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The value of a dimension.
    pub fn dimension(&self, name: &str) -> Option<&str> {
        self.dimensions
            .iter()
            .find(|dimension| dimension.name == name)
            .map(|dimension| dimension.value.as_str())
    }
}

impl Series {
    /// The points whose values are numbers.
    pub fn points(&self) -> impl Iterator<Item = (Timestamp, f64)> + '_ {
        self.timestamps
            .iter()
            .copied()
            .zip(self.values.iter().copied())
            .filter(|(_, value)| value.is_finite())
    }
}

/// Adds a page's parts to the series that they belong to.
fn merge(all: &mut Vec<Series>, parts: Vec<Series>) -> Result<(), String> {
    for part in parts {
        if part.timestamps.len() != part.values.len() {
            return Err(format!("{} times with {} values", part.timestamps.len(), part.values.len()));
        }
        match all.iter_mut().find(|series| series.id == part.id && series.label == part.label) {
            Some(series) => {
                series.timestamps.extend(part.timestamps);
                series.values.extend(part.values);
                series.status_code = part.status_code;
            }
            None => all.push(part),
        }
    }
    Ok(())
}

fn whole_secs(time: Timestamp) -> i64 {
    time.as_nanos().div_euclid(1_000_000_000)
}

fn times<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Timestamp>, D::Error> {
    let secs = Vec::<f64>::deserialize(deserializer)?;
    Ok(secs.into_iter().map(|secs| Timestamp::default() + Span::from_secs_f64(secs)).collect())
}

/// Numbers, and the words that JSON has no numbers for.
fn values<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let values = Vec::<serde_json::Value>::deserialize(deserializer)?;
    Ok(values.iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_that_goes_on_is_put_together_and_words_are_no_points() {
        let page = |text: &str| -> SeriesPage { serde_json::from_str(text).unwrap() };
        let first = page(
            r#"{"MetricDataResults":[{"Id":"a","Label":"x","Timestamps":[1795528260,1795528320.0],"Values":[1,"NaN"],"StatusCode":"PartialData"}],"NextToken":"t"}"#,
        );
        let second = page(
            r#"{"MetricDataResults":[{"Id":"a","Label":"x","Timestamps":[1795528380],"Values":[2.5],"StatusCode":"Complete"},{"Id":"b","StatusCode":"New"}]}"#,
        );
        let mut all = Vec::new();
        merge(&mut all, first.metric_data_results).unwrap();
        merge(&mut all, second.metric_data_results).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].status_code, ResultStatus::Complete);
        assert_eq!(all[1].status_code, ResultStatus::Unknown);
        let points: Vec<(String, f64)> = all[0].points().map(|(t, v)| (t.to_string(), v)).collect();
        assert_eq!(
            points,
            [("2026-11-24T13:51:00Z".to_owned(), 1.0), ("2026-11-24T13:53:00Z".to_owned(), 2.5)]
        );
        let uneven = Series { timestamps: vec![Timestamp::default()], ..Series::default() };
        assert!(merge(&mut all, vec![uneven]).is_err());
    }
}
