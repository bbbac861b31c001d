//! Golden expressions, the caps, and what hostile sources do.

mod interpreted;

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::limits::{DEPTH, NESTING, OPERATORS, SOURCE_BYTES};

/// Expressions and their results: must pass unchanged before the parser's version is changed.
const GOLDEN: &str = include_str!("tests/golden.txt");

/// relevance .8 [.75, .85]; error_ratio 0; `safety` has no data.
struct Fixed;

impl Context for Fixed {
    fn number(&self, function: &str, args: &[&str]) -> Option<f64> {
        match (function, args) {
            ("value", ["relevance"]) => Some(0.8),
            ("lower", ["relevance"]) => Some(0.75),
            ("upper", ["relevance"]) => Some(0.85),
            ("n", ["relevance"]) => Some(120.0),
            ("baseline", ["relevance"]) => Some(0.9),
            ("value" | "upper", ["relevance_pass_rate"]) => Some(0.6),
            ("value", ["error_ratio"]) => Some(0.0),
            ("p95", ["ttft_seconds"]) => Some(1.5),
            _ => None,
        }
    }

    fn truth(&self, _: &str, args: &[&str]) -> Option<bool> {
        match args {
            ["relevance"] => Some(true),
            ["composite"] => Some(false),
            [] => Some(false),
            _ => None,
        }
    }

    fn text(&self, variable: &str) -> Option<Cow<'_, str>> {
        match variable {
            "state" => Some("healthy".into()),
            "service" => Some("ok".into()),
            _ => None,
        }
    }
}

fn names() -> Vocabulary {
    let signals = [
        "relevance",
        "relevance_pass_rate",
        "safety",
        "safety_pass_rate",
        "composite",
        "error_ratio",
        "ttft_seconds",
    ];
    Vocabulary::new(signals.map(str::to_owned).to_vec())
}

fn compile(source: &str) -> Result<Expression, ExprError> {
    Expression::compile(source, &names())
}

/// What one source gives, in the words of the golden file.
fn result(source: &str) -> String {
    match compile(source).map(|expression| expression.evaluate(&Fixed)) {
        Ok(Outcome::True) => "true".to_owned(),
        Ok(Outcome::False) => "false".to_owned(),
        Ok(Outcome::NoData) => "no data".to_owned(),
        Err(ExprError { line, column, message, hint }) => {
            let hint = hint.map(|hint| format!(" | {hint}")).unwrap_or_default();
            format!("error {line}:{column} {message}{hint}")
        }
    }
}

#[test]
fn golden_expressions() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for line in GOLDEN.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (source, expected) = line.split_once(" => ").unwrap();
        let got = result(source);
        if got != expected {
            wrong.push(format!("{source} => {got}"));
        }
        seen += 1;
    }
    assert!(wrong.is_empty(), "{} of {seen} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(seen >= 50, "{seen}");
}

#[test]
fn positions_count_lines_and_characters() {
    let error = compile("value('relevance') < 1.0\n  && 'ä' == stat").unwrap_err();
    assert_eq!((error.line, error.column, error.hint.as_deref()), (2, 13, Some("did you mean `state`?")));
}

/// Runs on a stack as small as that of a thread of the runtime.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
}

fn nested(depth: usize) -> String {
    format!("{}true{}", "(".repeat(depth), ")".repeat(depth))
}

#[test]
fn the_caps_are_reached_and_bombs_are_errors() {
    on_a_small_stack(|| {
        assert_eq!(result(&nested(NESTING)), "true");
        let error = compile(&nested(NESTING + 1)).unwrap_err();
        assert_eq!(error.message, "brackets are nested more than 16 deep");

        let list = |commas: usize| format!("1.5 in [1{}]", ",1".repeat(commas));
        assert_eq!(result(&list(OPERATORS - 2)), "false");
        assert!(compile(&list(OPERATORS - 1)).unwrap_err().message.contains("more than 200 operators"));

        let padded = |bytes: usize| format!("true{}", " ".repeat(bytes - 4));
        assert_eq!(result(&padded(SOURCE_BYTES)), "true");
        assert!(compile(&padded(SOURCE_BYTES + 1)).unwrap_err().message.contains("at most 4096"));

        let sum = |terms: usize| format!("{}1 > 0", "1+".repeat(terms));
        assert_eq!(result(&sum(DEPTH - 1)), "true");
        assert!(compile(&sum(DEPTH)).unwrap_err().message.contains("nested more than 48 deep"));

        let all = |terms: usize| format!("true{}", " && true".repeat(terms));
        assert_eq!(result(&all(OPERATORS)), "true");

        for bomb in [
            nested(2_000),
            format!("{}1 > 0", "1+".repeat(2_000)),
            format!("{}true", "!".repeat(4_000)),
            format!("{}true", "!".repeat(OPERATORS)),
            format!("{}1 > 0", "-".repeat(OPERATORS)),
            format!("{}1 > 0", "- ".repeat(OPERATORS - 1)),
            format!("{}true", "true ? false : ".repeat(OPERATORS / 2)),
            format!("state{}", ".a".repeat(OPERATORS)),
            format!("state{}", "[0]".repeat(OPERATORS)),
            "[".repeat(4_000),
            "{".repeat(NESTING),
            format!("'{}'", "(".repeat(4_000)),
            format!("'\\'{}", "(".repeat(100)),
            format!("'''{}'''", "(".repeat(100)),
            "a".repeat(4_097),
        ] {
            let _ = compile(&bomb);
        }
    });
}

#[test]
fn the_deepest_conditions_evaluate_on_a_small_stack() {
    let deepest = format!("{}1 > 0", "1+".repeat(DEPTH - 1));
    let chained = (1..DEPTH).fold("true".to_owned(), |inner, _| format!("false ? false : {inner}"));
    let deepest = [deepest, chained].map(|source| compile(&source).unwrap());
    on_a_small_stack(move || {
        for expression in deepest {
            assert_eq!(expression.evaluate(&Fixed), Outcome::True);
        }
    });
}

#[test]
fn conditions_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Expression>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_source_panics(source in any::<String>()) {
        let _ = result(&source);
    }

    #[test]
    fn no_mix_of_tokens_panics(tokens in prop::collection::vec(prop::sample::select(vec![
        "value", "upper", "degraded", "(", ")", "'relevance'", "'safety'", "state", "'ok'", "<", ">", "==", "&&", "||",
        "!", "-", "+", "/", "?", ":", "[", "]", "{", "}", ",", ".", "in", "1", "0.5", "1u", "null", "b'x'", "has", "all",
        "true", "\n", "0x", "e9", "'", "`",
    ]), 0..30)) {
        let _ = result(&tokens.join(" "));
    }
}

#[test]
fn what_a_condition_looks_at_is_told() {
    let seen = |source: &str| compile(source).unwrap().looked_at(&Fixed);
    assert_eq!(
        seen("upper('relevance_pass_rate') < 0.7 && p95('ttft_seconds') > 1.0"),
        ["upper('relevance_pass_rate') = 0.6", "p95('ttft_seconds') = 1.5"]
    );
    // What is true and what has data, no more.
    assert_eq!(seen("degraded('relevance') || degraded('composite')"), ["degraded('relevance')"]);
    assert_eq!(seen("value('safety') < 0.7 || state == 'outage'"), Vec::<String>::new());
}
