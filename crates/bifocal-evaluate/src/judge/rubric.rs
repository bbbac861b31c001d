//! Rubrics: what a dimension means, written in a file, with an anchor for each score.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;

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
    /// What each score means.
    pub anchors: Anchors,
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

/// The rubrics by dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct Rubrics(BTreeMap<String, Rubric>);

const SHIPPED: [(&str, &str); 9] = [
    ("citation_quality.toml", include_str!("rubrics/citation_quality.toml")),
    ("code_correctness.toml", include_str!("rubrics/code_correctness.toml")),
    ("completeness.toml", include_str!("rubrics/completeness.toml")),
    ("conversation_coherence.toml", include_str!("rubrics/conversation_coherence.toml")),
    ("factual_consistency.toml", include_str!("rubrics/factual_consistency.toml")),
    ("helpfulness.toml", include_str!("rubrics/helpfulness.toml")),
    ("relevance.toml", include_str!("rubrics/relevance.toml")),
    ("safety.toml", include_str!("rubrics/safety.toml")),
    ("professional_tone.toml", include_str!("rubrics/professional_tone.toml")),
];

impl Rubric {
    /// From the text of a file of this name.
    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let parsed = toml::from_str(text);
        let rubric: Self =
            parsed.map_err(|err| Error::ParseRubric { name: name.to_owned(), err: Box::new(err) })?;
        let bad = |problem| Err(Error::BadRubric { name: name.to_owned(), problem });
        let dimension = rubric.dimension.as_bytes();
        if dimension.is_empty() || !dimension.iter().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_')) {
            return bad("a dimension's name has lower case letters, digits and `_`");
        }
        if !(1.0..=5.0).contains(&rubric.pass_score) {
            return bad("the pass score lies between 1 and 5");
        }
        Ok(rubric)
    }

    /// The rubric as the judge sees it.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n", self.question.trim(), self.guidance.trim());
        let Anchors { five, four, three, two, one } = &self.anchors;
        for (score, anchor) in [(5, five), (4, four), (3, three), (2, two), (1, one)] {
            let _ = writeln!(text, "{score}: {}", anchor.trim());
        }
        text
    }
}

impl Rubric {
    /// What is asked and what counts, without grades: for two answers side by side.
    pub(crate) fn question_text(&self) -> String {
        format!("{}\n{}\n", self.question.trim(), self.guidance.trim())
    }
}

impl Rubrics {
    /// The rubrics that come with Bifocal.
    pub fn shipped() -> Result<Self, Error> {
        let mut rubrics = BTreeMap::new();
        for (name, text) in SHIPPED {
            let rubric = Rubric::parse(name, text)?;
            rubrics.insert(rubric.dimension.clone(), rubric);
        }
        Ok(Self(rubrics))
    }

    /// The shipped ones, with those of the folder's `*.toml` files in their place or beside them.
    pub fn with_folder(folder: &Path) -> Result<Self, Error> {
        let mut rubrics = Self::shipped()?;
        let unread = |err| Error::ReadRubric { path: folder.to_owned(), err };
        for entry in fs::read_dir(folder).map_err(unread)? {
            let path = entry.map_err(unread)?.path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let text =
                fs::read_to_string(&path).map_err(|err| Error::ReadRubric { path: path.clone(), err })?;
            let rubric = Rubric::parse(&path.display().to_string(), &text)?;
            rubrics.0.insert(rubric.dimension.clone(), rubric);
        }
        Ok(rubrics)
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
