//! The only maker of [`Redacted`] text: what disk, judge and page may see.
//!
//! The life of the data: a raw text is scanned once for tokens that begin with a telling prefix or hold an `@`
//! (e-mail addresses, keys, tokens, IBANs) and once for runs of digits (cards, phones); what passes its checksum
//! or its grammar is replaced by its kind in square brackets; the kinds and their counts are kept, the values
//! are not.
//!
//! Invariants: redacting twice changes nothing; any string is accepted; a replacement never takes part in a
//! finding. Redaction is by listed patterns: it is not anonymisation.

mod checksum;
mod kind;
mod limits;
mod numbers;
mod plain;
mod redacted;
mod scan;
mod signs;
mod texts;
mod tokens;

pub use kind::{Finding, Kind};
pub use limits::LIMITS;
pub use redacted::Redacted;
pub use scan::{redact, redact_owned};
pub use texts::{redact_container_log, redact_inference, redact_label, redact_score};
