//! The judges, each watched on its anchors.

use bifocal_model::{AnchorScore, Dimension, Event, EventKind, Fingerprint};
use bifocal_stats::attribution::{AnchorWatch, JudgeMove, Rescore};
use serde::{Deserialize, Serialize};

use crate::limits::JUDGES_MAX;

/// A judge is called moved at this evidence: by chance once in 10,000 re-scores at most. A sweep of 100 anchors a day
/// gives one false move in a hundred days; each costs a baseline.
pub(crate) const THRESHOLD: f64 = 10_000.0;

/// One watch per fingerprint and dimension.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Judges {
    watches: Vec<(Fingerprint, Dimension, AnchorWatch)>,
    /// What is known of a judge without anchors.
    nothing: AnchorWatch,
}

impl Judges {
    /// Takes a re-score: `None` when it was left out, else whether the judge is called moved.
    pub(super) fn take(&mut self, anchor: &AnchorScore) -> Option<Option<JudgeMove>> {
        let same = |(fingerprint, dimension, _): &(Fingerprint, Dimension, AnchorWatch)| {
            *fingerprint == anchor.fingerprint && *dimension == anchor.dimension
        };
        let at = self.watches.iter().position(same).unwrap_or_else(|| {
            // A judge that is no longer in use makes room.
            if self.watches.len() == JUDGES_MAX {
                self.watches.remove(0);
            }
            self.watches.push((anchor.fingerprint, anchor.dimension.clone(), AnchorWatch::default()));
            self.watches.len() - 1
        });
        let (_, _, watch) = self.watches.get_mut(at)?;
        let (frozen, value) = (anchor.frozen.get(), anchor.value.get());
        let taken = watch.take(&Rescore { anchor: &anchor.anchor, time: anchor.time, frozen, value });
        taken.then(|| watch.moved(THRESHOLD))
    }

    /// What is known of a judge on a dimension.
    pub(super) fn of(&self, fingerprint: Fingerprint, dimension: &Dimension) -> &AnchorWatch {
        let found = self.watches.iter().find(|(f, d, _)| *f == fingerprint && d == dimension);
        found.map_or(&self.nothing, |(_, _, watch)| watch)
    }
}

/// The event that a move leaves.
pub(super) fn event(anchor: &AnchorScore, moved: &JudgeMove) -> Event {
    let (dimension, direction) = (&anchor.dimension, if moved.fell { "lower" } else { "higher" });
    Event {
        time: moved.time,
        kind: EventKind::Judge,
        target: None,
        id: format!("judge:{}:{dimension}:{}", anchor.fingerprint, moved.time.as_nanos()),
        summary: format!(
            "{} scores its anchors {direction} on {dimension} (evidence {:.1e}, alarm at {THRESHOLD:.0e}): baselines of \
             {dimension} start anew",
            anchor.evaluator, moved.evidence
        ),
    }
}
