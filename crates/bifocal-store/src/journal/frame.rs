//! The bytes of a journal file.
//!
//! ```text
//! header: "BFJL", version, 3 zero bytes, salt (u64)                    16 bytes
//! frame:  "frm1", length (u32), CRC-32 of salt, length, payload (u32)  12 bytes
//!         payload: MessagePack map {first, at, records}
//! ```
//! Numbers are little-endian. The salt keeps a text that somebody sends from passing for a frame of ours. A frame is one append, so
//! what was written together is whole or absent, and whatever order the disk wrote its pages in before a power
//! cut, only the last frame can be torn. Records are maps with names:
//! a field can be added without a new version as long as it has a default.

use std::path::Path;

use bifocal_model::Timestamp;
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::limits::APPEND_BYTES;
use crate::{Error, Record, Seq};

pub(crate) const HEADER_BYTES: usize = 16;
pub(crate) const FRAME_BYTES: usize = 12;
const MAGIC: &[u8; 4] = b"BFJL";
const MARK: &[u8; 4] = b"frm1";
/// Version 2: calls carry their findings, which a reader of version 1 would lose without a word; it refuses the file instead.
/// Files of version 1 are read, and are followed by a file of this version instead of being continued.
/// Version 3: what people did, which a reader of version 2 would call damaged.
pub(crate) const VERSION: u8 = 3;

#[derive(Serialize)]
struct FrameOut<'a> {
    first: Seq,
    at: Timestamp,
    records: Flat<'a>,
}

/// Batches as one sequence.
struct Flat<'a>(&'a [Vec<Record>]);

impl Serialize for Flat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let length = self.0.iter().map(Vec::len).sum();
        let mut sequence = serializer.serialize_seq(Some(length))?;
        self.0.iter().flatten().try_for_each(|record| sequence.serialize_element(record))?;
        sequence.end()
    }
}

/// An append as it was written.
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
    pub(crate) salt: Salt,
    pub(crate) version: u8,
}

/// What goes into every checksum of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Salt(pub(crate) [u8; 8]);

pub(crate) fn header(salt: Salt) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..4].copy_from_slice(MAGIC);
    bytes[4] = VERSION;
    bytes[8..].copy_from_slice(&salt.0);
    bytes
}

/// Fills the buffer with a frame.
pub(crate) fn encode(
    buffer: &mut Vec<u8>,
    salt: Salt,
    first: Seq,
    at: Timestamp,
    batches: &[Vec<Record>],
) -> Result<(), Error> {
    buffer.clear();
    buffer.extend_from_slice(MARK);
    buffer.extend_from_slice(&[0; 8]);
    let frame = FrameOut { first, at, records: Flat(batches) };
    let mut serializer = rmp_serde::Serializer::new(&mut *buffer).with_struct_map();
    frame.serialize(&mut serializer).map_err(|err| Error::Encode { what: "an append", err })?;
    let (bytes, limit) = ((buffer.len() - FRAME_BYTES) as u64, APPEND_BYTES);
    let length = u32::try_from(bytes).ok().filter(|_| bytes <= limit);
    let Some(length) = length else { return Err(Error::AppendTooLarge { bytes, limit }) };
    let length = length.to_le_bytes();
    buffer[4..8].copy_from_slice(&length);
    let crc = checksum(salt, &length, &buffer[FRAME_BYTES..]);
    buffer[8..12].copy_from_slice(&crc.to_le_bytes());
    Ok(())
}

fn checksum(salt: Salt, length: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.0);
    hasher.update(length);
    hasher.update(payload);
    hasher.finalize()
}

/// The payload of the frame at this place, when there is a whole and sound one.
fn payload_at(bytes: &[u8], salt: Salt, at: usize) -> Option<&[u8]> {
    let head = bytes.get(at..at + FRAME_BYTES)?;
    if &head[..4] != MARK {
        return None;
    }
    let length = usize::try_from(u32::from_le_bytes(head[4..8].try_into().ok()?)).ok()?;
    let crc = u32::from_le_bytes(head[8..12].try_into().ok()?);
    let payload = bytes.get(at + FRAME_BYTES..(at + FRAME_BYTES).checked_add(length)?)?;
    (checksum(salt, &head[4..8], payload) == crc).then_some(payload)
}

/// Reads a file. Where a frame is not sound and a sound one follows, the file is damaged; where none follows, the
/// last append was torn and `sound` ends before it.
pub(crate) fn scan(path: &Path, bytes: &[u8]) -> Result<Scan, Error> {
    if bytes.len() < HEADER_BYTES {
        return Ok(Scan { frames: Vec::new(), sound: 0, salt: Salt::default(), version: VERSION });
    }
    let damaged = |offset: usize, detail: String| Error::Damaged {
        path: path.to_owned(),
        offset: offset as u64,
        detail,
    };
    if &bytes[..4] != MAGIC {
        return Err(damaged(0, "it does not begin as a journal file".to_owned()));
    }
    if !(1..=VERSION).contains(&bytes[4]) {
        return Err(Error::Version { path: path.to_owned(), found: bytes[4], expected: VERSION });
    }
    let mut salt = Salt::default();
    salt.0.copy_from_slice(&bytes[8..HEADER_BYTES]);
    let mut frames = Vec::new();
    let mut at = HEADER_BYTES;
    while at < bytes.len() {
        let Some(payload) = payload_at(bytes, salt, at) else {
            if let Some(next) = next_sound(bytes, salt, at + 1) {
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
    Ok(Scan { frames, sound: at.min(bytes.len()), salt, version: bytes[4] })
}

fn next_sound(bytes: &[u8], salt: Salt, from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let candidates = rest.windows(MARK.len()).enumerate().filter(|(_, window)| window == MARK);
    candidates.map(|(at, _)| from + at).find(|&at| payload_at(bytes, salt, at).is_some())
}
