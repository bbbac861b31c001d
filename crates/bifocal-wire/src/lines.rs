//! Lines of a stream, cut out of the bytes as they come in: the one splitter under server-sent events and JSON
//! lines. A line that came whole is given out where it lies; only a line that was cut is put together.

use crate::error::WireError;
use crate::limits::STREAM_LINE_BYTES;

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// LF alone; a CR before it stays on the line.
    Lf,
    /// LF, CRLF or CR.
    Any,
}

/// The splitter. After an error it stays in it.
#[derive(Debug)]
pub(crate) struct Splitter {
    end: LineEnd,
    /// The start of a line whose end has not come yet.
    partial: Vec<u8>,
    /// The last byte was a CR that ended a line: a LF that follows belongs to it.
    after_cr: bool,
    failed: Option<WireError>,
}

impl Splitter {
    pub(crate) fn new(end: LineEnd) -> Self {
        Self { end, partial: Vec::new(), after_cr: false, failed: None }
    }

    /// Takes the next bytes, gives each line that they complete without its end.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        give: &mut impl FnMut(&[u8]) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        if let Some(err) = &self.failed {
            return Err(err.clone());
        }
        if self.after_cr && !bytes.is_empty() {
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            self.after_cr = false;
        }
        while let Some(end) = self.end.find(bytes) {
            self.take_line(&bytes[..end], give)?;
            let is_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            if is_cr {
                self.after_cr = bytes.is_empty();
                bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            }
        }
        if let Err(err) = within_limit(self.partial.len() + bytes.len()) {
            return Err(self.fail(err));
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    /// The end of the stream: what stands behind the last line end, empty after an error.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }

    /// Whether a limit was hit.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    fn take_line(
        &mut self,
        rest: &[u8],
        give: &mut impl FnMut(&[u8]) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        let given = within_limit(self.partial.len() + rest.len()).and_then(|()| {
            if self.partial.is_empty() {
                return give(rest);
            }
            self.partial.extend_from_slice(rest);
            let given = give(&self.partial);
            self.partial.clear();
            given
        });
        given.map_err(|err| self.fail(err))
    }

    fn fail(&mut self, err: WireError) -> WireError {
        self.partial = Vec::new();
        self.failed = Some(err.clone());
        err
    }
}

impl LineEnd {
    fn find(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Lf => memchr::memchr(b'\n', bytes),
            Self::Any => memchr::memchr2(b'\n', b'\r', bytes),
        }
    }
}

/// Whether a line, or what is put together from lines, may be so long.
pub(crate) fn within_limit(length: usize) -> Result<(), WireError> {
    if length <= STREAM_LINE_BYTES {
        return Ok(());
    }
    Err(WireError::TooLong {
        what: "a line of a stream",
        name: "stream_line_bytes",
        limit: STREAM_LINE_BYTES,
    })
}
