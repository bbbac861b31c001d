//! What targets cost: hourly prices as readings, and the list of what instance types cost and hold.
//!
//! Invariant: an unknown price is unknown and never 0.

mod hourly;
mod price_book;

pub use hourly::Prices;
pub use price_book::{BookError, InstancePrice, PriceBook};
