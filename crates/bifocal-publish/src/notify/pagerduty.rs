//! An event of PagerDuty's Events API v2. All messages of an alert have one `dedup_key`: the end resolves the beginning,
//! and a message that is sent twice opens nothing twice.

use serde_json::{Value, json};

use super::message::{Message, within};

/// What PagerDuty takes.
const SUMMARY_CHARS: usize = 1024;
const KEY_CHARS: usize = 255;

/// The event for the integration with this routing key.
pub fn event(message: &Message, routing_key: &str) -> Value {
    json!({
        "routing_key": routing_key,
        "event_action": if message.is_over() { "resolve" } else { "trigger" },
        "dedup_key": within(&message.alert_id, KEY_CHARS),
        "client": "Bifocal",
        "client_url": message.link,
        "links": links(message),
        "payload": {
            "summary": within(&message.summary, SUMMARY_CHARS),
            "source": within(message.name(), KEY_CHARS),
            "severity": message.severity.name(),
            "timestamp": message.time,
            "component": message.name(),
            "group": message.target.endpoint,
            "class": message.rule,
            "custom_details": {"when": message.when, "since": message.since, "target": message.target},
        },
    })
}

fn links(message: &Message) -> Vec<Value> {
    let all = [
        (&message.link, "Open in Bifocal"),
        (&message.runbook, "What to do"),
        (&message.chart, "Picture of the incident"),
    ];
    let known = all.into_iter().filter(|(address, _)| !address.is_empty());
    known.map(|(address, text)| json!({"href": address, "text": text})).collect()
}

#[cfg(test)]
mod tests {
    use bifocal_watch::alert::Status;

    use super::*;
    use crate::notify::message::tests::message;

    #[test]
    fn the_end_resolves_the_beginning() {
        let (begins, ends) =
            (event(&message(Status::Firing), "key"), event(&message(Status::Resolved), "key"));
        assert_eq!((&begins["event_action"], &ends["event_action"]), (&json!("trigger"), &json!("resolve")));
        assert_eq!(begins["dedup_key"], ends["dedup_key"]);
        assert_eq!(begins["payload"]["severity"], "critical");
        assert_eq!(begins["links"][1]["href"], "http://h/runbooks/r");
        let mut long = message(Status::Firing);
        (long.summary, long.alert_id) = ("x".repeat(2000), "y".repeat(300));
        let event = event(&long, "key");
        assert_eq!(event["payload"]["summary"].as_str().unwrap().chars().count(), SUMMARY_CHARS);
        assert_eq!(event["dedup_key"].as_str().unwrap().chars().count(), KEY_CHARS);
    }
}
