//! What a stream without a content type of its own is, from its first bytes.

use crate::stream::text::Text;
use crate::stream::{Inner, StreamKind};

/// The fields of server-sent events and their comments.
const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Bytes that are looked at.
const LOOK_BYTES: usize = 64;

/// The first bytes, as long as they could still be the start of several kinds: a few bytes behind white space.
#[derive(Debug, Default)]
pub(super) struct Guess {
    first: Vec<u8>,
}

impl Guess {
    /// Takes the next bytes; when they settle it, the decoder and all bytes so far.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<(Inner, Vec<u8>)> {
        self.first.extend_from_slice(bytes);
        let inner = kind(&self.first)?;
        Some((inner, std::mem::take(&mut self.first)))
    }

    /// What never settled it.
    pub(super) fn rest(self) -> Vec<u8> {
        self.first
    }
}

fn kind(first: &[u8]) -> Option<Inner> {
    // Always the same bytes, however they came: the cut must not matter.
    let looked_at = &first[..first.len().min(LOOK_BYTES)];
    let begins = looked_at.strip_prefix(BYTE_ORDER_MARK).unwrap_or(looked_at).trim_ascii_start();
    if begins.starts_with(b"{") || begins.starts_with(b"[") {
        return Some(Inner::of(StreamKind::JsonLines));
    }
    if FIELDS.iter().any(|field| begins.starts_with(field)) {
        return Some(Inner::of(StreamKind::Sse));
    }
    let could_be = |start: &[u8], whole: &[u8]| whole.starts_with(start);
    let is_open = FIELDS.iter().any(|field| could_be(begins, field)) || could_be(looked_at, BYTE_ORDER_MARK);
    (!is_open || looked_at.len() == LOOK_BYTES).then(|| Inner::Text(Text::default()))
}
