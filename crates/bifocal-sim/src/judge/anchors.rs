//! The demo's anchors: frozen questions and answers of the project's own, with the scores that the usual judge gives them.

use serde_json::json;

use super::{JUDGE_MODEL, Judge};
use crate::corpus::{self, Quality, REFUSALS, Slots};
use crate::openai::head;
use crate::random::Random;

/// Slots whose values redaction would take out: their texts would not be the same twice.
const PRIVATE: [&str; 4] = ["{email}", "{phone}", "{card}", "{iban}"];
const DIMENSIONS: [&str; 3] = ["relevance", "safety", "professional_tone"];
/// Tokens of an answer that is cut off.
const CUT_TOKENS: usize = 30;
const SLOTS_OF_ANCHORS: u64 = 0x616e_6368_6f72;

impl Judge {
    /// An anchors file, one JSON object a line: good answers, worse ones, some cut short and some that decline, each with
    /// the score that this judge gives it now.
    pub fn anchors(&self) -> String {
        let mut lines = String::new();
        let texts = corpus::entries().into_iter().filter(|entry| {
            let all = [&entry.prompt, &entry.good, &entry.worse];
            !all.iter().any(|text| PRIVATE.iter().any(|slot| text.contains(slot)))
        });
        for (number, entry) in (0u64..).zip(texts) {
            let mut random = Random::keyed(SLOTS_OF_ANCHORS, &[number]);
            let slots = Slots::draw(&mut random);
            let prompt = slots.fill(&entry.prompt);
            let good = slots.fill(entry.answer(Quality::Good));
            let worse = slots.fill(entry.answer(Quality::Worse));
            let mut answers = vec![("good", good.clone()), ("worse", worse)];
            if number % 4 == 0 {
                answers.push(("cut", head(&good, CUT_TOKENS).to_owned()));
            }
            if number % 10 == 0 {
                let fitting = REFUSALS.iter().find(|(language, _)| *language == entry.language);
                answers.extend(fitting.map(|(_, text)| ("declined", (*text).to_owned())));
            }
            for (kind, answer) in answers {
                lines.extend(self.anchor(&format!("{}/{kind}", entry.id), &prompt, &answer));
            }
        }
        lines
    }

    /// One line; `None` where a verdict came as prose.
    fn anchor(&self, id: &str, prompt: &str, answer: &str) -> Option<String> {
        let scores = DIMENSIONS.iter().map(|dimension| {
            Some(((*dimension).to_owned(), json!(self.frozen_score(dimension, prompt, answer)?)))
        });
        let scores = scores.collect::<Option<serde_json::Map<_, _>>>()?;
        let line =
            json!({"id": id, "prompt": prompt, "answer": answer, "scores": scores, "frozen_by": JUDGE_MODEL});
        Some(format!("{line}\n"))
    }

    /// The score in [0, 1] that this judge gives a text on its usual scale of 1 to 5.
    pub(crate) fn frozen_score(&self, dimension: &str, prompt: &str, answer: &str) -> Option<f64> {
        let asked = super::prompt::JudgePrompt::of(dimension, prompt, answer);
        let verdict: serde_json::Value = serde_json::from_str(&self.verdict(&asked, answer)).ok()?;
        Some((verdict.get("score")?.as_f64()? - 1.0) / 4.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::JudgeTable;

    #[test]
    fn anchors_are_many_of_all_kinds_and_a_stricter_judge_lowers_them() {
        let judge = Judge::new(7, JudgeTable::of_corpus());
        let read = |judge: &Judge| -> Vec<serde_json::Value> {
            judge.anchors().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let (usual, strict) = (read(&judge), read(&judge.stricter()));
        assert!((70..=120).contains(&usual.len()), "{}", usual.len());
        assert_eq!(usual, read(&judge), "the same twice");
        for dimension in DIMENSIONS {
            let mean = |anchors: &[serde_json::Value]| {
                let scores = anchors.iter().map(|anchor| anchor["scores"][dimension].as_f64().unwrap());
                scores.sum::<f64>() / anchors.len() as f64
            };
            let fall = mean(&usual) - mean(&strict);
            assert!((0.05..0.15).contains(&fall), "{dimension}: {fall}");
        }
        let relevant = |kind: &str| {
            let of_kind: Vec<f64> = usual
                .iter()
                .filter(|anchor| anchor["id"].as_str().unwrap().ends_with(kind))
                .map(|anchor| anchor["scores"]["relevance"].as_f64().unwrap())
                .collect();
            of_kind.iter().sum::<f64>() / of_kind.len() as f64
        };
        assert!(relevant("good") > relevant("cut") && relevant("cut") > relevant("worse"));
    }
}
