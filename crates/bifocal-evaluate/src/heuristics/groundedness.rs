//! How much of the answer stands in the context that it was given?

use super::words::{Word, words};
use super::{Finding, Subject};
use crate::context::Passage;
use crate::limits::{EVALUATOR_WORDS, QUESTION_BYTES};

/// Shorter answers are a name or a number: their pairs of words say little, words.
const WORDS_MIN: usize = 4;

/// Applies where a context was given, which the field map says where to find.
pub(super) fn evaluate(subject: &Subject<'_>) -> Option<Finding> {
    let context = subject.contexts.passages(subject.inference);
    let answer = subject.answer_words();
    if context.is_empty() || answer.len() < WORDS_MIN {
        return None;
    }
    let mut singles = Vec::new();
    let mut pairs = Vec::new();
    for Passage { text, .. } in context {
        let found =
            words(text.get(..text.floor_char_boundary(QUESTION_BYTES)).unwrap_or(text), EVALUATOR_WORDS);
        singles.extend(found.iter().map(|word| word.hash));
        pairs.extend(found.windows(2).map(pair));
    }
    singles.sort_unstable();
    pairs.sort_unstable();
    let stands = |word: &Word| singles.binary_search(&word.hash).is_ok();
    let (mut parts, mut count) = (0.0, 0.0);
    let mut add = |found: usize, all: usize| {
        if all > 0 {
            parts += found as f64 / all as f64;
            count += 1.0;
        }
    };
    add(answer.windows(2).filter(|two| pairs.binary_search(&pair(two)).is_ok()).count(), answer.len() - 1);
    let is_number = |word: &&Word| subject.answer_word(word).bytes().all(|byte| byte.is_ascii_digit());
    let numbers = || answer.iter().filter(is_number);
    add(numbers().filter(|word| stands(word)).count(), numbers().count());
    let names = || answer.iter().filter(|word| is_name(subject.answer, word));
    add(names().filter(|word| stands(word)).count(), names().count());
    Some(Finding::number(parts / count))
}

fn pair(two: &[Word]) -> u64 {
    two.iter().fold(0, |hash: u64, word| hash.rotate_left(23) ^ word.hash)
}

/// Begins with a capital inside a sentence.
fn is_name(text: &str, word: &Word) -> bool {
    let bytes = text.as_bytes();
    let begins = bytes.get(word.start).is_some_and(u8::is_ascii_uppercase);
    begins
        && word.length > 1
        && word.start >= 2
        && bytes[word.start - 1] == b' '
        && super::words::is_word(bytes[word.start - 2])
}
