//! What a condition on an answer may ask.

use std::borrow::Cow;

use bifocal_expr::Context;
use bifocal_model::Inference;
use bifocal_redact::Redacted;

use crate::features;
use crate::limits::{HEURISTIC_BYTES, QUESTION_BYTES};

/// Numbers, as `value('…')`.
pub(super) const NUMBERS: &[&str] = &[
    "answer_chars",
    "answer_words",
    "question_chars",
    "input_tokens",
    "output_tokens",
    "turns",
    "ttft_seconds",
    "duration_seconds",
    "redactions_in_answer",
];
/// Texts, by their names.
pub(super) const TEXTS: &[&str] = &["finish_reason", "language", "model", "tenant", "served_model"];

/// One inference.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) call: &'a Inference<Redacted>,
}

impl Facts<'_> {
    fn answer(&self) -> &str {
        head(self.call.answer.as_str(), HEURISTIC_BYTES)
    }

    fn question(&self) -> &str {
        let newest = self.call.messages.iter().rev().find(|message| message.role == "user");
        newest.map_or("", |message| head(message.text.as_str(), QUESTION_BYTES))
    }
}

impl Context for Facts<'_> {
    fn number(&self, _: &str, args: &[&str]) -> Option<f64> {
        let call = self.call;
        let count = |n: usize| Some(n as f64);
        match args {
            ["answer_chars"] => count(self.answer().chars().count()),
            ["answer_words"] => count(self.answer().split_whitespace().count()),
            ["question_chars"] => count(self.question().chars().count()),
            ["input_tokens"] => call.usage.input.map(|tokens| f64::from(tokens.count)),
            ["output_tokens"] => call.usage.output.map(|tokens| f64::from(tokens.count)),
            ["turns"] => count(call.messages.iter().filter(|message| message.role == "user").count()),
            ["ttft_seconds"] => call.timing.ttft_seconds,
            ["duration_seconds"] => call.timing.duration_seconds,
            ["redactions_in_answer"] => {
                let of_answer = call.redactions.iter().filter(|redaction| redaction.in_answer);
                Some(of_answer.map(|redaction| f64::from(redaction.count)).sum())
            }
            _ => None,
        }
    }

    fn truth(&self, function: &str, args: &[&str]) -> Option<bool> {
        let &[wanted] = args else { return None };
        match function {
            "answer_has" => Some(self.answer().contains(wanted)),
            "question_has" => Some(self.question().contains(wanted)),
            _ => None,
        }
    }

    fn text(&self, variable: &str) -> Option<Cow<'_, str>> {
        let call = self.call;
        match variable {
            "finish_reason" => call.finish_reason.as_ref().map(|reason| reason.name().into()),
            "language" => language(self.answer()).map(Cow::Owned),
            "model" => Some(call.target.name().into()),
            "tenant" => call.tenant.as_deref().map(Cow::Borrowed),
            "served_model" => call.labels.get("served_model").map(|name| name.as_str().into()),
            _ => None,
        }
    }
}

/// The language or script of a text, where it can be told.
fn language(text: &str) -> Option<String> {
    const NAMES: [&str; 13] = [
        "",
        "english",
        "german",
        "french",
        "spanish",
        "latin",
        "greek",
        "cyrillic",
        "hebrew_or_arabic",
        "indic_or_thai",
        "chinese_or_japanese",
        "korean",
        "other",
    ];
    let class = features::language_of(text);
    let at = (1_u8..13).find(|at| f64::from(*at) == class)?;
    NAMES.get(usize::from(at)).map(|name| (*name).to_owned())
}

fn head(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}
