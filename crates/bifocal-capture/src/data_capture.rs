//! Files of SageMaker Data Capture, from disk into the store.
//!
//! Life of a line: [`lines`] cuts it out of the file, `bifocal_wire` reads it, [`record`] makes an inference of
//! it whose target comes from the file's place ([`place`]), the redaction takes private text out, and
//! [`backfill`] submits batches, each with a checkpoint of how far the file has been read as its last record.
//!
//! Invariants: a checkpoint is in the same batch as what it vouches for; a line is stored, a duplicate, or
//! rejected with a reason; the order of lines is kept; a second run over the same files changes nothing.

mod attribution;
mod backfill;
mod bucket;
mod coverage;
mod files;
mod lines;
mod place;
mod record;

#[cfg(test)]
mod tests;

pub use attribution::{Attribution, By};
pub use backfill::{Backfill, BackfillOptions, Progress};
pub use bucket::{Bucket, BucketOptions, Round};
pub use coverage::Coverage;
