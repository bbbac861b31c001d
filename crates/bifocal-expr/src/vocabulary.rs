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
/// Functions of nothing that give a number: a share of which more is better.
const PLAIN_NUMBERS: [&str; 1] = ["coverage"];
/// The one that takes an objective and a window.
pub(crate) const BURN_RATE: &str = "burn_rate";
/// Variables with text.
const TEXTS: [&str; 4] = ["state", "service", "answers", "efficiency"];

/// Functions of a condition on one answer.
const ANSWER_NUMBERS: [&str; 1] = ["value"];
/// Those that take a text to look for.
const ANSWER_TRUTHS: [&str; 2] = ["answer_has", "question_has"];

/// The names that a condition may use: the functions and variables of Bifocal, and the signals of the caller.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    signals: Vec<String>,
    groups: Vec<String>,
    objectives: Vec<Objective>,
    windows: Vec<String>,
    numbers: &'static [&'static str],
    truths: &'static [&'static str],
    plain_truths: &'static [&'static str],
    plain_numbers: &'static [&'static str],
    texts: Vec<&'static str>,
    subject: Subject,
}

/// A share that must be good over a period, as `burn_rate('name', '1h')` names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// Its name.
    pub name: String,
    /// The highest burn rate that it can have.
    pub burns_at_most: f64,
}

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// The signals of a target.
    Target,
    /// One answer.
    Answer,
}

/// What a function takes.
pub(crate) enum Argument<'a> {
    /// One of these names, and the word for them.
    Of(&'static str, &'a [String]),
    /// Any text.
    Text,
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
        Self {
            signals,
            groups: Vec::new(),
            objectives: Vec::new(),
            windows: Vec::new(),
            numbers: &NUMBERS,
            truths: &TRUTHS,
            plain_truths: &PLAIN_TRUTHS,
            plain_numbers: &PLAIN_NUMBERS,
            texts: TEXTS.to_vec(),
            subject: Subject::Target,
        }
    }

    /// Of conditions on one answer: `value('…')` of these numbers, these variables with any text, and
    /// `answer_has('…')` and `question_has('…')` of any text.
    pub fn of_answers(numbers: &[&str], texts: &[&'static str]) -> Self {
        Self {
            signals: numbers.iter().map(|name| (*name).to_owned()).collect(),
            groups: Vec::new(),
            objectives: Vec::new(),
            windows: Vec::new(),
            numbers: &ANSWER_NUMBERS,
            truths: &ANSWER_TRUTHS,
            plain_truths: &[],
            plain_numbers: &[],
            texts: texts.to_vec(),
            subject: Subject::Answer,
        }
    }

    /// With these groups of features as the arguments of `drifted('…')`.
    #[must_use]
    pub fn with_groups(self, groups: Vec<String>) -> Self {
        Self { groups, ..self }
    }

    /// With these objectives and windows as the arguments of `burn_rate('…', '…')`.
    #[must_use]
    pub fn with_objectives(self, objectives: Vec<Objective>, windows: Vec<String>) -> Self {
        Self { objectives, windows, ..self }
    }

    pub(crate) fn function(&self, name: &str) -> Option<Type> {
        match name {
            BURN_RATE if self.subject == Subject::Target => Some(Type::Number),
            _ if self.numbers.contains(&name) || self.plain_numbers.contains(&name) => Some(Type::Number),
            _ if self.truths.contains(&name) || self.plain_truths.contains(&name) => Some(Type::Truth),
            _ => None,
        }
    }

    /// Whether the function takes the name of a signal.
    pub(crate) fn takes_signal(&self, function: &str) -> bool {
        !self.plain_truths.contains(&function) && !self.plain_numbers.contains(&function)
    }

    /// The objective of this name; else what to say and the nearest name.
    pub(crate) fn objective(&self, name: &str) -> Result<&Objective, (String, Option<String>)> {
        if let Some(found) = self.objectives.iter().find(|objective| objective.name == name) {
            return Ok(found);
        }
        let hint = match nearest(name, self.objectives.iter().map(|objective| objective.name.as_str())) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None => Some("objectives are written as [[slo]] in the configuration".to_owned()),
        };
        Err((format!("there is no objective `{name}`"), hint))
    }

    /// The windows of burn rates.
    pub(crate) fn windows(&self) -> &[String] {
        &self.windows
    }

    pub(crate) fn has_variable(&self, name: &str) -> bool {
        self.texts.contains(&name)
    }

    /// What a function takes.
    pub(crate) fn argument_of(&self, function: &str) -> Argument<'_> {
        match self.subject {
            Subject::Answer if self.truths.contains(&function) => Argument::Text,
            Subject::Answer => Argument::Of("number", &self.signals),
            Subject::Target if function == DRIFTED => Argument::Of("group of features", &self.groups),
            Subject::Target => Argument::Of("signal", &self.signals),
        }
    }

    /// How a function is written.
    pub(crate) fn example(&self, function: &str) -> String {
        if function == BURN_RATE {
            let name = self.objectives.first().map_or("availability", |objective| objective.name.as_str());
            return format!("write `burn_rate('{name}', '1h')`");
        }
        let argument = match self.subject {
            Subject::Answer if self.truths.contains(&function) => "text",
            Subject::Answer => self.signals.first().map_or("", String::as_str),
            Subject::Target if function == DRIFTED => "behaviour",
            Subject::Target => "relevance",
        };
        format!("write `{function}('{argument}')`")
    }

    pub(crate) fn nearest_function(&self, name: &str) -> Option<String> {
        let all = self.numbers.iter().chain(self.truths).chain(self.plain_truths).chain(self.plain_numbers);
        let burn = (self.subject == Subject::Target).then_some(BURN_RATE);
        nearest(name, all.copied().chain(burn))
    }

    pub(crate) fn nearest_variable(&self, name: &str) -> Option<String> {
        nearest(name, self.texts.iter().copied())
    }

    pub(crate) fn nearest_signal(&self, name: &str) -> Option<String> {
        nearest(name, self.signals.iter().map(String::as_str))
    }

    /// The words that a variable can be: a comparison with any other one would never hold. `None`: any.
    pub(crate) fn words(&self, variable: &str) -> Option<Vec<&'static str>> {
        if self.subject == Subject::Answer {
            return None;
        }
        Some(match variable {
            "state" => StateName::ALL.iter().map(|state| state.name()).collect(),
            "service" => vec!["ok", "slow", "failing", "unknown"],
            "answers" => vec!["ok", "worse", "learning", "unknown"],
            "efficiency" => vec!["ok", "wasteful", "unknown"],
            _ => Vec::new(),
        })
    }
}

/// The known name that is most like this one, if any is alike enough to be meant.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let scored = known.map(|word| (strsim::jaro_winkler(name, word), word));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= 0.75).then(|| best.1.to_owned())
}
