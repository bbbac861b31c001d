//! The webhook channel: one POST of JSON for each beginning and end of an alert.

use bifocal_watch::alert::Notification;
use serde::{Deserialize, Serialize};

/// A channel as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelConfig {
    /// Its name, which alert rules use.
    pub name: String,
    /// Where the JSON is posted.
    pub webhook: String,
    /// Name of the environment variable with a bearer token for it.
    #[serde(default)]
    pub token_env: Option<String>,
}

/// One request to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where to.
    pub url: String,
    /// The value of the `Idempotency-Key` header.
    pub idempotency_key: String,
    /// The body, JSON.
    pub body: Vec<u8>,
}

/// The body of a notification. Field names are stable.
pub fn payload(notification: &Notification, page: &str) -> Vec<u8> {
    let id = notification.target.id();
    let value = serde_json::json!({
        "version": 1,
        "idempotency_key": notification.idempotency_key,
        "alert_id": notification.alert_id,
        "status": notification.status,
        "rule": notification.rule,
        "severity": notification.severity,
        "summary": notification.summary,
        "when": notification.when,
        "since": notification.since,
        "time": notification.time,
        "target": {
            "id": id.to_string(),
            "origin": notification.target.origin,
            "endpoint": notification.target.endpoint,
            "variant": notification.target.variant,
            "inference_component": notification.target.inference_component(),
            "model": notification.target.model(),
        },
        "link": format!("{}/#/targets/{id}", page.trim_end_matches('/')),
    });
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use bifocal_model::{TargetKey, Timestamp};
    use bifocal_watch::alert::{Severity, Status};

    use super::*;

    #[test]
    fn the_body_is_stable() {
        let notification = Notification {
            idempotency_key: "a:1:r:firing".into(),
            alert_id: "a:1:r".into(),
            rule: "r".into(),
            target: TargetKey::of_model("local", "m"),
            severity: Severity::Critical,
            status: Status::Firing,
            since: Timestamp::from_secs(0),
            time: Timestamp::from_secs(60),
            summary: "m answers worse".into(),
            when: "degraded('relevance')".into(),
            channels: Vec::new(),
        };
        let body: serde_json::Value = serde_json::from_slice(&payload(&notification, "http://h/")).unwrap();
        insta::assert_json_snapshot!(body);
    }
}
