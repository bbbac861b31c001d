//! The judges, each watched on its anchors.

use bifocal_model::{AnchorScore, Dimension, Event, EventKind, Fingerprint, Span};
use bifocal_stats::attribution::{AnchorWatch, JudgeMove, Rescore};
use serde::{Deserialize, Serialize};

use crate::limits::JUDGES_MAX;
use crate::pace::Pace;

/// A judge is called moved at this evidence at the least: by chance once in 10,000 re-scores at most. A false move costs
/// a baseline even where no rule pages on it.
const LEAST: f64 = 10_000.0;
/// The rate of re-scores is measured over this span: anchors come in sweeps.
const PACE_SPAN: Span = Span::from_mins(24 * 60);

/// One watch per fingerprint and dimension.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Judges {
    watches: Vec<Watched>,
    /// What is known of a judge without anchors.
    nothing: AnchorWatch,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Watched {
    fingerprint: Fingerprint,
    dimension: Dimension,
    watch: AnchorWatch,
    pace: Pace,
    /// In force: it only ever grows, so that a growing rate never breaks the budget.
    threshold: f64,
}

impl Judges {
    /// Takes a re-score: `None` when it was left out, else whether the judge is called moved. `buys` gives the threshold
    /// that the budget has for a stream of so many samples in 30 days.
    pub(super) fn take(
        &mut self,
        anchor: &AnchorScore,
        buys: impl FnOnce(f64) -> f64,
    ) -> Option<Option<JudgeMove>> {
        let same = |watched: &Watched| watched.is_of(anchor.fingerprint, &anchor.dimension);
        let at = self.watches.iter().position(same).unwrap_or_else(|| {
            // A judge that is no longer in use makes room.
            if self.watches.len() == JUDGES_MAX {
                self.watches.remove(0);
            }
            self.watches.push(Watched::new(anchor));
            self.watches.len() - 1
        });
        let watched = self.watches.get_mut(at)?;
        let (frozen, value) = (anchor.frozen.get(), anchor.value.get());
        let rescore = Rescore { anchor: &anchor.anchor, time: anchor.time, frozen, value };
        if !watched.watch.take(&rescore) {
            return None;
        }
        watched.pace.count(anchor.time, PACE_SPAN);
        watched.threshold = watched.threshold.max(buys(watched.pace.in_30_days(PACE_SPAN)));
        Some(watched.watch.moved(watched.threshold))
    }

    /// What is known of a judge on a dimension.
    pub(super) fn of(&self, fingerprint: Fingerprint, dimension: &Dimension) -> &AnchorWatch {
        self.find(fingerprint, dimension).map_or(&self.nothing, |watched| &watched.watch)
    }

    /// The evidence at which a judge is called moved on a dimension.
    pub(super) fn threshold(&self, fingerprint: Fingerprint, dimension: &Dimension) -> f64 {
        self.find(fingerprint, dimension).map_or(LEAST, |watched| watched.threshold)
    }

    /// How many judges and dimensions have anchors.
    pub(super) fn len(&self) -> usize {
        self.watches.len()
    }

    fn find(&self, fingerprint: Fingerprint, dimension: &Dimension) -> Option<&Watched> {
        self.watches.iter().find(|watched| watched.is_of(fingerprint, dimension))
    }
}

impl Watched {
    fn new(anchor: &AnchorScore) -> Self {
        Self {
            fingerprint: anchor.fingerprint,
            dimension: anchor.dimension.clone(),
            watch: AnchorWatch::default(),
            pace: Pace::default(),
            threshold: LEAST,
        }
    }

    fn is_of(&self, fingerprint: Fingerprint, dimension: &Dimension) -> bool {
        self.fingerprint == fingerprint && self.dimension == *dimension
    }
}

/// The event that a move leaves.
pub(super) fn event(anchor: &AnchorScore, moved: &JudgeMove, threshold: f64) -> Event {
    let (dimension, direction) = (&anchor.dimension, if moved.fell { "lower" } else { "higher" });
    Event {
        time: moved.time,
        kind: EventKind::Judge,
        target: None,
        id: format!("judge:{}:{dimension}:{}", anchor.fingerprint, moved.time.as_nanos()),
        summary: format!(
            "{} scores its anchors {direction} on {dimension} (evidence {:.1e}, alarm at {threshold:.0e}): baselines of \
             {dimension} start anew",
            anchor.evaluator, moved.evidence
        ),
    }
}
