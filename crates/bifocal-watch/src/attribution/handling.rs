//! What people do with incidents: they look after them, say something, close them.

use bifocal_model::{Act, Deed, Event, EventKind, Incident, Said};
use bifocal_telemetry::Telemetry;

use super::IncidentBook;
use crate::limits::COMMENTS_MAX;

impl IncidentBook {
    /// Takes what a person did, and gives the event that tells of it. What has arrived before, what is about no incident
    /// and a second acknowledgement change nothing.
    pub(crate) fn take_act(&mut self, act: &Act, telemetry: &Telemetry) -> Option<Event> {
        let said = |text: &str| Said { by: act.by.clone(), at: act.time, text: text.to_owned() };
        let (incident, summary) = match &act.deed {
            Deed::Acknowledge { incident } => {
                let found = self.open_mut(incident)?;
                if found.handling.acknowledged.is_some() {
                    return None;
                }
                found.handling.acknowledged = Some(said(""));
                (found.clone(), format!("{} looks after the fall of {}", act.by, found.dimension))
            }
            Deed::Comment { incident, text } => {
                let found = self.known_mut(incident)?;
                let (said, comments) = (said(text), &mut found.handling.comments);
                if comments.contains(&said) {
                    return None;
                }
                if comments.len() >= COMMENTS_MAX {
                    telemetry.limit_hit("incident_comments");
                    return None;
                }
                comments.push(said);
                (found.clone(), format!("{} on the fall of {}: {text}", act.by, found.dimension))
            }
            Deed::Close { incident, note } => {
                let follow =
                    self.follows.iter_mut().find(|f| f.incident().is_some_and(|i| i.id == *incident))?;
                let mut closed = follow.dismiss(act.time)?;
                closed.handling.closed = Some(said(note));
                self.keep(closed.clone());
                let summary = format!("{} closed the incident of {}: {note}", act.by, closed.dimension);
                (closed, summary)
            }
            Deed::Silence(_) | Deed::EndSilence { .. } => return None,
        };
        Some(Event {
            time: act.time,
            kind: EventKind::Person,
            target: Some(incident.target),
            id: format!("act:{}", act.id),
            summary,
        })
    }

    fn open_mut(&mut self, id: &str) -> Option<&mut Incident> {
        let mut open = self.follows.iter_mut().filter_map(super::follow::Follow::incident_mut);
        open.find(|incident| incident.id == id)
    }

    fn known_mut(&mut self, id: &str) -> Option<&mut Incident> {
        let open = self.follows.iter_mut().filter_map(super::follow::Follow::incident_mut);
        open.chain(self.closed.iter_mut()).find(|incident| incident.id == id)
    }
}
