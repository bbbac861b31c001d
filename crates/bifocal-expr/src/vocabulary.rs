//! The names that a condition may use.

use bifocal_model::StateName;

/// Functions of a signal that give a number.
const NUMBERS: [&str; 11] = [
    "value",
    "lower",
    "upper",
    "n",
    "p50",
    "p95",
    "p99",
    "baseline",
    "pass_rate",
    "pass_rate_lower",
    "pass_rate_upper",
];
/// Functions of a signal that give a truth value.
const TRUTHS: [&str; 2] = ["degraded", DRIFTED];
/// The one that takes a group of features.
const DRIFTED: &str = "drifted";
/// Functions of nothing that give a truth value.
const PLAIN_TRUTHS: [&str; 1] = ["judge_drifted"];
/// Variables with text.
const TEXTS: [&str; 4] = ["state", "service", "answers", "efficiency"];

/// The names that a condition may use: the functions and variables of Bifocal, and the signals of the caller.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    signals: Vec<String>,
    groups: Vec<String>,
}

/// The type of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Number,
    Truth,
    Text,
    Numbers,
    Texts,
}

impl Type {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Truth => "true or false",
            Self::Text => "a text",
            Self::Numbers => "a list of numbers",
            Self::Texts => "a list of texts",
        }
    }
}

impl Vocabulary {
    /// With these names as the arguments of `value('…')` and its like.
    pub fn new(signals: Vec<String>) -> Self {
        Self { signals, groups: Vec::new() }
    }

    /// With these groups of features as the arguments of `drifted('…')`.
    #[must_use]
    pub fn with_groups(self, groups: Vec<String>) -> Self {
        Self { groups, ..self }
    }

    pub(crate) fn function(name: &str) -> Option<Type> {
        match name {
            _ if NUMBERS.contains(&name) => Some(Type::Number),
            _ if TRUTHS.contains(&name) || PLAIN_TRUTHS.contains(&name) => Some(Type::Truth),
            _ => None,
        }
    }

    /// Whether the function takes the name of a signal.
    pub(crate) fn takes_signal(function: &str) -> bool {
        !PLAIN_TRUTHS.contains(&function)
    }

    pub(crate) fn has_variable(name: &str) -> bool {
        TEXTS.contains(&name)
    }

    /// What a function takes: the word for it, and the names that there are.
    pub(crate) fn arguments_of(&self, function: &str) -> (&'static str, &[String]) {
        if function == DRIFTED { ("group of features", &self.groups) } else { ("signal", &self.signals) }
    }

    pub(crate) fn nearest_function(name: &str) -> Option<String> {
        nearest(name, NUMBERS.into_iter().chain(TRUTHS).chain(PLAIN_TRUTHS))
    }

    pub(crate) fn nearest_variable(name: &str) -> Option<String> {
        nearest(name, TEXTS.into_iter())
    }

    pub(crate) fn nearest_signal(&self, name: &str) -> Option<String> {
        nearest(name, self.signals.iter().map(String::as_str))
    }

    /// The words that a variable can be: a comparison with any other one would never hold.
    pub(crate) fn words(variable: &str) -> Vec<&'static str> {
        match variable {
            "state" => StateName::ALL.iter().map(|state| state.name()).collect(),
            "service" => vec!["ok", "slow", "failing", "unknown"],
            "answers" => vec!["ok", "worse", "learning", "unknown"],
            "efficiency" => vec!["ok", "wasteful", "unknown"],
            _ => Vec::new(),
        }
    }
}

/// The known name that is most like this one, if any is alike enough to be meant.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let scored = known.map(|word| (strsim::jaro_winkler(name, word), word));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= 0.75).then(|| best.1.to_owned())
}
