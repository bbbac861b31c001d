//! Was JSON asked for and given?

use bifocal_model::{Completeness, FormatAsked, Inference};
use bifocal_redact::{Kind, Redacted};

use super::{Finding, Heuristic, head};
use crate::loose_json::{Form, find};

pub(super) const HEURISTIC: Heuristic = Heuristic { dimension: "format", version: "1", evaluate };

/// Applies where JSON was asked for and the whole answer was captured. 1 strict, 0.5 fenced or lenient (JSON that
/// the client has to dig out), 0 invalid. JSON that can be had passes.
fn evaluate(inference: &Inference<Redacted>) -> Option<Finding> {
    if inference.format_asked != FormatAsked::Json || inference.completeness == Completeness::AnswerTruncated
    {
        return None;
    }
    let text = head(inference.answer.as_str());
    let form = if inference.redactions.iter().any(|redaction| redaction.in_answer) {
        find(&without_replacements(text)).map(|(form, _)| form)
    } else {
        find(text).map(|(form, _)| form)
    };
    let (value, pass, label) = match form {
        Some(Form::Strict) => (1.0, true, "strict"),
        Some(Form::Fenced) => (0.5, true, "fenced"),
        Some(Form::Lenient) => (0.5, true, "lenient"),
        None => (0.0, false, "invalid"),
    };
    Some(Finding { value, pass, label: Some(label) })
}

/// A redacted number leaves `[card]` where JSON has a value. An empty list is a value there and harmless in a
/// string.
fn without_replacements(text: &str) -> String {
    Kind::ALL.iter().fold(text.to_owned(), |text, kind| text.replace(kind.replacement(), "[]"))
}
