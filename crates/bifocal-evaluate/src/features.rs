//! What an inference is like: the numbers behind drift, measured on all traffic in one pass.
//!
//! The registry, with a line on each, is [`bifocal_model::feature`]. Nothing here says whether an answer is good. All of it
//! is of the first 4 kB of a text and, where words are looked up, of its first 256 words, so that the cost has an upper
//! end; lengths are of the whole text. A text that was redacted is measured as redacted.

mod language;
mod scan;
mod words;

use bifocal_model::{
    CONTEXT_ROLE, Completeness, FeatureValues, FinishReason, Inference, Message, TokenCount, TokenSource,
    fnv1a,
};
use bifocal_redact::Redacted;

use scan::Scan;

/// Bytes of a prompt that its language is told from.
const LANGUAGE_BYTES: usize = 256;
/// Bytes of a system message that its template is told from: what stands in front of the names and dates.
const TEMPLATE_BYTES: usize = 64;
const TEMPLATES: u64 = 64;

/// The features of an inference.
pub fn of(inference: &Inference<Redacted>) -> FeatureValues {
    let input = input(inference);
    if !inference.has_answer() {
        return FeatureValues { input, output: None, behaviour: None };
    }
    let text = inference.answer.as_str();
    let scan = Scan::of(text);
    let cut = inference.completeness == Completeness::AnswerTruncated;
    let whole = |value: f64| if cut { f64::NAN } else { value };
    let output = [
        whole(text.len() as f64),
        tokens(inference.usage.output),
        language::class(&scan),
        finish(inference.finish_reason.as_ref()),
        f64::from(scan.refusals),
        whole(f64::from(u8::from(is_unfinished(text)))),
    ];
    FeatureValues { input, output: Some(output), behaviour: (scan.words > 0).then(|| scan.behaviour()) }
}

fn input(inference: &Inference<Redacted>) -> [f64; bifocal_model::feature::INPUT.len()] {
    // What a field map adds is no turn of the conversation: a map that is given later moves no feature.
    let is_said = |message: &&Message<Redacted>| message.role != CONTEXT_ROLE;
    let messages: Vec<_> = inference.messages.iter().filter(is_said).collect();
    let newest = messages.iter().rev().find(|message| message.role == "user");
    let system = messages.iter().find(|message| message.role == "system");
    let bytes: usize = messages.iter().map(|message| message.text.len()).sum();
    let none = messages.is_empty();
    let unless_none = |value: f64| if none { f64::NAN } else { value };
    [
        newest.map_or(f64::NAN, |message| message.text.len() as f64),
        unless_none(bytes as f64),
        unless_none(messages.len() as f64),
        tokens(inference.usage.input),
        newest.map_or(f64::NAN, |message| {
            language::class(&Scan::of(scan::head(message.text.as_str(), LANGUAGE_BYTES)))
        }),
        unless_none(system.map_or(-1.0, |message| {
            let start = scan::head(message.text.as_str(), TEMPLATE_BYTES);
            (fnv1a(start.bytes()) % TEMPLATES) as f64
        })),
    ]
}

/// Only a server's count says something: our own is a length in other words.
fn tokens(count: Option<TokenCount>) -> f64 {
    let counted = count.filter(|count| count.source == TokenSource::Server);
    counted.map_or(f64::NAN, |count| f64::from(count.count))
}

fn finish(reason: Option<&FinishReason>) -> f64 {
    match reason {
        Some(FinishReason::ContentFilter) => 0.0,
        Some(FinishReason::Other(_)) => 1.0,
        Some(FinishReason::ToolCalls) => 2.0,
        Some(FinishReason::Length) => 3.0,
        Some(FinishReason::Stop) => 4.0,
        None => f64::NAN,
    }
}

/// The class of the language of a text's head, as the features have it: see `language`.
pub(crate) fn language_of(text: &str) -> f64 {
    language::class(&Scan::of(text))
}

/// Whether a text stops where no text stops: in a word, after a comma.
fn is_unfinished(text: &str) -> bool {
    let last = text.trim_end().bytes().next_back();
    last.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b',' | b'-' | b'(' | b'[' | b'{'))
}

#[cfg(test)]
mod tests;
