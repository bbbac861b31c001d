//! Why an alert is not told: a silence that somebody made, a maintenance window of the configuration, another alert that
//! says the same and more.
//!
//! A muted alert is evaluated and shown like any other; the messages of its beginning and of its cause are withheld and
//! counted. When nothing mutes it any more and it still fires, it is told then. The end of an alert is told to those
//! who were told of its beginning, muted or not: it pages nobody, and closes what they opened.

mod inhibition;
mod maintenance;
mod silence;

pub(crate) use inhibition::{firing_among, link};
pub(crate) use maintenance::MaintenanceWindow;
pub use maintenance::{Day, MaintenanceConfig};
pub(crate) use silence::SilenceBook;
pub use silence::{SilenceStatus, SilenceView, check_silence, is_said};

use bifocal_model::{Event, EventKind, Severity, TargetKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alert::Rule;

/// What keeps an alert from being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MutedBy {
    /// A silence that somebody made.
    Silence,
    /// A maintenance window of the configuration.
    Maintenance,
    /// Another alert of the same target.
    Inhibition,
}

impl MutedBy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Silence, Self::Maintenance, Self::Inhibition];

    /// The name used in API, metrics and ids.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Maintenance => "maintenance",
            Self::Inhibition => "inhibition",
        }
    }
}

/// What keeps one alert from being told now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MutedView {
    /// What kind of thing.
    pub by: MutedBy,
    /// The silence's id, the window's name, or the name of the rule that fires.
    pub name: String,
    /// Whose silence.
    pub owner: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Until when; `None`: as long as that rule fires.
    pub until: Option<Timestamp>,
}

impl MutedView {
    /// "silenced by ana until 2026-11-26T08:00:00Z".
    pub(crate) fn said(&self) -> String {
        let until = self.until.map(|until| format!(" until {until}")).unwrap_or_default();
        match self.by {
            MutedBy::Silence => {
                format!("silenced by {}{until}", self.owner.as_deref().unwrap_or_default())
            }
            MutedBy::Maintenance => format!("maintenance `{}`{until}", self.name),
            MutedBy::Inhibition => format!("inhibited while `{}` fires", self.name),
        }
    }

    /// What the id of an event carries: `silence.<id>`, or the kind alone.
    pub(crate) fn in_id(&self) -> String {
        match self.by {
            MutedBy::Silence => format!("silence.{}", self.name),
            by => format!("{}.", by.name()),
        }
    }
}

/// Messages that were withheld since the data folder was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// By silences.
    pub silence: u64,
    /// By maintenance windows.
    pub maintenance: u64,
    /// By alerts that inhibit others.
    pub inhibition: u64,
}

impl Withheld {
    /// By one kind.
    pub const fn by(&self, by: MutedBy) -> u64 {
        match by {
            MutedBy::Silence => self.silence,
            MutedBy::Maintenance => self.maintenance,
            MutedBy::Inhibition => self.inhibition,
        }
    }

    /// Counts an event that says so. A message counts when its event is in the journal, so that a replay counts the same.
    pub(crate) fn count(&mut self, event: &Event) {
        let Some((kind, _)) = read_withheld(event) else { return };
        match kind {
            "silence" => self.silence += 1,
            "maintenance" => self.maintenance += 1,
            _ => self.inhibition += 1,
        }
    }
}

/// Kind and silence, from the id of an event such as `withheld.silence.<id>.firing:<target>:…`.
pub(crate) fn read_withheld(event: &Event) -> Option<(&str, &str)> {
    if event.kind != EventKind::AlertWithheld {
        return None;
    }
    let mut parts = event.id.split(':').next()?.split('.').skip(1);
    Some((parts.next()?, parts.next()?))
}

/// Everything that may mute an alert at one moment.
#[derive(Debug)]
pub(crate) struct Mutes<'a> {
    pub(crate) silences: &'a SilenceBook,
    pub(crate) windows: &'a [MaintenanceWindow],
    pub(crate) now: Timestamp,
}

impl Mutes<'_> {
    /// What mutes a rule's alert of a target, as bad as it is now. `fires` says whether another rule fires for it.
    pub(crate) fn of(
        &self,
        rule: &Rule,
        severity: Severity,
        target: &TargetKey,
        fires: impl Fn(&str) -> bool,
    ) -> Option<MutedView> {
        let silence = || self.silences.mutes(&rule.config.name, severity, target, self.now);
        let window = || self.windows.iter().find_map(|w| w.mutes(&rule.config.name, target, self.now));
        silence().or_else(window).or_else(|| firing_among(&rule.inhibitors, fires))
    }
}
