//! The answer's pieces without their content encoding. The client has them as they came.

use std::borrow::Cow;

use bifocal_model::Timestamp;
use bifocal_telemetry::Telemetry;
use bifocal_wire::{WireError, gzip};
use bytes::Bytes;

use crate::proxy::decode::Exchange;

/// Pieces that can be read, each with its time.
pub(super) struct Pieces<'a> {
    pub(super) chunks: Cow<'a, [(Timestamp, Bytes)]>,
    /// Whether there was more than is unpacked.
    pub(super) is_cut: bool,
}

/// `None` for an encoding that is not known, and for bytes that are not what their encoding says.
pub(super) fn pieces<'a>(exchange: &'a Exchange, telemetry: &Telemetry) -> Option<Pieces<'a>> {
    match exchange.content_encoding.as_deref().map(str::trim) {
        None => Some(Pieces { chunks: Cow::Borrowed(&exchange.chunks), is_cut: false }),
        Some(name) if name.eq_ignore_ascii_case("identity") => {
            Some(Pieces { chunks: Cow::Borrowed(&exchange.chunks), is_cut: false })
        }
        Some(name) if gzip::Decoder::is_for(name) => unpacked(exchange, telemetry),
        Some(_) => None,
    }
}

fn unpacked<'a>(exchange: &'a Exchange, telemetry: &Telemetry) -> Option<Pieces<'a>> {
    let mut decoder = gzip::Decoder::default();
    let mut chunks = Vec::with_capacity(exchange.chunks.len());
    for (time, packed) in &exchange.chunks {
        let mut unpacked = Vec::new();
        let pushed = decoder.push(packed, &mut unpacked);
        if !unpacked.is_empty() {
            chunks.push((*time, Bytes::from(unpacked)));
        }
        match pushed {
            Ok(()) => {}
            Err(WireError::TooLong { name, .. }) => {
                telemetry.limit_hit(name);
                return Some(Pieces { chunks: Cow::Owned(chunks), is_cut: true });
            }
            Err(_) => return None,
        }
    }
    Some(Pieces { chunks: Cow::Owned(chunks), is_cut: false })
}
