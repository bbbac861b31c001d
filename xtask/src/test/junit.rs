//! What nextest's JUnit report says about skipped tests.
//!
//! The report is read with string searches: its writer is known, and what is looked for are names and lines of text.

/// A test that said it could not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skip {
    /// Binary and name.
    pub(crate) test: String,
    pub(crate) reason: String,
    /// Whether the test is one of those that read shared data.
    pub(crate) real_data: bool,
}

/// The tests whose output has a line `skipped: REASON`.
pub(crate) fn skips(xml: &str) -> Vec<Skip> {
    let said = |case: &Case<'_>| {
        let line = case.output.split(['\n', '>']).find_map(|line| line.trim().strip_prefix("skipped: "))?;
        let reason = line.split('<').next().unwrap_or(line).trim();
        let test = format!("{} {}", case.binary, case.name);
        Some(Skip { test, reason: unescape(reason), real_data: is_real_data(case.name) })
    };
    cases(xml).iter().filter_map(said).collect()
}

/// How many tests read shared data.
pub(crate) fn real_data_tests(xml: &str) -> usize {
    cases(xml).iter().filter(|case| is_real_data(case.name)).count()
}

fn is_real_data(name: &str) -> bool {
    name.rsplit("::").next().is_some_and(|last| last.starts_with("real_data_"))
}

struct Case<'a> {
    binary: &'a str,
    name: &'a str,
    output: &'a str,
}

fn cases(xml: &str) -> Vec<Case<'_>> {
    let after_tag = xml.split("<testcase ").skip(1);
    after_tag
        .filter_map(|text| {
            let (attributes, rest) = text.split_once('>')?;
            let output = rest.split("</testcase>").next().unwrap_or(rest);
            let output = if attributes.ends_with('/') { "" } else { output };
            Some(Case {
                binary: attribute(attributes, "classname")?,
                name: attribute(attributes, "name")?,
                output,
            })
        })
        .collect()
}

/// The value of `name="…"`; the name must stand at the start or after a space (`classname` ends in `name`).
fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("{name}=\"");
    let value = match attributes.strip_prefix(&start) {
        Some(value) => value,
        None => attributes.split_once(&format!(" {start}"))?.1,
    };
    value.split('"').next()
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As nextest 0.9 writes it.
    const REPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="4" failures="0" errors="0" time="1.1">
    <testsuite name="bifocal-stats::real_data" tests="2" disabled="0" errors="0" failures="0">
        <testcase name="real_data_swap" classname="bifocal-stats::real_data" timestamp="2026-11-24T09:00:00.000+00:00" time="0.01">
            <system-out>
running 1 test
test real_data_swap ... ok
</system-out>
            <system-err>skipped: no shared data
</system-err>
        </testcase>
        <testcase name="deep::real_data_quiet" classname="bifocal-stats::real_data" timestamp="x" time="0.01">
            <system-out>read 805 scores</system-out>
        </testcase>
    </testsuite>
    <testsuite name="bifocal::llama" tests="2">
        <testcase name="e2e_llama_streams" classname="bifocal::llama" timestamp="x" time="0.2">
            <system-out>
skipped: testbed/llm-server says &quot;no venv&quot;
</system-out>
        </testcase>
        <testcase name="counts_skipped_lines" classname="bifocal::llama" timestamp="x" time="0.2"/>
    </testsuite>
</testsuites>"#;

    #[test]
    fn skips_carry_test_reason_and_kind() {
        let found = skips(REPORT);
        let expected = [
            Skip {
                test: "bifocal-stats::real_data real_data_swap".into(),
                reason: "no shared data".into(),
                real_data: true,
            },
            Skip {
                test: "bifocal::llama e2e_llama_streams".into(),
                reason: "testbed/llm-server says \"no venv\"".into(),
                real_data: false,
            },
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn tests_of_real_data_are_counted_by_the_last_part_of_their_name() {
        assert_eq!(real_data_tests(REPORT), 2);
        assert_eq!(real_data_tests(""), 0);
    }
}
