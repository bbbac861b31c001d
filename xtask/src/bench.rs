//! `bench NAME`: runs one of the benchmarks in `bench/` against a release build.
//!
//! A benchmark is an executable file `bench/NAME` (or `bench/NAME.py`). It is started in the root of the checkout with
//! the remaining arguments and the path of the binary in `BIFOCAL_BIN`, and prints its own results.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::{run, ui, workspace};

/// Runs the benchmark that is named first with the arguments after it.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let runners = runners(&workspace::root().join("bench"));
    let Some((name, rest)) = args.split_first() else {
        bail!("which benchmark? {}", choices(&runners));
    };
    let Some((_, path)) = runners.iter().find(|(known, _)| known == name) else {
        bail!("there is no benchmark `{name}`: {}", choices(&runners));
    };
    // The page is part of the binary, and of its size and memory.
    ui::build()?;
    run::check(run::cargo().args(["build", "--release", "--package", "bifocal"]))?;
    run::check(run::command(path).args(rest).env("BIFOCAL_BIN", workspace::binary("release")))
}

/// Name and path of each executable in the folder, by name.
fn runners(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.is_file() && path.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0)
        })
        .filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path)))
        .collect();
    found.sort();
    found
}

fn choices(runners: &[(String, PathBuf)]) -> String {
    if runners.is_empty() {
        return "there is none yet in bench/".to_owned();
    }
    let names: Vec<_> = runners.iter().map(|(name, _)| name.as_str()).collect();
    format!("choose from {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runners_are_the_executables_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for (name, mode) in [("proxy", 0o755), ("store.py", 0o755), ("README.md", 0o644)] {
            fs::write(folder.path().join(name), "").unwrap();
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        assert_eq!(choices(&runners(folder.path())), "choose from proxy, store");
        assert_eq!(choices(&runners(&folder.path().join("none"))), "there is none yet in bench/");
    }

    #[test]
    fn an_unknown_name_is_refused_before_anything_is_built() {
        let err = run(&["no-such-benchmark".to_owned()]).unwrap_err().to_string();
        assert!(err.starts_with("there is no benchmark `no-such-benchmark`: "), "{err}");
    }
}
