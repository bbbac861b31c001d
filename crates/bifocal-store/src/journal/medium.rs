//! What the journal writes to: a file, or in tests something that fails on purpose.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

/// A file that grows at its end.
pub(crate) trait Medium: fmt::Debug + Send {
    /// Writes all bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes everything written durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

/// Opens the journal's files.
pub(crate) trait Opener: fmt::Debug + Send {
    /// Opens for appending; the file is made when it is not there.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Medium>>;
}

/// Files of the operating system.
#[derive(Debug)]
pub(crate) struct Disk;

impl Opener for Disk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Medium>> {
        Ok(Box::new(File::options().create(true).append(true).open(path)?))
    }
}

impl Medium for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}
