//! Alarms and dashboards: what is there, and making it what is wanted. Bodies are those of CloudFormation's properties, which have
//! the names of the API's parameters.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::connect::Aws;
use crate::error::{Error, Kind};
use crate::limits::{ALARMS_PER_DELETE, PAGES};
use crate::operation::{Operation, Repeat, Service};

const DESCRIBE_ALARMS: Operation =
    Operation::read(Service::CloudWatch, "DescribeAlarms", "cloudwatch:DescribeAlarms");
const PUT_METRIC_ALARM: Operation = write("PutMetricAlarm", "cloudwatch:PutMetricAlarm");
const PUT_COMPOSITE_ALARM: Operation = write("PutCompositeAlarm", "cloudwatch:PutCompositeAlarm");
const DELETE_ALARMS: Operation = write("DeleteAlarms", "cloudwatch:DeleteAlarms");
const GET_DASHBOARD: Operation =
    Operation::read(Service::CloudWatch, "GetDashboard", "cloudwatch:GetDashboard");
const PUT_DASHBOARD: Operation = write("PutDashboard", "cloudwatch:PutDashboard");

/// Writing the same once more changes nothing.
const fn write(name: &'static str, action: &'static str) -> Operation {
    Operation { service: Service::CloudWatch, name, action, repeat: Repeat::Harmless }
}

/// The alarms of a prefix, as AWS describes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alarms {
    /// Alarms on metrics.
    pub metric: Vec<Value>,
    /// Alarms over others.
    pub composite: Vec<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeRequest<'a> {
    alarm_name_prefix: &'a str,
    alarm_types: [&'static str; 2],
    max_records: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribePage {
    #[serde(default)]
    metric_alarms: Vec<Value>,
    #[serde(default)]
    composite_alarms: Vec<Value>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DashboardAnswer {
    #[serde(default)]
    dashboard_body: String,
}

impl Aws {
    /// The alarms whose names begin with a prefix.
    pub async fn describe_alarms(&self, prefix: &str) -> Result<Alarms, Error> {
        let mut request = DescribeRequest {
            alarm_name_prefix: prefix,
            alarm_types: ["MetricAlarm", "CompositeAlarm"],
            max_records: 100,
            next_token: None,
        };
        let mut all = Alarms::default();
        for _ in 0..PAGES {
            let page: DescribePage = self.json(&DESCRIBE_ALARMS, &request).await?;
            all.metric.extend(page.metric_alarms);
            all.composite.extend(page.composite_alarms);
            request.next_token = page.next_token.filter(|token| !token.is_empty());
            if request.next_token.is_none() {
                return Ok(all);
            }
        }
        self.inner.telemetry.limit_hit("aws_pages");
        let what = format!("more than {PAGES} pages");
        Err(Error::Malformed { action: DESCRIBE_ALARMS.action, what })
    }

    /// Makes an alarm on metrics, or overwrites the one of its name.
    pub async fn put_metric_alarm(&self, body: &Value) -> Result<(), Error> {
        self.write(&PUT_METRIC_ALARM, body).await
    }

    /// Makes an alarm over others, or overwrites the one of its name. They must be there.
    pub async fn put_composite_alarm(&self, body: &Value) -> Result<(), Error> {
        self.write(&PUT_COMPOSITE_ALARM, body).await
    }

    /// Deletes alarms of either kind, a hundred a call. One that is not there is no error.
    pub async fn delete_alarms(&self, names: &[String]) -> Result<(), Error> {
        for names in names.chunks(ALARMS_PER_DELETE) {
            self.write(&DELETE_ALARMS, &serde_json::json!({"AlarmNames": names})).await?;
        }
        Ok(())
    }

    /// The body of a dashboard; `None`: it is not there.
    pub async fn get_dashboard(&self, name: &str) -> Result<Option<String>, Error> {
        let request = serde_json::json!({"DashboardName": name});
        match self.json::<_, DashboardAnswer>(&GET_DASHBOARD, &request).await {
            Ok(answer) => Ok(Some(answer.dashboard_body)),
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a dashboard, or overwrites the one of its name.
    pub async fn put_dashboard(&self, name: &str, body: &str) -> Result<(), Error> {
        self.write(&PUT_DASHBOARD, &serde_json::json!({"DashboardName": name, "DashboardBody": body})).await
    }

    /// What a call answers is nothing, or nothing of interest.
    async fn write(&self, operation: &Operation, body: &Value) -> Result<(), Error> {
        let url = self.inner.endpoints.base(operation.service, self.region())?;
        let request = crate::protocol::json_request(operation, &url, body)?;
        self.call(operation, &request, crate::limits::JSON_BYTES).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_alarms_per_delete_is_what_a_call_names_at_most() {
        let names: Vec<String> = (0..=ALARMS_PER_DELETE).map(|i| format!("a{i}")).collect();
        let sizes: Vec<usize> = names.chunks(ALARMS_PER_DELETE).map(<[String]>::len).collect();
        assert_eq!(sizes, [100, 1]);
    }

    #[test]
    fn a_page_without_one_of_the_kinds_is_read() {
        let page: DescribePage = serde_json::from_str(r#"{"MetricAlarms":[{"AlarmName":"a"}]}"#).unwrap();
        assert_eq!((page.metric_alarms.len(), page.composite_alarms.len(), page.next_token), (1, 0, None));
    }
}
