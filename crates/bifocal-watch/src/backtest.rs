//! Replay of recorded scores: what the detectors would have said, how late, and how often for nothing.
//!
//! Life of the data: [`read_scores`] turns a file of JSON lines into [`Line`]s, one at a time; [`Survey`] counts them, so
//! that a budget becomes a threshold; [`Replay`] gives every judged value to the same [`crate::stream`] that watches live
//! scores, in the order of the file, and [`Replay::finish`] tells what came out as a [`Report`]. History from the store
//! arrives as the same lines.
//!
//! Invariants: lines are read one after the other and dropped, so that memory grows with streams and alarms, never with
//! lines; a line that cannot be read is an error with its place or is counted, never a made-up value; no number of a
//! report is a NaN.

mod alarm;
mod anchors;
mod beside;
mod delay;
mod event;
mod line;
mod pages;
mod reader;
mod replay;
mod report;
mod rules;
mod standing;
mod store;
mod survey;
mod track;
mod values;

pub use beside::Method;
pub use delay::{Delay, Outcome as DelayOutcome};
pub use event::{Change, HistoryEvent};
pub use line::{AnchorLine, Judged, Line, LineError, ScoreLine};
pub use pages::FalsePages;
pub use reader::{BadLine, ReadError, Reading, read_events, read_scores};
pub use replay::{Replay, Settings};
pub use report::{
    Alarm, Aligned, BaselineReport, EstimateReport, Input, JudgeMoveReport, Judging, Report, Severity,
    StreamReport,
};
pub use rules::{Firing, RuleReport};
pub use standing::ConditionReport;
pub use store::Stored;
pub use survey::Survey;
