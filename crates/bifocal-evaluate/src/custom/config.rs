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
    /// Whether the keys go together.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_plain = self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if self.name.is_empty() || self.name.len() > NAME_CHARS || !is_plain {
            return Err(format!("a name has 1 to {NAME_CHARS} lower case letters, digits and _"));
        }
        if signal::find(&self.name).is_some() || self.name.ends_with("_pass_rate") || self.name == "overall" {
            return Err("this name is taken".to_owned());
        }
        let given = [
            ("pattern", Kind::Regex, self.pattern.is_some()),
            ("passes_on", Kind::Regex, self.passes_on.is_some()),
            ("schema", Kind::JsonSchema, self.schema.is_some()),
            ("passes_when", Kind::Cel, self.passes_when.is_some()),
        ];
        let needed = |key: &str, kind: Kind| self.kind == kind && key != "passes_on";
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
