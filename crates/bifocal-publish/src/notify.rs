//! Notifications: what the outbox holds is delivered at least once.
//!
//! An alert's beginning or end is written into the outbox (committed) before anything is sent; it is taken out
//! after the receiver answered with a 2xx status. A crash in between sends it again, with the same
//! `Idempotency-Key`, so that receivers can drop what they have seen.

mod backoff;
mod webhook;

pub use backoff::next_pause;
pub use webhook::{ChannelConfig, Delivery, payload};
