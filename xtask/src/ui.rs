//! The page: installed and built only when what it is made of has changed.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::{report, run, workspace};

/// Made by npm and vite, never an input.
const MADE: &[&str] = &["node_modules", "dist"];

/// Brings `ui/dist` up to date.
pub(crate) fn build() -> Result<()> {
    let ui = workspace::root().join("ui");
    install(&ui)?;
    let stamp = Stamp::of("ui.stamp", digest(&ui)?);
    if stamp.holds() && ui.join("dist/index.html").is_file() {
        return Ok(());
    }
    report::say("building the page");
    run::check(npm(&ui).args(["run", "build"]))?;
    stamp.write()
}

/// Type checks and unit tests of the page.
pub(crate) fn test() -> Result<()> {
    let ui = workspace::root().join("ui");
    install(&ui)?;
    run::check(npm(&ui).args(["run", "check"]))?;
    run::check(npm(&ui).args(["run", "test"]))
}

/// `npm ci`, when the lock file is not the one that was installed.
fn install(ui: &Path) -> Result<()> {
    let lock = ui.join("package-lock.json");
    let text = fs::read(&lock).with_context(|| format!("read `{}`", lock.display()))?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let stamp = Stamp::of("ui-modules.stamp", hasher.finish());
    if stamp.holds() && ui.join("node_modules").is_dir() {
        return Ok(());
    }
    report::say("installing the page's packages");
    run::check(npm(ui).args(["ci", "--no-audit", "--no-fund"]))?;
    stamp.write()
}

fn npm(ui: &Path) -> std::process::Command {
    let mut npm = run::command("npm");
    npm.current_dir(ui);
    npm
}

/// A file in `target/` that holds the digest of the inputs of the last success. It stands in the checkout, as what it
/// speaks of does, and not in a target folder that several checkouts may share.
struct Stamp {
    path: std::path::PathBuf,
    wanted: String,
}

impl Stamp {
    fn of(name: &str, digest: u64) -> Self {
        Self { path: workspace::root().join("target").join(name), wanted: format!("{digest:016x}") }
    }

    fn holds(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|found| found == self.wanted)
    }

    fn write(&self) -> Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("make `{}`", folder.display()))?;
        }
        fs::write(&self.path, &self.wanted).with_context(|| format!("write `{}`", self.path.display()))
    }
}

/// A digest over names and contents of everything in the folder that is an input.
fn digest(folder: &Path) -> Result<u64> {
    let mut files = BTreeMap::new();
    collect(folder, folder, &mut files)?;
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    Ok(hasher.finish())
}

fn collect(folder: &Path, top: &Path, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("read `{}`", folder.display()))? {
        let path = entry?.path();
        let name = path.strip_prefix(top)?.to_string_lossy().into_owned();
        if MADE.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(&path, top, files)?;
        } else {
            files.insert(name, fs::read(&path).with_context(|| format!("read `{}`", path.display()))?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("src")).unwrap();
        fs::create_dir_all(folder.path().join("dist")).unwrap();
        fs::write(folder.path().join("src/app.svelte"), "a").unwrap();
        fs::write(folder.path().join("dist/index.html"), "built").unwrap();
        folder
    }

    #[test]
    fn the_digest_follows_content_and_names_of_inputs() {
        let folder = page();
        let before = digest(folder.path()).unwrap();
        assert_eq!(digest(folder.path()).unwrap(), before);
        fs::write(folder.path().join("src/app.svelte"), "b").unwrap();
        let changed = digest(folder.path()).unwrap();
        assert_ne!(changed, before);
        fs::rename(folder.path().join("src/app.svelte"), folder.path().join("src/page.svelte")).unwrap();
        assert_ne!(digest(folder.path()).unwrap(), changed);
    }

    #[test]
    fn what_is_made_is_no_input() {
        let folder = page();
        let before = digest(folder.path()).unwrap();
        fs::write(folder.path().join("dist/index.html"), "built again").unwrap();
        fs::create_dir_all(folder.path().join("node_modules/x")).unwrap();
        fs::write(folder.path().join("node_modules/x/index.js"), "x").unwrap();
        assert_eq!(digest(folder.path()).unwrap(), before);
    }

    #[test]
    fn a_stamp_holds_for_its_digest_only() {
        let folder = tempfile::tempdir().unwrap();
        let stamp =
            |digest| Stamp { path: folder.path().join("a/ui.stamp"), wanted: format!("{digest:016x}") };
        assert!(!stamp(1).holds());
        stamp(1).write().unwrap();
        assert!(stamp(1).holds());
        assert!(!stamp(2).holds());
    }
}
