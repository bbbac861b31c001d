//! Events of a log group that are looked for: a page at a time, and pages may be empty.

use serde::{Deserialize, Serialize};

use crate::connect::Aws;
use crate::error::Error;
use crate::operation::{Operation, Service};

const FILTER: Operation = Operation::read(Service::Logs, "FilterLogEvents", "logs:FilterLogEvents");

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogSearch {
    /// In which group.
    pub log_group_name: String,
    /// From this time on, milliseconds since 1970.
    pub start_time: i64,
    /// Before this time.
    pub end_time: i64,
    /// In Logs' pattern syntax: `?error ?warn` is either word; `None`: all events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_pattern: Option<String>,
    /// Events of a page at most, 1 to 10,000.
    pub limit: u32,
}

/// A page of what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FoundEvents {
    /// In the order of their times; none where the page holds none and another one may.
    pub events: Vec<FoundEvent>,
    /// Where the next page begins; `None` at the end.
    pub next_token: Option<String>,
}

/// An event as it is found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FoundEvent {
    /// The same each time that it is found.
    pub event_id: String,
    /// In which stream.
    pub log_stream_name: String,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Its text.
    pub message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    #[serde(flatten)]
    search: &'a LogSearch,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<&'a str>,
}

impl Aws {
    /// A page of the events that a search finds. A group that is not there is [`crate::Kind::NotFound`].
    pub async fn find_log_events(
        &self,
        search: &LogSearch,
        next_token: Option<&str>,
    ) -> Result<FoundEvents, Error> {
        let body = self.logs(&FILTER, &Asked { search, next_token }).await?;
        serde_json::from_slice(&body)
            .map_err(|err| Error::Malformed { action: FILTER.action, what: err.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{Fake, Prepared};

    #[tokio::test]
    async fn events_are_asked_for_and_read_as_the_service_gives_them() {
        let page = json!({
            "events": [{"eventId": "1", "logStreamName": "AllTraffic/i-0", "timestamp": 5, "ingestionTime": 6, "message": "out of memory"}],
            "searchedLogStreams": [], "nextToken": "more",
        });
        let fake =
            Fake::answering([Prepared::ok(page.to_string()), Prepared::ok("{}"), Prepared::ok("[")]).await;
        let search = LogSearch {
            log_group_name: "/aws/sagemaker/InferenceComponents/qwen".into(),
            start_time: 1,
            end_time: 9,
            filter_pattern: Some("?error".into()),
            limit: 100,
        };
        let first = fake.aws.find_log_events(&search, None).await.unwrap();
        assert_eq!((first.events[0].message.as_str(), first.events[0].timestamp), ("out of memory", 5));
        let all = LogSearch { filter_pattern: None, ..search };
        let second = fake.aws.find_log_events(&all, first.next_token.as_deref()).await.unwrap();
        assert_eq!(second, FoundEvents::default(), "an empty page is no error");
        let err = fake.aws.find_log_events(&all, None).await.unwrap_err();
        assert_eq!((err.kind(), err.action()), (crate::Kind::Malformed, Some("logs:FilterLogEvents")));
        let asked = fake.asked();
        assert_eq!(asked[0].headers["x-amz-target"], "Logs_20140328.FilterLogEvents");
        let body: Value = serde_json::from_str(&asked[0].body).unwrap();
        let group = "/aws/sagemaker/InferenceComponents/qwen";
        assert_eq!(
            body,
            json!({"logGroupName": group, "startTime": 1, "endTime": 9, "filterPattern": "?error", "limit": 100})
        );
        let body: Value = serde_json::from_str(&asked[1].body).unwrap();
        assert_eq!(
            body,
            json!({"logGroupName": group, "startTime": 1, "endTime": 9, "limit": 100, "nextToken": "more"})
        );
    }
}
