//! What targets cost, and who holds the accelerators.
//!
//! Life of a figure: the [`inventory`](crate::inventory) says which instances run and what each component reserves of
//! them, [`PriceBook`] says what an instance costs and how many accelerators it holds, [`accounting`] splits the one by
//! the other, and [`figure`] divides by requests and tokens. [`hourly`] makes readings of hourly prices.
//!
//! Invariants: what is allocated and what is idle add up to what the fleet costs; an unknown price makes every figure
//! that needs it unknown and never 0; every figure names its basis.

pub mod accounting;
pub mod figure;
mod hourly;
mod price_book;
mod readings;

pub use accounting::{Accounting, Share, account};
pub use figure::{Basis, Figure, TokenPrice, per_1k_requests, per_1m_tokens};
pub use hourly::Prices;
pub use price_book::{BookError, InstancePrice, PriceBook};
pub use readings::readings;
