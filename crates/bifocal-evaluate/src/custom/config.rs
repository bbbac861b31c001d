//! `[[evaluator]]`.

use std::path::PathBuf;

use bifocal_model::signal;
use serde::{Deserialize, Serialize};

/// An evaluator of one's own. Since 0.2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CustomConfig {
    /// Its name, which is its dimension: lower case letters, digits and `_`; not that of a signal that is there already.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// A model's or component's name, or `*`.
    pub target: String,
    /// Of kind `regex`: the expression, in the syntax of Rust's regex (no look-around, no back-references).
    pub pattern: Option<String>,
    /// Of kind `regex`: whether an answer passes that the expression matches, or one that it does not match (the default).
    pub passes_on: Option<PassesOn>,
    /// Of kind `json_schema`: the file with the schema.
    pub schema: Option<PathBuf>,
    /// Of kind `cel`: the condition under which an answer passes.
    pub passes_when: Option<String>,
    /// Of kind `vectors`: the file with a vector for each token, as safetensors.
    pub vectors: Option<PathBuf>,
    /// Of kind `vectors`: the `tokenizer.json` that goes with it.
    pub tokenizer: Option<PathBuf>,
    /// Of kind `http`: where it is asked with POST.
    pub url: Option<String>,
    /// Of kind `http`: name of the environment variable with its key, sent as a bearer token.
    pub api_key_env: Option<String>,
    /// Of kind `http`: seconds to wait for a reply, up to 60; default 5.
    pub timeout_seconds: Option<f64>,
    /// Of kind `http`: calls a day (UTC) at most; default 10,000.
    pub calls_per_day: Option<u64>,
    /// Of kind `http`: share of the answers that it is asked about, in (0, 1]; default 1.
    pub rate: Option<f64>,
    /// Of kind `http`: the value that an answer passes from, or to where lower is better; default 0.5. A reply may say itself. Of kind
    /// `vectors`: the value that it passes from; default: each passes.
    pub mark: Option<f64>,
    /// Which way is better: of kind `http`; the others give 1 for what passes.
    pub direction: Direction,
    /// What it is about, where that is not its name: the name of its signal in rules, API and metrics.
    pub dimension: Option<String>,
    /// Makes an alert rule of this severity: `info`, `warning` or `critical`, where the share that passes is surely below
    /// `passes_at_least`.
    pub severity: Option<bifocal_model::Severity>,
    /// With `severity`: the share of answers that must pass, in (0, 1); default 0.99.
    pub passes_at_least: Option<f64>,
}

impl Default for CustomConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: Kind::Regex,
            target: "*".to_owned(),
            pattern: None,
            passes_on: None,
            schema: None,
            passes_when: None,
            vectors: None,
            tokenizer: None,
            url: None,
            api_key_env: None,
            timeout_seconds: None,
            calls_per_day: None,
            rate: None,
            mark: None,
            direction: Direction::HigherIsBetter,
            dimension: None,
            severity: None,
            passes_at_least: None,
        }
    }
}

/// The kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A regular expression on the answer.
    #[default]
    Regex,
    /// A JSON Schema for the JSON in the answer.
    JsonSchema,
    /// A condition on what is known of the answer.
    Cel,
    /// How near the answer is to its question, by vectors of their tokens.
    Vectors,
    /// A service that is asked about the answer.
    Http,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More.
    #[default]
    HigherIsBetter,
    /// Less.
    LowerIsBetter,
    /// Neither by itself: every answer passes.
    Neutral,
}

impl Direction {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::HigherIsBetter => "higher_is_better",
            Self::LowerIsBetter => "lower_is_better",
            Self::Neutral => "neutral",
        }
    }
}

/// Which answers pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassesOn {
    /// Those that match.
    Match,
    /// Those that do not.
    #[default]
    NoMatch,
}

/// Longest name.
const NAME_CHARS: usize = 48;

impl Kind {
    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regex => "regex",
            Self::JsonSchema => "json_schema",
            Self::Cel => "cel",
            Self::Vectors => "vectors",
            Self::Http => "http",
        }
    }
}

impl PassesOn {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::NoMatch => "no_match",
        }
    }
}

impl CustomConfig {
    /// What it is about: the name of its signal.
    pub fn dimension(&self) -> &str {
        self.dimension.as_deref().unwrap_or(&self.name)
    }

    /// The condition of the alert rule that its severity makes; `None` without one.
    pub fn condition(&self) -> Option<String> {
        self.severity?;
        let least = self.passes_at_least.unwrap_or(0.99);
        Some(format!("upper('{}') < {least:?}", self.dimension()))
    }

    fn check_numbers(&self) -> Result<(), String> {
        let inside = |key: &str, number: Option<f64>, is_inside: fn(f64) -> bool, range: &str| match number {
            Some(number) if !is_inside(number) => Err(format!("`{key}` {number} does not lie in {range}")),
            _ => Ok(()),
        };
        inside("timeout_seconds", self.timeout_seconds, |x| x > 0.0 && x <= 60.0, "(0, 60]")?;
        inside("rate", self.rate, |x| x > 0.0 && x <= 1.0, "(0, 1]")?;
        inside("mark", self.mark, |x| (0.0..=1.0).contains(&x), "[0, 1]")?;
        inside("passes_at_least", self.passes_at_least, |x| x > 0.0 && x < 1.0, "(0, 1)")?;
        if self.passes_at_least.is_some() && self.severity.is_none() {
            return Err("`passes_at_least` goes with `severity`".to_owned());
        }
        if self.url.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return Err("`url` begins with http:// or https://".to_owned());
        }
        Ok(())
    }

    /// Whether the keys go together.
    pub(super) fn check(&self) -> Result<(), String> {
        for name in [&self.name, &self.dimension().to_owned()] {
            let is_plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            if name.is_empty() || name.len() > NAME_CHARS || !is_plain {
                return Err(format!("a name has 1 to {NAME_CHARS} lower case letters, digits and _"));
            }
            if signal::find(name).is_some() || name.ends_with("_pass_rate") || name == "overall" {
                return Err("this name is taken".to_owned());
            }
        }
        self.check_numbers()?;
        let given = [
            ("pattern", Kind::Regex, self.pattern.is_some()),
            ("passes_on", Kind::Regex, self.passes_on.is_some()),
            ("schema", Kind::JsonSchema, self.schema.is_some()),
            ("passes_when", Kind::Cel, self.passes_when.is_some()),
            ("vectors", Kind::Vectors, self.vectors.is_some()),
            ("tokenizer", Kind::Vectors, self.tokenizer.is_some()),
            ("url", Kind::Http, self.url.is_some()),
            ("api_key_env", Kind::Http, self.api_key_env.is_some()),
            ("timeout_seconds", Kind::Http, self.timeout_seconds.is_some()),
            ("calls_per_day", Kind::Http, self.calls_per_day.is_some()),
            ("rate", Kind::Http, self.rate.is_some()),
            (
                "mark",
                if self.kind == Kind::Vectors { Kind::Vectors } else { Kind::Http },
                self.mark.is_some(),
            ),
            ("direction", Kind::Http, self.direction != Direction::HigherIsBetter),
        ];
        let needed = |key: &str, kind: Kind| {
            self.kind == kind
                && matches!(key, "pattern" | "schema" | "passes_when" | "vectors" | "tokenizer" | "url")
        };
        for (key, kind, is_given) in given {
            if is_given && kind != self.kind {
                return Err(format!("`{key}` goes with kind = \"{}\"", kind.name()));
            }
            if !is_given && needed(key, kind) {
                return Err(format!("kind = \"{}\" needs `{key}`", kind.name()));
            }
        }
        Ok(())
    }
}
