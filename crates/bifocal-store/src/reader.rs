//! The reading side: answers from memory where it is complete, else from segments. It never waits for a seal's
//! files or a group commit, only for the moment in which records are applied.

mod calls;
mod cold;
mod series;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use bifocal_model::{AnchorScore, Event, InferenceId, Reading, TargetKey, Timestamp, Window};

pub use calls::{Call, Cursor, Page, Query, Scored};
pub use series::{ReadingSeries, steps};

use crate::arrivals::Arrivals;
use crate::hot::{Hot, KnownTarget};
use crate::labels::Person;
use crate::ledger::{Ledger, Pending};
use crate::{Checkpoint, Seq, store};

/// Reads the store. Cheap to clone, usable from any thread; calls that reach segments read files.
#[derive(Clone, Debug)]
pub struct Reader {
    dir: Arc<PathBuf>,
    hot: Arc<RwLock<Hot>>,
    arrivals: Arrivals,
}

/// How much is on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUse {
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Bytes of all segments.
    pub segment_bytes: u64,
    /// Segments.
    pub segments: u64,
}

impl Reader {
    pub(crate) fn new(dir: PathBuf, hot: Arc<RwLock<Hot>>, arrivals: Arrivals) -> Self {
        Self { dir: Arc::new(dir), hot, arrivals }
    }

    fn dir(&self) -> &Path {
        &self.dir
    }

    fn hot(&self) -> RwLockReadGuard<'_, Hot> {
        store::read(&self.hot)
    }

    /// The last record that was applied.
    pub fn applied(&self) -> Seq {
        self.hot().applied
    }

    /// The newest event time of any call or reading; `None` before the first.
    pub fn newest(&self) -> Option<Timestamp> {
        Some(self.hot().aggregates.newest).filter(|newest| *newest != Timestamp::default())
    }

    /// Every target of which there is a call or a reading.
    pub fn targets(&self) -> BTreeMap<TargetKey, KnownTarget> {
        self.hot().aggregates.targets.clone()
    }

    /// The ledger at this moment, with what has arrived and what is on its way.
    pub fn ledger(&self) -> Ledger {
        let hot = self.hot();
        hot.aggregates.ledger.shown(self.arrivals.now())
    }

    /// Selections whose scores are not all there, oldest first: what to queue again after a restart.
    pub fn pending(&self) -> Vec<Pending> {
        self.hot().aggregates.ledger.pending.values().cloned().collect()
    }

    /// Events of a window, newest first: those of the target and those of nobody in particular, or all.
    pub fn events(&self, target: Option<&TargetKey>, window: Window, limit: usize) -> Vec<Event> {
        let hot = self.hot();
        let events = hot.events.iter().rev().map(|(_, event)| event);
        let fits = events.filter(|event| {
            window.contains(event.time)
                && (target.is_none() || event.target.is_none() || event.target.as_ref() == target)
        });
        let mut found: Vec<Event> = fits.cloned().collect();
        found.sort_by_key(|event| std::cmp::Reverse(event.time));
        found.truncate(limit);
        found
    }

    /// Re-scores of anchors in a window, oldest first, as far as the limit of kept ones reaches.
    pub fn anchor_scores(&self, window: Window) -> Vec<AnchorScore> {
        let hot = self.hot();
        let all = hot.anchors.iter().map(|(_, anchor)| anchor);
        all.filter(|anchor| window.contains(anchor.time)).cloned().collect()
    }

    /// What people say of an inference: of each person and dimension the newest word, oldest first.
    pub fn labels_of(&self, inference: InferenceId) -> Vec<Person> {
        self.hot().labels.of(inference)
    }

    /// Every label that is kept, oldest first.
    pub fn labels(&self) -> Vec<Person> {
        self.hot().labels.all().into_iter().map(Arc::clone).collect()
    }

    /// The newest point of every series.
    pub fn last_readings(&self) -> Vec<Reading> {
        self.hot().aggregates.last.values().cloned().collect()
    }

    /// How far a file has been read.
    pub fn checkpoint(&self, file: &str) -> Option<Checkpoint> {
        self.hot().checkpoints.get(file).cloned()
    }

    /// How much is on the disk.
    pub fn disk(&self) -> DiskUse {
        let hot = self.hot();
        let segment_bytes = hot.segments.iter().map(|segment| segment.bytes).sum();
        DiskUse { journal_bytes: hot.journal_bytes, segment_bytes, segments: hot.segments.len() as u64 }
    }
}
