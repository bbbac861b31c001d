//! What can go wrong in the store, and whose fault it is.

use std::io;
use std::path::PathBuf;

/// An error of the store. Each completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has the folder.
    #[error("lock the data folder `{}`: another Bifocal uses it; stop that one or choose another folder with --data", dir.display())]
    Locked {
        /// The folder.
        dir: PathBuf,
    },
    /// A file or folder could not be made, read, written or removed.
    #[error("{action} `{}`", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        err: io::Error,
    },
    /// The journal was written by another version.
    #[error("read the journal file `{}`: its format is {found}, this version reads {expected}; use the version that wrote it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version byte found.
        found: u8,
        /// The version byte expected.
        expected: u8,
    },
    /// Bytes in the middle of the journal are not those that were written.
    #[error("read the journal file `{}` at byte {offset}: {detail}; the file is damaged, not torn: restore it from a backup, or move it out of the folder to go on without its records", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong there.
        detail: String,
    },
    /// The disk refused an append. Nothing of it was applied.
    #[error("append to the journal")]
    Append {
        /// Why.
        #[source]
        err: io::Error,
    },
    /// An earlier append failed and [`crate::Store::retry`] has not succeeded since.
    #[error(
        "append to the journal: it refuses since an earlier failure; free space on the disk, it is tried again"
    )]
    Refusing,
    /// So much is unsealed that memory is in danger.
    #[error("append to the journal: {bytes} bytes wait to be sealed, the limit is {limit}")]
    SealOverdue {
        /// Unsealed bytes.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// An append cannot be written whole.
    #[error("append {bytes} bytes at once: the limit is {limit}")]
    AppendTooLarge {
        /// Its encoded size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A value could not be encoded.
    #[error("encode {what}")]
    Encode {
        /// Which.
        what: &'static str,
        /// Why.
        #[source]
        err: rmp_serde::encode::Error,
    },
    /// A saved value could not be read back.
    #[error("decode {what}")]
    Decode {
        /// Which.
        what: &'static str,
        /// Why.
        #[source]
        err: rmp_serde::decode::Error,
    },
    /// The catalogue refused.
    #[error("{action} in the catalogue")]
    Catalogue {
        /// What was tried.
        action: &'static str,
        /// Why not.
        #[source]
        err: rusqlite::Error,
    },
    /// A segment could not be written or read.
    #[error("{action} the segment `{}`", path.display())]
    Parquet {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        err: parquet::errors::ParquetError,
    },
    /// A segment does not hold what the catalogue says or what its schema promises.
    #[error("read the segment `{}`: {detail}", path.display())]
    Segment {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
}

impl Error {
    /// The code of the page that says more, for mistakes that a person can mend.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Locked { .. } => Some("B0221"),
            Self::Damaged { .. } => Some("B0222"),
            Self::Version { .. } => Some("B0223"),
            Self::Append { .. } | Self::Refusing => Some("B0224"),
            _ => None,
        }
    }

    /// Whether the same call may succeed later without anybody changing the data.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Append { .. } | Self::Refusing | Self::SealOverdue { .. } | Self::File { .. })
    }

    /// Whether the disk (or the quota) is full.
    pub fn is_disk_full(&self) -> bool {
        let err = match self {
            Self::Append { err } | Self::File { err, .. } => err,
            _ => return false,
        };
        matches!(
            err.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        )
    }

    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |err| Self::File { action, path, err }
    }

    pub(crate) fn catalogue(action: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |err| Self::Catalogue { action, err }
    }
}
