//! Is there an answer at all?

use bifocal_model::FinishReason;

use super::words::hash;
use super::{Finding, Subject};

/// Fewer characters than these, none of them a letter or a digit, say nothing.
const CHARS_MIN: usize = 3;
/// Longer answers are no mere opening, bytes.
const OPENING_BYTES: usize = 40;

/// Openings of an answer, in lower case without the sign at their end.
const OPENINGS: &[&str] = &[
    "of course",
    "certainly",
    "sure",
    "sure thing",
    "absolutely",
    "no problem",
    "happy to help",
    "i'd be happy to help",
    "i would be happy to help",
    "here you go",
    "here it is",
    "here you are",
    "great question",
    "gerne",
    "natürlich",
    "selbstverständlich",
    "bien sûr",
    "avec plaisir",
    "claro",
    "por supuesto",
    "con gusto",
];

/// A question that begins so can be answered with `Of course!`.
const YES_OR_NO: &[u64] = &[
    hash("is"),
    hash("are"),
    hash("am"),
    hash("was"),
    hash("do"),
    hash("does"),
    hash("did"),
    hash("may"),
    hash("should"),
    hash("has"),
    hash("have"),
];

/// Empty: fewer than three characters that are no space, without a letter or digit among them (`No` and `7` are
/// answers), or nothing behind an opening; and no tool was called.
pub(super) fn evaluate(subject: &Subject<'_>) -> Option<Finding> {
    if subject.inference.finish_reason == Some(FinishReason::ToolCalls) {
        return Some(Finding::GOOD);
    }
    if is_opening_only(subject) {
        return Some(Finding::bad("opening_only"));
    }
    let mut seen = 0;
    for c in subject.answer.chars().filter(|c| !is_blank(*c)) {
        seen += 1;
        if c.is_alphanumeric() || seen >= CHARS_MIN {
            return Some(Finding::GOOD);
        }
    }
    Some(Finding::bad(if seen == 0 { "nothing" } else { "signs_only" }))
}

fn is_opening_only(subject: &Subject<'_>) -> bool {
    let text = subject.answer.trim();
    if text.len() > OPENING_BYTES {
        return false;
    }
    let text = text.trim_end_matches(['!', '.', ':', ',', ' ']).to_lowercase().replace('\u{2019}', "'");
    OPENINGS.contains(&text.as_str())
        && subject.question_words().first().is_none_or(|word| !YES_OR_NO.contains(&word.hash))
}

/// Spaces, also those that are not seen.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}
