//! CloudWatch's alarms and dashboards: kept as they were put, described with the state that an alarm has before its first look.
//! No alarm is evaluated here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::policy::Asked;
use super::{Refusal, World};

/// The alarms and dashboards of an account.
#[derive(Debug, Default)]
pub(super) struct Board {
    metric: BTreeMap<String, Value>,
    composite: BTreeMap<String, Value>,
    dashboards: BTreeMap<String, String>,
}

/// What an alarm is about: exactly one of these.
const SUBJECTS: [&str; 3] = ["MetricName", "Metrics", "EvaluationCriteria"];
/// Beside a query none of these.
const NOT_BESIDE_A_QUERY: [&str; 9] = [
    "Namespace",
    "Dimensions",
    "Period",
    "Statistic",
    "Threshold",
    "ComparisonOperator",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Unit",
];

impl World {
    /// One of the calls on alarms and dashboards; `None`: it is none of them.
    pub(super) fn alarms(&self, operation: &str, input: &Value) -> Option<Result<Value, Refusal>> {
        let text = |field: &str| input[field].as_str().unwrap_or_default().to_owned();
        let (alarm, dashboard) = (text("AlarmName"), text("DashboardName"));
        let of_alarm = |name: &str| {
            format!("arn:aws:cloudwatch:{}:{}:alarm:{name}", self.scenario.region, self.scenario.account)
        };
        let of_dashboard = format!("arn:aws:cloudwatch::{}:dashboard/{dashboard}", self.scenario.account);
        let on = |action, resource: &str, call: &dyn Fn(&mut Board) -> Result<Value, Refusal>| {
            self.call(Asked { action, resource, context: &[] }, || call(&mut self.lock().board))
        };
        Some(match operation {
            "PutMetricAlarm" => on("cloudwatch:PutMetricAlarm", &of_alarm(&alarm), &|board| {
                checked(input)?;
                board.metric.insert(alarm.clone(), self.described(input, &of_alarm(&alarm)));
                Ok(json!({}))
            }),
            // IAM knows no resource for it.
            "PutCompositeAlarm" => on("cloudwatch:PutCompositeAlarm", "*", &|board| {
                let rule = text("AlarmRule");
                let is_there =
                    |name: &&str| board.metric.contains_key(*name) || board.composite.contains_key(*name);
                if let Some(missing) = named(&rule).into_iter().find(|name| !is_there(name)) {
                    return Err(wrong(format!("Could not find alarm {missing}")));
                }
                board.composite.insert(alarm.clone(), self.described(input, &of_alarm(&alarm)));
                Ok(json!({}))
            }),
            "DescribeAlarms" => on("cloudwatch:DescribeAlarms", "*", &|board| {
                let prefix = text("AlarmNamePrefix");
                let of = |alarms: &BTreeMap<String, Value>| -> Vec<Value> {
                    let named = alarms.iter().filter(|(name, _)| name.starts_with(&prefix));
                    named.map(|(_, alarm)| alarm.clone()).collect()
                };
                Ok(json!({"MetricAlarms": of(&board.metric), "CompositeAlarms": of(&board.composite)}))
            }),
            "DeleteAlarms" => {
                let names: Vec<&str> =
                    input["AlarmNames"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let first = of_alarm(names.first().copied().unwrap_or_default());
                on("cloudwatch:DeleteAlarms", &first, &|board| board.delete(&names))
            }
            "PutDashboard" => on("cloudwatch:PutDashboard", &of_dashboard, &|board| {
                let body = text("DashboardBody");
                if !serde_json::from_str::<Value>(&body).is_ok_and(|body| body["widgets"].is_array()) {
                    return Err(Refusal::new("DashboardInvalidInputError", "The dashboard body is invalid"));
                }
                board.dashboards.insert(dashboard.clone(), body);
                Ok(json!({"DashboardValidationMessages": []}))
            }),
            "GetDashboard" => on("cloudwatch:GetDashboard", &of_dashboard, &|board| {
                let body = board.dashboards.get(&dashboard).ok_or_else(|| {
                    let message = format!("Dashboard {dashboard} does not exist");
                    Refusal { status: 404, ..Refusal::new("DashboardNotFoundError", message) }
                })?;
                Ok(json!({"DashboardName": dashboard, "DashboardArn": of_dashboard, "DashboardBody": body}))
            }),
            _ => return None,
        })
    }

    fn described(&self, input: &Value, arn: &str) -> Value {
        let now = json!(self.clock.now().as_secs_f64());
        let mut alarm = input.clone();
        alarm["AlarmArn"] = json!(arn);
        alarm["StateValue"] = json!("INSUFFICIENT_DATA");
        alarm["StateReason"] = json!("Unchecked: Initial alarm creation");
        alarm["StateUpdatedTimestamp"] = now.clone();
        alarm["AlarmConfigurationUpdatedTimestamp"] = now;
        alarm["InsufficientDataActions"] = json!([]);
        alarm
    }
}

impl Board {
    fn delete(&mut self, names: &[&str]) -> Result<Value, Refusal> {
        let goes = |name: &str| names.contains(&name);
        for (over, alarm) in self.composite.iter().filter(|(over, _)| !goes(over)) {
            let rule = alarm["AlarmRule"].as_str().unwrap_or_default();
            if let Some(under) = named(rule).into_iter().find(|under| goes(under)) {
                return Err(wrong(format!(
                    "Cannot delete {under} as there are composite alarm(s) depending on it: {over}"
                )));
            }
        }
        self.metric.retain(|name, _| !goes(name));
        self.composite.retain(|name, _| !goes(name));
        Ok(json!({}))
    }
}

fn checked(input: &Value) -> Result<(), Refusal> {
    let subjects: Vec<&str> = SUBJECTS.into_iter().filter(|subject| !input[*subject].is_null()).collect();
    let [subject] = subjects.as_slice() else {
        return Err(wrong(format!("Exactly one of {} must be given", SUBJECTS.join(", "))));
    };
    if *subject == "EvaluationCriteria" {
        if let Some(beside) = NOT_BESIDE_A_QUERY.into_iter().find(|field| !input[*field].is_null()) {
            return Err(wrong(format!("{beside} cannot be combined with EvaluationCriteria")));
        }
        let interval = input["EvaluationInterval"].as_u64().unwrap_or_default();
        if !(matches!(interval, 10 | 20 | 30) || interval >= 60 && interval.is_multiple_of(60)) {
            return Err(wrong("EvaluationInterval must be 10, 20, 30 or a multiple of 60".to_owned()));
        }
        return match input["EvaluationCriteria"]["PromQLCriteria"]["Query"].as_str() {
            Some(query) if (1..=10_000).contains(&query.len()) => Ok(()),
            _ => Err(wrong("Query must have 1 to 10000 characters".to_owned())),
        };
    }
    if input["Threshold"].is_null() || input["EvaluationPeriods"].is_null() {
        return Err(wrong("Threshold and EvaluationPeriods must be given".to_owned()));
    }
    Ok(())
}

/// The alarms that the rule of a composite one names.
fn named(rule: &str) -> Vec<&str> {
    rule.split("ALARM(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn wrong(message: String) -> Refusal {
    Refusal::new("ValidationError", message)
}
