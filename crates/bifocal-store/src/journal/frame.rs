//! The bytes of a journal file.
//!
//! ```text
//! header: "BFJL", version, 3 zero bytes, first sequence (u64)          16 bytes
//! frame:  "frm1", length (u32), CRC-32 of length and payload (u32)     12 bytes
//!         payload: MessagePack map {first, at, records}
//! ```
//! Numbers are little-endian. A frame is one batch, so a batch is whole or absent. Records are maps with names:
//! a field can be added without a new version as long as it has a default.

use std::path::Path;

use bifocal_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Error, Record, Seq};

pub(crate) const HEADER_BYTES: usize = 16;
pub(crate) const FRAME_BYTES: usize = 12;
const MAGIC: &[u8; 4] = b"BFJL";
const MARK: &[u8; 4] = b"frm1";
pub(crate) const VERSION: u8 = 1;

#[derive(Serialize)]
struct FrameOut<'a> {
    first: Seq,
    at: Timestamp,
    records: &'a [Record],
}

/// A batch as it was written.
#[derive(Debug, Deserialize)]
pub(crate) struct Frame {
    /// The sequence of the first record.
    pub(crate) first: Seq,
    /// When it was written, by the clock.
    pub(crate) at: Timestamp,
    /// The records.
    pub(crate) records: Vec<Record>,
}

/// A file read as far as it is sound.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) frames: Vec<Frame>,
    /// Length of the sound part; 0 when not even the header is there.
    pub(crate) sound: usize,
}

pub(crate) fn header(first: Seq) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..4].copy_from_slice(MAGIC);
    bytes[4] = VERSION;
    bytes[8..].copy_from_slice(&first.0.to_le_bytes());
    bytes
}

/// Adds a frame to the buffer; returns its length.
pub(crate) fn encode(
    buffer: &mut Vec<u8>,
    first: Seq,
    at: Timestamp,
    records: &[Record],
) -> Result<u64, Error> {
    let start = buffer.len();
    buffer.extend_from_slice(MARK);
    buffer.extend_from_slice(&[0; 8]);
    let frame = FrameOut { first, at, records };
    let mut serializer = rmp_serde::Serializer::new(&mut *buffer).with_struct_map();
    frame.serialize(&mut serializer).map_err(|err| Error::Encode { what: "a batch", err })?;
    let length = (buffer.len() - start - FRAME_BYTES) as u64;
    let too_large = Error::BatchTooLarge { bytes: length, limit: crate::limits::BATCH_BYTES };
    let Ok(short) = u32::try_from(length) else { return Err(too_large) };
    if length > crate::limits::BATCH_BYTES {
        return Err(too_large);
    }
    let length_bytes = short.to_le_bytes();
    buffer[start + 4..start + 8].copy_from_slice(&length_bytes);
    let crc = checksum(&length_bytes, &buffer[start + FRAME_BYTES..]);
    buffer[start + 8..start + 12].copy_from_slice(&crc.to_le_bytes());
    Ok(length + FRAME_BYTES as u64)
}

fn checksum(length: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(length);
    hasher.update(payload);
    hasher.finalize()
}

/// The payload of the frame at this place, when there is a whole and sound one.
fn payload_at(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let head = bytes.get(at..at + FRAME_BYTES)?;
    if &head[..4] != MARK {
        return None;
    }
    let length = usize::try_from(u32::from_le_bytes(head[4..8].try_into().ok()?)).ok()?;
    let crc = u32::from_le_bytes(head[8..12].try_into().ok()?);
    let payload = bytes.get(at + FRAME_BYTES..(at + FRAME_BYTES).checked_add(length)?)?;
    (checksum(&head[4..8], payload) == crc).then_some(payload)
}

/// Reads a file. Where a frame is not sound and a sound one follows, the file is damaged; where none follows, the
/// last append was torn and `sound` ends before it.
pub(crate) fn scan(path: &Path, bytes: &[u8]) -> Result<Scan, Error> {
    if bytes.len() < HEADER_BYTES {
        return Ok(Scan { frames: Vec::new(), sound: 0 });
    }
    let damaged = |offset: usize, detail: String| Error::Damaged {
        path: path.to_owned(),
        offset: offset as u64,
        detail,
    };
    if &bytes[..4] != MAGIC {
        return Err(damaged(0, "it does not begin as a journal file".to_owned()));
    }
    if bytes[4] != VERSION {
        return Err(Error::Version { path: path.to_owned(), found: bytes[4], expected: VERSION });
    }
    let mut frames = Vec::new();
    let mut at = HEADER_BYTES;
    while at < bytes.len() {
        let Some(payload) = payload_at(bytes, at) else {
            if let Some(next) = next_sound(bytes, at + 1) {
                let detail = format!("the checksum does not fit and sound records follow at byte {next}");
                return Err(damaged(at, detail));
            }
            break;
        };
        let frame: Frame = rmp_serde::from_slice(payload)
            .map_err(|err| damaged(at, format!("unreadable records: {err}")))?;
        at += FRAME_BYTES + payload.len();
        frames.push(frame);
    }
    Ok(Scan { frames, sound: at.min(bytes.len()) })
}

fn next_sound(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let candidates = rest.windows(MARK.len()).enumerate().filter(|(_, window)| window == MARK);
    candidates.map(|(at, _)| from + at).find(|&at| payload_at(bytes, at).is_some())
}
