//! Every limit of a crate stands in its table `LIMITS`, and a test names it.
//!
//! `crates/*/src/limits.rs` holds constants and the table of (name, value, why). A test names a limit by the constant
//! or by the name in quotes. Tests inside `limits.rs` do not count: they look at the table, not at what it bounds.

use super::{File, Finding, Tree, source};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let Some(name) =
            file.path.strip_prefix("crates/").and_then(|path| path.strip_suffix("/src/limits.rs"))
        else {
            continue;
        };
        findings.extend(check_crate(tree, name, file));
    }
    findings
}

fn check_crate(tree: &Tree, name: &str, file: &File) -> Vec<Finding> {
    let (code, _) = source::split(file);
    let Some(table) = table(code) else {
        let todo = "add `pub const LIMITS: &[(&str, u64, &str)]` with name, value and why of each limit";
        return vec![Finding::new(&file.path, "has no table of limits", todo)];
    };
    let tests = tests_of(tree, name);
    let mut findings = Vec::new();
    for constant in constants(code).filter(|constant| !source::has_word(table, constant)) {
        findings.push(Finding::new(
            &file.path,
            format!("`{constant}` is not in the table LIMITS"),
            "add it with its reason",
        ));
    }
    for entry in entries(table) {
        let quoted = format!("\"{}\"", entry.name);
        let is_named = tests.iter().any(|text| {
            text.contains(&quoted) || entry.constants.iter().any(|constant| source::has_word(text, constant))
        });
        if !is_named {
            let by = entry
                .constants
                .first()
                .map_or_else(|| quoted.clone(), |constant| format!("{constant} or {quoted}"));
            findings.push(Finding::new(
                &file.path,
                format!("no test reaches the limit `{}`", entry.name),
                format!("write a test that goes to the limit and past it, naming {by}"),
            ));
        }
    }
    findings
}

/// Test code that may reach the limit: that of the crate, and of the crates that are tested through it.
fn tests_of<'a>(tree: &'a Tree, name: &str) -> Vec<&'a str> {
    let own = format!("crates/{name}/");
    let limits = format!("crates/{name}/src/limits.rs");
    let is_home = |file: &&File| {
        file.path.starts_with(&own) || name == "bifocal-model" || file.path.starts_with("crates/bifocal/")
    };
    tree.below("crates/", "rs")
        .filter(is_home)
        .filter(|file| file.path != limits)
        .map(|file| source::split(file).1)
        .collect()
}

/// What stands between the brackets of `LIMITS: … = &[ … ];`.
fn table(code: &str) -> Option<&str> {
    let after = &code[code.find("const LIMITS:")?..];
    // A short table stands on the line after the equals sign.
    let value = &after[after.find('=')?..];
    let body = &value[value.find("&[")? + "&[".len()..];
    Some(&body[..body.find("];")?])
}

/// Constants that other modules can see: private ones are pieces of their values.
fn constants(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter_map(|line| {
        let (visibility, rest) = line.split_once("const ")?;
        let name = rest.split(':').next()?.trim();
        (visibility.starts_with("pub") && name != "LIMITS").then_some(name)
    })
}

struct Entry<'a> {
    name: &'a str,
    /// Words of the value in capitals.
    constants: Vec<&'a str>,
}

/// The entries of the table. Reasons may hold brackets and commas, so strings are stepped over.
fn entries(table: &str) -> Vec<Entry<'_>> {
    // Even pieces are code, odd ones the content of strings (escaped quotes only shift words inside a reason).
    let pieces: Vec<&str> = table.split('"').collect();
    let mut entries = Vec::new();
    let mut at = 1;
    while at + 1 < pieces.len() {
        let value = pieces[at + 1];
        let words = value.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
        let constants = words.filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase())).collect();
        entries.push(Entry { name: pieces[at], constants });
        at += 4; // name, value, why, what stands between two entries
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "const KIB: u64 = 1024;\n/// Doc.\npub(crate) const QUEUE: u64 = 8 * KIB;\n\n\
        pub const LIMITS: &[(&str, u64, &str)] = &[\n    (\"queue\", QUEUE, \"a, (reason)\"),\n    (\"labels\", 64, \"more\"),\n];\n";

    fn findings(limits: &str, tests: &str) -> Vec<Finding> {
        check(&Tree::of(&[
            ("crates/bifocal-wire/src/limits.rs", limits),
            ("crates/bifocal-wire/src/a/tests.rs", tests),
        ]))
    }

    #[test]
    fn limits_named_by_constant_or_by_name_pass() {
        assert_eq!(findings(LIMITS, "assert_eq!(hit(\"queue\"), 1); assert_eq!(hit(\"labels\"), 1);"), []);
        assert_eq!(findings(LIMITS, "fill(limits::QUEUE + 1); assert_eq!(hit(\"labels\"), 1);"), []);
    }

    #[test]
    fn a_limit_that_no_test_names_is_reported() {
        let found = findings(LIMITS, "fill(limits::QUEUE); // labels, MAX_QUEUE");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "no test reaches the limit `labels`");
        assert!(found[0].todo.ends_with("naming \"labels\""));
    }

    #[test]
    fn tests_of_the_table_itself_and_of_other_crates_do_not_count() {
        let own = format!("{LIMITS}#[cfg(test)]\nmod tests {{\n use super::QUEUE; // \"labels\"\n}}\n");
        assert_eq!(findings(&own, "").len(), 2);
        let other = Tree::of(&[
            ("crates/bifocal-wire/src/limits.rs", LIMITS),
            ("crates/bifocal-store/src/tests.rs", "QUEUE \"labels\""),
        ]);
        assert_eq!(check(&other).len(), 2);
    }

    #[test]
    fn a_short_table_stands_on_the_next_line() {
        let short = "pub const LIMITS: &[(&str, u64, &str)] =\n    &[(\"queue\", 8, \"a reason\")];\n";
        assert_eq!(findings(short, "assert_eq!(hit(\"queue\"), 1);"), []);
        assert_eq!(findings(short, "")[0].what, "no test reaches the limit `queue`");
    }

    #[test]
    fn a_constant_outside_of_the_table_and_a_missing_table_are_reported() {
        let found =
            findings(&LIMITS.replace("(\"queue\", QUEUE,", "(\"queue\", 8192,"), "\"queue\" \"labels\"");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "`QUEUE` is not in the table LIMITS");
        assert_eq!(findings("pub const QUEUE: u64 = 8;\n", "QUEUE")[0].what, "has no table of limits");
    }
}
