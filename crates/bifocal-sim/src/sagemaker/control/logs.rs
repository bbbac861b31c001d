//! CloudWatch Logs: groups, their streams, what was put into them, and what is found there.

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
                of.events.extend(events.into_iter().map(|mut event| {
                    event["stream"] = json!(stream);
                    event
                }));
                Ok(json!({ "nextSequenceToken": "0" }))
            }),
            "FilterLogEvents" => {
                on("logs:FilterLogEvents", &format!("{arn}:*"), &|groups| groups.of(&group)?.page(input))
            }
            _ => Err(Refusal::new("UnknownOperationException", operation)),
        }
    }
}

impl Group {
    /// A page of what a search finds. Half of the events are looked at for each, so that pages may be empty, as those of
    /// the service are.
    fn page(&self, input: &Value) -> Result<Value, Refusal> {
        let wrong = |what: &str| Refusal::new("InvalidParameterException", what);
        let time = |field: &str, default: i64| input[field].as_i64().unwrap_or(default);
        let (from, to) = (time("startTime", 0), time("endTime", i64::MAX));
        let most = usize::try_from(input["limit"].as_u64().unwrap_or(10_000)).unwrap_or(usize::MAX);
        if !(1..=10_000).contains(&most) {
            return Err(wrong("limit is not between 1 and 10000"));
        }
        let skip = match input["nextToken"].as_str() {
            Some(token) => {
                token.parse::<usize>().map_err(|_| wrong("The specified nextToken is invalid."))?
            }
            None => 0,
        };
        let mut events: Vec<&Value> = self.events.iter().collect();
        events.sort_by_key(|event| event["timestamp"].as_i64());
        let looked = events.len().div_ceil(2).max(1);
        let pattern = input["filterPattern"].as_str().unwrap_or_default();
        let (mut found, mut at) = (Vec::new(), skip);
        for event in events.iter().skip(skip).take(looked) {
            if found.len() == most {
                break;
            }
            at += 1;
            let when = event["timestamp"].as_i64().unwrap_or_default();
            let text = event["message"].as_str().unwrap_or_default();
            if (from..to).contains(&when) && matches(pattern, text) {
                found.push(json!({
                    "eventId": format!("{when}-{at}"), "logStreamName": event["stream"], "timestamp": when,
                    "ingestionTime": when, "message": text,
                }));
            }
        }
        let mut page = json!({ "events": found });
        if at < events.len() {
            page["nextToken"] = json!(at.to_string());
        }
        Ok(page)
    }
}

/// Whether a text has one of the words with `?` before them and all of the others, as they are spelt.
fn matches(pattern: &str, text: &str) -> bool {
    let (any, all): (Vec<&str>, Vec<&str>) =
        pattern.split_whitespace().partition(|word| word.starts_with('?'));
    let has = |word: &&str| text.contains(word.trim_start_matches('?').trim_matches('"'));
    (any.is_empty() || any.iter().any(has)) && all.iter().all(has)
}

impl Groups {
    fn of(&mut self, group: &str) -> Result<&mut Group, Refusal> {
        self.0.get_mut(group).ok_or_else(|| missing("The specified log group does not exist."))
    }

    /// A container writes a line.
    pub(super) fn write(&mut self, group: &str, stream: &str, millis: i64, message: &str) {
        let of = self.0.entry(group.to_owned()).or_default();
        of.streams.insert(stream.to_owned());
        of.events.push(json!({"timestamp": millis, "message": message, "stream": stream}));
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
