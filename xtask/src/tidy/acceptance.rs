//! Every row of docs/acceptance.md names tests that exist.
//!
//! The page holds tables with a column `test`. Each name in backticks in that column is a Rust test (`name` or
//! `crate::module::name`) or a file from the root or from `e2e/` (`quiet.mjs`, `ui/src/charts/band.test.ts`).

use super::{Finding, Tree, source};

const PAGE: &str = "docs/acceptance.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.get(PAGE) else {
        let todo = "write it: a table | done when | test | mutation that makes the test fail |";
        return vec![Finding::new(PAGE, "is missing", todo)];
    };
    let mut findings = Vec::new();
    let mut rows = 0;
    let mut column = None;
    for (number, line) in page.text.lines().enumerate() {
        let place = format!("{PAGE}:{}", number + 1);
        let Some(cells) = cells(line) else {
            column = None;
            continue;
        };
        let Some(at) = column else {
            // The first row of a table names its columns.
            column = Some(cells.iter().position(|cell| cell.eq_ignore_ascii_case("test")));
            continue;
        };
        if cells.iter().all(|cell| cell.chars().all(|c| "-: ".contains(c))) {
            continue;
        }
        rows += 1;
        let Some(at) = at else {
            findings.push(Finding::new(
                &place,
                "stands in a table without a column `test`",
                "add the column",
            ));
            continue;
        };
        let names = in_backticks(cells.get(at).copied().unwrap_or_default());
        if names.is_empty() {
            findings.push(Finding::new(&place, "names no test", "name it in backticks in the column `test`"));
        }
        for name in names.into_iter().filter(|name| !exists(tree, name)) {
            let what = format!("names the test `{name}`, which does not exist");
            findings.push(Finding::new(&place, what, "write the test, or correct the name"));
        }
    }
    if rows == 0 {
        findings.push(Finding::new(PAGE, "has no row", "add one for each condition of acceptance"));
    }
    findings
}

/// The cells of a row of a table; a `\|` inside a cell does not end it.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let mut cells = Vec::new();
    let mut start = 0;
    for (at, _) in inner.match_indices('|') {
        if !inner[..at].ends_with('\\') {
            cells.push(inner[start..at].trim());
            start = at + 1;
        }
    }
    cells.push(inner[start..].trim());
    Some(cells)
}

fn in_backticks(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn exists(tree: &Tree, name: &str) -> bool {
    if name.contains('/') || name.contains('.') {
        let in_e2e = format!("e2e/{name}");
        return tree.paths.iter().any(|path| path == name || *path == in_e2e);
    }
    let function = name.rsplit("::").next().unwrap_or(name);
    let definition = format!("fn {function}(");
    let rust = tree.files.iter().filter(|file| file.path.ends_with(".rs"));
    rust.map(|file| source::split(file).1).any(|tests| tests.contains(&definition))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(rows: &str) -> Vec<Finding> {
        let page = format!("# Acceptance\n\n| done when | test | mutation |\n|---|---|---|\n{rows}");
        check(&Tree::of(&[
            (PAGE, &page),
            ("crates/a/tests/swap.rs", "#[test]\nfn real_data_swap() {}\n"),
            ("crates/a/src/lib.rs", "fn not_a_test() {}\n"),
            ("e2e/page.mjs", ""),
        ]))
    }

    #[test]
    fn rows_with_tests_that_exist_pass() {
        let rows = "| swap \\| found | `real_data_swap`, `a::swap::real_data_swap` | x |\n| page | `page.mjs`, `e2e/page.mjs` | x |\n";
        assert_eq!(findings(rows), []);
    }

    #[test]
    fn a_test_that_is_not_there_is_reported_with_its_line() {
        let found =
            findings("| a | `real_data_swap` | x |\n| b | `no_such_test` | x |\n| c | `none.mjs` | x |\n");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].place, "docs/acceptance.md:6");
        assert!(found[0].what.contains("`no_such_test`") && found[1].what.contains("`none.mjs`"));
    }

    #[test]
    fn a_function_outside_of_tests_is_no_test() {
        assert_eq!(findings("| a | `not_a_test` | x |\n").len(), 1);
    }

    #[test]
    fn a_row_without_a_name_a_page_without_rows_and_no_page_are_reported() {
        assert_eq!(findings("| a | later | `not looked at` |\n")[0].what, "names no test");
        assert_eq!(findings("")[0].what, "has no row");
        assert_eq!(check(&Tree::default())[0].what, "is missing");
    }

    #[test]
    fn a_table_without_the_column_is_reported() {
        let page = "| done when | proof |\n|---|---|\n| a | `real_data_swap` |\n";
        let found = check(&Tree::of(&[(PAGE, page)]));
        assert_eq!(found[0].what, "stands in a table without a column `test`");
    }
}
