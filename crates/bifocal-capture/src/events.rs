//! Events from a file that somebody else appends to: deployments, scalings, changes of configuration.
//!
//! The life of a line: read once its line end is there, parsed, its target looked up, journaled in one atomic batch with a
//! checkpoint behind it; a restart goes on behind the checkpoint. A file that is replaced or cut is read from its
//! beginning, and what the store has of it is left out. A line that cannot be read is told in the log with its number.
//!
//! Events say when something happened, so that it can be aligned with what moved. They are never called a cause.

mod line;

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use bifocal_model::{Event, TargetKey, fnv1a};
use bifocal_store::{Checkpoint, Intake, Record};
use bifocal_telemetry::Drain;

use crate::limits::{EVENT_LINE_BYTES, EVENTS_AT_ONCE};
use line::EventLine;

/// What has been read of the file is looked up and journaled through these.
pub struct EventsFile {
    path: PathBuf,
    intake: Intake,
    checkpoints: Lookup<Checkpoint>,
    known: Box<dyn Fn(&Event) -> bool + Send + Sync>,
    target: Lookup<TargetKey>,
    told_missing: bool,
}

/// What a text stands for.
type Lookup<T> = Box<dyn Fn(&str) -> Option<T> + Send + Sync>;

/// Between two looks at the file.
const EVERY: Duration = Duration::from_secs(1);

/// What one look found.
#[derive(Debug, Default, PartialEq)]
struct Found {
    events: Vec<Event>,
    checkpoint: Option<Checkpoint>,
    /// Numbers of bad lines and what is wrong with them. The number counts from where this look began.
    bad: Vec<(u64, String)>,
    /// Whether there may be more to read at once.
    more: bool,
}

impl EventsFile {
    /// Follows a file. `checkpoints` gives the store's checkpoint of a file, `known` whether the store has an event, `target`
    /// the key of a target's name or id.
    pub fn new(
        path: PathBuf,
        intake: Intake,
        checkpoints: impl Fn(&str) -> Option<Checkpoint> + Send + Sync + 'static,
        known: impl Fn(&Event) -> bool + Send + Sync + 'static,
        target: impl Fn(&str) -> Option<TargetKey> + Send + Sync + 'static,
    ) -> Self {
        Self {
            path,
            intake,
            checkpoints: Box::new(checkpoints),
            known: Box::new(known),
            target: Box::new(target),
            told_missing: false,
        }
    }

    /// Follows the file until the signal to end.
    pub async fn run(mut self, mut drain: Drain) {
        loop {
            match self.look() {
                Ok(found) => {
                    self.told_missing = false;
                    let more = found.more;
                    if !self.journal(found).await {
                        return;
                    }
                    if more && !drain.is_requested() {
                        continue;
                    }
                }
                Err(err) => self.tell(&err),
            }
            tokio::select! {
                () = drain.requested() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// False when the journal is closed.
    async fn journal(&self, found: Found) -> bool {
        for (line, problem) in &found.bad {
            tracing::warn!(file = %self.path.display(), line, problem, "an event could not be read and is left out");
        }
        let Some(checkpoint) = found.checkpoint else { return true };
        let mut records: Vec<Record> = found.events.into_iter().map(Record::Event).collect();
        records.push(Record::Checkpoint(checkpoint));
        self.intake.submit(records).await.is_ok()
    }

    /// A file that is not there yet is told once.
    fn tell(&mut self, err: &io::Error) {
        if !self.told_missing {
            tracing::warn!(file = %self.path.display(), error = %err, "the events file cannot be read; it is tried again");
        }
        self.told_missing = true;
    }

    /// Reads what was added since the last checkpoint, whole lines only.
    fn look(&self) -> io::Result<Found> {
        let mut reader = BufReader::new(File::open(&self.path)?);
        let length = reader.get_ref().metadata()?.len();
        let mut first = Vec::new();
        reader.by_ref().take(EVENT_LINE_BYTES as u64 + 1).read_until(b'\n', &mut first)?;
        if first.last() != Some(&b'\n') && first.len() <= EVENT_LINE_BYTES {
            // Nobody can tell yet which file this is.
            return Ok(Found::default());
        }
        let file = format!("events/{:016x}", fnv1a(first));
        let read_to = (self.checkpoints)(&file).map_or(0, |checkpoint| checkpoint.offset);
        // A file that is shorter than what was read of it was cut: it is read anew.
        let from = if read_to > length { 0 } else { read_to };
        reader.seek(SeekFrom::Start(from))?;
        let mut found = Found::default();
        let (mut offset, mut number) = (from, 0);
        while number < EVENTS_AT_ONCE {
            let mut bytes = Vec::new();
            let taken =
                reader.by_ref().take(EVENT_LINE_BYTES as u64 + 1).read_until(b'\n', &mut bytes)? as u64;
            let whole = bytes.last() == Some(&b'\n');
            if !whole && bytes.len() <= EVENT_LINE_BYTES {
                break;
            }
            number += 1;
            offset += taken;
            if !whole {
                offset += pass_over(&mut reader)?;
                found.bad.push((number, format!("it has more than {EVENT_LINE_BYTES} bytes")));
                continue;
            }
            self.take(&bytes, number, &mut found);
        }
        found.more = number == EVENTS_AT_ONCE;
        if offset != from {
            found.checkpoint = Some(Checkpoint { file, offset, finished_at: None });
        }
        Ok(found)
    }

    fn take(&self, bytes: &[u8], number: u64, found: &mut Found) {
        if bytes.trim_ascii().is_empty() {
            return;
        }
        match EventLine::read(bytes) {
            Ok(line) => {
                let event = line.event(&self.target);
                if !(self.known)(&event) {
                    found.events.push(event);
                }
            }
            Err(problem) => found.bad.push((number, problem)),
        }
    }
}

impl fmt::Debug for EventsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventsFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Reads to the line's end and keeps none of it; gives the bytes.
fn pass_over(reader: &mut BufReader<File>) -> io::Result<u64> {
    let mut passed = 0;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(passed);
        }
        let (length, ended) = match memchr::memchr(b'\n', buffer) {
            Some(at) => (at + 1, true),
            None => (buffer.len(), false),
        };
        reader.consume(length);
        passed += length as u64;
        if ended {
            return Ok(passed);
        }
    }
}

#[cfg(test)]
mod tests;
