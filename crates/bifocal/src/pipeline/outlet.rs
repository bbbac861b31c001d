//! What ticks decided, on its way out: events into the journal first, then the messages about them into the outbox.
//!
//! What the disk does not take is kept in its order and offered again with the next tick. The outbox says who was told what of
//! an alert: whatever its rule has come to say since, its end goes where its beginning was told, as bad as it was told there.

use std::collections::VecDeque;

use bifocal_model::Event;
use bifocal_publish::notify::{ChannelConfig, Message};
use bifocal_store::{Error, Outgoing, Record, SmallState};
use bifocal_telemetry::Telemetry;
use bifocal_watch::alert::Notification;

use crate::limits::{UNTOLD_MESSAGES, UNWRITTEN_EVENTS};

/// The way out of a pipeline.
#[derive(Debug)]
pub(super) struct Outlet {
    small_state: SmallState,
    channels: Vec<ChannelConfig>,
    page: String,
    telemetry: Telemetry,
    unwritten: VecDeque<Event>,
    untold: VecDeque<Notification>,
}

impl Outlet {
    /// With nothing on its way. `page`: its address, for links in messages.
    pub(super) fn new(
        small_state: SmallState,
        channels: Vec<ChannelConfig>,
        page: String,
        telemetry: Telemetry,
    ) -> Self {
        let (unwritten, untold) = Default::default();
        Self { small_state, channels, page, telemetry, unwritten, untold }
    }

    /// Takes what was decided.
    pub(super) fn take(&mut self, events: Vec<Event>, notifications: Vec<Notification>) {
        self.unwritten.extend(events);
        self.untold.extend(notifications);
        while self.unwritten.len() > UNWRITTEN_EVENTS {
            self.unwritten.pop_front();
            self.telemetry.limit_hit("unwritten_events");
        }
        while self.untold.len() > UNTOLD_MESSAGES {
            self.untold.pop_front();
            self.telemetry.limit_hit("untold_messages");
        }
    }

    /// What is to be journalled before anybody is told.
    pub(super) fn unwritten(&self) -> Vec<Record> {
        self.unwritten.iter().cloned().map(Record::Event).collect()
    }

    /// The journal has it.
    pub(super) fn is_written(&mut self) {
        self.unwritten.clear();
    }

    /// Puts what is to be told into the outbox; what it does not take is put with the next call.
    pub(super) fn tell(&mut self) -> Result<(), Error> {
        while let Some(notification) = self.untold.front() {
            self.put(notification)?;
            self.untold.pop_front();
        }
        Ok(())
    }

    fn put(&self, notification: &Notification) -> Result<(), Error> {
        let told = self.small_state.outbox_of(&notification.alert_id)?;
        let message = Message::of(notification, &self.page);
        for ChannelConfig { name, .. } in &self.channels {
            let last = told.iter().find(|outgoing| outgoing.channel == *name);
            let is_named = notification.channels.is_empty() || notification.channels.contains(name);
            // Of one that is over those hear who heard of it; where that is not known, whom the rule names.
            if last.is_none() && !(is_named && (told.is_empty() || !message.is_over())) {
                continue;
            }
            // What was given up, nobody has heard: the end is of what was.
            let heard = told.iter().find(|outgoing| outgoing.channel == *name && !is_given_up(outgoing));
            let last = heard.or(last).and_then(|outgoing| Message::from_json(&outgoing.payload).ok());
            let message = match &last {
                Some(last) => message.clone().after(last),
                None => message.clone(),
            };
            let key = &notification.idempotency_key;
            self.small_state.outbox_put(key, name, &message.to_json(), notification.time)?;
        }
        Ok(())
    }
}

fn is_given_up(outgoing: &Outgoing) -> bool {
    outgoing.done_at.is_some() && outgoing.outcome.as_deref() != Some("delivered")
}

#[cfg(test)]
mod tests;
