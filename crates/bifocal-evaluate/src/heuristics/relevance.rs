//! Does the answer take up what was asked? Two weak signals, of words and of character n-grams.

use std::sync::LazyLock;

use super::words::WordTable;
use super::{Finding, Subject};
use crate::limits::FEATURE_BYTES;

/// Content words of a question that are looked for.
const ASKED_MAX: usize = 64;
/// A content word is at least so long, bytes.
const CONTENT_BYTES: usize = 3;
/// Dimensions of the vectors of n-grams.
const DIMENSIONS: usize = 256;
/// Bytes of one n-gram.
const N: usize = 4;

/// Words that say nothing of what a text is about.
static STOP: LazyLock<WordTable<bool>> = LazyLock::new(|| {
    let list = "the and for with that this from what which who whom whose how why when where are was were been being have has \
                had does did can could will would shall should may might must you your yours they them their there here then \
                than into onto about over under between each every some any all not but also just more most other such only \
                its his her him she our ours out use using give write tell make create please following der die das und ist \
                nicht ein eine einen den dem des von mit sich auf für auch wie was warum wer les des est une dans pour que \
                qui pas sur avec los las del por una con para como";
    WordTable::new(&[(true, list)], |a, b| a | b)
});

/// Share of the question's content words that stand in the answer.
pub(super) fn lexical(subject: &Subject<'_>) -> Option<Finding> {
    let content =
        subject.question_words().iter().filter(|word| word.length >= CONTENT_BYTES && !STOP.get(word.hash));
    let mut asked: Vec<u64> = content.take(ASKED_MAX).map(|word| word.hash).collect();
    asked.sort_unstable();
    asked.dedup();
    if asked.is_empty() {
        return None;
    }
    // Most words of the answer are told apart by one bit.
    let bit = |hash: u64| 1u64 << (hash >> 58);
    let bits = asked.iter().fold(0, |bits, hash| bits | bit(*hash));
    let mut found = vec![false; asked.len()];
    let mut left = asked.len();
    for word in subject.answer_words() {
        if bits & bit(word.hash) != 0
            && let Ok(at) = asked.binary_search(&word.hash)
            && !found[at]
        {
            found[at] = true;
            left -= 1;
            if left == 0 {
                break;
            }
        }
    }
    Some(Finding::number(1.0 - left as f64 / asked.len() as f64))
}

/// Cosine of question and answer, of the first 4 kB of each.
pub(super) fn ngrams(subject: &Subject<'_>) -> Option<Finding> {
    let (asked, said) = (vector(subject.question)?, vector(subject.answer)?);
    let dot = |a: &[f64; DIMENSIONS], b: &[f64; DIMENSIONS]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let norm = (dot(&asked, &asked) * dot(&said, &said)).sqrt();
    Some(Finding::number(if norm > 0.0 { (dot(&asked, &said) / norm).clamp(0.0, 1.0) } else { 0.0 }))
}

/// Counts of hashed n-grams, each as the root of its count, so that frequent ones do not stand for all; `None` for a text
/// that is too short.
fn vector(text: &str) -> Option<[f64; DIMENSIONS]> {
    let bytes = text.as_bytes();
    let bytes = &bytes[..bytes.len().min(FEATURE_BYTES)];
    if bytes.len() < N {
        return None;
    }
    let mut counts = [0u32; DIMENSIONS];
    let mut gram = 0u32;
    for (at, byte) in bytes.iter().enumerate() {
        gram = gram << 8 | u32::from(byte.to_ascii_lowercase());
        if at + 1 >= N {
            counts[(gram.wrapping_mul(0x9e37_79b1) >> 24) as usize] += 1;
        }
    }
    Some(counts.map(|count| f64::from(count).sqrt()))
}
