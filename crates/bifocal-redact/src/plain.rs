//! Digits with something between them that is not seen: no-break spaces, zero-width characters, soft hyphens. A person
//! reads `4111\u{a0}1111…` as a card number, and so must the patterns.
//!
//! A text with such a digit group is looked at in a plain copy, in which spaces of any kind are spaces and what has no
//! width is not there; what is found is replaced in the original. Other texts (nearly all) cost one search.

use std::sync::LazyLock;

use regex::Regex;

use crate::numbers::next_digit;
use crate::scan::Hit;

#[expect(clippy::expect_used, reason = "the pattern is a constant and a test compiles it")]
static TRIGGER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("[0-9] ?[\u{a0}\u{ad}\u{2000}-\u{200d}\u{2010}-\u{2015}\u{202f}\u{205f}\u{2060}\u{3000}\u{feff}]+ ?[0-9]")
        .expect("a constant pattern")
});

/// A plain copy, and where its parts were.
pub(crate) struct Plain {
    pub(crate) text: String,
    /// Where each stretch begins in the copy and in the original. Within a stretch both are the same bytes.
    stretches: Vec<(usize, usize)>,
}

impl Plain {
    /// `None` where the text is as plain as it is.
    pub(crate) fn of(text: &str) -> Option<Self> {
        if text.is_ascii() || !has_sign(text.as_bytes()) || !TRIGGER.is_match(text) {
            return None;
        }
        let mut plain = Self { text: String::with_capacity(text.len()), stretches: vec![(0, 0)] };
        for (at, character) in text.char_indices() {
            let Some(instead) = plainly(character) else {
                plain.text.push(character);
                continue;
            };
            if !instead.is_empty() {
                plain.begin(at);
                plain.text.push_str(instead);
            }
            plain.begin(at + character.len_utf8());
        }
        Some(plain)
    }

    fn begin(&mut self, original: usize) {
        let start = (self.text.len(), original);
        match self.stretches.last_mut() {
            // Nothing stands in the stretch before.
            Some(last) if last.0 == start.0 => *last = start,
            _ => self.stretches.push(start),
        }
    }

    /// The same hit in the original. It ends behind its last character: what has no width behind it stays.
    pub(crate) fn in_original(&self, hit: Hit) -> Hit {
        let place = |at: usize| {
            let after = self.stretches.partition_point(|(start, _)| *start <= at);
            let (start, original) = self.stretches[after.saturating_sub(1)];
            original + (at - start)
        };
        Hit { start: place(hit.start), end: place(hit.end - 1) + 1, ..hit }
    }
}

/// A digit with something outside of ASCII behind it, without which the trigger matches nowhere.
fn has_sign(bytes: &[u8]) -> bool {
    let mut at = 0;
    while let Some(digit) = next_digit(bytes, at) {
        at = digit + 1;
        let rest = &bytes[at..];
        if rest.strip_prefix(b" ").unwrap_or(rest).first().is_some_and(|byte| !byte.is_ascii()) {
            return true;
        }
    }
    false
}

/// What stands for a character that is not seen or not told apart; `None` for all others.
fn plainly(character: char) -> Option<&'static str> {
    match character {
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Some(" "),
        '\u{2010}'..='\u{2015}' => Some("-"),
        '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => Some(""),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        #[test]
        fn without_its_sign_the_trigger_matches_nowhere(text in "[0-9x \u{a0}\u{ad}\u{200b}\u{2013}\u{3000}\u{feff}é]{0,12}") {
            prop_assert!(has_sign(text.as_bytes()) || !TRIGGER.is_match(&text), "{text:?}");
        }
    }
}
