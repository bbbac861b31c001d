//! Labels as people send them, and the way into the store, which the binary fills.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bifocal_model::{Dimension, EvaluatorKind, InferenceId, Judged, Label, Mark, Timestamp};
use bifocal_store::Reader;
use serde::Deserialize;

use crate::limits::{CORRECTION_CHARS_MAX, NAME_CHARS_MAX};

/// Takes labels and ends when they are durable.
pub trait LabelDesk: Send + Sync + fmt::Debug {
    /// Redacts the corrections and writes all of the labels or none.
    fn keep(&self, labels: Vec<Label<String>>) -> Keeping;
}

/// The end of a [`LabelDesk::keep`].
pub type Keeping = Pin<Box<dyn Future<Output = Result<Kept, NotKept>> + Send>>;

/// What became of labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// That said something new.
    pub new: u64,
    /// That were there already, word for word.
    pub known: u64,
}

/// The journal took nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("keep labels: the journal is closed")]
pub struct NotKept;

/// One label as it is sent: who, and a mark, a correction or both.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Given {
    /// The id of the inference; in a body that is sent to the inference itself it may be left out.
    pub inference: Option<String>,
    /// The name that the person goes by.
    pub who: String,
    /// About what; without it, about the answer as a whole.
    pub dimension: Option<String>,
    /// `up` or `down`.
    pub thumbs: Option<String>,
    /// 1 (worst) to 5.
    pub grade: Option<u8>,
    /// Passed or failed.
    pub pass: Option<bool>,
    /// What the answer should have been.
    pub correction: Option<String>,
}

/// Why a label was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is not what a label looks like.
    #[error("{what}")]
    Form {
        /// What is wrong.
        what: String,
        /// What to do.
        hint: &'static str,
    },
    /// There is no such inference.
    #[error("inference `{id}` is not there")]
    NoInference {
        /// The id as given.
        id: String,
    },
    /// The store could not be read.
    #[error("read the inference: {0}")]
    Store(String),
}

const ONE_MARK: &str = r#"give one of "thumbs": "up" or "down", "grade": 1 to 5, "pass": true or false"#;
const SHORT_NAMES: &str = "names have 1 to 64 characters; a dimension has lower case letters, digits and _";

impl Given {
    /// From one line of JSON.
    pub fn from_line(line: &str) -> Result<Self, Wrong> {
        let form = |err: serde_json::Error| Wrong::Form { what: err.to_string(), hint: ONE_MARK };
        serde_json::from_str(line).map_err(form)
    }

    /// The label, with what judges have said of the inference so far. Reads files for an old one.
    pub fn resolve(self, reader: &Reader, now: Timestamp) -> Result<Label<String>, Wrong> {
        let (dimension, mark) = (self.dimension()?, self.mark()?);
        let who = self.who.trim().to_owned();
        if !is_name(&who) {
            return Err(Wrong::Form { what: format!("`who` is {:?}", self.who), hint: SHORT_NAMES });
        }
        let correction = correction(self.correction)?;
        if mark.is_none() && correction.is_none() {
            return Err(Wrong::Form {
                what: "there is neither a mark nor a correction".into(),
                hint: ONE_MARK,
            });
        }
        let id = self.inference.unwrap_or_default();
        let missing = || Wrong::NoInference { id: id.clone() };
        let inference: InferenceId = id.parse().map_err(|_| missing())?;
        let store = |err: bifocal_store::Error| Wrong::Store(err.to_string());
        let call = reader.inference(inference).map_err(store)?.ok_or_else(missing)?;
        let scores = reader.scores_of(std::slice::from_ref(&call)).map_err(store)?;
        let mut label = Label {
            inference,
            target: call.target.clone(),
            dimension,
            who,
            mark,
            correction,
            time: call.time,
            labelled_at: now,
            judged: Vec::new(),
        };
        let compared = |judged: &Judged| judged.dimension.as_str() == label.compared_with();
        let judges = scores
            .iter()
            .flatten()
            .filter(|score| matches!(score.kind, EvaluatorKind::Judge | EvaluatorKind::Composite));
        label.judged = judges.filter_map(|score| Judged::of(score)).filter(compared).collect();
        Ok(label)
    }

    fn dimension(&self) -> Result<Dimension, Wrong> {
        let name = self.dimension.as_deref().unwrap_or(Label::<String>::OVERALL);
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if plain && is_name(name) {
            return Ok(Dimension::new(name));
        }
        Err(Wrong::Form { what: format!("`dimension` is {name:?}"), hint: SHORT_NAMES })
    }

    fn mark(&self) -> Result<Option<Mark>, Wrong> {
        let wrong = |what: String| Err(Wrong::Form { what, hint: ONE_MARK });
        match (self.thumbs.as_deref(), self.grade, self.pass) {
            (None, None, None) => Ok(None),
            (Some("up"), None, None) => Ok(Some(Mark::Thumbs(true))),
            (Some("down"), None, None) => Ok(Some(Mark::Thumbs(false))),
            (Some(other), None, None) => wrong(format!("`thumbs` is {other:?}")),
            (None, Some(grade), None) if (1..=Mark::GRADES).contains(&grade) => Ok(Some(Mark::Grade(grade))),
            (None, Some(grade), None) => wrong(format!("`grade` is {grade}")),
            (None, None, Some(pass)) => Ok(Some(Mark::Pass(pass))),
            _ => wrong("there is more than one mark".to_owned()),
        }
    }
}

/// A correction that says something and is not too long.
fn correction(given: Option<String>) -> Result<Option<String>, Wrong> {
    let given = given.filter(|text| !text.trim().is_empty());
    if given.as_ref().is_some_and(|text| text.chars().count() > CORRECTION_CHARS_MAX) {
        let what = format!("`correction` is longer than {CORRECTION_CHARS_MAX} characters");
        return Err(Wrong::Form { what, hint: "shorten it" });
    }
    Ok(given)
}

fn is_name(name: &str) -> bool {
    let chars = name.chars().count();
    chars > 0 && chars <= NAME_CHARS_MAX && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_has_one_mark() {
        let mark = |text: &str| Given::from_line(text).and_then(|given| given.mark());
        assert_eq!(mark(r#"{"who": "ann", "thumbs": "up"}"#), Ok(Some(Mark::Thumbs(true))));
        assert_eq!(mark(r#"{"who": "ann", "grade": 5}"#), Ok(Some(Mark::Grade(5))));
        assert_eq!(mark(r#"{"who": "ann", "pass": false}"#), Ok(Some(Mark::Pass(false))));
        assert_eq!(mark(r#"{"who": "ann", "correction": "no"}"#), Ok(None));
        for wrong in [
            r#"{"grade": 0}"#,
            r#"{"grade": 6}"#,
            r#"{"grade": 4.5}"#,
            r#"{"thumbs": "sideways"}"#,
            r#"{"thumbs": "up", "pass": true}"#,
            r#"{"stars": 5}"#,
            "[1]",
            "",
        ] {
            assert!(mark(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_correction_has_an_end() {
        let of = |chars: usize| correction(Some("ü".repeat(chars)));
        assert!(of(CORRECTION_CHARS_MAX).is_ok() && of(CORRECTION_CHARS_MAX + 1).is_err());
        assert_eq!(correction(Some("  ".to_owned())), Ok(None));
    }

    #[test]
    fn names_are_short_and_plain() {
        let of = |name: &str| Given { dimension: Some(name.to_owned()), ..Given::default() }.dimension();
        assert_eq!(of("safety_2").unwrap().as_str(), "safety_2");
        assert_eq!(Given::default().dimension().unwrap().as_str(), "overall");
        for wrong in ["", "Safety", "a b", "größe", &"a".repeat(NAME_CHARS_MAX + 1)] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        assert!(is_name(&"ü".repeat(NAME_CHARS_MAX)) && !is_name(&"ü".repeat(NAME_CHARS_MAX + 1)));
        assert!(!is_name("a\nb"));
    }
}
