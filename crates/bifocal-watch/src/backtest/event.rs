//! Events beside the scores: deployments to align with, and changes that are known to have been made.

use std::collections::BTreeMap;

use bifocal_model::{Event, EventKind, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::HISTORY_NAME_BYTES;

use super::line::LineError;

/// A change that a person knows of: delays are counted from it.
const CHANGE: &str = "change";
/// The end of it: what alarms after that is false again.
const CHANGE_END: &str = "change_end";

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// When.
    #[serde(rename = "t")]
    pub time: Timestamp,
    /// To what; `None`, empty or `*`: to everything.
    #[serde(default)]
    pub target: Option<String>,
    /// `change` and `change_end` mark what is known; any other word, such as `deployment`, is aligned with alarms.
    pub kind: String,
    /// Its name in the outside world.
    #[serde(default)]
    pub id: String,
}

/// A marked change and how long it lasted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// When it was made.
    pub t: Timestamp,
    /// When it was undone; `None`: never.
    pub end: Option<Timestamp>,
    /// Its name.
    pub id: String,
}

/// The marked changes, by target.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Changes {
    of_all: Vec<Change>,
    by_target: BTreeMap<String, Vec<Change>>,
}

impl HistoryEvent {
    /// Reads a line of a file of events.
    pub fn parse(bytes: &[u8]) -> Result<Self, LineError> {
        let event: Self = serde_json::from_slice(bytes).map_err(|err| LineError::of_json(&err))?;
        let longest = event.kind.len().max(event.id.len()).max(event.target.as_ref().map_or(0, String::len));
        if longest > HISTORY_NAME_BYTES {
            let what = format!("a name has {longest} bytes, at most {HISTORY_NAME_BYTES} are read");
            return Err(LineError { column: None, what });
        }
        Ok(event)
    }

    /// What happened outside, from the store; `None` for what the watch found itself, which a replay finds anew.
    pub fn of_store(event: &Event) -> Option<Self> {
        let kind = match event.kind {
            EventKind::Deployment => "deployment",
            EventKind::Scaling => "scaling",
            EventKind::LabelChange => "label_change",
            EventKind::Configuration => "configuration",
            EventKind::Judge => "judge",
            _ => return None,
        };
        let target = event.target.as_ref().map(ToString::to_string);
        Some(Self { time: event.time, target, kind: kind.to_owned(), id: event.id.clone() })
    }

    /// A change of everything at this time.
    pub fn change(time: Timestamp) -> Self {
        Self { time, target: None, kind: CHANGE.to_owned(), id: time.to_string() }
    }

    /// The one target that it is about; `None`: all.
    pub fn of(&self) -> Option<&str> {
        self.target.as_deref().filter(|target| !target.is_empty() && *target != "*")
    }

    /// Whether it marks a change or its end.
    pub fn is_mark(&self) -> bool {
        self.kind == CHANGE || self.kind == CHANGE_END
    }
}

impl Changes {
    /// The changes that events mark. Events may come in any order.
    pub(super) fn of(events: &[HistoryEvent]) -> Self {
        let mut marks: Vec<&HistoryEvent> = events.iter().filter(|event| event.is_mark()).collect();
        marks.sort_by_key(|event| event.time);
        let mut changes = Self::default();
        for mark in marks {
            let list = match mark.of() {
                None => &mut changes.of_all,
                Some(target) => changes.by_target.entry(target.to_owned()).or_default(),
            };
            if mark.kind == CHANGE {
                list.push(Change { t: mark.time, end: None, id: mark.id.clone() });
            } else {
                list.iter_mut().filter(|change| change.end.is_none()).for_each(|c| c.end = Some(mark.time));
            }
        }
        changes
    }

    /// Whether nothing is marked.
    pub(super) fn is_empty(&self) -> bool {
        self.of_all.is_empty() && self.by_target.is_empty()
    }

    /// Those of a target, the earliest first.
    pub(super) fn of_target(&self, target: &str) -> Vec<Change> {
        let own = self.by_target.get(target).into_iter().flatten();
        let mut changes: Vec<Change> = self.of_all.iter().chain(own).cloned().collect();
        changes.sort_by_key(|change| change.t);
        changes
    }
}

impl Change {
    /// Whether it was in force at a time.
    pub(super) fn holds_at(&self, time: Timestamp) -> bool {
        self.t <= time && self.end.is_none_or(|end| time < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(secs: i64, target: &str, kind: &str) -> HistoryEvent {
        let target = Some(target.to_owned());
        HistoryEvent { time: Timestamp::from_secs(secs), target, kind: kind.to_owned(), id: String::new() }
    }

    #[test]
    fn marks_of_one_target_and_of_all() {
        let events = [event(50, "a", "change_end"), event(10, "a", "change"), event(20, "*", "change")];
        let changes = Changes::of(&events);
        let a = changes.of_target("a");
        assert_eq!(a.len(), 2);
        assert!(a[0].holds_at(Timestamp::from_secs(49)) && !a[0].holds_at(Timestamp::from_secs(50)));
        assert!(a[1].holds_at(Timestamp::from_secs(9_999)), "an end of one target does not end that of all");
        assert_eq!(changes.of_target("b").len(), 1);
        assert!(Changes::of(&[event(1, "a", "deployment")]).is_empty());
    }

    #[test]
    fn a_line_needs_time_and_kind() {
        let event =
            HistoryEvent::parse(br#"{"t":"2026-11-24T13:51:00Z","kind":"deployment","id":"d-1","x":1}"#);
        assert_eq!(event.unwrap().of(), None);
        let err = HistoryEvent::parse(br#"{"t":"2026-11-24T13:51:00Z","id":"d-1"}"#).unwrap_err();
        assert!(err.what.contains("missing field `kind`"), "{err:?}");
        let long =
            format!(r#"{{"t":"2026-11-24T13:51:00Z","kind":"{}"}}"#, "x".repeat(HISTORY_NAME_BYTES + 1));
        assert!(HistoryEvent::parse(long.as_bytes()).is_err());
    }
}
