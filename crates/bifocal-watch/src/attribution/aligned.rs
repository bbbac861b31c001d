//! Events of the outside world, kept to be laid beside onset ranges. They are aligned with a change, never its cause.

use std::collections::VecDeque;

use bifocal_model::{AlignedEvent, Event, EventKind, Incident, TargetKey};
use serde::{Deserialize, Serialize};

use crate::limits::{ALIGNED_MAX, TIMELINE_MAX};

/// The newest events that something may be aligned with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Timeline {
    events: VecDeque<(Option<TargetKey>, AlignedEvent)>,
}

impl Timeline {
    /// Notes an event; `false` when it is of a kind that nothing is aligned with, or known already.
    pub(super) fn note(&mut self, event: &Event) -> bool {
        let known = || self.events.iter().any(|(_, known)| known.id == event.id && known.time == event.time);
        if !may_align(event.kind) || known() {
            return false;
        }
        if self.events.len() == TIMELINE_MAX {
            self.events.pop_front();
        }
        self.events.push_back((event.target.clone(), of(event)));
        true
    }

    /// Puts the events of its onset range into an incident.
    pub(super) fn align(&self, incident: &mut Incident) {
        for (target, event) in &self.events {
            add(incident, target.as_ref(), event);
        }
    }
}

/// Puts an event into an incident when it lies in the onset range and concerns its target. In order of time, each once.
pub(super) fn add(incident: &mut Incident, target: Option<&TargetKey>, event: &AlignedEvent) {
    let inside = incident.onset_from <= event.time && event.time <= incident.onset_to;
    let concerns = target.is_none_or(|target| *target == incident.target);
    let known = incident.aligned.iter().any(|known| known.id == event.id && known.time == event.time);
    if inside && concerns && !known && incident.aligned.len() < ALIGNED_MAX {
        let at = incident.aligned.partition_point(|known| known.time <= event.time);
        incident.aligned.insert(at, event.clone());
    }
}

pub(super) fn of(event: &Event) -> AlignedEvent {
    AlignedEvent { time: event.time, kind: event.kind, id: event.id.clone(), summary: event.summary.clone() }
}

pub(super) fn may_align(kind: EventKind) -> bool {
    use EventKind::{Configuration, Deployment, Judge, LabelChange, Scaling};
    matches!(kind, Deployment | Scaling | LabelChange | Configuration | Judge)
}
