//! Lines of a file, with their offsets, in a buffer that grows no further than one line may.

use std::io::{self, Read};

use crate::limits::LINE_BYTES;

const READ_BYTES: usize = 1024 * 1024;

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// Without its line end.
    Whole {
        bytes: &'a [u8],
        /// Whether a line end followed; the last line of a file that is still being written has none.
        terminated: bool,
        /// Where the next line begins.
        end: u64,
    },
    /// Longer than the limit; it was passed over.
    TooLong {
        /// Where the next line begins.
        end: u64,
    },
}

/// Reads lines.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes of the line at `start` that hold no line end.
    scanned: usize,
    offset: u64,
    line_bytes_max: usize,
    exhausted: bool,
}

impl<R: Read> Lines<R> {
    /// Reads on from `offset`, at which the source already stands.
    pub(crate) fn new(source: R, offset: u64) -> Self {
        Self::with_limit(source, offset, LINE_BYTES)
    }

    pub(crate) fn with_limit(source: R, offset: u64, line_bytes_max: usize) -> Self {
        let buffer = vec![0; READ_BYTES];
        Self { source, buffer, start: 0, end: 0, scanned: 0, offset, line_bytes_max, exhausted: false }
    }

    /// Where the next line begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line; `None` at the end of the file.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            let unscanned = &self.buffer[self.start + self.scanned..self.end];
            if let Some(found) = memchr::memchr(b'\n', unscanned) {
                let length = self.scanned + found;
                return Ok(Some(self.take(length, true)));
            }
            self.scanned = self.end - self.start;
            if self.scanned > self.line_bytes_max {
                self.pass_over()?;
                return Ok(Some(Line::TooLong { end: self.offset }));
            }
            if self.exhausted {
                let rest = self.scanned;
                return Ok((rest > 0).then(|| self.take(rest, false)));
            }
            self.fill()?;
        }
    }

    fn take(&mut self, length: usize, terminated: bool) -> Line<'_> {
        let start = self.start;
        let taken = length + usize::from(terminated);
        self.start += taken;
        self.offset += taken as u64;
        self.scanned = 0;
        if length > self.line_bytes_max {
            return Line::TooLong { end: self.offset };
        }
        let bytes = &self.buffer[start..start + length];
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        Line::Whole { bytes, terminated, end: self.offset }
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.end < READ_BYTES / 2 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let read = self.source.read(&mut self.buffer[self.end..])?;
        self.end += read;
        self.exhausted = read == 0;
        Ok(())
    }

    /// Reads to the line's end and keeps none of it.
    fn pass_over(&mut self) -> io::Result<()> {
        loop {
            self.offset += (self.end - self.start) as u64;
            (self.start, self.end, self.scanned) = (0, 0, 0);
            self.end = self.source.read(&mut self.buffer)?;
            if self.end == 0 {
                self.exhausted = true;
                return Ok(());
            }
            if let Some(found) = memchr::memchr(b'\n', &self.buffer[..self.end]) {
                self.start = found + 1;
                self.offset += self.start as u64;
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives a few bytes at a time.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(self.0.len()).min(buffer.len());
            buffer[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn all(bytes: &[u8], step: usize, limit: usize) -> Vec<(u64, Option<Vec<u8>>)> {
        let mut lines = Lines::with_limit(Trickle(bytes, step), 0, limit);
        let mut read = Vec::new();
        loop {
            let offset = lines.offset();
            match lines.next().unwrap() {
                None => return read,
                Some(Line::TooLong { .. }) => read.push((offset, None)),
                Some(Line::Whole { bytes, .. }) => read.push((offset, Some(bytes.to_vec()))),
            }
        }
    }

    #[test]
    fn a_line_past_the_limit_is_passed_over_and_the_rest_goes_on() {
        let text = b"ab\r\n\n0123456789\nlast";
        let want =
            [(0, Some(b"ab".to_vec())), (4, Some(Vec::new())), (5, None), (16, Some(b"last".to_vec()))];
        for step in [1, 3, 100] {
            assert_eq!(all(text, step, 5), want, "step {step}");
        }
    }

    #[test]
    fn the_longest_line_is_read_and_one_byte_more_is_not() {
        let mut text = vec![b'x'; LINE_BYTES];
        text.push(b'\n');
        text.resize(text.len() + LINE_BYTES + 1, b'y');
        text.extend_from_slice(b"\nlast");
        let mut lines = Lines::new(text.as_slice(), 0);
        let Some(Line::Whole { bytes, .. }) = lines.next().unwrap() else { panic!() };
        assert_eq!(bytes.len(), LINE_BYTES);
        assert_eq!(lines.next().unwrap(), Some(Line::TooLong { end: 2 * LINE_BYTES as u64 + 3 }));
        let Some(Line::Whole { bytes, .. }) = lines.next().unwrap() else { panic!() };
        assert_eq!(bytes, b"last");
        // The buffer doubles, so it holds less than twice the longest line.
        assert!(lines.buffer.len() <= 2 * LINE_BYTES, "{}", lines.buffer.len());
    }

    proptest! {
        #[test]
        fn the_size_of_reads_changes_nothing(text in "[ab\n]{0,60}", step in 1usize..20, limit in 1usize..12) {
            let lines = all(text.as_bytes(), step, limit);
            let mut want = Vec::new();
            let mut offset = 0;
            for line in text.split_inclusive('\n') {
                let body = line.strip_suffix('\n').unwrap_or(line);
                want.push((offset, (body.len() <= limit).then(|| body.as_bytes().to_vec())));
                offset += line.len() as u64;
            }
            prop_assert_eq!(lines, want);
        }
    }
}
