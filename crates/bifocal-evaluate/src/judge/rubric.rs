//! Rubrics: what a dimension means, written in a file, with an anchor for each score, and, where somebody wants it, with a prompt
//! and a form of the reply of its own in files beside it.

mod files;
mod own_prompt;
mod reply;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bifocal_model::signal::Lens;
use bifocal_model::{evaluator, signal};
use serde::{Deserialize, Serialize};

use crate::Error;

pub(super) use own_prompt::{OwnPrompt, Piece, Slot};
pub(super) use reply::OwnReply;

/// What a dimension means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rubric {
    /// The dimension's name: lower case letters, digits and `_`.
    pub dimension: String,
    /// Changes with every change of the text; scores under two versions are never pooled.
    pub version: String,
    /// From which score on an answer passes, on the scale of 1 to 5.
    pub pass_score: f64,
    /// What is asked.
    pub question: String,
    /// What counts and what does not.
    pub guidance: String,
    /// Name of a file beside this one with the prompt, a Jinja template; default: the prompt of all rubrics. Since 0.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Name of a file beside this one with the JSON Schema of the reply; default: a reason and a score. Since 0.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// What each score means.
    pub anchors: Anchors,
    /// The prompt of its own, read.
    #[serde(skip)]
    pub(super) own_prompt: Option<OwnPrompt>,
    /// The form of the reply of its own, read.
    #[serde(skip)]
    pub(super) own_reply: Option<OwnReply>,
}

/// What each score means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchors {
    /// The best.
    pub five: String,
    /// Good.
    pub four: String,
    /// Between.
    pub three: String,
    /// Poor.
    pub two: String,
    /// The worst.
    pub one: String,
}

/// Reads a file that stands beside a rubric, by its name: where it is and what is in it.
type Beside<'a> = &'a dyn Fn(&str) -> Result<(PathBuf, String), Error>;

/// The rubrics by dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct Rubrics(BTreeMap<String, Rubric>);

/// Names that something else has already.
const TAKEN: [&str; 3] = ["composite", "overall", "severe_safety"];

impl Rubric {
    /// From the text of a file of this name, which names no file beside it.
    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let nothing = |beside: &str| {
            let err = std::io::Error::new(std::io::ErrorKind::NotFound, "no file stands beside this text");
            Err(Error::ReadRubric { path: PathBuf::from(beside), err })
        };
        Self::parse_beside(name, text, &nothing)
    }

    fn parse_beside(name: &str, text: &str, beside: Beside<'_>) -> Result<Self, Error> {
        let parsed = toml::from_str(text);
        let mut rubric: Self =
            parsed.map_err(|err| Error::ParseRubric { name: name.to_owned(), err: Box::new(err) })?;
        let bad =
            |problem: &str| Err(Error::BadRubric { name: name.to_owned(), problem: problem.to_owned() });
        let dimension = rubric.dimension.as_bytes();
        if dimension.is_empty() || !dimension.iter().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_')) {
            return bad("a dimension's name has lower case letters, digits and `_`");
        }
        let is_signal = signal::find(&rubric.dimension).is_some_and(|signal| signal.lens == Lens::Quantity);
        let is_taken = TAKEN.contains(&rubric.dimension.as_str()) || rubric.dimension.ends_with("_pass_rate");
        if is_taken || is_signal || evaluator::find(&rubric.dimension).is_some() {
            return bad(&format!("the name `{}` is taken: give the dimension another", rubric.dimension));
        }
        if !(1.0..=5.0).contains(&rubric.pass_score) {
            return bad("the pass score lies between 1 and 5");
        }
        for (grade, anchor) in rubric.anchors.graded() {
            if anchor.is_empty() {
                return bad(&format!("say what a {grade} is: its anchor is empty"));
            }
        }
        if let Some(file) = &rubric.prompt {
            let (path, text) = beside(file)?;
            let own = OwnPrompt::read(&text, &rubric);
            rubric.own_prompt =
                Some(own.map_err(|(line, problem)| Error::BadPrompt { path, line, problem })?);
        }
        if let Some(file) = &rubric.reply {
            let (path, text) = beside(file)?;
            let own = OwnReply::read(&text);
            rubric.own_reply = Some(own.map_err(|problem| Error::BadReplySchema { path, problem })?);
        }
        Ok(rubric)
    }

    /// The rubric as the judge sees it.
    pub fn text(&self) -> String {
        let mut text = self.question_text();
        for (score, anchor) in self.anchors.graded() {
            let _ = writeln!(text, "{score}: {anchor}");
        }
        text
    }

    /// What is asked and what counts, without grades: for two answers side by side.
    pub(crate) fn question_text(&self) -> String {
        format!("{}\n{}\n", self.question.trim(), self.guidance.trim())
    }
}

impl Anchors {
    /// Each grade with what it means, the best first.
    fn graded(&self) -> [(u8, &str); 5] {
        let Self { five, four, three, two, one } = self;
        [(5, five), (4, four), (3, three), (2, two), (1, one)].map(|(grade, anchor)| (grade, anchor.trim()))
    }
}

impl Rubrics {
    /// The rubrics that come with Bifocal.
    pub fn shipped() -> Result<Self, Error> {
        files::shipped()
    }

    /// The shipped ones, with those of the folder's `*.toml` files in their place or beside them.
    pub fn with_folder(folder: &Path) -> Result<Self, Error> {
        files::with_folder(folder)
    }

    /// The rubric of a dimension.
    pub fn get(&self, dimension: &str) -> Result<&Rubric, Error> {
        self.0.get(dimension).ok_or_else(|| Error::NoRubric {
            dimension: dimension.to_owned(),
            known: self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        })
    }

    /// All of them, by dimension.
    pub fn iter(&self) -> impl Iterator<Item = &Rubric> {
        self.0.values()
    }
}
