//! Server-sent events, decoded as the bytes come in.
//!
//! Lines end with LF, CRLF or CR; a byte order mark at the start and comments are skipped; several `data` lines
//! of one event are joined by line ends. An event that the stream's end cuts off is given out by
//! [`Decoder::finish`]: servers forget the last empty line.

use crate::error::WireError;
use crate::lines::{LineEnd, Splitter, within_limit};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its kind; empty where the stream names none.
    pub kind: String,
    /// Its data; not necessarily UTF-8.
    pub data: Vec<u8>,
}

/// An event as long as the decoder holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventView<'a> {
    pub(crate) kind: &'a [u8],
    pub(crate) data: &'a [u8],
}

/// The decoder. After an error it stays in it.
#[derive(Debug)]
pub struct Decoder {
    lines: Splitter,
    open: Open,
}

/// The event that is being read.
#[derive(Debug, Default)]
struct Open {
    /// Something other than a byte order mark has been read.
    begun: bool,
    kind: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { lines: Splitter::new(LineEnd::Any), open: Open::default() }
    }
}

impl Decoder {
    /// Takes the next bytes, gives the events that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, WireError> {
        let mut events = Vec::new();
        self.feed(bytes, &mut |event| events.push(Event::from(event)))?;
        Ok(events)
    }

    /// The end of the stream: the last event, where its empty line is missing.
    pub fn finish(mut self) -> Option<Event> {
        let mut last = None;
        self.end(&mut |event| last = Some(Event::from(event)));
        last
    }

    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        give: &mut impl FnMut(EventView<'_>),
    ) -> Result<(), WireError> {
        let open = &mut self.open;
        let fed = self.lines.feed(bytes, &mut |line| open.line(line, give));
        if fed.is_err() {
            open.data = Vec::new();
        }
        fed
    }

    pub(crate) fn end(&mut self, give: &mut impl FnMut(EventView<'_>)) {
        if self.lines.has_failed() {
            return;
        }
        let line = self.lines.rest();
        if self.open.line(&line, give).is_ok() {
            self.open.dispatch(give);
        }
    }
}

impl Open {
    fn line(&mut self, line: &[u8], give: &mut impl FnMut(EventView<'_>)) -> Result<(), WireError> {
        let line = if self.begun { line } else { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) };
        self.begun = true;
        if line.is_empty() {
            self.dispatch(give);
            return Ok(());
        }
        let colon = memchr::memchr(b':', line);
        let (field, value) = colon.map_or((line, &b""[..]), |at| (&line[..at], &line[at + 1..]));
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                within_limit(self.data.len() + 1 + value.len())?;
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
                self.has_data = true;
            }
            b"event" => {
                self.kind.clear();
                self.kind.extend_from_slice(value);
            }
            // Comments (an empty field), `id`, `retry` and unknown fields.
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self, give: &mut impl FnMut(EventView<'_>)) {
        if self.has_data {
            give(EventView { kind: &self.kind, data: &self.data });
        }
        self.kind.clear();
        self.data.clear();
        self.has_data = false;
    }
}

impl From<EventView<'_>> for Event {
    fn from(view: EventView<'_>) -> Self {
        Self { kind: String::from_utf8_lossy(view.kind).into_owned(), data: view.data.to_vec() }
    }
}

#[cfg(test)]
mod tests;
