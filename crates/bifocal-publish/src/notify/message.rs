//! What an alert says, as it lies in the outbox and as every channel renders it.

use bifocal_model::Timestamp;
use bifocal_watch::alert::{Notification, Severity, Status};
use serde::{Deserialize, Serialize};

/// One message about one alert. Its JSON is the webhook's body; field names are stable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The version of this form.
    pub version: u32,
    /// The same for every attempt to send it.
    pub idempotency_key: String,
    /// The same for all messages of one alert.
    pub alert_id: String,
    /// Whether it begins or ends.
    pub status: Status,
    /// The rule.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// How bad it was before, where this says that it became worse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised_from: Option<Severity>,
    /// One sentence.
    pub summary: String,
    /// The rule's condition.
    pub when: String,
    /// When the alert began, RFC 3339.
    pub since: String,
    /// When this message was made, RFC 3339.
    pub time: String,
    /// Whose.
    pub target: Whose,
    /// The target's page.
    pub link: String,
    /// Where it is written what to do; empty where the rule has no such page.
    #[serde(default)]
    pub runbook: String,
    /// The incident that it is about; empty where there is none.
    #[serde(default)]
    pub incident: String,
    /// The picture of that incident.
    #[serde(default)]
    pub chart: String,
}

/// The names of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whose {
    /// Its id on page and API.
    pub id: String,
    /// `sagemaker/<account>/<region>`, or the upstream.
    pub origin: String,
    /// The endpoint.
    pub endpoint: String,
    /// The variant.
    pub variant: String,
    /// The inference component; empty where there is none.
    pub inference_component: String,
    /// The model; empty where a component is named.
    pub model: String,
}

impl Message {
    /// What a notification says.
    pub fn of(notification: &Notification, page: &str) -> Self {
        let id = notification.target.id().to_string();
        Self {
            version: 1,
            idempotency_key: notification.idempotency_key.clone(),
            alert_id: notification.alert_id.clone(),
            status: notification.status,
            rule: notification.rule.clone(),
            severity: notification.severity,
            raised_from: notification.raised_from,
            summary: notification.summary.clone(),
            when: notification.when.clone(),
            since: notification.since.to_string(),
            time: notification.time.to_string(),
            link: format!("{}/#/targets/{id}", page.trim_end_matches('/')),
            incident: notification.incident.clone().unwrap_or_default(),
            chart: notification
                .incident
                .as_ref()
                .map(|id| format!("{}/api/v1/incidents/{id}/chart.png", page.trim_end_matches('/')))
                .unwrap_or_default(),
            runbook: runbook_address(notification.runbook.as_deref(), page).unwrap_or_default(),
            target: Whose {
                id,
                origin: notification.target.origin.clone(),
                endpoint: notification.target.endpoint.clone(),
                variant: notification.target.variant.clone(),
                inference_component: notification.target.inference_component().to_owned(),
                model: notification.target.model().to_owned(),
            },
        }
    }

    /// As the next word to somebody who was told `last` of the same alert: how bad it is was told there, whatever its rule has
    /// come to say since, and only a message that raises it says otherwise.
    #[must_use]
    pub fn after(self, last: &Self) -> Self {
        match self.raised_from {
            Some(from) => Self { raised_from: Some(from.min(last.severity)), ..self },
            None => Self { severity: last.severity, ..self },
        }
    }

    /// A message that says that it is a test, made at `now`, with a link to the page that the configuration serves.
    pub fn test(channel: &str, page: &str, status: Status, now: Timestamp) -> Self {
        let alert_id = format!("test:{}:{}", channel, now.as_nanos());
        let word = if status == Status::Resolved { "resolved" } else { "firing" };
        Self {
            version: 1,
            idempotency_key: format!("{alert_id}:{word}"),
            alert_id,
            status,
            rule: "test of the channel".to_owned(),
            severity: Severity::Info,
            raised_from: None,
            summary: format!("This is a test of channel `{channel}`: nothing is wrong."),
            when: "bifocal check --send-test".to_owned(),
            since: now.to_string(),
            time: now.to_string(),
            target: Whose { model: "test".to_owned(), ..Whose::default() },
            link: format!("{}/#/alerts", page.trim_end_matches('/')),
            runbook: String::new(),
            incident: String::new(),
            chart: String::new(),
        }
    }

    /// As it lies in the outbox.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings and numbers only: it cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// As it was put into the outbox.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes)
            .map_err(|err| format!("the message in the outbox cannot be read: {err}"))
    }

    /// The component's name, else the model's, else the endpoint's.
    pub fn name(&self) -> &str {
        let names = [&self.target.inference_component, &self.target.model, &self.target.endpoint];
        names.into_iter().find(|name| !name.is_empty()).map_or("endpoint", String::as_str)
    }

    /// "firing critical: silent degradation of qwen".
    pub fn title(&self) -> String {
        let status = if self.is_over() { "resolved" } else { "firing" };
        format!("{status} {}: {} of {}", self.severity.name(), self.rule, self.name())
    }

    /// Since when it lasts, or from when to when it did.
    pub(super) fn lasts(&self) -> String {
        match self.is_over() {
            true => format!("began {}, over {}", self.since, self.time),
            false => format!("since {}", self.since),
        }
    }

    /// Whether the alert ended.
    pub fn is_over(&self) -> bool {
        self.status == Status::Resolved
    }
}

/// What a message says that follows an attempt without an answer, where the receiver cannot tell by its key.
pub(super) const MAYBE_REPEATED: &str =
    "You may have this message already: nothing confirmed that the one before it arrived.";

/// The text of an attempt that follows one without an answer.
pub fn maybe_repeated(text: &str) -> String {
    format!("{}\n{MAYBE_REPEATED}\n", text.trim_end_matches('\n'))
}

/// The address of a rule's runbook: its own, or one that the page at this address serves.
pub fn runbook_address(runbook: Option<&str>, page: &str) -> Option<String> {
    let runbook = runbook?;
    Some(if runbook.starts_with('/') {
        format!("{}{runbook}", page.trim_end_matches('/'))
    } else {
        runbook.to_owned()
    })
}

/// The first characters of a text, with an ellipsis where some were left out; `chars` with it.
pub(super) fn within(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
pub(super) mod tests {
    use bifocal_model::TargetKey;

    use super::*;

    pub(in crate::notify) fn message(status: Status) -> Message {
        let notification = Notification {
            idempotency_key: "a:1:r:firing".into(),
            alert_id: "a:1:r".into(),
            rule: "r".into(),
            target: TargetKey::of_model("local", "m"),
            severity: Severity::Critical,
            raised_from: None,
            status,
            since: Timestamp::from_secs(0),
            time: Timestamp::from_secs(60),
            summary: "m answers worse".into(),
            when: "degraded('relevance')".into(),
            runbook: Some("/runbooks/r".into()),
            incident: Some("i1".into()),
            channels: Vec::new(),
        };
        Message::of(&notification, "http://h/")
    }

    #[test]
    fn the_body_is_stable_and_is_read_back() {
        let message = message(Status::Firing);
        let body: serde_json::Value = serde_json::from_slice(&message.to_json()).unwrap();
        insta::assert_json_snapshot!("webhook_body", body);
        assert_eq!(Message::from_json(&message.to_json()).unwrap(), message);
        assert_eq!(message.title(), "firing critical: r of m");
        assert!(Message::from_json(b"{}").unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(within("абвг", 4), "абвг");
        assert_eq!(within("абвгд", 4), "абв…");
    }
}
