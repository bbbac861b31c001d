//! Does the answer repeat itself?

use std::collections::HashMap;

use bifocal_model::{Inference, fnv1a};
use bifocal_redact::Redacted;

use super::{Finding, Heuristic, head};

pub(super) const HEURISTIC: Heuristic = Heuristic { dimension: "repetition", version: "1", evaluate };

/// Words of one n-gram.
const N: usize = 4;
/// Shorter answers are not looked at: a list of four items repeats its words by nature.
const WORDS_MIN: usize = 24;
/// A loop at the end counts from this many rounds on …
const LOOP_ROUNDS: usize = 4;
/// … and this many words.
const LOOP_LENGTH: usize = 16;
/// … and its rounds are this long at most, words: longer ones show in the share of different n-grams.
const LOOP_WORDS: usize = 64;
/// Share of different n-grams below which a text mostly repeats itself; good answers of real models have 0.9.
const DISTINCT_MIN: f64 = 0.4;
/// Share of the most frequent n-gram above which it is a text's only content, and how often it must come.
const TOP_SHARE: f64 = 0.12;
const TOP_COUNT: usize = 10;

/// Repeats itself: it ends in a loop, one n-gram is everywhere, or few of its n-grams are different.
fn evaluate(inference: &Inference<Redacted>) -> Option<Finding> {
    let words = words(head(inference.answer.as_str()));
    if words.len() < WORDS_MIN {
        return Some(Finding::GOOD);
    }
    if ends_in_loop(&words) {
        return Some(Finding::bad("loop"));
    }
    let mut counts: HashMap<u64, usize> = HashMap::with_capacity(words.len());
    let mut top = 0;
    for gram in words.windows(N) {
        let count = counts.entry(fnv1a(gram.iter().flat_map(|word| word.to_le_bytes()))).or_default();
        *count += 1;
        top = top.max(*count);
    }
    let grams = (words.len() + 1 - N) as f64;
    Some(if top >= TOP_COUNT && top as f64 / grams > TOP_SHARE {
        Finding::bad("frequent")
    } else if counts.len() as f64 / grams < DISTINCT_MIN {
        Finding::bad("few_distinct")
    } else {
        Finding::GOOD
    })
}

/// Hashes of the words; of the characters where a text has no spaces between words (Chinese, Japanese, one long
/// run of a letter). Rules and table borders are no words.
fn words(text: &str) -> Vec<u64> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        if word.len() > 48 {
            words.extend(word.chars().filter(|c| c.is_alphanumeric()).map(u64::from));
        } else if word.contains(char::is_alphanumeric) {
            words.push(fnv1a(word.bytes()));
        }
    }
    words
}

/// The longest repeated suffix: the text ends in at least four rounds of the same words.
fn ends_in_loop(words: &[u64]) -> bool {
    (1..=LOOP_WORDS.min(words.len() / LOOP_ROUNDS)).any(|period| {
        let matching = words.iter().rev().zip(words[..words.len() - period].iter().rev());
        let run = matching.take_while(|(last, before)| last == before).count() + period;
        run >= (LOOP_ROUNDS * period).max(LOOP_LENGTH)
    })
}
