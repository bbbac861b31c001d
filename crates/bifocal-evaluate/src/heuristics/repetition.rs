//! Does the answer repeat itself?

use bifocal_model::fnv1a;

use super::{Finding, Subject};

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
pub(super) fn evaluate(subject: &Subject<'_>) -> Option<Finding> {
    let words = words(subject.answer);
    if words.len() < WORDS_MIN {
        return Some(Finding::GOOD);
    }
    if ends_in_loop(&words) {
        return Some(Finding::bad("loop"));
    }
    let mut grams: Vec<u64> = words.windows(N).map(gram).collect();
    grams.sort_unstable();
    let (mut distinct, mut top) = (0, 0);
    for same in grams.chunk_by(u64::eq) {
        distinct += 1;
        top = top.max(same.len());
    }
    let grams = grams.len() as f64;
    Some(if top >= TOP_COUNT && top as f64 / grams > TOP_SHARE {
        Finding::bad("frequent")
    } else if f64::from(distinct) / grams < DISTINCT_MIN {
        Finding::bad("few_distinct")
    } else {
        Finding::GOOD
    })
}

/// A hash of some words in their order.
fn gram(words: &[u64]) -> u64 {
    words.iter().fold(0, |hash: u64, word| (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15))
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
