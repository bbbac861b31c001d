//! What people said.

use bifocal_model::{Label, Mark, Timestamp};
use bifocal_store::Redacted;
use serde::Serialize;

/// One person's word on one dimension of one answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelRow {
    /// Of which inference.
    pub inference: String,
    /// Target id.
    pub target: String,
    /// About what; `overall` for the answer as a whole.
    pub dimension: String,
    /// Who.
    pub who: String,
    /// `up` or `down`.
    pub thumbs: Option<&'static str>,
    /// 1 to 5.
    pub grade: Option<u8>,
    /// Whether the answer passes: a 4, a 5 or a thumb up do.
    pub pass: Option<bool>,
    /// What the answer should have been, redacted.
    pub correction: Option<String>,
    /// When.
    pub labelled_at: Timestamp,
}

impl From<&Label<Redacted>> for LabelRow {
    fn from(label: &Label<Redacted>) -> Self {
        let thumbs = match label.mark {
            Some(Mark::Thumbs(up)) => Some(if up { "up" } else { "down" }),
            _ => None,
        };
        Self {
            inference: label.inference.to_string(),
            target: label.target.id().to_string(),
            dimension: label.dimension.to_string(),
            who: label.who.clone(),
            thumbs,
            grade: label.mark.and_then(Mark::grade),
            pass: label.mark.map(Mark::passes),
            correction: label.correction.as_ref().map(|text| text.as_str().to_owned()),
            labelled_at: label.labelled_at,
        }
    }
}
