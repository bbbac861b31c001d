//! The tables of the lake and what the catalogue knows of a segment.

use std::path::{Path, PathBuf};

use bifocal_model::Timestamp;

/// A table of the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Calls, by hour of their event.
    Inferences,
    /// Scores, by hour of their inference.
    Scores,
    /// Points of infrastructure series, by hour.
    Readings,
    /// Sums per target and minute, by day.
    Rollups,
    /// Weighted sums of scores per target, minute, dimension and evaluator, by day.
    RollupScores,
    /// Sums per series and minute, by day.
    RollupReadings,
}

/// A sealed file. It is never edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) table: Table,
    /// Below the data folder.
    pub(crate) path: PathBuf,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) min_time: Timestamp,
    pub(crate) max_time: Timestamp,
    /// The last sequence that its seal covers.
    pub(crate) sealed: u64,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Inferences,
        Self::Scores,
        Self::Readings,
        Self::Rollups,
        Self::RollupScores,
        Self::RollupReadings,
    ];

    /// The name in metrics, catalogue and folders.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inferences => "inferences",
            Self::Scores => "scores",
            Self::Readings => "readings",
            Self::Rollups => "rollups",
            Self::RollupScores => "rollup_scores",
            Self::RollupReadings => "rollup_readings",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Whether a row is a minute rather than a record.
    pub const fn is_rollup(self) -> bool {
        matches!(self, Self::Rollups | Self::RollupScores | Self::RollupReadings)
    }

    /// The folder of the partition that holds a time, below the data folder.
    pub(crate) fn folder(self, time: Timestamp) -> PathBuf {
        let (date, hour) = time.date_and_hour();
        let table = Path::new("lake").join(self.name());
        if self.is_rollup() {
            table.join("resolution=60s").join(format!("date={date}"))
        } else {
            table.join(format!("date={date}")).join(format!("hour={hour:02}"))
        }
    }
}

impl Segment {
    /// Whether it may hold rows of this half-open window.
    pub(crate) fn overlaps(&self, from: Timestamp, to: Timestamp) -> bool {
        self.min_time < to && from <= self.max_time
    }
}
