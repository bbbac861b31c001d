//! `tidy`: the repository's own rules, each a function from the tree of files to findings.
//!
//! A finding says where, what is wrong and what to do. Rules read text, not Rust: they are cheap, and what they look for
//! is named by convention. Every rule has a test that breaks one thing and sees it reported.

mod acceptance;
mod architecture;
mod codes;
mod edges;
mod examples;
mod files;
mod limits;
mod source;
mod words;

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::{report, run, workspace};

/// A file of the repository: its path from the root, with `/`, and its text.
#[derive(Debug, Clone)]
struct File {
    path: String,
    text: String,
}

/// All text files that are tracked or would be by `git add`.
#[derive(Debug, Clone, Default)]
struct Tree {
    files: Vec<File>,
    /// Paths of all files, those without text among them.
    paths: Vec<String>,
}

impl Tree {
    fn read(root: &Path) -> Result<Self> {
        let mut git = run::command("git");
        git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = run::output(&mut git).context("list the files of the repository")?;
        let mut tree = Self::default();
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            let full = root.join(path);
            if !full.is_file() {
                continue; // deleted, and the deletion is not committed yet
            }
            let bytes = fs::read(&full).with_context(|| format!("read `{path}`"))?;
            tree.paths.push(path.to_owned());
            if let Ok(text) = String::from_utf8(bytes) {
                tree.files.push(File { path: path.to_owned(), text });
            }
        }
        Ok(tree)
    }

    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| File { path: path.to_owned(), text: text.to_owned() };
        Self {
            files: files.iter().map(file).collect(),
            paths: files.iter().map(|(path, _)| (*path).to_owned()).collect(),
        }
    }

    fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Files below a folder (`crates/`) with an extension (`rs`).
    fn below<'a>(&'a self, folder: &'a str, extension: &'a str) -> impl Iterator<Item = &'a File> {
        self.files
            .iter()
            .filter(move |file| file.path.starts_with(folder))
            .filter(move |file| file.path.rsplit_once('.').is_some_and(|(_, found)| found == extension))
    }
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    /// Path, with `:LINE` where there is one.
    place: String,
    what: String,
    todo: String,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), todo: todo.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    hint: {}", self.place, self.what, self.todo)
    }
}

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[(&str, Rule)] = &[
    ("crate edges", edges::check),
    ("examples", examples::check),
    ("ARCHITECTURE.md", architecture::check),
    ("files", files::check),
    ("words", words::check),
    ("acceptance", acceptance::check),
    ("limits", limits::check),
    ("error codes", codes::check),
];

/// Checks the checkout and prints what is wrong.
pub(crate) fn run() -> Result<()> {
    let tree = Tree::read(workspace::root())?;
    let mut count = 0;
    for (name, rule) in RULES {
        for finding in rule(&tree) {
            report::say(&format!("tidy ({name}): {finding}"));
            count += 1;
        }
    }
    if count > 0 {
        bail!("tidy found {count} broken rules");
    }
    report::say(&format!("tidy: {} files keep {} sets of rules", tree.paths.len(), RULES.len()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_holds_what_git_would_add_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        run::check(run::command("git").current_dir(root).args(["init", "--quiet"])).unwrap();
        fs::write(root.join(".gitignore"), "/made\n").unwrap();
        fs::create_dir(root.join("made")).unwrap();
        fs::write(root.join("made/x.rs"), "").unwrap();
        fs::write(root.join("picture.png"), [0x89, 0xff, 0x00]).unwrap();
        let mut tree = Tree::read(root).unwrap();
        tree.paths.sort();
        assert_eq!(tree.paths, [".gitignore", "picture.png"]);
        assert!(tree.get(".gitignore").is_some() && tree.get("picture.png").is_none());
    }

    #[test]
    fn a_finding_says_where_what_and_what_to_do() {
        let finding = Finding::new("a.rs:3", "is wrong", "make it right");
        assert_eq!(finding.to_string(), "a.rs:3: is wrong\n    hint: make it right");
    }
}
