//! A message as mail: subject and text.

use bifocal_model::fnv1a;

use super::Worded;
use super::message::{Message, maybe_repeated, within};

/// What stands in a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The subject, without line breaks.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The `Message-ID`, the same for every attempt.
    pub id: String,
    /// What all mails of one alert refer to, so that they stand together.
    pub thread: String,
}

impl Letter {
    /// The letter in a channel's own words.
    #[must_use]
    pub fn worded(self, worded: Worded) -> Self {
        let (text, subject) = (worded.body.unwrap_or(self.text), worded.subject.unwrap_or(self.subject));
        Self { text, subject, ..self }
    }

    /// The letter of an attempt that follows one without an answer. Its `Message-ID` is the same, and few readers go by that.
    #[must_use]
    pub fn again(self) -> Self {
        Self { text: maybe_repeated(&self.text), ..self }
    }
}

const ID_CHARS: usize = 160;
const SUBJECT_CHARS: usize = 120;

/// The mail of a message.
pub fn letter(message: &Message) -> Letter {
    let runbook = match message.runbook.as_str() {
        "" => String::new(),
        runbook => format!("What to do: {runbook}\n"),
    };
    let chart = match message.chart.as_str() {
        "" => String::new(),
        chart => format!("Picture: {chart}\n"),
    };
    let lasts = match message.is_over() {
        true => format!("Began: {}\nOver: {}", message.since, message.time),
        false => format!("Since: {}", message.since),
    };
    let condition = match message.when.as_str() {
        "" => String::new(),
        when => format!("Condition: {when}\n"),
    };
    let text = format!(
        "{}\n\nRule: {}\n{condition}Severity: {}\n{lasts}\nTarget: {}\nEndpoint: {}\n\n{}\n{runbook}{chart}",
        message.summary,
        message.rule,
        message.severity.name(),
        message.name(),
        message.target.endpoint,
        message.link
    );
    Letter {
        subject: subject(&message.title()),
        text,
        id: id(&message.idempotency_key),
        thread: id(&message.alert_id),
    }
}

/// One line.
pub(super) fn subject(title: &str) -> String {
    let one_line: String = title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    within(&one_line, SUBJECT_CHARS)
}

/// A `Message-ID`.
pub(super) fn id(what: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') { c } else { '-' };
    // Of two names the same may be left: the hash tells them apart.
    let hash = fnv1a(what.bytes());
    format!("<{}.{hash:016x}@bifocal>", what.chars().map(plain).take(ID_CHARS).collect::<String>())
}

#[cfg(test)]
mod tests {
    use bifocal_watch::alert::Status;

    use super::*;
    use crate::notify::message::tests::message;

    #[test]
    fn a_subject_is_one_line_and_ids_are_the_same_for_every_attempt() {
        let mut message = message(Status::Firing);
        message.rule = "a\r\nBcc: all@example.com".into();
        let letter = letter(&message);
        assert!(!letter.subject.contains(['\r', '\n']), "{:?}", letter.subject);
        assert_eq!(letter.id, id("a:1:r:firing"));
        assert!(
            letter.id.starts_with("<a-1-r-firing.") && letter.thread.starts_with("<a-1-r."),
            "{letter:?}"
        );
        assert_ne!(id("a b"), id("a-b"), "no two messages have one id");
        assert!(letter.text.contains("m answers worse") && letter.text.contains("http://h/#/targets/"));
        assert!(letter.text.contains("What to do: http://h/runbooks/r"), "{}", letter.text);
        assert!(letter.text.contains("\nSince: 1970-01-01T00:00:00Z\n"), "{}", letter.text);
        let over = super::letter(&Message { status: Status::Resolved, ..message.clone() }).text;
        let span = "Began: 1970-01-01T00:00:00Z\nOver: 1970-01-01T00:01:00Z\n";
        assert!(over.contains(span) && !over.contains("Since"), "{over}");
        let again = letter.clone().again();
        assert_eq!((&again.id, &again.subject), (&letter.id, &letter.subject));
        let added = again.text.strip_prefix(&letter.text).unwrap();
        assert_eq!(
            added,
            "You may have this message already: nothing confirmed that the one before it arrived.\n"
        );
    }
}
