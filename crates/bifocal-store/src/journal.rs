//! The journal: the only source of truth. Files `000001.wal`, `000002.wal`, …; the last one grows.
//!
//! An append is written and made durable as a whole (one `fdatasync` for all its batches) before anybody hears of
//! it. When the disk refuses, the file is cut back to its last sound length and the journal refuses until
//! [`Journal::retry`] has shown that the disk takes data again. A seal ends a file and begins the next one.

mod frame;
mod medium;

use std::fs;
use std::path::{Path, PathBuf};

use bifocal_model::Timestamp;

pub(crate) use frame::{Frame, Salt};
pub(crate) use medium::{Disk, Medium, Opener};

use crate::folder::sync_dir;
use crate::{Error, Record, Seq, failpoint};

/// Bytes that [`Journal::retry`] writes to see whether the disk takes data.
const PROBE_BYTES: usize = 64 * 1024;
/// Bytes of the encoding buffer that are kept from append to append.
const KEPT_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// The open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: PathBuf,
    opener: Box<dyn Opener>,
    number: u64,
    medium: Box<dyn Medium>,
    salt: Salt,
    sound_bytes: u64,
    next: Seq,
    refusing: bool,
    buffer: Vec<u8>,
}

/// What the journal held when it was opened.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Frames with records behind the sealed sequence, in order.
    pub(crate) frames: Vec<Frame>,
    /// Bytes of a torn append that were cut.
    pub(crate) torn_bytes: u64,
    /// When the last append was written.
    pub(crate) last_at: Option<Timestamp>,
}

/// Opens the journal, repairs its end and reads everything behind `sealed`. `now` salts a file that is begun.
pub(crate) fn open(
    dir: &Path,
    sealed: Seq,
    now: Timestamp,
    opener: Box<dyn Opener>,
) -> Result<(Journal, Found), Error> {
    fs::create_dir_all(dir).map_err(Error::file("create", dir))?;
    let numbers = numbers(dir)?;
    let mut found = Found::default();
    let mut next = Seq(sealed.0 + 1);
    let mut sound_bytes = 0;
    let mut salt = salt_of(now);
    let mut version = frame::VERSION;
    for (i, &number) in numbers.iter().enumerate() {
        let path = path(dir, number);
        let bytes = fs::read(&path).map_err(Error::file("read", &path))?;
        let scan = frame::scan(&path, &bytes)?;
        let torn = bytes.len() - scan.sound;
        let is_last = i + 1 == numbers.len();
        if torn > 0 && !is_last {
            let detail = "the file ends within an append, yet another file follows".to_owned();
            return Err(Error::Damaged { path, offset: scan.sound as u64, detail });
        }
        found.torn_bytes += torn as u64;
        sound_bytes = scan.sound as u64;
        version = scan.version;
        salt = if scan.sound > 0 { scan.salt } else { salt_of(now) };
        for frame in scan.frames {
            let end = Seq(frame.first.0 + frame.records.len() as u64);
            found.last_at = Some(frame.at);
            if end <= next {
                continue; // sealed already: the process ended between the catalogue's commit and the cut
            }
            if frame.first != next {
                let detail =
                    format!("expected record {}, found {}: records are missing", next.0, frame.first.0);
                return Err(Error::Damaged { path, offset: 0, detail });
            }
            next = end;
            found.frames.push(frame);
        }
    }
    let mut number = numbers.last().copied().unwrap_or(1);
    if version < frame::VERSION {
        let old = path(dir, number);
        let end = || -> std::io::Result<()> {
            let mut old = opener.open(&old)?;
            old.truncate(sound_bytes)?;
            old.sync()
        };
        end().map_err(Error::file("end", &old))?;
        (number, sound_bytes, salt) = (number + 1, 0, salt_of(now));
    }
    let file = path(dir, number);
    let mut medium = opener.open(&file).map_err(Error::file("open", &file))?;
    let mut start = || -> std::io::Result<()> {
        medium.truncate(sound_bytes)?;
        if sound_bytes == 0 {
            medium.append(&frame::header(salt))?;
        }
        medium.sync()
    };
    start().map_err(Error::file("repair", &file))?;
    sync_dir(dir)?;
    let sound_bytes = sound_bytes.max(frame::HEADER_BYTES as u64);
    let dir = dir.to_owned();
    let journal =
        Journal { dir, opener, number, medium, salt, sound_bytes, next, refusing: false, buffer: Vec::new() };
    Ok((journal, found))
}

impl Journal {
    /// Writes the batches as one frame and makes it durable. The records get the sequences from [`Self::next`] on.
    /// Returns the bytes written.
    pub(crate) fn append(&mut self, batches: &[Vec<Record>], at: Timestamp) -> Result<u64, Error> {
        if self.refusing {
            return Err(Error::Refusing);
        }
        let count: usize = batches.iter().map(Vec::len).sum();
        if count == 0 {
            return Ok(0);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let encoded = frame::encode(&mut buffer, self.salt, self.next, at, batches);
        let written = encoded.and_then(|()| self.write(&buffer));
        if written.is_ok() {
            self.next.0 += count as u64;
        }
        let bytes = buffer.len() as u64;
        buffer.clear();
        buffer.shrink_to(KEPT_BUFFER_BYTES);
        self.buffer = buffer;
        written.map(|()| bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let Err(err) = self.write_durably(bytes) {
            self.refusing = true;
            // What the disk took of it must not come back after a restart.
            let _ = self.medium.truncate(self.sound_bytes);
            return Err(Error::Append { err });
        }
        self.sound_bytes += bytes.len() as u64;
        Ok(())
    }

    fn write_durably(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.medium.append(bytes)?;
        failpoint::pass("append.before_sync");
        self.medium.sync()?;
        failpoint::pass("append.after_sync");
        Ok(())
    }

    /// Tries whether the disk takes data again; appends work again when it does.
    pub(crate) fn retry(&mut self) -> Result<(), Error> {
        if !self.refusing {
            return Ok(());
        }
        let mut probe = || -> std::io::Result<()> {
            self.medium.truncate(self.sound_bytes)?;
            self.medium.append(&[0; PROBE_BYTES])?;
            self.medium.sync()
        };
        let probed = probe();
        let cut = self.medium.truncate(self.sound_bytes).and_then(|()| self.medium.sync());
        probed.and(cut).map_err(|err| Error::Append { err })?;
        self.refusing = false;
        Ok(())
    }

    /// Ends the file and begins the next one; the old files are deleted. Called when everything in them is sealed.
    pub(crate) fn cut(&mut self, at: Timestamp) -> Result<(), Error> {
        let salt = salt_of(at);
        let number = self.number + 1;
        let file = path(&self.dir, number);
        let mut medium = self.opener.open(&file).map_err(Error::file("create", &file))?;
        let mut start = || -> std::io::Result<()> {
            medium.truncate(0)?;
            medium.append(&frame::header(salt))?;
            medium.sync()
        };
        if let Err(err) = start() {
            drop(medium);
            let _ = fs::remove_file(&file);
            return Err(Error::File { action: "begin", path: file, err });
        }
        sync_dir(&self.dir)?;
        self.medium = medium;
        self.number = number;
        self.salt = salt;
        self.sound_bytes = frame::HEADER_BYTES as u64;
        self.refusing = false;
        for old in numbers(&self.dir)?.into_iter().filter(|&old| old < number) {
            let old = path(&self.dir, old);
            fs::remove_file(&old).map_err(Error::file("delete", &old))?;
        }
        Ok(())
    }

    /// The sequence of the next record.
    pub(crate) fn next(&self) -> Seq {
        self.next
    }

    /// Bytes of the file that grows.
    pub(crate) fn bytes(&self) -> u64 {
        self.sound_bytes
    }
}

/// Nobody who sends text knows the nanosecond at which a file was begun.
fn salt_of(at: Timestamp) -> Salt {
    Salt(at.as_nanos().to_le_bytes())
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:06}.wal"))
}

fn numbers(dir: &Path) -> Result<Vec<u64>, Error> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::file("list", dir))? {
        let entry = entry.map_err(Error::file("list", dir))?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".wal"));
        let number = number.and_then(|number| number.parse::<u64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests;
