//! An alert of Prometheus Alertmanager's API v2.
//!
//! The labels are the alert's identity there: the end of an alert has the same ones and an end. Alertmanager forgets an
//! alert without an end after five minutes unless it is sent again; ours stand until they end, so a beginning carries an
//! end a week ahead.

use bifocal_model::{Span, Timestamp};
use serde_json::{Value, json};

use super::message::Message;

/// An alert that nobody ends is over by then.
const STANDS: Span = Span::from_secs(7 * 24 * 3600);

/// The body: a list of alerts, each with its own labels.
pub fn body(messages: &[Message]) -> Value {
    Value::Array(messages.iter().map(alert).collect())
}

fn alert(message: &Message) -> Value {
    let time: Option<Timestamp> = message.time.parse().ok();
    let ends = if message.is_over() { time } else { time.map(|time| time + STANDS) };
    let labels = [
        ("alertname", message.rule.as_str()),
        ("severity", message.severity.name()),
        ("source", "bifocal"),
        ("origin", &message.target.origin),
        ("endpoint", &message.target.endpoint),
        ("variant", &message.target.variant),
        ("inference_component", &message.target.inference_component),
        ("model", &message.target.model),
    ];
    // An empty label is none there, and the identity must not depend on it.
    let labels: serde_json::Map<String, Value> = labels
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    json!({
        "labels": labels,
        "annotations": annotations(message),
        "startsAt": message.since,
        "endsAt": ends.map(|time| time.to_string()),
        "generatorURL": message.link,
    })
}

fn annotations(message: &Message) -> Value {
    let mut annotations = json!({"summary": message.summary, "description": message.when});
    if !message.runbook.is_empty() {
        annotations["runbook_url"] = json!(message.runbook);
    }
    annotations
}

#[cfg(test)]
mod tests {
    use bifocal_watch::alert::Status;

    use super::*;
    use crate::notify::message::tests::message;

    #[test]
    fn the_end_has_the_labels_of_the_beginning() {
        let (begins, ends) = (body(&[message(Status::Firing)]), body(&[message(Status::Resolved)]));
        assert_eq!(begins[0]["labels"], ends[0]["labels"]);
        assert_eq!(
            (&begins[0]["labels"]["alertname"], &begins[0]["labels"]["model"]),
            (&json!("r"), &json!("m"))
        );
        assert_eq!(begins[0]["annotations"]["runbook_url"], "http://h/runbooks/r");
        assert_eq!(ends[0]["endsAt"], "1970-01-01T00:01:00Z");
        assert_eq!(begins[0]["endsAt"], "1970-01-08T00:01:00Z");
        assert!(begins[0]["labels"].get("inference_component").is_none());
    }
}
