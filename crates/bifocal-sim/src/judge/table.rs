//! What a judge knows about texts: the corpus' own, or recorded pairs with the scores that they once got.

use std::collections::HashMap;
use std::sync::Arc;

use bifocal_model::fnv1a;

use crate::corpus::{self, Language, Quality, REFUSALS};
use crate::words::{TextIndex, sequence_hash, word_hashes};

/// Words of the beginning by which a recorded answer is found when its end was cut off.
const HEAD_WORDS: usize = 40;
/// A text is a known one above this similarity, or when more than this share of its words is of the known one (then it
/// was cut off).
const KNOWN: f64 = 0.35;
const KNOWN_PART: f64 = 0.6;

/// The texts that a judge recognises.
#[derive(Clone, Debug)]
pub struct JudgeTable {
    scripted: Arc<Scripted>,
    recorded: HashMap<u64, Vec<Pair>>,
}

#[derive(Debug)]
struct Scripted {
    prompts: TextIndex,
    answers: TextIndex,
    /// What each indexed answer is.
    kinds: Vec<AnswerKind>,
}

#[derive(Clone, Debug)]
struct Pair {
    /// The words of the answer, and its letters with everything else but white space.
    answer: u64,
    letters: u64,
    question: Vec<u64>,
    score: f64,
}

/// What an answer of the corpus is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum AnswerKind {
    /// An answer to the prompt of this number.
    To { prompt: usize, quality: Quality, language: Language },
    /// One that declines.
    Refusal,
}

/// What a judge makes of a question and an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Opinion {
    /// An answer of the corpus to its own question; `coverage` is the share of it that is there.
    Scripted { quality: Quality, language: Language, coverage: f64 },
    /// An answer of the corpus to another question.
    BesideThePoint,
    /// One that declines.
    Refusal,
    /// A recorded pair with its score in [0, 1].
    Recorded(f64),
    /// Unknown texts: the share of the question's words that the answer takes up.
    Overlap(f64),
}

impl JudgeTable {
    /// Knows the corpus.
    pub fn of_corpus() -> Self {
        let entries = corpus::entries();
        let prompts = TextIndex::new(entries.iter().map(|entry| entry.prompt.as_str()));
        let qualities = [Quality::Good, Quality::Worse];
        let pairs = entries.iter().enumerate().flat_map(|(prompt, entry)| {
            let language = entry.language;
            qualities.map(|quality| (AnswerKind::To { prompt, quality, language }, entry.answer(quality)))
        });
        let refusals = REFUSALS.iter().map(|(_, text)| (AnswerKind::Refusal, *text));
        let (kinds, texts): (Vec<_>, Vec<_>) = pairs.chain(refusals).unzip();
        let answers = TextIndex::new(texts.into_iter());
        Self { scripted: Arc::new(Scripted { prompts, answers, kinds }), recorded: HashMap::new() }
    }

    /// Adds a recorded pair with its score in [0, 1]. Both texts must be as the judge will see them.
    pub(crate) fn add_recorded(&mut self, question: &str, answer: &str, score: f64) {
        let words = word_hashes(answer);
        let pair = Pair {
            answer: sequence_hash(&words),
            letters: letters_hash(answer),
            question: word_hashes(question),
            score,
        };
        self.recorded.entry(head_key(&words)).or_default().push(pair);
    }

    /// What to make of an answer.
    pub(crate) fn opinion(&self, question: Option<&str>, answer: &str) -> Opinion {
        let (question_words, answer_words) = (word_hashes(question.unwrap_or_default()), word_hashes(answer));
        if let Some(score) = self.recorded_score(&question_words, &answer_words, letters_hash(answer)) {
            return Opinion::Recorded(score);
        }
        let scripted = &self.scripted;
        let known = scripted
            .answers
            .find(&answer_words)
            .filter(|found| found.similarity > KNOWN || found.purity > KNOWN_PART);
        let Some(known) = known else { return Opinion::Overlap(overlap(&question_words, &answer_words)) };
        match scripted.kinds[known.text] {
            AnswerKind::Refusal => Opinion::Refusal,
            AnswerKind::To { prompt, quality, language } => match question {
                // Whoever asks without a question wants to know how good the answer is in itself.
                None => Opinion::Scripted { quality, language, coverage: known.coverage },
                Some(_) => match scripted.prompts.find_within(&question_words) {
                    Some(asked) if asked == prompt => {
                        Opinion::Scripted { quality, language, coverage: known.coverage }
                    }
                    Some(_) => Opinion::BesideThePoint,
                    None => Opinion::Overlap(overlap(&question_words, &answer_words)),
                },
            },
        }
    }

    /// The score of the recorded pair. The same answer may stand under several questions, and two answers may differ in
    /// a sign alone: the nearest question counts most, then words and letters.
    fn recorded_score(&self, question: &[u64], answer: &[u64], letters: u64) -> Option<f64> {
        let candidates = self.recorded.get(&head_key(answer))?;
        let whole = sequence_hash(answer);
        let same = |one: u64, other: u64| if one == other { 1.0 } else { 0.0 };
        let nearness = |pair: &&Pair| {
            same(pair.answer, whole) + same(pair.letters, letters) + 2.0 * overlap(&pair.question, question)
        };
        candidates.iter().max_by(|a, b| nearness(a).total_cmp(&nearness(b))).map(|pair| pair.score)
    }
}

fn letters_hash(text: &str) -> u64 {
    fnv1a(text.split_whitespace().flat_map(str::bytes))
}

fn head_key(words: &[u64]) -> u64 {
    sequence_hash(&words[..words.len().min(HEAD_WORDS)])
}

/// The share of the first text's words that the second one has.
fn overlap(first: &[u64], second: &[u64]) -> f64 {
    let shared = first.iter().filter(|word| second.contains(word)).count();
    shared as f64 / (first.len() as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::head;

    #[test]
    fn every_answer_is_recognised_whole_and_cut() {
        let table = JudgeTable::of_corpus();
        let system = "[system] You are the assistant of an online shop for devices.";
        for entry in corpus::entries() {
            let question = format!("{system}\n[user] Hi, I have a question. {} Thanks!", entry.prompt);
            for quality in [Quality::Good, Quality::Worse] {
                let decorated =
                    format!("Thank you for your message. {} I hope this helps.", entry.answer(quality));
                let whole = table.opinion(Some(&question), &decorated);
                let is_it = |opinion: Opinion, least: f64, most: f64| {
                    matches!(opinion, Opinion::Scripted { quality: found, coverage, .. }
                        if found == quality && coverage > least && coverage < most)
                };
                assert!(is_it(whole, 0.99, 1.01), "{}: {whole:?}", entry.id);
                let cut = table.opinion(Some(&question), head(&decorated, 48));
                assert!(is_it(cut, 0.1, 0.95), "{}: {cut:?}", entry.id);
            }
        }
    }
}
