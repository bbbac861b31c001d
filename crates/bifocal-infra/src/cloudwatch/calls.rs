//! How many calls an endpoint had, streams apart: what Data Capture is measured against.

use bifocal_aws::{Aws, Dimension, Error, Metric, MetricQuery, MetricStat, ResultStatus};
use bifocal_model::Window;

const NAMESPACE: &str = "AWS/SageMaker";
/// Its number of samples is that of the calls that were answered in parts. Not every endpoint publishes it.
const OF_STREAMS: &str = "FirstChunkLatency";

/// Calls in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// All of them.
    pub all: u64,
    /// Streams among them; `None` where nothing tells.
    pub streams: Option<u64>,
}

/// Counts the calls of an endpoint's variants in whole hours. Each number is read from the one set of dimensions
/// that has all of a variant's calls. `None` when CloudWatch does not answer for one of them: fewer calls than there were
/// would be worse than none.
pub async fn calls(
    aws: &Aws,
    endpoint: &str,
    variants: &[String],
    window: Window,
) -> Result<Option<Calls>, Error> {
    let mut counted = Calls::default();
    let query = |id: String, name: &str, stat: &str, variant: &str| {
        let dimension =
            |name: &str, value: &str| Dimension { name: name.to_owned(), value: value.to_owned() };
        let dimensions = vec![dimension("EndpointName", endpoint), dimension("VariantName", variant)];
        let metric = Metric { namespace: NAMESPACE.to_owned(), metric_name: name.to_owned(), dimensions };
        MetricQuery { id, metric_stat: MetricStat { metric, period: 3600, stat: stat.to_owned() } }
    };
    // Two queries each: far below what one call may ask.
    for some in variants.chunks(100) {
        let both = some.iter().enumerate().flat_map(|(i, variant)| {
            [
                query(format!("a{i}"), "Invocations", "Sum", variant),
                query(format!("s{i}"), OF_STREAMS, "SampleCount", variant),
            ]
        });
        let queries: Vec<MetricQuery> = both.collect();
        for series in aws.metric_data(&queries, window.start, window.end).await? {
            let points: Vec<f64> = series.points().map(|(_, value)| value).collect();
            let sum = whole(points.iter().sum());
            if series.id.starts_with('s') {
                if !points.is_empty() {
                    counted.streams = Some(counted.streams.unwrap_or(0) + sum);
                }
                continue;
            }
            if matches!(series.status_code, ResultStatus::Forbidden | ResultStatus::InternalError) {
                return Ok(None);
            }
            counted.all += sum;
        }
    }
    Ok(Some(counted))
}

/// A sum of counts as a count.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and at least 0")]
fn whole(sum: f64) -> u64 {
    sum.round().max(0.0) as u64
}
