//! CloudWatch Logs: groups, their streams, and what was put into them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::policy::Asked;
use super::{Refusal, World};

/// The groups of an account.
#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<String, Group>);

#[derive(Debug, Default)]
struct Group {
    streams: BTreeSet<String>,
    retention_days: Option<u64>,
    events: Vec<Value>,
}

impl World {
    pub(super) fn logs(&self, operation: &str, input: &Value) -> Result<Value, Refusal> {
        let text = |field: &str| input[field].as_str().unwrap_or_default().to_owned();
        let (group, stream) = (text("logGroupName"), text("logStreamName"));
        let arn =
            format!("arn:aws:logs:{}:{}:log-group:{group}", self.scenario.region, self.scenario.account);
        let of_stream = format!("{arn}:log-stream:{stream}");
        let on = |action, resource: &str, call: &dyn Fn(&mut Groups) -> Result<Value, Refusal>| {
            self.call(Asked { action, resource, context: &[] }, || call(&mut self.lock().logs))
        };
        match operation {
            "CreateLogGroup" => on("logs:CreateLogGroup", &arn, &|groups| {
                if groups.0.contains_key(&group) {
                    return Err(exists("The specified log group already exists"));
                }
                groups.0.insert(group.clone(), Group::default());
                Ok(json!({}))
            }),
            "PutRetentionPolicy" => on("logs:PutRetentionPolicy", &arn, &|groups| {
                groups.of(&group)?.retention_days = input["retentionInDays"].as_u64();
                Ok(json!({}))
            }),
            "CreateLogStream" => on("logs:CreateLogStream", &arn, &|groups| {
                if groups.of(&group)?.streams.insert(stream.clone()) {
                    return Ok(json!({}));
                }
                Err(exists("The specified log stream already exists"))
            }),
            "PutLogEvents" => on("logs:PutLogEvents", &of_stream, &|groups| {
                let events = input["logEvents"].as_array().cloned().unwrap_or_default();
                if events.is_empty() {
                    return Err(Refusal::new("InvalidParameterException", "Log events must not be empty"));
                }
                let of = groups.of(&group)?;
                if !of.streams.contains(&stream) {
                    return Err(missing("The specified log stream does not exist."));
                }
                of.events.extend(events);
                Ok(json!({ "nextSequenceToken": "0" }))
            }),
            _ => Err(Refusal::new("UnknownOperationException", operation)),
        }
    }
}

impl Groups {
    fn of(&mut self, group: &str) -> Result<&mut Group, Refusal> {
        self.0.get_mut(group).ok_or_else(|| missing("The specified log group does not exist."))
    }

    /// The events of a group in the order in which they came, and for how many days they are kept.
    pub(super) fn events(&self, group: &str) -> Option<(Vec<Value>, Option<u64>)> {
        let group = self.0.get(group)?;
        Some((group.events.clone(), group.retention_days))
    }
}

fn exists(message: &str) -> Refusal {
    Refusal::new("ResourceAlreadyExistsException", message)
}

fn missing(message: &str) -> Refusal {
    Refusal::new("ResourceNotFoundException", message)
}
