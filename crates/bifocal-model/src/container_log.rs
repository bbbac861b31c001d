//! What a container wrote around the beginning of an incident.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Lines of one log group, kept as evidence of one incident. They stand beside it and are never called its cause. `T` is
/// the type of the texts, as in [`crate::Inference`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerLog<T> {
    /// The log group.
    pub group: String,
    /// Lines from this time on were looked at.
    pub from: Timestamp,
    /// Lines before this time.
    pub to: Timestamp,
    /// When they were read.
    pub read: Timestamp,
    /// In the order of their times.
    pub lines: Vec<LogLine<T>>,
    /// Whether there were more than are kept.
    pub is_cut: bool,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine<T> {
    /// When it was written.
    pub time: Timestamp,
    /// The stream: the variant and the copy.
    pub stream: String,
    /// What it says, its end cut off where it is long.
    pub text: T,
}

impl<T> ContainerLog<T> {
    /// The same with its texts turned into another type (the redaction does this).
    pub fn map_texts<U>(self, mut text: impl FnMut(T) -> U) -> ContainerLog<U> {
        let Self { group, from, to, read, lines, is_cut } = self;
        let line = |LogLine { time, stream, text: said }| LogLine { time, stream, text: text(said) };
        ContainerLog { group, from, to, read, lines: lines.into_iter().map(line).collect(), is_cut }
    }
}
