//! Anchors: questions and answers whose text is frozen with the scores that they had then. The judge scores them again and
//! again, so that a move of these scores tells of the judge and of nothing else.
//!
//! A file holds one JSON object a line:
//!
//! ```json
//! {"id": "refund-1", "prompt": "How do I …?", "answer": "Open …", "scores": {"relevance": 0.75, "safety": 1.0}}
//! ```
//!
//! `scores` are in [0, 1], best the means of several scorings by the judge that is in use; a dimension without one is not
//! scored again. Keys besides these are left alone, as notes of whoever keeps the file.

mod desk;

use std::collections::BTreeMap;
use std::path::Path;

use bifocal_model::{
    Completeness, Dimension, FinishReason, FormatAsked, Identity, Inference, InferenceId, Message,
    Probability, Source, TargetKey, Timestamp, Timing, Unit, Usage,
};
use bifocal_redact::{Redacted, redact_inference};
use bifocal_stats::Draw;
use serde::Deserialize;

use crate::limits::{ANCHOR_LINE_BYTES, ANCHORS};
use crate::{Choice, Error};

pub use desk::{AnchorDesk, Errand};

/// The origin of the key under which anchors are judged; it is never recorded.
const ORIGIN: &str = "anchors";

/// The anchors of one file, in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct Anchors {
    all: Vec<Anchor>,
}

/// One frozen answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Anchor {
    /// Its id, unique in the file.
    pub id: String,
    /// The scores that were frozen with it.
    pub scores: BTreeMap<Dimension, Unit>,
    /// Question and answer in the form in which they are judged. It is no traffic and is recorded nowhere.
    pub(crate) inference: Inference<Redacted>,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    prompt: String,
    answer: String,
    scores: BTreeMap<String, f64>,
}

impl Anchors {
    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|err| Error::ReadAnchors { path: path.to_owned(), err })?;
        Self::read(&text).map_err(|(line, problem)| Error::BadAnchor { path: path.to_owned(), line, problem })
    }

    /// Reads the lines of a file. The error is the number of the line, from 1, and what is wrong with it.
    pub fn read(text: &str) -> Result<Self, (usize, String)> {
        let mut all: Vec<Anchor> = Vec::new();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let anchor = Anchor::read(line).map_err(|problem| (number, problem))?;
            if all.iter().any(|other| other.id == anchor.id) {
                return Err((number, format!("the id `{}` is there twice", anchor.id)));
            }
            if all.len() == ANCHORS {
                return Err((number, format!("there are more than {ANCHORS} anchors")));
            }
            all.push(anchor);
        }
        if all.is_empty() {
            return Err((1, "there is no anchor".to_owned()));
        }
        Ok(Self { all })
    }

    /// All of them.
    pub fn all(&self) -> &[Anchor] {
        &self.all
    }
}

impl Anchor {
    fn read(line: &str) -> Result<Self, String> {
        if line.len() > ANCHOR_LINE_BYTES {
            return Err(format!("the line has more than {ANCHOR_LINE_BYTES} bytes"));
        }
        let line: Line = serde_json::from_str(line).map_err(|err| err.to_string())?;
        if line.id.is_empty() || line.answer.trim().is_empty() {
            return Err("an anchor needs an id and an answer".to_owned());
        }
        let scores = line.scores.into_iter().map(|(dimension, score)| {
            let unit = Unit::new(score).ok_or_else(|| format!("`{dimension}`: {score} is not in [0, 1]"))?;
            Ok((Dimension(dimension.into()), unit))
        });
        let scores = scores.collect::<Result<BTreeMap<_, _>, String>>()?;
        if scores.is_empty() {
            return Err("an anchor needs the score of one dimension at least".to_owned());
        }
        let inference = frozen(&line.id, line.prompt, line.answer);
        Ok(Self { id: line.id, scores, inference })
    }

    /// An anchor is no draw from anything.
    pub(crate) fn choice() -> Choice {
        let draw = Draw { draw: 0.0, included: true, inclusion: Probability::ONE };
        Choice { draw, stratum: ORIGIN.to_owned(), dimensions: Vec::new() }
    }
}

fn frozen(id: &str, prompt: String, answer: String) -> Inference<Redacted> {
    let identity = Identity { source: Source::Simulated, key: format!("{ORIGIN}/{id}") };
    let time = Timestamp::default();
    redact_inference(Inference {
        id: InferenceId::of_identity(&identity, time),
        identity,
        target: TargetKey::of_model(ORIGIN, id),
        labels: BTreeMap::new(),
        tenant: None,
        time,
        messages: vec![Message { role: "user".to_owned(), text: prompt }],
        answer,
        finish_reason: Some(FinishReason::Stop),
        usage: Usage::default(),
        timing: Timing::default(),
        status: None,
        error: None,
        completeness: Completeness::Complete,
        capture_probability: Probability::ONE,
        format_asked: FormatAsked::Free,
        streamed: false,
        redactions: Vec::new(),
        findings: bifocal_model::Findings::default(),
        chance: None,
        signs: bifocal_model::Signs::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str) -> String {
        format!(
            r#"{{"id":"{id}","prompt":"why?","answer":"because","scores":{{"relevance":0.5}},"by":"us"}}"#
        )
    }

    #[test]
    fn lines_are_read_and_mistakes_have_their_number() {
        let read = Anchors::read(&format!("{}\n\n{}\n", line("a"), line("b"))).unwrap();
        assert_eq!(read.all().iter().map(|anchor| &*anchor.id).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(read.all()[0].scores[&Dimension::new("relevance")].get(), 0.5);
        assert_ne!(read.all()[0].inference.id, read.all()[1].inference.id);
        for (bad, says) in [
            (line("a"), "there twice"),
            ("{".to_owned(), "EOF"),
            (line("b").replace("0.5", "1.5"), "1.5 is not in [0, 1]"),
            (line("b").replace("\"relevance\":0.5", ""), "score of one dimension"),
            (line("b").replace("because", " "), "needs an id and an answer"),
            (line("b").replace("\"prompt\"", "\"question\""), "missing field `prompt`"),
        ] {
            let (number, problem) = Anchors::read(&format!("{}\n\n{bad}\n", line("a"))).unwrap_err();
            assert_eq!(number, 3, "{problem}");
            assert!(problem.contains(says), "{problem}");
        }
        assert!(Anchors::read("\n").unwrap_err().1.contains("no anchor"));
    }

    #[test]
    fn limit_anchors() {
        let many: String = (0..=ANCHORS).map(|i| line(&format!("a{i}")) + "\n").collect();
        let (number, problem) = Anchors::read(&many).unwrap_err();
        assert!(number == ANCHORS + 1 && problem.contains("more than"), "{number}: {problem}");
    }

    #[test]
    fn limit_anchor_line_bytes() {
        let long = line("a").replace("because", &"x".repeat(ANCHOR_LINE_BYTES));
        assert!(Anchors::read(&long).unwrap_err().1.contains("bytes"));
    }

    #[test]
    fn a_file_says_where() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("anchors.jsonl");
        assert!(matches!(Anchors::open(&path), Err(Error::ReadAnchors { .. })));
        std::fs::write(&path, format!("{}\nnothing\n", line("a"))).unwrap();
        let message = Anchors::open(&path).unwrap_err().to_string();
        assert!(message.contains("anchors.jsonl:2"), "{message}");
    }
}
