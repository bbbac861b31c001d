//! Lines of a stream, decoded as the bytes come in. Lines end with LF; a CR before it and empty lines are dropped.

use crate::error::WireError;
use crate::limits::STREAM_LINE_BYTES;

/// The decoder. After an error it stays in it.
#[derive(Debug, Default)]
pub struct Decoder {
    partial: Vec<u8>,
    failed: Option<WireError>,
}

impl Decoder {
    /// Takes the next bytes, gives the lines that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, WireError> {
        let mut lines = Vec::new();
        self.feed(bytes, &mut |line: &[u8]| lines.push(line.to_vec()))?;
        Ok(lines)
    }

    /// The end of the stream: the last line, where its line end is missing.
    pub fn finish(mut self) -> Option<Vec<u8>> {
        let mut last = None;
        self.end(&mut |line: &[u8]| last = Some(line.to_vec()));
        last
    }

    pub(crate) fn feed(&mut self, mut bytes: &[u8], give: &mut impl FnMut(&[u8])) -> Result<(), WireError> {
        if let Some(err) = &self.failed {
            return Err(err.clone());
        }
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.check(self.partial.len() + end)?;
            if self.partial.is_empty() {
                give_line(&bytes[..end], give);
            } else {
                self.partial.extend_from_slice(&bytes[..end]);
                give_line(&self.partial, give);
                self.partial.clear();
            }
            bytes = &bytes[end + 1..];
        }
        self.check(self.partial.len() + bytes.len())?;
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn end(&mut self, give: &mut impl FnMut(&[u8])) {
        let line = std::mem::take(&mut self.partial);
        give_line(&line, give);
    }

    fn check(&mut self, length: usize) -> Result<(), WireError> {
        if length <= STREAM_LINE_BYTES {
            return Ok(());
        }
        let err = WireError::TooLong {
            what: "a line of a stream",
            name: "stream_line_bytes",
            limit: STREAM_LINE_BYTES,
        };
        self.failed = Some(err.clone());
        self.partial = Vec::new();
        Err(err)
    }
}

fn give_line(line: &[u8], give: &mut impl FnMut(&[u8])) {
    let line = line.trim_ascii();
    if !line.is_empty() {
        give(line);
    }
}
