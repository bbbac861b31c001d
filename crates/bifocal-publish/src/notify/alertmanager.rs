//! An alert of Prometheus Alertmanager's API v2.
//!
//! The labels are the alert's identity there: the end of an alert has the same ones and an end. Alertmanager forgets an
//! alert without an end after five minutes unless it is sent again; ours stand until they end, so a beginning carries an
//! end a week ahead.

use bifocal_model::{Severity, Span, Timestamp};
use serde_json::{Value, json};

use super::message::Message;

/// An alert that nobody ends is over by then.
const STANDS: Span = Span::from_secs(7 * 24 * 3600);

/// The body: a list of alerts, each with its own labels. The severity is one of them, so an alert that became worse is a new one
/// there, and the ones that it was before end.
pub fn body(messages: &[Message]) -> Value {
    let alerts = messages.iter().flat_map(|message| {
        let outgrown = Severity::ALL.into_iter().filter(|severity| {
            message.raised_from.is_some_and(|from| (from..message.severity).contains(severity))
        });
        let ended = outgrown.map(|severity| alert(message, severity, true));
        ended.chain([alert(message, message.severity, message.is_over())])
    });
    Value::Array(alerts.collect())
}

fn alert(message: &Message, severity: Severity, is_over: bool) -> Value {
    let time: Option<Timestamp> = message.time.parse().ok();
    let ends = if is_over { time } else { time.map(|time| time + STANDS) };
    let labels = [
        ("alertname", message.rule.as_str()),
        ("severity", severity.name()),
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

    #[test]
    fn what_became_worse_ends_what_it_was() {
        let raised = Message { raised_from: Some(Severity::Warning), ..message(Status::Firing) };
        let body = body(&[raised]);
        assert_eq!(body.as_array().unwrap().len(), 2);
        assert_eq!(body[0]["labels"]["severity"], "warning");
        assert_eq!(body[0]["endsAt"], "1970-01-01T00:01:00Z", "over in this moment");
        assert_eq!(
            (&body[1]["labels"]["severity"], &body[1]["endsAt"]),
            (&json!("critical"), &json!("1970-01-08T00:01:00Z"))
        );
        let from_info = Message { raised_from: Some(Severity::Info), ..message(Status::Firing) };
        assert_eq!(super::body(&[from_info]).as_array().unwrap().len(), 3, "both that it may have been");
    }
}
