//! Is there an answer at all?

use bifocal_model::{FinishReason, Inference};
use bifocal_redact::Redacted;

use super::{Finding, Heuristic};

pub(super) const HEURISTIC: Heuristic = Heuristic { dimension: "empty", version: "1", evaluate };

/// Fewer characters than these, none of them a letter or a digit, say nothing.
const CHARS_MIN: usize = 3;

/// Empty: fewer than three characters that are no space, without a letter or digit among them (`No` and `7` are
/// answers), and no tool was called.
fn evaluate(inference: &Inference<Redacted>) -> Option<Finding> {
    if inference.finish_reason == Some(FinishReason::ToolCalls) {
        return Some(Finding::GOOD);
    }
    let mut seen = 0;
    for c in inference.answer.as_str().chars().filter(|c| !is_blank(*c)) {
        seen += 1;
        if c.is_alphanumeric() || seen >= CHARS_MIN {
            return Some(Finding::GOOD);
        }
    }
    Some(Finding::bad(if seen == 0 { "nothing" } else { "signs_only" }))
}

/// Spaces, also those that are not seen.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}
