//! The data folder: its lock, and how a file comes to be in it whole or not at all.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::failpoint;

/// The lock of the folder; it is free again when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

pub(crate) fn lock(dir: &Path) -> Result<Lock, Error> {
    create_private(dir).map_err(Error::file("create the data folder", dir))?;
    let path = dir.join("lock");
    let open = File::options().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(Error::file("open the lock", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { dir: dir.to_owned() }),
        Err(TryLockError::Error(err)) => Err(Error::File { action: "lock", path, err }),
    }
}

/// Prompts and answers lie in the data folder: one that is made here belongs to its user alone. The mode of a folder
/// that is there already is its owner's choice.
fn create_private(dir: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Makes the entries of a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    let sync = File::open(dir).and_then(|file| file.sync_all());
    sync.map_err(Error::file("make durable the folder", dir))
}

/// Writes a file under a temporary name, makes it durable and gives it its name. The folder is not yet durable:
/// [`sync_dir`] it and those that were made for it.
pub(crate) fn place(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let temporary = path.with_extension("tmp");
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(Error::file("write", &temporary))?;
    failpoint::pass("seal.after_temp");
    fs::rename(&temporary, path).map_err(Error::file("rename", &temporary))?;
    failpoint::pass("seal.after_rename");
    Ok(())
}

/// Every file below a folder, in order.
pub(crate) fn files_below(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => continue,
            Err(err) => return Err(Error::File { action: "list", path: folder, err }),
        };
        for entry in entries {
            let entry = entry.map_err(Error::file("list", &folder))?;
            let kind = entry.file_type().map_err(Error::file("look at", entry.path()))?;
            if kind.is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_new_data_folder_is_its_users_alone() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("a/data");
        let _lock = lock(&dir).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&dir).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o700);
    }
}
