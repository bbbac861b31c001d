//! Was JSON asked for and given?

use bifocal_model::{Completeness, FormatAsked};
use bifocal_redact::Kind;

use super::{Finding, Subject};
use crate::loose_json::{Form, find};

/// Applies where JSON was asked for and the whole answer was captured. 1 strict, 0.5 fenced or lenient (JSON that
/// the client has to dig out), 0 invalid. JSON that can be had passes.
pub(super) fn evaluate(subject: &Subject<'_>) -> Option<Finding> {
    let inference = subject.inference;
    if inference.format_asked != FormatAsked::Json || inference.completeness == Completeness::AnswerTruncated
    {
        return None;
    }
    let text = subject.answer;
    let form = if inference.redactions.iter().any(|redaction| redaction.in_answer) {
        find(&without_replacements(text)).map(|(form, _)| form)
    } else {
        find(text).map(|(form, _)| form)
    };
    let (value, label) = match form {
        Some(Form::Strict) => (1.0, "strict"),
        Some(Form::Fenced) => (0.5, "fenced"),
        Some(Form::Lenient) => (0.5, "lenient"),
        None => (0.0, "invalid"),
    };
    Some(Finding { value, label: Some(label) })
}

/// A redacted number leaves `[card]` where JSON has a value. An empty list is a value there and harmless in a
/// string.
fn without_replacements(text: &str) -> String {
    Kind::ALL.iter().fold(text.to_owned(), |text, kind| text.replace(kind.replacement(), "[]"))
}
