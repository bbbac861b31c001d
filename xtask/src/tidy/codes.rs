//! Every error code has one meaning and a page.
//!
//! A code is `B` and four digits. One crate raises it, `bifocal explain` knows it (tests may name any), and `docs/errors/B0012.md`
//! begins with `# B0012: `.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Tree, source};

/// It explains every code, so it names those of the other crates too.
const BINARY: &str = "bifocal";
/// Where the pages stand.
const FOLDER: &str = "docs/errors/";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut raised: BTreeMap<String, BTreeMap<&str, &str>> = BTreeMap::new();
    for file in tree.below("crates/", "rs") {
        let crate_name = file.path.split('/').nth(1).unwrap_or_default();
        for code in codes_in(source::split(file).0) {
            raised.entry(code).or_default().insert(crate_name, &file.path);
        }
    }
    let mut findings = Vec::new();
    for (code, places) in &raised {
        let path = format!("{FOLDER}{code}.md");
        let raised_at = places.values().next().copied().unwrap_or_default();
        match tree.get(&path) {
            None => {
                let todo = format!("write {path}: what it means, what to do");
                findings.push(Finding::new(raised_at, format!("raises {code}, which has no page"), todo));
            }
            Some(page) if !page.text.starts_with(&format!("# {code}: ")) => {
                findings.push(Finding::new(
                    &path,
                    "has another title",
                    format!("begin with `# {code}: ` and what failed"),
                ));
            }
            Some(_) => {}
        }
        if !places.contains_key(BINARY) {
            let todo = "add it to the pages of `bifocal explain` in crates/bifocal/src/user_error.rs";
            findings.push(Finding::new(
                raised_at,
                format!("raises {code}, which `bifocal explain` does not know"),
                todo,
            ));
        }
        let crates: Vec<_> = places.keys().copied().filter(|&name| name != BINARY).collect();
        if crates.len() > 1 {
            let what = format!("{code} is raised by {}", crates.join(" and by "));
            findings.push(Finding::new(
                raised_at,
                what,
                "give each its own code: a code has one meaning and one page",
            ));
        }
    }
    let pages: BTreeSet<&str> = tree
        .paths
        .iter()
        .filter_map(|path| path.strip_prefix(FOLDER)?.strip_suffix(".md"))
        .filter(|name| is_code(name))
        .collect();
    for code in pages.into_iter().filter(|code| !raised.contains_key(*code)) {
        let todo = "remove the page, or raise the code where it says";
        findings.push(Finding::new(format!("{FOLDER}{code}.md"), format!("nothing raises {code}"), todo));
    }
    findings
}

fn is_code(text: &str) -> bool {
    text.len() == 5 && text.starts_with('B') && text[1..].chars().all(|c| c.is_ascii_digit())
}

/// The codes that stand in code, not in comments.
fn codes_in(code: &str) -> BTreeSet<String> {
    let lines = code.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    let words = lines.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()));
    words.filter(|word| is_code(word)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<Finding> {
        check(&Tree::of(files))
    }

    const RAISED: (&str, &str) = ("crates/bifocal/src/error.rs", "fn code() { \"B0012\" }\n// like B0099\n");
    const PAGE: (&str, &str) = ("docs/errors/B0012.md", "# B0012: a value cannot be used\n");

    #[test]
    fn a_code_with_a_page_passes_and_tests_may_name_any() {
        let tests = ("crates/bifocal/tests/explain.rs", "explain(\"B9999\")");
        assert_eq!(findings(&[RAISED, PAGE, tests, ("docs/errors/README.md", "")]), []);
    }

    #[test]
    fn a_code_without_a_page_and_a_page_without_a_code_are_reported() {
        assert_eq!(findings(&[RAISED])[0].what, "raises B0012, which has no page");
        assert_eq!(findings(&[PAGE])[0].what, "nothing raises B0012");
    }

    #[test]
    fn a_page_of_another_code_is_reported() {
        assert_eq!(
            findings(&[RAISED, ("docs/errors/B0012.md", "# B0013: x\n")])[0].what,
            "has another title"
        );
    }

    #[test]
    fn a_code_with_two_meanings_is_reported() {
        let found = findings(&[
            RAISED,
            PAGE,
            ("crates/bifocal-store/src/error.rs", "\"B0012\""),
            ("crates/bifocal-capture/src/error.rs", "\"B0012\""),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "B0012 is raised by bifocal-capture and by bifocal-store");
    }

    #[test]
    fn a_code_that_explain_does_not_know_is_reported() {
        let found = findings(&[("crates/bifocal-store/src/error.rs", "\"B0012\""), PAGE]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "raises B0012, which `bifocal explain` does not know");
    }
}
