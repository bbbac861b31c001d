//! CloudWatch Logs: groups, streams, and events that are put into them. A put that may have been taken is not repeated:
//! its events would stand there twice.

mod search;

use serde::{Deserialize, Serialize};

use crate::connect::Aws;
use crate::error::Error;
use crate::limits::{LOG_BYTES_PER_CALL, LOG_EVENTS_PER_CALL};
use crate::operation::{Operation, Repeat, Service};

const CREATE_GROUP: Operation = Operation::read(Service::Logs, "CreateLogGroup", "logs:CreateLogGroup");
const KEEP: Operation = Operation::read(Service::Logs, "PutRetentionPolicy", "logs:PutRetentionPolicy");
const CREATE_STREAM: Operation = Operation::read(Service::Logs, "CreateLogStream", "logs:CreateLogStream");
const PUT_EVENTS: Operation = Operation {
    service: Service::Logs,
    name: "PutLogEvents",
    action: "logs:PutLogEvents",
    repeat: Repeat::OnlyIfRefused,
};

pub use search::{FoundEvent, FoundEvents, LogSearch};

/// What AWS counts of each event beside its text.
const EVENT_OVERHEAD: usize = 26;

/// One event of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogEvent {
    /// Milliseconds since 1970: not more than two weeks ago and not more than two hours ahead.
    pub timestamp: i64,
    /// Its text; JSON is found by its fields.
    pub message: String,
}

/// Whether something was made or stood there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is new.
    Now,
    /// It was there.
    Before,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    log_group_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_stream_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_in_days: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_events: Option<&'a [LogEvent]>,
}

/// What an answer says; those that say nothing are `{}` or empty.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PutAnswer {
    rejected_log_events_info: Option<Rejected>,
}

/// Places in the list of events.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rejected {
    too_new_log_event_start_index: Option<usize>,
    too_old_log_event_end_index: Option<usize>,
    expired_log_event_end_index: Option<usize>,
}

impl LogEvent {
    /// What it counts as in one call.
    pub fn bytes(&self) -> usize {
        self.message.len() + EVENT_OVERHEAD
    }
}

impl Aws {
    /// Makes a log group.
    pub async fn create_log_group(&self, group: &str) -> Result<Created, Error> {
        let request = Request { log_group_name: group, ..Request::default() };
        self.create(&CREATE_GROUP, &request).await
    }

    /// Says how long a group's events are kept. Days that Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, …
    pub async fn keep_log_events(&self, group: &str, days: u16) -> Result<(), Error> {
        let request = Request { log_group_name: group, retention_in_days: Some(days), ..Request::default() };
        self.logs(&KEEP, &request).await.map(drop)
    }

    /// Makes a stream of a group.
    pub async fn create_log_stream(&self, group: &str, stream: &str) -> Result<Created, Error> {
        let request = Request { log_group_name: group, log_stream_name: Some(stream), ..Request::default() };
        self.create(&CREATE_STREAM, &request).await
    }

    /// Puts events into a stream, oldest first, all of one day. Returns how many were not taken because of their time;
    /// [`Error::Ambiguous`] when it is not known whether any were.
    pub async fn put_log_events(&self, group: &str, stream: &str, events: &[LogEvent]) -> Result<u64, Error> {
        let refused = |what: String| Err(Error::Misuse { action: PUT_EVENTS.action, what });
        if events.len() > LOG_EVENTS_PER_CALL {
            self.inner.telemetry.limit_hit("aws_log_events_per_call");
            return refused(format!(
                "{} events in one call, {LOG_EVENTS_PER_CALL} are allowed",
                events.len()
            ));
        }
        let bytes: usize = events.iter().map(LogEvent::bytes).sum();
        if bytes > LOG_BYTES_PER_CALL {
            self.inner.telemetry.limit_hit("aws_log_bytes_per_call");
            return refused(format!("{bytes} bytes in one call, {LOG_BYTES_PER_CALL} are allowed"));
        }
        if !events.is_sorted_by_key(|event| event.timestamp) {
            return refused("the events are not in the order of time".to_owned());
        }
        let request = Request {
            log_group_name: group,
            log_stream_name: Some(stream),
            log_events: Some(events),
            ..Request::default()
        };
        let body = self.logs(&PUT_EVENTS, &request).await?;
        let answer: PutAnswer = serde_json::from_slice(&body).unwrap_or_default();
        let Some(rejected) = answer.rejected_log_events_info else { return Ok(0) };
        let before = rejected.too_old_log_event_end_index.max(rejected.expired_log_event_end_index);
        let after =
            rejected.too_new_log_event_start_index.map_or(0, |start| events.len().saturating_sub(start));
        Ok((before.unwrap_or(0) + after) as u64)
    }

    /// Whether the policy allows putting events into a group: a call without events, which is refused for what it lacks
    /// once it is known that the caller may. Nothing is put.
    pub async fn may_put_log_events(&self, group: &str, stream: &str) -> Result<(), Error> {
        match self.put_log_events(group, stream, &[]).await {
            Ok(_) | Err(Error::Refused { .. } | Error::NotFound { .. }) => Ok(()),
            Err(err) => Err(err),
        }
    }

    async fn create(&self, operation: &Operation, request: &Request<'_>) -> Result<Created, Error> {
        match self.logs(operation, request).await {
            Ok(_) => Ok(Created::Now),
            Err(Error::Refused { code, .. }) if code == "ResourceAlreadyExistsException" => {
                Ok(Created::Before)
            }
            Err(err) => Err(err),
        }
    }

    async fn logs(&self, operation: &Operation, request: &impl Serialize) -> Result<Vec<u8>, Error> {
        let url = self.inner.endpoints.base(Service::Logs, self.region())?;
        let request = crate::protocol::json_request(operation, &url, request)?;
        self.call(operation, &request, crate::limits::JSON_BYTES).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Kind;
    use crate::testing::{Fake, Prepared};

    fn events(n: usize, bytes: usize) -> Vec<LogEvent> {
        (0..n).map(|i| LogEvent { timestamp: i as i64, message: "x".repeat(bytes) }).collect()
    }

    #[tokio::test]
    async fn events_are_put_as_the_service_wants_them() {
        let rejected =
            json!({"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}});
        let answers = [
            Prepared::ok(""),
            Prepared::refusal("ResourceAlreadyExistsException", "The specified log group already exists"),
            Prepared::ok(""),
            Prepared::ok(""),
            Prepared::ok(rejected.to_string()),
        ];
        let fake = Fake::answering(answers).await;
        assert_eq!(fake.aws.create_log_group("g").await.unwrap(), Created::Now);
        assert_eq!(fake.aws.create_log_group("g").await.unwrap(), Created::Before);
        fake.aws.keep_log_events("g", 7).await.unwrap();
        assert_eq!(fake.aws.create_log_stream("g", "s").await.unwrap(), Created::Now);
        assert_eq!(fake.aws.put_log_events("g", "s", &events(3, 1)).await.unwrap(), 2);
        let asked = fake.asked();
        assert_eq!(asked[4].headers["x-amz-target"], "Logs_20140328.PutLogEvents");
        assert_eq!(asked[4].headers["content-type"], "application/x-amz-json-1.1");
        let body: Value = serde_json::from_str(&asked[4].body).unwrap();
        assert_eq!((&body["logGroupName"], &body["logStreamName"]), (&json!("g"), &json!("s")));
        assert_eq!(body["logEvents"][1], json!({"timestamp": 1, "message": "x"}));
        let body: Value = serde_json::from_str(&asked[2].body).unwrap();
        assert_eq!(body, json!({"logGroupName": "g", "retentionInDays": 7}));
    }

    #[tokio::test]
    async fn what_may_have_been_put_is_not_put_again() {
        let fake = Fake::answering([Prepared::new(500, "")]).await;
        let err = fake.aws.put_log_events("g", "s", &events(1, 1)).await.unwrap_err();
        assert_eq!((err.kind(), fake.asked().len()), (Kind::Ambiguous, 1));
    }

    #[tokio::test]
    async fn limits_of_one_call() {
        let fake = Fake::answering([Prepared::ok("{}"), Prepared::ok("{}")]).await;
        let most = LOG_BYTES_PER_CALL - EVENT_OVERHEAD;
        assert!(fake.aws.put_log_events("g", "s", &events(1, most)).await.is_ok());
        assert!(fake.aws.put_log_events("g", "s", &events(1, most + 1)).await.is_err());
        assert!(fake.aws.put_log_events("g", "s", &events(LOG_EVENTS_PER_CALL, 1)).await.is_ok());
        assert!(fake.aws.put_log_events("g", "s", &events(LOG_EVENTS_PER_CALL + 1, 1)).await.is_err());
        let backwards: Vec<LogEvent> = events(2, 1).into_iter().rev().collect();
        assert!(fake.aws.put_log_events("g", "s", &backwards).await.is_err());
        assert_eq!(fake.asked().len(), 2);
    }
}
