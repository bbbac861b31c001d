//! Is the answer in the question's language?

use std::sync::LazyLock;

use super::words::WordTable;
use super::{Finding, Subject};
use crate::features::language_of;

/// Shorter questions do not tell their language, words.
const WORDS_MIN: usize = 6;
/// Words of the question in which another language is asked for.
const ASKED_WITHIN: usize = 200;

/// A question that names a language or a translation may want another one than its own.
static OTHER_ASKED: LazyLock<WordTable<bool>> = LazyLock::new(|| {
    let list = "translate translation translated english german french spanish italian portuguese chinese japanese korean \
                russian arabic hindi dutch polish turkish language übersetze übersetzen übersetzung englisch deutsch \
                französisch spanisch traduire traduis traduisez anglais allemand français espagnol traduce traducir inglés \
                alemán francés español";
    WordTable::new(&[(true, list)], |a, b| a | b)
});

/// Applies where both languages can be told and none is named.
pub(super) fn evaluate(subject: &Subject<'_>) -> Option<Finding> {
    let words = subject.question_words();
    if words.len() < WORDS_MIN || words.iter().take(ASKED_WITHIN).any(|word| OTHER_ASKED.get(word.hash)) {
        return None;
    }
    let question = class(subject.question)?;
    let answer = class(subject.answer)?;
    Some(if question == answer { Finding::GOOD } else { Finding::bad("other_language") })
}

/// A language or script with a name; Latin script in some other language tells nothing.
fn class(text: &str) -> Option<u8> {
    match language_of(text) {
        class if class == 5.0 || class < 1.0 => None,
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small whole number")]
        class => Some(class as u8),
    }
}
