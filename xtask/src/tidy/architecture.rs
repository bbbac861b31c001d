//! ARCHITECTURE.md has a row for each crate, and its last cell lists what the crate may use.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Tree, edges};

const PAGE: &str = "ARCHITECTURE.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.get(PAGE) else {
        return vec![Finding::new(PAGE, "is missing", "write it: the flow, the crates, the invariants")];
    };
    let exist: BTreeSet<&str> = edges::manifests(tree).map(|(name, _)| name).collect();
    let rows = rows(&page.text);
    let mut findings = Vec::new();
    for name in &exist {
        let Some((line, listed)) = rows.get(name) else {
            let todo = "add a row: | `name` | what it owns | what it may use |";
            findings.push(Finding::new(PAGE, format!("has no row for `{name}`"), todo));
            continue;
        };
        // Crates that do not exist yet are in the table of edges but not on the page.
        let uses = edges::allowed(name).unwrap_or_default().iter().copied();
        let expected: BTreeSet<&str> =
            uses.filter(|used| exist.contains(format!("bifocal-{used}").as_str())).collect();
        if *listed != expected {
            let expected: Vec<_> = expected.into_iter().collect();
            findings.push(Finding::new(
                format!("{PAGE}:{line}"),
                format!("the row of `{name}` does not say what the table of edges says"),
                format!("its last cell must list: {}", expected.join(", ")),
            ));
        }
    }
    for (name, (line, _)) in rows.iter().filter(|(name, _)| !exist.contains(*name)) {
        findings.push(Finding::new(
            format!("{PAGE}:{line}"),
            format!("lists `{name}`, which does not exist"),
            "remove the row",
        ));
    }
    findings
}

/// Line number and last cell of each row that starts with the name of a crate.
fn rows(text: &str) -> BTreeMap<&str, (usize, BTreeSet<&str>)> {
    let mut rows = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let Some(cells) = line.trim().strip_prefix("| `bifocal").and_then(|rest| rest.strip_suffix('|'))
        else {
            continue;
        };
        let Some((rest_of_name, _)) = cells.split_once('`') else { continue };
        let start = line.find("bifocal").unwrap_or_default();
        let name = &line[start..start + "bifocal".len() + rest_of_name.len()];
        let last = cells.rsplit('|').next().unwrap_or_default();
        let uses = last.split(',').map(str::trim).filter(|used| !used.is_empty()).collect();
        rows.insert(name, (number + 1, uses));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(page: &str) -> Vec<Finding> {
        check(&Tree::of(&[
            ("crates/bifocal-model/Cargo.toml", ""),
            ("crates/bifocal-wire/Cargo.toml", ""),
            ("crates/bifocal-infra/Cargo.toml", ""),
            (PAGE, page),
        ]))
    }

    const GOOD: &str = "| crate | what it owns | may use |\n|---|---|---|\n| `bifocal-model` | nouns | |\n\
        | `bifocal-wire` | bytes | model |\n| `bifocal-infra` | readings, `a` | wire, model |\n";

    #[test]
    fn a_page_that_says_what_the_table_says_passes() {
        // infra may also use aws, store and telemetry, which do not exist here.
        assert_eq!(findings(GOOD), []);
    }

    #[test]
    fn a_wrong_cell_is_reported_with_its_line_and_the_right_list() {
        let found = findings(&GOOD.replace("wire, model", "model"));
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].place.as_str(), found[0].todo.as_str()),
            ("ARCHITECTURE.md:5", "its last cell must list: model, wire")
        );
    }

    #[test]
    fn a_missing_and_a_surplus_row_are_reported() {
        let found = findings(&GOOD.replace("| `bifocal-wire` | bytes | model |\n", ""));
        assert_eq!(found[0].what, "has no row for `bifocal-wire`");
        let found = findings(&format!("{GOOD}| `bifocal-query` | SQL | model |\n"));
        assert_eq!(found[0].what, "lists `bifocal-query`, which does not exist");
    }

    #[test]
    fn a_missing_page_is_reported() {
        assert_eq!(check(&Tree::default())[0].place, PAGE);
    }
}
