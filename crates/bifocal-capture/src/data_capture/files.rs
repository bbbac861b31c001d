//! Which files are read, in which order, and what makes a file the same one.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bifocal_model::fnv1a;

use crate::data_capture::place::stable_end;
use crate::error::Error;
use crate::limits::FOLDER_DEPTH;

const FINGERPRINT_BYTES: usize = 4096;

/// The `.jsonl` files of the paths, folders searched through, each folder in the order of names (which is the
/// order of time in Data Capture's layout).
pub(crate) fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in paths {
        let read = |err| Error::Read { path: path.clone(), err };
        let before = files.len();
        if std::fs::metadata(path).map_err(read)?.is_dir() {
            search(path, FOLDER_DEPTH, &mut files)?;
        } else {
            files.push(path.clone());
        }
        if files.len() == before {
            return Err(Error::NothingToRead { path: path.clone() });
        }
    }
    Ok(files)
}

fn search(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let read = |err| Error::Read { path: folder.to_owned(), err };
    if depth == 0 {
        return Err(read(io::Error::other("too many folders within folders (limit `folder_depth`)")));
    }
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut paths: Vec<PathBuf> = entries.map_err(read)?.iter().map(std::fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            search(&path, depth - 1, files)?;
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    Ok(())
}

/// What makes a file the same one: the end of its path and its first line (or 4 KiB of it). The first line holds
/// an event's id and does not change when the file grows or is copied.
pub(crate) fn fingerprint(path: &Path) -> Result<String, Error> {
    let read = |err| Error::Read { path: path.to_owned(), err };
    let mut head = Vec::new();
    let file = File::open(path).map_err(read)?;
    file.take(FINGERPRINT_BYTES as u64).read_to_end(&mut head).map_err(read)?;
    Ok(fingerprint_of(&stable_end(path), &head))
}

/// As [`fingerprint`], of the end of a name and the first bytes.
pub(crate) fn fingerprint_of(name: &str, head: &[u8]) -> String {
    let head = &head[..head.len().min(FINGERPRINT_BYTES)];
    let first_line = memchr::memchr(b'\n', head).map_or(head, |end| &head[..end]);
    let of_line = fnv1a(first_line.iter().copied());
    let of_both = fnv1a(name.bytes().chain([0]).chain(first_line.iter().rev().copied()));
    format!("{of_line:016x}{of_both:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_searched_in_the_order_of_names_and_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b/2.jsonl", "a/9.jsonl", "a/x.txt", "1.jsonl"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}\n").unwrap();
        }
        let found = find(&[folder.path().to_owned()]).unwrap();
        let names: Vec<_> =
            found.iter().map(|p| p.strip_prefix(folder.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["1.jsonl", "a/9.jsonl", "b/2.jsonl"]);
        let deep = (0..FOLDER_DEPTH).fold(folder.path().to_owned(), |path, _| path.join("d"));
        std::fs::create_dir_all(deep).unwrap();
        assert_eq!(find(&[folder.path().to_owned()]).unwrap_err().code(), "B0210");
    }

    #[test]
    fn a_folder_without_files_and_a_path_that_is_not_there_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(find(&[folder.path().to_owned()]).unwrap_err().code(), "B0211");
        assert_eq!(find(&[folder.path().join("no")]).unwrap_err().code(), "B0210");
    }

    #[test]
    fn a_file_that_grows_or_moves_stays_the_same_and_another_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one.jsonl"), folder.path().join("other.jsonl"));
        std::fs::write(&one, "{\"a\":1}\n").unwrap();
        let before = fingerprint(&one).unwrap();
        std::fs::write(&one, "{\"a\":1}\n{\"a\":2}\n").unwrap();
        assert_eq!(fingerprint(&one).unwrap(), before);
        std::fs::write(&other, "{\"a\":1}\n").unwrap();
        assert_ne!(fingerprint(&other).unwrap(), before);
        std::fs::write(&one, "{\"a\":3}\n").unwrap();
        assert_ne!(fingerprint(&one).unwrap(), before);
    }
}
