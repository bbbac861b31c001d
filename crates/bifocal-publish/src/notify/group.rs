//! Several alerts of one rule with one status, told in one message.
//!
//! Each alert keeps its key and its id in it. The group's own key is made of those of its alerts: an attempt that is
//! repeated has the same alerts and the same key.

use bifocal_model::fnv1a;
use serde_json::{Value, json};

use super::Letter;
use super::message::{Message, within};
use crate::limits::GROUP_LINES_MAX;

/// Characters of one alert's line.
const LINE_CHARS: usize = 130;

/// At least one message, all of one rule and one status.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    messages: Vec<Message>,
}

impl Group {
    /// Of these messages; `None` of none.
    pub fn of(messages: Vec<Message>) -> Option<Self> {
        (!messages.is_empty()).then_some(Self { messages })
    }

    /// The messages.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The same for every attempt with these alerts.
    pub fn key(&self) -> String {
        let keys = self.messages.iter().flat_map(|message| [message.idempotency_key.as_bytes(), b"\n"]);
        format!("group:{:016x}", fnv1a(keys.flatten().copied()))
    }

    /// "firing critical: 37 alerts of outage".
    pub fn title(&self) -> String {
        let first = self.first();
        let status = if first.is_over() { "resolved" } else { "firing" };
        format!("{status} {}: {} alerts of {}", first.severity.name(), self.messages.len(), first.rule)
    }

    /// The page of all alerts.
    pub fn link(&self) -> String {
        let base = self.first().link.split("/#/").next().unwrap_or_default();
        format!("{}/#/alerts", base.trim_end_matches('/'))
    }

    /// One line an alert, then how many more there are.
    pub fn lines(&self) -> Vec<String> {
        let line = |message: &Message| {
            within(&format!("{}: {}", message.name(), message.summary.replace(['\r', '\n'], " ")), LINE_CHARS)
        };
        let mut lines: Vec<String> = self.messages.iter().take(GROUP_LINES_MAX).map(line).collect();
        if let Some(more @ 1..) = self.messages.len().checked_sub(GROUP_LINES_MAX) {
            lines.push(format!("and {more} more"));
        }
        lines
    }

    /// The webhook's body: what they have in common, and each alert's own message in `alerts`.
    pub fn to_json(&self) -> Value {
        let first = self.first();
        json!({
            "version": first.version,
            "idempotency_key": self.key(),
            "status": first.status,
            "rule": first.rule,
            "severity": first.severity,
            "summary": self.title(),
            "count": self.messages.len(),
            "link": self.link(),
            "alerts": self.messages,
        })
    }

    /// As mail; it stands in the thread of its first alert.
    pub fn letter(&self) -> Letter {
        let first = super::letter(self.first());
        let text = format!(
            "{}\n\n{}\n\nRule: {}\nCondition: {}\n\n{}\n",
            self.title(),
            self.lines().join("\n"),
            self.first().rule,
            self.first().when,
            self.link()
        );
        Letter {
            subject: super::letter::subject(&self.title()),
            text,
            id: super::letter::id(&self.key()),
            thread: first.thread,
        }
    }

    pub(super) fn first(&self) -> &Message {
        // `of` refuses an empty list.
        &self.messages[0]
    }
}

#[cfg(test)]
mod tests {
    use bifocal_watch::alert::Status;

    use super::*;
    use crate::limits::GROUP_ALERTS_MAX;
    use crate::notify::message::tests::message;
    use crate::notify::slack;

    fn group(alerts: usize) -> Group {
        let of = |i: usize| {
            let mut message = message(Status::Firing);
            message.idempotency_key = format!("a:{i}:r:firing");
            message.target.model = format!("m{i}");
            message
        };
        Group::of((0..alerts).map(of).collect()).unwrap()
    }

    #[test]
    fn a_group_names_some_counts_all_and_keeps_every_key() {
        let group = group(GROUP_ALERTS_MAX);
        assert_eq!(group.title(), "firing critical: 100 alerts of r");
        let lines = group.lines();
        assert_eq!((lines.len(), lines.last().unwrap().as_str()), (GROUP_LINES_MAX + 1, "and 80 more"));
        assert_eq!(lines[0], "m0: m answers worse");
        let body = group.to_json();
        assert_eq!(
            (&body["count"], &body["status"], &body["rule"]),
            (&json!(100), &json!("firing"), &json!("r"))
        );
        assert_eq!(body["alerts"].as_array().unwrap().len(), 100);
        assert_eq!(body["alerts"][99]["idempotency_key"], "a:99:r:firing");
        assert_eq!(body["link"], "http://h/#/alerts");
    }

    #[test]
    fn the_key_is_that_of_its_alerts() {
        assert_eq!(group(3).key(), group(3).key());
        assert_ne!(group(3).key(), group(4).key());
        assert_eq!(group(3).to_json()["idempotency_key"], group(3).key());
    }

    #[test]
    fn mail_and_slack_have_one_line_an_alert() {
        let mut group = group(30);
        group.messages[0].summary = format!("a\r\nBcc: all@example.com <!channel> {}", "x".repeat(5000));
        let letter = group.letter();
        assert_eq!(letter.subject, "firing critical: 30 alerts of r");
        assert!(letter.text.contains("m19: m answers worse\nand 10 more") && !letter.text.contains("\r"));
        let body = slack::group_body(&group);
        let text = body["attachments"][0]["blocks"][0]["text"]["text"].as_str().unwrap();
        assert!(text.contains("&lt;!channel&gt;") && text.contains("and 10 more"), "{text}");
        assert!(text.chars().count() < 3000, "Slack refuses more");
        assert!(Group::of(Vec::new()).is_none());
    }
}
