//! Are code fences closed, filled, and what they say they are?

use bifocal_model::Completeness;

use super::{Finding, Subject};
use crate::limits::HEURISTIC_BYTES;
use crate::loose_json::is_json;

/// Applies where the answer holds a fence and was captured whole.
pub(super) fn evaluate(subject: &Subject<'_>) -> Option<Finding> {
    let text = subject.answer;
    let whole = subject.inference.answer.len() <= HEURISTIC_BYTES
        && subject.inference.completeness != Completeness::AnswerTruncated;
    if !whole || !text.contains("```") {
        return None;
    }
    let mut open: Option<(usize, &str, usize)> = None;
    let (mut fences, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let begins = at;
        at += line.len();
        let line = line.trim();
        let ticks = line.bytes().take_while(|byte| *byte == b'`').count();
        match open {
            None if ticks >= 3 && !line[ticks..].contains('`') => {
                open = Some((ticks, line[ticks..].trim(), at));
                fences += 1;
            }
            Some((opened, language, from)) if ticks >= opened && line.len() == ticks => {
                if let Some(bad) = content(text.get(from..begins).unwrap_or(""), language) {
                    return Some(Finding::bad(bad));
                }
                open = None;
            }
            _ => {}
        }
    }
    match (open, fences) {
        (Some(_), _) => Some(Finding::bad("unclosed")),
        (None, 0) => None,
        (None, _) => Some(Finding::GOOD),
    }
}

/// What is wrong with what a fence holds. JSON is the one language that can be told from text alone.
fn content(text: &str, language: &str) -> Option<&'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Some("nothing_inside");
    }
    (language.eq_ignore_ascii_case("json") && !is_json(text)).then_some("not_json")
}
