//! The registry of features: what is measured of every inference to see whether traffic became something else.
//!
//! A feature says what an inference *is like*, never whether it is good. Changes of what a feature means change
//! [`FEATURES_VERSION`], and references that were learned with another version start over.

use serde::{Deserialize, Serialize};

/// Changes with every change of what a feature measures, and with every feature that comes or goes.
pub const FEATURES_VERSION: u32 = 1;

/// Which part of an inference a feature is about. Each is watched by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureGroup {
    /// What was asked.
    Input,
    /// What came out: how much, in which language, how it ended.
    Output,
    /// How the answer is written.
    Behaviour,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Feature {
    /// The name in API, metrics and page.
    pub name: &'static str,
    /// The unit: `bytes`, `tokens`, `words`, `ratio`, `per_word`, `class`, …
    pub unit: &'static str,
    /// One line for people.
    pub help: &'static str,
}

/// The features of one inference, in the order of the registry. What does not apply is NaN, and is told apart from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeatureValues {
    /// Of [`INPUT`].
    pub input: [f64; INPUT.len()],
    /// Of [`OUTPUT`]; `None` when there is no answer.
    pub output: Option<[f64; OUTPUT.len()]>,
    /// Of [`BEHAVIOUR`]; `None` when there is no answer with a word in it.
    pub behaviour: Option<[f64; BEHAVIOUR.len()]>,
}

const fn feature(name: &'static str, unit: &'static str, help: &'static str) -> Feature {
    Feature { name, unit, help }
}

/// What was asked.
pub const INPUT: [Feature; 6] = [
    feature("prompt_bytes", "bytes", "length of the newest user message"),
    feature("conversation_bytes", "bytes", "length of all messages together"),
    feature("messages", "messages", "messages of the conversation"),
    feature("input_tokens", "tokens", "tokens of the prompt, where the server counts them"),
    feature("prompt_language", "class", "script and, for Latin script, language of the newest user message"),
    feature("prompt_template", "class", "hash of the system message in 64 classes; -1 without one"),
];

/// What came out.
pub const OUTPUT: [Feature; 6] = [
    feature("answer_bytes", "bytes", "length of the answer"),
    feature("output_tokens", "tokens", "tokens of the answer, where the server counts them"),
    feature("answer_language", "class", "script and, for Latin script, language of the answer"),
    feature("finish_reason", "class", "why the model stopped, rarest kind first"),
    feature("refusal_words", "words", "words of refusal and apology among the first 40"),
    feature("unfinished", "class", "1 when the answer does not end as a text ends"),
];

/// How the answer is written. Words are those of the first 256; the rest is of the first 4 kB.
pub const BEHAVIOUR: [Feature; 24] = [
    feature("sentence_words", "words", "words in a sentence"),
    feature("word_bytes", "bytes", "length of a word"),
    feature("distinct_words", "ratio", "share of different words among the first 128"),
    feature("long_words", "ratio", "share of words of nine bytes or more"),
    feature("function_words", "ratio", "share of the, of, and, to, … in four languages"),
    feature("hedging_words", "ratio", "share of may, perhaps, typically, …"),
    feature("second_person", "ratio", "share of you and your"),
    feature("first_person", "ratio", "share of I, me, my, we, our"),
    feature(
        "first_word",
        "class",
        "what the answer opens with: markup, a list, a number, agreement, I, the, …",
    ),
    feature("first_line_bytes", "bytes", "length of the first line"),
    feature("paragraphs", "per_word", "empty lines"),
    feature("list_lines", "ratio", "share of lines that are items of a list"),
    feature("line_bytes", "bytes", "mean length of a line"),
    feature("headings", "ratio", "share of lines that are headings"),
    feature("code_fences", "fences", "fences of code"),
    feature("commas", "per_word", "commas"),
    feature("colons", "per_word", "colons and semicolons"),
    feature("dashes", "per_word", "hyphens and dashes"),
    feature("quotes", "per_word", "straight and curly quotation marks, apostrophes"),
    feature("brackets", "per_word", "round and square brackets"),
    feature("exclamations", "per_word", "exclamation and question marks"),
    feature("emphasis", "per_byte", "asterisks, underscores, backticks, bars"),
    feature("digits", "per_byte", "digits"),
    feature("capitals", "ratio", "share of capitals among letters"),
];

impl FeatureGroup {
    /// All groups.
    pub const ALL: [Self; 3] = [Self::Input, Self::Output, Self::Behaviour];

    /// The name in rules, API and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::Behaviour => "behaviour",
        }
    }

    /// The features of the group.
    pub const fn features(self) -> &'static [Feature] {
        match self {
            Self::Input => &INPUT,
            Self::Output => &OUTPUT,
            Self::Behaviour => &BEHAVIOUR,
        }
    }
}

impl FeatureValues {
    /// The values of a group; `None` where it does not apply.
    pub fn of(&self, group: FeatureGroup) -> Option<&[f64]> {
        match group {
            FeatureGroup::Input => Some(&self.input),
            FeatureGroup::Output => self.output.as_ref().map(<[f64; OUTPUT.len()]>::as_slice),
            FeatureGroup::Behaviour => self.behaviour.as_ref().map(<[f64; BEHAVIOUR.len()]>::as_slice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let names: Vec<_> =
            FeatureGroup::ALL.iter().flat_map(|group| group.features()).map(|feature| feature.name).collect();
        for (i, name) in names.iter().enumerate() {
            assert!(!names[..i].contains(name), "{name} twice");
        }
    }
}
