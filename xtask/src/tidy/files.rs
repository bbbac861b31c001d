//! Sizes and names of files.

use super::{Finding, Tree, source};

/// Lines of one file. One idea needs about 100 to 250; at 500 there are two.
const MAX_LINES: usize = 500;
const SIZED: &[&str] = &["rs", "svelte", "ts"];
/// Folders of data, and of tests whose length is the length of what they test.
const UNSIZED_FOLDERS: &[&str] = &["tests", "fixtures", "golden"];
/// Names that say what Rust calls the content, not what it means.
const EMPTY_NAMES: &[&str] = &["utils.rs", "types.rs", "traits.rs", "manager.rs", "helpers.rs"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        if EMPTY_NAMES.contains(&name) {
            findings.push(Finding::new(
                &file.path,
                "has a name without meaning",
                "name it after what it holds",
            ));
        }
        let lines = file.text.lines().count();
        if is_sized(&file.path) && lines > MAX_LINES {
            let what = format!("has {lines} lines, {MAX_LINES} are allowed");
            findings.push(Finding::new(
                &file.path,
                what,
                "one file holds one idea: find the second one and move it out",
            ));
        }
    }
    findings
}

fn is_sized(path: &str) -> bool {
    let sized = path.rsplit_once('.').is_some_and(|(_, extension)| SIZED.contains(&extension));
    let free = path.split('/').any(|part| UNSIZED_FOLDERS.contains(&part));
    sized && !free && !source::is_test_file(path) && !path.ends_with(".test.ts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_reported_unless_it_is_test_or_data() {
        let long = "x\n".repeat(501);
        let found = check(&Tree::of(&[("crates/a/src/lib.rs", &long), ("ui/src/a.svelte", &long)]));
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].what, "has 501 lines, 500 are allowed");
        let free = [
            "crates/a/tests/x.rs",
            "crates/a/src/b/tests.rs",
            "ui/src/fixtures/a.ts",
            "ui/src/a.test.ts",
            "docs/a.md",
        ];
        assert_eq!(check(&Tree::of(&free.map(|path| (path, long.as_str())))), []);
        assert_eq!(check(&Tree::of(&[("crates/a/src/lib.rs", &"x\n".repeat(500))])), []);
    }

    #[test]
    fn names_without_meaning_are_reported() {
        let found = check(&Tree::of(&[("crates/a/src/utils.rs", ""), ("crates/a/src/target_types.rs", "")]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "crates/a/src/utils.rs");
    }
}
