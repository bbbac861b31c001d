//! Files of SageMaker Data Capture, from disk and from S3, into the store.
//!
//! Life of a line: [`lines`] cuts it out of the file, `bifocal_wire` reads it, [`record`] makes an inference of
//! it whose target comes from the file's place ([`place`]), the redaction takes private text out, and
//! [`backfill`] and [`bucket`] submit batches, each with a checkpoint of how far the file has been read as its last record.
//! [`inbox`] takes notifications of files from a queue and lets go of each when what it names is durable.
//! [`attribution`] says whose a call is; what an hour held ([`hours`]) is held against the calls that there were ([`sight`]).
//!
//! Invariants: a checkpoint is in the same batch as what it vouches for; a line is stored, a duplicate, or
//! rejected with a reason; the order of lines is kept; a second run over the same files changes nothing.

mod attribution;
mod backfill;
mod bucket;
mod coverage;
mod files;
mod hours;
mod inbox;
mod lines;
mod place;
mod record;
mod sight;
mod survey;

#[cfg(test)]
mod tests;

pub use attribution::{Attribution, By};
pub use backfill::{Backfill, BackfillOptions, Progress};
pub use bucket::{Bucket, BucketOptions, Round};
pub use coverage::Coverage;
pub use hours::{Hour, Tally};
pub use inbox::{Inbox, Turn};
pub use sight::{Shares, Sight};
pub use survey::{Survey, survey};
