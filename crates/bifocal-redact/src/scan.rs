//! One text: find, replace, look again.

use crate::kind::{Finding, Kind};
use crate::limits::PASSES;
use crate::plain::Plain;
use crate::redacted::Redacted;
use crate::{numbers, signs, tokens};

/// A range of the text that is replaced by its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Replaces what is private; says what was found and how often, never the values.
pub fn redact(text: &str) -> (Redacted, Vec<Finding>) {
    redact_owned(text.to_owned())
}

/// As [`redact`], without a copy where nothing is found.
pub fn redact_owned(text: String) -> (Redacted, Vec<Finding>) {
    let mut text = text;
    let mut counts = [0u32; Kind::ALL.len()];
    for _ in 0..PASSES {
        let hits = hits(&text);
        if hits.is_empty() {
            break;
        }
        for hit in &hits {
            counts[hit.kind as usize] = counts[hit.kind as usize].saturating_add(1);
        }
        text = replaced(&text, &hits);
    }
    let counted = Kind::ALL.into_iter().zip(counts);
    let findings = counted.filter(|(_, count)| *count > 0).map(|(kind, count)| Finding { kind, count });
    (Redacted::wrap(text), findings.collect())
}

/// Whether anything in the text would be replaced.
pub(crate) fn is_private(text: &str) -> bool {
    !hits(text).is_empty()
}

/// All hits of one scan in order.
fn hits(text: &str) -> Vec<Hit> {
    match Plain::of(text) {
        None => hits_in(text),
        Some(plain) => hits_in(&plain.text).into_iter().map(|hit| plain.in_original(hit)).collect(),
    }
}

/// Tokens first, numbers in what lies between them.
fn hits_in(text: &str) -> Vec<Hit> {
    let tokens = if signs::of_tokens(text) { tokens::find(text) } else { Vec::new() };
    let mut hits = Vec::new();
    let mut from = 0;
    for token in tokens {
        numbers::find(&text[from..token.start], from, &mut hits);
        hits.push(token);
        from = token.end;
    }
    numbers::find(&text[from..], from, &mut hits);
    hits
}

fn replaced(text: &str, hits: &[Hit]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for hit in hits {
        out.push_str(&text[from..hit.start]);
        out.push_str(hit.kind.replacement());
        from = hit.end;
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
mod tests;
