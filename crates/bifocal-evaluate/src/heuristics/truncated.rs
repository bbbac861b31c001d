//! Was the answer cut off?

mod stub;

use bifocal_model::{Completeness, FinishReason};

use super::{Finding, Subject, head};
use crate::limits::HEURISTIC_BYTES;

/// Cut off: the server says so (`length`), a code fence is open at the end, or JSON that began is not finished.
/// Where our own capture cut the answer, the text says nothing about the model, and only the server's word counts.
/// Where the server does not say why it stopped, a short answer that ends inside a sentence counts as well: a server that
/// says `stop` vouches that the model meant to end there.
pub(super) fn evaluate(subject: &Subject<'_>) -> Option<Finding> {
    let inference = subject.inference;
    if inference.finish_reason == Some(FinishReason::Length) {
        return Some(Finding::bad("length"));
    }
    let text = inference.answer.as_str();
    if inference.completeness == Completeness::AnswerTruncated || text.len() > HEURISTIC_BYTES {
        return inference.finish_reason.is_some().then_some(Finding::GOOD);
    }
    if has_open_fence(text) {
        return Some(Finding::bad("open_fence"));
    }
    if has_open_json(text) {
        return Some(Finding::bad("open_json"));
    }
    if inference.finish_reason.is_none() && stub::is_stub(text, subject.question) {
        return Some(Finding::bad("stub"));
    }
    Some(Finding::GOOD)
}

/// A line that begins with three backticks opens a fence; one with nothing but at least as many closes it.
fn has_open_fence(text: &str) -> bool {
    let mut open: Option<usize> = None;
    for line in head(text).lines() {
        let line = line.trim();
        let ticks = line.bytes().take_while(|byte| *byte == b'`').count();
        if ticks < 3 {
            continue;
        }
        match open {
            None if !line[ticks..].contains('`') => open = Some(ticks),
            Some(opened) if ticks >= opened && line.len() == ticks => open = None,
            _ => {}
        }
    }
    open.is_some()
}

/// The text begins as a JSON object or list and ends with brackets or a string still open.
fn has_open_json(text: &str) -> bool {
    let text = text.trim_start();
    let mut after = text.bytes().skip(1).filter(|byte| !byte.is_ascii_whitespace());
    // `{name}` and `[1]` begin prose too; a quote, a bracket or nothing after the first one begins JSON.
    let begins = match text.as_bytes().first() {
        Some(b'{') => matches!(after.next(), Some(b'"') | None),
        Some(b'[') => matches!(after.next(), Some(b'"' | b'{' | b'[') | None),
        _ => false,
    };
    if !begins {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}
