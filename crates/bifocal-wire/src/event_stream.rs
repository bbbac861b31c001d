//! Frames of an AWS event stream, decoded as the bytes come in.
//!
//! A frame is: length of all of it and length of its headers (32 bits each, big endian), CRC-32 of these eight
//! bytes, headers, payload, CRC-32 of everything before. Of SageMaker's streams the payloads of `PayloadPart` are
//! the model's bytes, cut anywhere; an exception ends the stream. Both checksums are checked.

mod header;

use crate::error::WireError;
use crate::limits::{FRAME_BYTES, FRAME_HEADER_BYTES};
use header::Headers;

/// Two lengths and their checksum.
const PRELUDE_BYTES: usize = 12;
/// A frame without headers and payload: the prelude and the last checksum.
const FRAME_BYTES_MIN: usize = PRELUDE_BYTES + 4;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Bytes of the model's answer (`PayloadPart`).
    Part(Vec<u8>),
    /// The stream failed: an exception or an error.
    Failure {
        /// Its name, such as `ModelStreamError`; what is no name is `unknown`.
        kind: String,
        /// What it says, mostly JSON; may quote the prompt.
        payload: Vec<u8>,
    },
    /// An event of another kind.
    Other,
}

/// A frame as long as the decoder holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FrameView<'a> {
    Part(&'a [u8]),
    Failure { kind: &'a str, payload: &'a [u8] },
    Other,
}

/// The decoder. After an error it stays in it: nothing says where the next frame would begin.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The start of a frame whose end has not come yet.
    partial: Vec<u8>,
    failed: Option<WireError>,
}

impl Decoder {
    /// Takes the next bytes, gives the frames that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, WireError> {
        let mut frames = Vec::new();
        self.feed(bytes, &mut |frame| {
            frames.push(Frame::from(frame));
            Ok(())
        })?;
        Ok(frames)
    }

    /// Whether the bytes so far end where a frame ends.
    pub fn is_between_frames(&self) -> bool {
        self.partial.is_empty() && self.failed.is_none()
    }

    /// As [`Self::push`], of frames that are looked at in passing. An error of `give` is one of the decoder.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        give: &mut impl FnMut(FrameView<'_>) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        if let Some(err) = &self.failed {
            return Err(err.clone());
        }
        self.take(bytes, give).inspect_err(|err| {
            self.failed = Some(err.clone());
            self.partial = Vec::new();
        })
    }

    fn take(
        &mut self,
        mut bytes: &[u8],
        give: &mut impl FnMut(FrameView<'_>) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        while !bytes.is_empty() {
            if self.partial.is_empty()
                && let Some(length) = length(bytes)?
                && bytes.len() >= length
            {
                let (frame, rest) = bytes.split_at(length);
                give(view(frame)?)?;
                bytes = rest;
                continue;
            }
            // The prelude first, since it says how long the frame is; then no byte beyond the frame.
            let wanted = length(&self.partial)?.unwrap_or(PRELUDE_BYTES);
            let (more, rest) = bytes.split_at((wanted - self.partial.len()).min(bytes.len()));
            self.partial.extend_from_slice(more);
            bytes = rest;
            if length(&self.partial)?.is_some_and(|length| length == self.partial.len()) {
                give(view(&self.partial)?)?;
                self.partial.clear();
            }
        }
        Ok(())
    }
}

/// The length of the frame that begins here; `None` before its prelude is whole.
fn length(bytes: &[u8]) -> Result<Option<usize>, WireError> {
    let Some(prelude) = bytes.first_chunk::<PRELUDE_BYTES>() else { return Ok(None) };
    let [total, headers, checksum] = [0, 4, 8].map(|at| number(&prelude[at..]));
    if crc32fast::hash(&prelude[..8]) != checksum {
        return Err(WireError::BadFrame { what: "the checksum of its lengths is wrong" });
    }
    let (total, headers) = (total as usize, headers as usize);
    if total < FRAME_BYTES_MIN || headers > total - FRAME_BYTES_MIN {
        return Err(WireError::BadFrame { what: "its lengths contradict each other" });
    }
    let too_long = |what, name, limit| WireError::TooLong { what, name, limit };
    if total > FRAME_BYTES {
        return Err(too_long("a frame of an event stream", "frame_bytes", FRAME_BYTES));
    }
    if headers > FRAME_HEADER_BYTES {
        return Err(too_long("the headers of a frame", "frame_header_bytes", FRAME_HEADER_BYTES));
    }
    Ok(Some(total))
}

/// Reads a whole frame whose lengths have been checked.
fn view(frame: &[u8]) -> Result<FrameView<'_>, WireError> {
    let (body, checksum) = frame.split_at(frame.len() - 4);
    if crc32fast::hash(body) != number(checksum) {
        return Err(WireError::BadFrame { what: "its checksum is wrong" });
    }
    let headers_end = PRELUDE_BYTES + number(&body[4..]) as usize;
    let headers = Headers::parse(&body[PRELUDE_BYTES..headers_end])?;
    let payload = &body[headers_end..];
    Ok(match headers.message_type {
        "exception" => FrameView::Failure { kind: headers.failure_kind(), payload },
        "error" => {
            FrameView::Failure { kind: headers.failure_kind(), payload: headers.error_message.as_bytes() }
        }
        _ if headers.event_type == "PayloadPart" => FrameView::Part(payload),
        _ => FrameView::Other,
    })
}

/// The first four bytes as a number; what is missing counts as zero bits and never is.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

impl From<FrameView<'_>> for Frame {
    fn from(view: FrameView<'_>) -> Self {
        match view {
            FrameView::Part(payload) => Self::Part(payload.to_vec()),
            FrameView::Failure { kind, payload } => {
                Self::Failure { kind: kind.to_owned(), payload: payload.to_vec() }
            }
            FrameView::Other => Self::Other,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
