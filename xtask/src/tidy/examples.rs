//! Code in doc comments is compiled by `cargo test --doc` alone, which nobody runs: one binary an example. So there is
//! none, and what shows a use is a test.

use super::{Finding, Tree};

/// What rustdoc takes for an example: no language, Rust, and what may be said of one.
const IS_RUST: [&str; 6] = ["", "rust", "should_panic", "no_run", "ignore", "compile_fail"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in
        tree.files.iter().filter(|file| file.path.starts_with("crates/") && file.path.ends_with(".rs"))
    {
        let mut is_open = false;
        for (number, line) in file.text.lines().enumerate() {
            let line = line.trim_start();
            let Some(doc) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
                is_open = false;
                continue;
            };
            let Some(language) = doc.trim().strip_prefix("```") else { continue };
            if !is_open && IS_RUST.iter().any(|word| language.split(',').next() == Some(word)) {
                let todo = "write ```text, or make it a test";
                let place = format!("{}:{}", file.path, number + 1);
                findings.push(Finding::new(&place, "holds an example that no run compiles", todo));
            }
            is_open = !is_open;
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_that_would_be_compiled_is_reported_where_it_opens() {
        let of = |doc: &str| check(&Tree::of(&[("crates/a/src/lib.rs", doc)])).len();
        assert_eq!(of("/// ```text\n/// drawing\n/// ```\nfn f() {}\n"), 0);
        assert_eq!(of("/// ```\n/// f();\n/// ```\nfn f() {}\n"), 1);
        assert_eq!(of("//! ```rust\n//! f();\n//! ```\n"), 1);
        assert_eq!(of("//! ```json\n//! {}\n//! ```\n"), 0);
    }
}
