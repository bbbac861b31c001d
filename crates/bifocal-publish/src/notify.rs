//! Notifications: what the outbox holds is delivered at least once.
//!
//! An alert's beginning or end is written into the outbox (committed) before anything is sent; it is taken out
//! after the receiver took it. A crash in between sends it again, under the same key, so that receivers can drop what
//! they have seen. A [`Message`] lies there in the form of the webhook's body, and each kind of channel renders it at the
//! time of sending: [`slack`], [`pagerduty`], [`alertmanager`], [`letter`].

pub mod alertmanager;
mod backoff;
mod channel;
mod group;
mod letter;
mod message;
pub mod pagerduty;
pub mod slack;
mod template;

pub use backoff::next_pause;
pub use channel::{ChannelConfig, Gathering, Kind, Mailbox};
pub use group::Group;
pub use letter::{Letter, letter};
pub use message::{Message, Whose, maybe_repeated, runbook_address};
pub use template::{Template, Worded};
