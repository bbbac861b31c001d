//! One line: `{"t": RFC 3339, "target": name or null, "kind": "deployment", "id": "d-123", "summary": optional}`.

use bifocal_model::{Event, EventKind, TargetKey, Timestamp};
use serde::Deserialize;

use crate::limits::EVENT_TEXT_CHARS;

/// A line as read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventLine {
    t: Timestamp,
    #[serde(default)]
    target: Option<String>,
    kind: EventKind,
    id: String,
    #[serde(default)]
    summary: Option<String>,
}

impl EventLine {
    /// What is wrong, without the text.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let line: Self = serde_json::from_slice(bytes).map_err(|err| err.to_string())?;
        // What Bifocal itself decides is in the journal already, and a file must not speak for it.
        let of_others = matches!(
            line.kind,
            EventKind::Deployment
                | EventKind::Scaling
                | EventKind::LabelChange
                | EventKind::Configuration
                | EventKind::Judge
        );
        if !of_others {
            return Err(
                "the kind is one of Bifocal's own; use deployment, scaling, label_change, configuration or judge"
                    .to_owned(),
            );
        }
        if line.id.is_empty() {
            return Err("the id is empty".to_owned());
        }
        let longest = [Some(&line.id), line.summary.as_ref(), line.target.as_ref()];
        if longest.into_iter().flatten().any(|text| text.chars().count() > EVENT_TEXT_CHARS) {
            return Err(format!("a text has more than {EVENT_TEXT_CHARS} characters"));
        }
        Ok(line)
    }

    /// The event. A target that nobody knows is named in the summary, and the event counts for all targets.
    pub(super) fn event(self, target: impl Fn(&str) -> Option<TargetKey>) -> Event {
        let key = self.target.as_deref().and_then(target);
        let summary = self.summary.unwrap_or_else(|| format!("{} {}", word(self.kind), self.id));
        let summary = match (&self.target, &key) {
            (Some(name), None) => format!("{summary} (of {name}, a target not seen yet)"),
            _ => summary,
        };
        Event { time: self.t, kind: self.kind, target: key, id: self.id, summary }
    }
}

fn word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Scaling => "scaling",
        EventKind::LabelChange => "change of label",
        EventKind::Configuration => "change of configuration",
        EventKind::Judge => "change of judge",
        _ => "deployment",
    }
}
