//! What the newest turn of the user says of the answer before it.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::words::words;
use super::{Finding, Subject};
use crate::limits::{EVALUATOR_WORDS, QUESTION_BYTES, TURNS};

/// Shorter turns (`yes`, `go on`) are repeated by nature, words.
const WORDS_MIN: usize = 4;
/// Share of common words (of all words of the two) from which two questions are nearly the same.
const SAME_MIN: f64 = 0.8;
/// Bytes in which a correction stands: it comes first.
const CORRECTION_BYTES: usize = 160;

/// In lower case.
const CORRECTIONS: &[&str] = &[
    "that's wrong",
    "that is wrong",
    "that's not right",
    "that is not right",
    "that's incorrect",
    "that is incorrect",
    "that's not correct",
    "this is wrong",
    "this is incorrect",
    "you are wrong",
    "you're wrong",
    "your answer is wrong",
    "you made a mistake",
    "you misunderstood",
    "not what i asked",
    "not what i meant",
    "not what i wanted",
    "no, i meant",
    "no, i asked",
    "does not work",
    "doesn't work",
    "still wrong",
    "try again",
    "das ist falsch",
    "das stimmt nicht",
    "das ist nicht richtig",
    "nicht was ich",
    "nein, ich meinte",
    "c'est faux",
    "ce n'est pas correct",
    "ce n'est pas ce que",
    "vous avez tort",
    "eso es incorrecto",
    "no es correcto",
    "eso no es lo que",
    "te equivocas",
];

static MATCHER: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(CORRECTIONS).ok());

/// Applies to conversations with more than one turn of the user.
pub(super) fn repeated_question(subject: &Subject<'_>) -> Option<Finding> {
    let mut turns =
        subject.inference.messages.iter().rev().filter(|message| message.role == "user").skip(1).peekable();
    turns.peek()?;
    let newest = set(subject.question_words().iter().map(|word| word.hash));
    if newest.len() < WORDS_MIN {
        return None;
    }
    let same = turns.take(TURNS).any(|turn| {
        let text = turn.text.as_str();
        let text = text.get(..text.floor_char_boundary(QUESTION_BYTES)).unwrap_or(text);
        let before = set(words(text, EVALUATOR_WORDS).iter().map(|word| word.hash));
        let common = newest.iter().filter(|word| before.binary_search(word).is_ok()).count();
        common as f64 >= SAME_MIN * (newest.len() + before.len() - common) as f64
    });
    Some(if same { Finding::bad("asked_again") } else { Finding::GOOD })
}

/// Applies to conversations in which an answer came before.
pub(super) fn user_correction(subject: &Subject<'_>) -> Option<Finding> {
    let messages = &subject.inference.messages;
    messages.iter().find(|message| message.role == "assistant")?;
    let newest = messages.last().filter(|message| message.role == "user")?.text.as_str();
    let head = newest.get(..newest.floor_char_boundary(CORRECTION_BYTES)).unwrap_or(newest);
    let head = head.replace(['\u{2019}', '\u{2018}'], "'");
    let corrects = MATCHER.as_ref().is_some_and(|matcher| matcher.is_match(&head));
    Some(if corrects { Finding::bad("corrected") } else { Finding::GOOD })
}

fn set(hashes: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut set: Vec<u64> = hashes.collect();
    set.sort_unstable();
    set.dedup();
    set
}
