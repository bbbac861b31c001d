//! Evaluators of one's own: a regular expression, a JSON Schema, a condition in CEL or vectors of tokens, named in the configuration and
//! run on every answer, or a service that is asked about them.
//!
//! Each gives 1 (passes) or 0, that of vectors a number, and a score record of its own for every answer it applies to: what is not in the registry
//! has no bit in a record. It is versioned by its definition: a changed one starts new sums.

mod config;
mod facts;
mod remote;
pub mod service;
mod vectors;

use std::fs;
use std::path::PathBuf;

use bifocal_expr::{Expression, Outcome, Vocabulary};
use bifocal_model::{
    Completeness, Cost, Dimension, EvaluatorKind, Fingerprint, Inference, Probability, Score, Timestamp,
    Unit, Verdict,
};
use bifocal_redact::Redacted;
use bifocal_wire::json_schema::{Fit, Schema};
use regex::{Regex, RegexBuilder};

use crate::Error;
use crate::limits::{CUSTOM_EVALUATORS, HEURISTIC_BYTES, PATTERN_BYTES, REGEX_BYTES, SCHEMA_BYTES};
use crate::loose_json;

pub use config::{CustomConfig, Direction, Kind, PassesOn};
pub use remote::Remote;
use vectors::Vectors;

/// Changes with every change of how definitions are read.
const VERSION: &str = "1";

/// All of a configuration's evaluators, ready to run.
#[derive(Debug, Default)]
pub struct Customs(Vec<Custom>);

#[derive(Debug)]
struct Custom {
    dimension: Dimension,
    evaluator: String,
    fingerprint: Fingerprint,
    target: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Regex {
        regex: Regex,
        passes_on: PassesOn,
    },
    Schema(Schema),
    Cel(AnswerCondition),
    /// With the value that an answer passes from.
    Vectors(Box<Vectors>, f64),
    /// It is asked by [`service`], not here.
    Http(Box<Remote>),
}

/// A condition on an answer, in CEL, with the names of an evaluator's.
#[derive(Debug)]
pub struct AnswerCondition(Expression);

impl AnswerCondition {
    /// Reads it.
    pub fn compile(condition: &str) -> Result<Self, String> {
        let names = Vocabulary::of_answers(facts::NUMBERS, facts::TEXTS);
        Expression::compile(condition, &names).map(Self).map_err(|err| match &err.hint {
            Some(hint) => format!("{err} ({hint})"),
            None => err.to_string(),
        })
    }

    /// Whether it holds; `None` where something is not known that it rests on.
    pub fn holds(&self, call: &Inference<Redacted>) -> Option<bool> {
        match self.0.evaluate(&facts::Facts { call }) {
            Outcome::True => Some(true),
            Outcome::False => Some(false),
            Outcome::NoData => None,
        }
    }
}

/// What a test says.
#[derive(Clone, Copy, Debug)]
struct Said {
    value: Unit,
    pass: bool,
    /// A word for why.
    label: Option<&'static str>,
}

impl Said {
    const fn of(pass: bool, label: Option<&'static str>) -> Self {
        Self { value: if pass { Unit::ONE } else { Unit::ZERO }, pass, label }
    }
}

impl Customs {
    /// Checks every definition and reads the schemas.
    pub fn compile(configs: &[CustomConfig]) -> Result<Self, Error> {
        if configs.len() > CUSTOM_EVALUATORS {
            let what = format!("there are {}; at most {CUSTOM_EVALUATORS} run", configs.len());
            return Err(Error::Custom { name: "…".to_owned(), what });
        }
        let mut customs: Vec<Custom> = Vec::with_capacity(configs.len());
        for config in configs {
            let wrong = |what: String| Error::Custom { name: config.name.clone(), what };
            let custom = Custom::compile(config).map_err(wrong)?;
            if customs.iter().any(|other| other.dimension == custom.dimension) {
                return Err(wrong("this name or dimension is there twice".to_owned()));
            }
            customs.push(custom);
        }
        Ok(Self(customs))
    }

    /// Those that are asked over HTTP.
    pub fn remotes(&self) -> impl Iterator<Item = &Remote> {
        self.0.iter().filter_map(|custom| match &custom.test {
            Test::Http(remote) => Some(&**remote),
            _ => None,
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What those that apply say of an inference; nothing for a call that failed.
    pub fn scores(&self, call: &Inference<Redacted>, now: Timestamp) -> Vec<Score<Redacted>> {
        if self.0.is_empty() || !call.has_answer() {
            return Vec::new();
        }
        let name = call.target.name();
        let mine = self.0.iter().filter(|custom| custom.target == "*" || custom.target == name);
        mine.filter_map(|custom| Some(custom.score(call, custom.test.run(call)?, now))).collect()
    }
}

impl Custom {
    fn compile(config: &CustomConfig) -> Result<Self, String> {
        config.check()?;
        let (test, definition) = match config.kind {
            Kind::Regex => {
                let pattern = config.pattern.clone().unwrap_or_default();
                if pattern.len() > PATTERN_BYTES {
                    return Err(format!("`pattern` is longer than {PATTERN_BYTES} bytes"));
                }
                let built = RegexBuilder::new(&pattern)
                    .size_limit(REGEX_BYTES)
                    .dfa_size_limit(2 * REGEX_BYTES)
                    .build();
                let regex = built.map_err(|err| format!("`pattern`: {err}"))?;
                let passes_on = config.passes_on.unwrap_or_default();
                (Test::Regex { regex, passes_on }, format!("{}:{pattern}", passes_on.name()))
            }
            Kind::JsonSchema => {
                let path = config.schema.clone().unwrap_or_default();
                let unreadable = |err: std::io::Error| format!("read the schema {}: {err}", path.display());
                let size = fs::metadata(&path).map_err(unreadable)?.len();
                if size > SCHEMA_BYTES {
                    return Err(format!("the schema {} is longer than {SCHEMA_BYTES} bytes", path.display()));
                }
                let text = fs::read_to_string(&path).map_err(unreadable)?;
                let schema =
                    Schema::read(&text).map_err(|err| format!("the schema {}: {err}", path.display()))?;
                (Test::Schema(schema), text)
            }
            Kind::Cel => {
                let condition = config.passes_when.clone().unwrap_or_default();
                let read = AnswerCondition::compile(&condition);
                (Test::Cel(read.map_err(|err| format!("`passes_when`: {err}"))?), condition)
            }
            Kind::Vectors => {
                let path = |path: &Option<PathBuf>| path.clone().unwrap_or_default();
                let (read, definition) = Vectors::open(&path(&config.vectors), &path(&config.tokenizer))?;
                let mark = config.mark.unwrap_or(0.0);
                (Test::Vectors(Box::new(read), mark), format!("{definition} from {mark}"))
            }
            Kind::Http => (Test::Http(Box::new(Remote::of(config))), String::new()),
        };
        Ok(Self {
            dimension: Dimension::new(config.dimension()),
            evaluator: format!("custom:{}", config.name),
            fingerprint: Fingerprint::of(&["custom", VERSION, config.kind.name(), &config.name, &definition]),
            target: config.target.clone(),
            test,
        })
    }

    fn score(&self, call: &Inference<Redacted>, said: Said, now: Timestamp) -> Score<Redacted> {
        let Said { value, pass, label } = said;
        Score {
            inference: call.id,
            target: call.target.clone(),
            evaluator: self.evaluator.clone(),
            fingerprint: self.fingerprint,
            kind: EvaluatorKind::Heuristic,
            dimension: self.dimension.clone(),
            verdict: Verdict::Scored { value, pass, label: label.map(str::to_owned), explanation: None },
            inclusion: Probability::ONE,
            capture: call.capture_probability,
            stratum: String::new(),
            time: call.time,
            scored_at: now,
            latency_seconds: 0.0,
            cost: Cost::default(),
        }
    }
}

impl Test {
    /// `None` where it does not apply: the answer was cut by our own capture, or something is not known.
    fn run(&self, call: &Inference<Redacted>) -> Option<Said> {
        let text = call.answer.as_str();
        match self {
            Self::Regex { regex, passes_on } => {
                let head = text.get(..text.floor_char_boundary(HEURISTIC_BYTES)).unwrap_or(text);
                let is_match = regex.is_match(head);
                Some(Said::of(is_match == (*passes_on == PassesOn::Match), None))
            }
            Self::Schema(schema) => {
                if call.completeness == Completeness::AnswerTruncated || text.len() > HEURISTIC_BYTES {
                    return None;
                }
                let fit = match loose_json::find(text) {
                    Some((_, json)) => {
                        serde_json::from_str(&json).map_or(Fit::TooLong, |value| schema.check(&value))
                    }
                    None => Fit::Breaks("no_json"),
                };
                match fit {
                    Fit::Fits => Some(Said::of(true, None)),
                    // What stands in place of redacted text fits no pattern and is no number.
                    Fit::Breaks(_) if call.redactions.iter().any(|redaction| redaction.in_answer) => None,
                    Fit::Breaks(keyword) => Some(Said::of(false, Some(keyword))),
                    Fit::TooLong => None,
                }
            }
            Self::Cel(condition) => condition.holds(call).map(|pass| Said::of(pass, None)),
            Self::Vectors(vectors, mark) => vectors.nearness(call).map(|near| Said {
                value: Unit::clamped(near),
                pass: near >= *mark,
                label: None,
            }),
            Self::Http(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
