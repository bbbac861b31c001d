//! What a container wrote around the beginning of an incident.

use bifocal_model::{ContainerLog, LogLine, Timestamp};
use serde::Serialize;

/// Lines of one log group.
#[derive(Clone, Debug, Serialize)]
pub struct ContainerLogRow {
    /// The log group.
    pub group: String,
    /// Lines from this time on were looked at.
    pub from: Timestamp,
    /// Lines before this time.
    pub to: Timestamp,
    /// When they were read.
    pub read: Timestamp,
    /// Redacted, in the order of their times.
    pub lines: Vec<LogLineRow>,
    /// Whether there were more than are kept.
    pub is_cut: bool,
}

/// One line.
#[derive(Clone, Debug, Serialize)]
pub struct LogLineRow {
    /// When it was written.
    pub time: Timestamp,
    /// The stream: the variant and the copy.
    pub stream: String,
    /// What it says.
    pub text: String,
}

impl From<ContainerLog<String>> for ContainerLogRow {
    fn from(log: ContainerLog<String>) -> Self {
        let ContainerLog { group, from, to, read, lines, is_cut } = log;
        let row = |LogLine { time, stream, text }| LogLineRow { time, stream, text };
        Self { group, from, to, read, lines: lines.into_iter().map(row).collect(), is_cut }
    }
}
