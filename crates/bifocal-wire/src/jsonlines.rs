//! Lines of a stream, decoded as the bytes come in. Lines end with LF; a CR before it and empty lines are dropped.

use crate::error::WireError;
use crate::lines::{LineEnd, Splitter};

/// The decoder. After an error it stays in it.
#[derive(Debug)]
pub struct Decoder {
    lines: Splitter,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { lines: Splitter::new(LineEnd::Lf) }
    }
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

    pub(crate) fn feed(&mut self, bytes: &[u8], give: &mut impl FnMut(&[u8])) -> Result<(), WireError> {
        self.lines.feed(bytes, &mut |line| {
            give_line(line, give);
            Ok(())
        })
    }

    pub(crate) fn end(&mut self, give: &mut impl FnMut(&[u8])) {
        give_line(&self.lines.rest(), give);
    }
}

fn give_line(line: &[u8], give: &mut impl FnMut(&[u8])) {
    let line = line.trim_ascii();
    if !line.is_empty() {
        give(line);
    }
}
