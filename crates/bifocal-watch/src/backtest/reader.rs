//! Files of JSON lines, read one line at a time.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Read as _};

use crate::limits::{HISTORY_EVENTS, HISTORY_LINE_BYTES};

use super::event::HistoryEvent;
use super::line::{Line, LineError};

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Lines that hold something.
    pub lines: u64,
    /// Lines that could not be read and were left out.
    pub skipped: u64,
    /// The first of them.
    pub first_skipped: Option<(u64, LineError)>,
    /// Names of fields that are not known.
    pub unknown_fields: BTreeSet<String>,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file itself.
    #[error("read line {line}")]
    Io {
        /// The line, from 1.
        line: u64,
        /// What the system says.
        #[source]
        err: io::Error,
    },
    /// One of its lines.
    #[error("line {line}{}: {err}", err.column.map(|column| format!(", column {column}")).unwrap_or_default())]
    Line {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it. Part of the message, not a cause of its own.
        err: LineError,
    },
    /// More events than are kept.
    #[error("more than {HISTORY_EVENTS} events")]
    TooManyEvents,
}

/// What is done with a line that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadLine {
    /// It ends the reading.
    Refuse,
    /// It is counted and left out.
    Skip,
}

/// Reads a score file, and gives each line with its number. Empty lines are left out.
pub fn read_scores<R: BufRead>(
    reader: R,
    bad: BadLine,
    mut each: impl FnMut(u64, Line<'_>),
) -> Result<Reading, ReadError> {
    let mut unknown = BTreeSet::new();
    let mut reading = read(reader, bad, |number, bytes| {
        each(number, Line::parse(bytes, &mut unknown)?);
        Ok(())
    })?;
    reading.unknown_fields = unknown;
    Ok(reading)
}

/// Reads a file of events.
pub fn read_events<R: BufRead>(reader: R, bad: BadLine) -> Result<(Vec<HistoryEvent>, Reading), ReadError> {
    let mut events = Vec::new();
    let mut too_many = false;
    let reading = read(reader, bad, |_, bytes| {
        let event = HistoryEvent::parse(bytes)?;
        if events.len() < HISTORY_EVENTS {
            events.push(event);
        } else {
            too_many = true;
        }
        Ok(())
    })?;
    if too_many {
        return Err(ReadError::TooManyEvents);
    }
    events.sort_by_key(|event| event.time);
    Ok((events, reading))
}

fn read<R: BufRead>(
    mut reader: R,
    bad: BadLine,
    mut take: impl FnMut(u64, &[u8]) -> Result<(), LineError>,
) -> Result<Reading, ReadError> {
    let mut reading = Reading::default();
    let mut buffer = Vec::new();
    let mut number = 0;
    loop {
        buffer.clear();
        number += 1;
        let most = HISTORY_LINE_BYTES as u64 + 1;
        let read = reader.by_ref().take(most).read_until(b'\n', &mut buffer);
        if read.map_err(|err| ReadError::Io { line: number, err })? == 0 {
            return Ok(reading);
        }
        let too_long = buffer.len() > HISTORY_LINE_BYTES && !buffer.ends_with(b"\n");
        if too_long {
            skip_line(&mut reader).map_err(|err| ReadError::Io { line: number, err })?;
        }
        let text =
            buffer.strip_prefix(b"\xef\xbb\xbf").filter(|_| number == 1).unwrap_or(&buffer).trim_ascii();
        if text.is_empty() {
            continue;
        }
        reading.lines += 1;
        let taken = if too_long {
            let what = format!("longer than {HISTORY_LINE_BYTES} bytes");
            Err(LineError { column: None, what })
        } else {
            take(number, text)
        };
        match taken {
            Ok(()) => {}
            Err(err) if bad == BadLine::Refuse => return Err(ReadError::Line { line: number, err }),
            Err(err) => {
                reading.skipped += 1;
                reading.first_skipped.get_or_insert((number, err));
            }
        }
    }
}

/// Reads on to the end of the line without keeping it.
fn skip_line<R: BufRead>(reader: &mut R) -> io::Result<()> {
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(());
        }
        if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            reader.consume(end + 1);
            return Ok(());
        }
        let all = bytes.len();
        reader.consume(all);
    }
}

#[cfg(test)]
mod tests;
