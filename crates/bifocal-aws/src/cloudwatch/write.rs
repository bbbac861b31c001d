//! Writing metrics. A write that may have been carried out is not repeated: it would count twice.

use bifocal_model::Timestamp;
use serde::{Serialize, Serializer};

use super::read::Dimension;
use crate::connect::Aws;
use crate::error::Error;
use crate::limits::METRIC_DATUMS_PER_CALL;
use crate::operation::{Operation, Repeat, Service};

const PUT_METRIC_DATA: Operation = Operation {
    service: Service::CloudWatch,
    name: "PutMetricData",
    action: "cloudwatch:PutMetricData",
    repeat: Repeat::OnlyIfRefused,
};

/// One written point or a summary of several.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Datum {
    /// The name.
    pub metric_name: String,
    /// Up to 30.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<Dimension>,
    /// When: not more than two weeks ago.
    #[serde(serialize_with = "epoch")]
    pub timestamp: Timestamp,
    /// One value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// A summary, in place of a value.
    #[serde(rename = "StatisticValues", skip_serializing_if = "Option::is_none")]
    pub statistics: Option<SampleSet>,
    /// `None`, `Milliseconds`, …
    pub unit: String,
}

/// A summary of several values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SampleSet {
    /// How many.
    pub sample_count: f64,
    /// Their sum.
    pub sum: f64,
    /// The least.
    pub minimum: f64,
    /// The greatest.
    pub maximum: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutRequest<'a> {
    namespace: &'a str,
    metric_data: &'a [Datum],
}

impl Aws {
    /// Writes metrics; [`Error::Ambiguous`] when it is not known whether they were taken.
    pub async fn put_metric_data(&self, namespace: &str, metric_data: &[Datum]) -> Result<(), Error> {
        let action = PUT_METRIC_DATA.action;
        let refused = |what: String| Err(Error::Misuse { action, what });
        if metric_data.is_empty() {
            return Ok(());
        }
        if metric_data.len() > METRIC_DATUMS_PER_CALL {
            self.inner.telemetry.limit_hit("aws_datums_per_call");
            return refused(format!(
                "{} datums in one call, {METRIC_DATUMS_PER_CALL} are allowed",
                metric_data.len()
            ));
        }
        if let Some(datum) = metric_data.iter().find(|datum| !datum.is_finite()) {
            return refused(format!("a value of `{}` is no finite number", datum.metric_name));
        }
        let request = crate::protocol::json_request(
            &PUT_METRIC_DATA,
            &self.inner.endpoints.base(Service::CloudWatch, self.region())?,
            &PutRequest { namespace, metric_data },
        )?;
        self.call(&PUT_METRIC_DATA, &request, crate::limits::JSON_BYTES).await.map(drop)
    }
}

impl Aws {
    /// Whether the policy allows writing to a namespace: a call without data, which is refused for what it lacks once it
    /// is known that the caller may. Nothing is written.
    pub async fn may_put_metric_data(&self, namespace: &str) -> Result<(), Error> {
        let url = self.inner.endpoints.base(Service::CloudWatch, self.region())?;
        let request = PutRequest { namespace, metric_data: &[] };
        let request = crate::protocol::json_request(&PUT_METRIC_DATA, &url, &request)?;
        match self.call(&PUT_METRIC_DATA, &request, crate::limits::JSON_BYTES).await {
            Ok(_) | Err(Error::Refused { .. }) => Ok(()),
            Err(err) => Err(err),
        }
    }
}

impl Datum {
    fn is_finite(&self) -> bool {
        let of_set = |set: &SampleSet| [set.sample_count, set.sum, set.minimum, set.maximum];
        self.value.is_none_or(f64::is_finite)
            && self.statistics.as_ref().is_none_or(|set| of_set(set).iter().all(|value| value.is_finite()))
    }
}

fn epoch<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(time.as_nanos().div_euclid(1_000_000_000))
}
