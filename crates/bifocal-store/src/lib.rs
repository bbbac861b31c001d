//! The store: a journal that is the only source of truth, and what is derived from it.
//!
//! The life of the data: batches of [`Record`]s are appended with one group commit ([`Store::append`]), applied to
//! memory, and handed back to whoever watches. A seal ([`Store::seal`]) moves them into Parquet segments and commits
//! the catalogue together with every saved state; then the journal begins anew. A start ([`Store::open`]) repairs
//! what a crash left, loads the saved states and replays the rest.
//!
//! Invariants: acknowledged means durable; a call counts once; a segment is never edited; memory is a function
//! of the journal, to the last bit, however often the process was restarted.
//!
//! One thread owns the [`Store`]; everybody reads through the [`Reader`].

mod arrivals;
mod catalogue;
mod error;
pub mod failpoint;
#[cfg(test)]
mod fixture;
mod folder;
mod hot;
pub mod intake;
mod joins;
mod journal;
mod labels;
pub mod ledger;
mod limits;
mod open;
mod outbox;
mod reader;
mod record;
mod retention;
pub mod rollup;
mod seal;
mod seen;
mod segment;
mod small_state;
mod store;

pub use arrivals::{Arrival, Arrivals, Arrived, Door, Line};
pub use bifocal_redact::Redacted;
pub use error::Error;
pub use hot::KnownTarget;
pub use intake::{Acknowledged, Batch, Intake, Refused, intake};
pub use labels::Person;
pub use ledger::{Judging, Ledger, Pending, Received};
pub use limits::LIMITS;
pub use open::{Options, Recovered};
pub use outbox::{Attempt, Outgoing};
pub use reader::{Call, Cursor, DiskUse, Page, Query, Reader, ReadingSeries, Scored, steps};
pub use record::{Checkpoint, Record, Seq};
pub use retention::Retention;
pub use rollup::{Cell, Moments, Passed, Points, SeriesKey, Sketch, StreamKey};
pub use segment::Table;
pub use small_state::SmallState;
pub(crate) use store::AGGREGATES;
pub use store::{Appended, Sealed, Store};
