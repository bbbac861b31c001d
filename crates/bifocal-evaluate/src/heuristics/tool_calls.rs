//! Do the answer's calls of tools fit what the request lists?

use super::{Finding, Subject};

/// Applies where tools were listed and called. The bytes were looked at where the answer was read: of the arguments nothing is
/// kept.
pub(super) fn evaluate(subject: &Subject<'_>) -> Option<Finding> {
    let used = subject.inference.signs.tool_use?;
    Some(used.fault.map_or(Finding::GOOD, Finding::bad))
}
