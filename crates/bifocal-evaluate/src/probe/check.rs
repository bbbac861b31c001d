//! Checks of an answer against what is known of it.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::heuristics::is_refusal;
use crate::limits::{HEURISTIC_BYTES, ROUGE_WORDS};
use crate::loose_json;
use bifocal_wire::json_schema::same;

/// What is known of an answer.
#[derive(Clone, Debug)]
pub(super) enum Check {
    /// Nothing: it has to be there, and no refusal.
    Answered,
    /// The text, but for case, blanks and a full stop at its end.
    Exact(String),
    /// A number: that of the field `answer` of JSON in the answer, else the last one in it.
    Numeric(f64),
    /// JSON with these values.
    Json(Value),
    /// A pattern that matches.
    Pattern(Regex),
    /// A text that it should be like: ROUGE-L.
    Like(Vec<String>),
}

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"-?\d[\d,]*(?:\.\d+)?").expect("a pattern"));

impl Check {
    /// In [0, 1].
    pub(super) fn value(&self, answer: &str) -> f64 {
        let answer = answer.get(..answer.floor_char_boundary(HEURISTIC_BYTES)).unwrap_or(answer);
        let is_right = match self {
            Self::Answered => !answer.trim().is_empty() && !is_refusal(answer),
            Self::Exact(wanted) => plain(answer) == *wanted,
            Self::Numeric(wanted) => stated(answer).is_some_and(|number| near(number, *wanted)),
            Self::Json(wanted) => found(answer).is_some_and(|value| same(&value, wanted)),
            Self::Pattern(pattern) => pattern.is_match(answer),
            Self::Like(wanted) => return rouge_l(&words(answer), wanted),
        };
        f64::from(u8::from(is_right))
    }
}

fn found(answer: &str) -> Option<Value> {
    let (_, json) = loose_json::find(answer)?;
    serde_json::from_str(&json).ok()
}

/// The number that an answer states.
pub(super) fn stated(answer: &str) -> Option<f64> {
    match found(answer).as_ref().and_then(|value| value.get("answer")) {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => last_number(text),
        _ => last_number(answer),
    }
}

fn last_number(text: &str) -> Option<f64> {
    NUMBER.find_iter(text).last()?.as_str().replace(',', "").parse().ok()
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-6 * other.abs().max(1.0)
}

/// Lower case, single blanks, no full stop at the end.
pub(super) fn plain(text: &str) -> String {
    let lower = text.to_lowercase();
    let joined = lower.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.trim_end_matches('.').trim_end().to_owned()
}

pub(super) fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    parts.take(ROUGE_WORDS).map(str::to_lowercase).collect()
}

/// ROUGE-L (Lin 2004): the F-measure of the longest common subsequence of words.
fn rouge_l(answer: &[String], wanted: &[String]) -> f64 {
    let mut row = vec![0_usize; wanted.len() + 1];
    for word in answer {
        let mut corner = 0;
        for (at, other) in wanted.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if word == other { corner + 1 } else { above.max(row[at]) };
            corner = above;
        }
    }
    let common = row.last().copied().unwrap_or(0) as f64;
    if common == 0.0 {
        return 0.0;
    }
    let (precision, recall) = (common / answer.len() as f64, common / wanted.len() as f64);
    2.0 * precision * recall / (precision + recall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_knows_right_from_wrong() {
        let exact = Check::Exact(plain("The Seine."));
        assert_eq!((exact.value("  the  SEINE"), exact.value("The Rhine")), (1.0, 0.0));
        let numeric = Check::Numeric(70_000.0);
        for (answer, value) in [
            ("{\"reasoning\": \"1 and 2\", \"answer\": \"$70,000\"}", 1.0),
            ("```json\n{\"answer\": 70000.0}\n```", 1.0),
            ("He made 120,000 - 50,000 = 70,000 dollars.", 1.0),
            ("He made 70,000 of 200,000.", 0.0),
            ("-70000", 0.0),
            ("none", 0.0),
        ] {
            assert_eq!(numeric.value(answer), value, "{answer}");
        }
        let json = Check::Json(serde_json::json!({"a": 1}));
        assert_eq!((json.value("Sure: {\"a\": 1.0}"), json.value("{\"a\": 2}")), (1.0, 0.0));
        let pattern = Check::Pattern(Regex::new("(?i)^yes").unwrap());
        assert_eq!((pattern.value("Yes, it is."), pattern.value("No.")), (1.0, 0.0));
        assert_eq!((Check::Answered.value("It is."), Check::Answered.value(" ")), (1.0, 0.0));
        assert_eq!(Check::Answered.value("I'm sorry, but I cannot help with that."), 0.0);
    }

    #[test]
    fn rouge_l_is_the_papers() {
        let of = |answer: &str, wanted: &str| rouge_l(&words(answer), &words(wanted));
        // Lin 2004: police killed the gunman / police kill the gunman: LCS 3 of 4 and 4.
        assert!((of("police kill the gunman", "police killed the gunman") - 0.75).abs() < 1e-12);
        assert!((of("the gunman kill police", "police killed the gunman") - 0.5).abs() < 1e-12);
        assert_eq!((of("", "a b"), of("a b", ""), of("c", "a b")), (0.0, 0.0, 0.0));
        assert_eq!(words(&"a ".repeat(ROUGE_WORDS + 5)).len(), ROUGE_WORDS);
    }
}
