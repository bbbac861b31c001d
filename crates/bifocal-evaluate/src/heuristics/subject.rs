//! What the rules look at, taken apart once for all of them.

use std::cell::OnceCell;

use bifocal_model::Inference;
use bifocal_redact::Redacted;

use super::head;
use super::words::{Word, words};
use crate::context::ContextMap;
use crate::limits::{EVALUATOR_WORDS, QUESTION_BYTES};

/// An inference and, once somebody asks, its words.
pub(super) struct Subject<'a> {
    pub(super) inference: &'a Inference<Redacted>,
    /// The head of the answer.
    pub(super) answer: &'a str,
    /// The head of the newest message of the user; empty where there is none.
    pub(super) question: &'a str,
    /// Where its context is found.
    pub(super) contexts: &'a ContextMap,
    answer_words: OnceCell<Vec<Word>>,
    question_words: OnceCell<Vec<Word>>,
}

impl<'a> Subject<'a> {
    pub(super) fn of(inference: &'a Inference<Redacted>, contexts: &'a ContextMap) -> Self {
        let newest = inference.messages.iter().rev().find(|message| message.role == "user");
        let question = newest.map_or("", |message| message.text.as_str());
        Self {
            inference,
            contexts,
            answer: head(inference.answer.as_str()),
            question: question.get(..question.floor_char_boundary(QUESTION_BYTES)).unwrap_or(question),
            answer_words: OnceCell::new(),
            question_words: OnceCell::new(),
        }
    }

    /// The first words of the answer.
    pub(super) fn answer_words(&self) -> &[Word] {
        self.answer_words.get_or_init(|| words(self.answer, EVALUATOR_WORDS))
    }

    /// The first words of the question.
    pub(super) fn question_words(&self) -> &[Word] {
        self.question_words.get_or_init(|| words(self.question, EVALUATOR_WORDS))
    }

    /// The bytes of an answer's word.
    pub(super) fn answer_word(&self, word: &Word) -> &'a str {
        self.answer.get(word.start..word.start + word.length).unwrap_or("")
    }
}
