//! Which part of a Rust file is test code, and which words it holds.

use super::File;

/// The code and the test code of a file. By convention the tests of a file are its last module.
pub(super) fn split(file: &File) -> (&str, &str) {
    if is_test_file(&file.path) {
        return ("", &file.text);
    }
    let mut from = 0;
    while let Some(found) = file.text[from..].find("#[cfg(test)]") {
        let start = from + found;
        let after = file.text[start..].lines().skip(1).find(|line| !line.trim_start().starts_with("#["));
        if after.is_some_and(|line| line.trim_start().starts_with("mod ") && line.trim_end().ends_with('{')) {
            return file.text.split_at(start);
        }
        from = start + 1;
    }
    (&file.text, "")
}

/// Whether the whole file is test code: `tests.rs`, `test_*.rs`, `*_tests.rs`, or a folder `tests` or `benches` above it.
pub(super) fn is_test_file(path: &str) -> bool {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    let by_name = name == "tests.rs" || name.starts_with("test_") || name.ends_with("_tests.rs");
    by_name || parts.iter().any(|&part| part == "tests" || part == "benches")
}

/// Whether the word stands in the text, not as a part of a longer word.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn test_modules_are_cut_off_and_declarations_of_test_files_are_not() {
        let lib = file(
            "crates/a/src/lib.rs",
            "#[cfg(test)]\nmod test_random;\ncode();\n#[cfg(test)]\nmod tests {\n  check();\n}\n",
        );
        let (code, tests) = split(&lib);
        assert!(code.contains("code()") && !code.contains("check()"));
        assert!(tests.contains("check()") && !tests.contains("code()"));
    }

    #[test]
    fn attributes_between_do_not_hide_the_test_module() {
        let text = "code();\n#[cfg(test)]\n#[expect(clippy::panic, reason = \"\")]\nmod tests {\n}\n";
        assert_eq!(split(&file("a.rs", text)).0, "code();\n");
    }

    #[test]
    fn files_of_tests_are_test_code_as_a_whole() {
        for path in [
            "crates/a/tests/x.rs",
            "crates/a/src/foo/tests.rs",
            "crates/a/src/foo/tests/deep.rs",
            "crates/a/src/test_random.rs",
        ] {
            assert_eq!(split(&file(path, "x")), ("", "x"), "{path}");
        }
        assert_eq!(split(&file("crates/a/src/latest.rs", "x")), ("x", ""));
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("limits::EVENTS + 1", "EVENTS"));
        assert!(!has_word("MAX_EVENTS + EVENTS_SOFT", "EVENTS"));
    }
}
