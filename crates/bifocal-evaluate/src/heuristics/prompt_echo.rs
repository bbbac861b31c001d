//! Does the answer repeat the question?

use super::words::Word;
use super::{Finding, Subject};

/// Shorter questions are often repeated in good answers, words.
const WORDS_MIN: usize = 12;
/// Longer questions are looked at by so many words.
const WORDS_MAX: usize = 2_048;
/// An answer up to so many times as long as the question may be a copy of it.
const LENGTH_MAX: f64 = 1.5;
/// Share of its word sequences from which it is one.
const COPIED_MIN: f64 = 0.8;
/// Words of one sequence.
const N: usize = 4;

/// Applies to questions of twelve words and more.
pub(super) fn evaluate(subject: &Subject<'_>) -> Option<Finding> {
    let question = subject.question_words();
    if question.len() < WORDS_MIN {
        return None;
    }
    let question = &question[..question.len().min(WORDS_MAX)];
    let answer = subject.answer_words();
    let begins = answer.len() >= WORDS_MIN
        && answer.iter().zip(question).take(WORDS_MIN).all(|(said, asked)| said.hash == asked.hash);
    if begins {
        return Some(Finding::bad("begins_with_it"));
    }
    if answer.len() < WORDS_MIN || answer.len() as f64 > LENGTH_MAX * question.len() as f64 {
        return Some(Finding::GOOD);
    }
    let mut asked: Vec<u64> = question.windows(N).map(gram).collect();
    asked.sort_unstable();
    let copied = answer.windows(N).filter(|words| asked.binary_search(&gram(words)).is_ok()).count();
    let share = copied as f64 / (answer.len() + 1 - N) as f64;
    Some(if share >= COPIED_MIN { Finding::bad("copy") } else { Finding::GOOD })
}

fn gram(words: &[Word]) -> u64 {
    words
        .iter()
        .fold(0, |hash: u64, word| (hash.rotate_left(23) ^ word.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
