//! Incidents: from an alarm of a quality stream to its recovery, with what the samples after it say of the cause.
//!
//! Life of the data: every judged score passes [`IncidentBook::take_score`] behind its stream. While the stream learns
//! its baseline the score goes into the reference; at an alarm an incident is opened with an
//! [`Inquiry`](bifocal_stats::attribution::Inquiry), which looks at the samples that come after it; re-scores of anchors
//! tell the judge from the answers; events inside the onset range are noted as aligned. A cause that clears the model
//! (judge, mix) makes the stream start over, see `docs/adr/`.
//!
//! Invariant: a function of the records alone, so that a replay of the journal arrives at the same bits. What is decided
//! leaves as an event as well, for people and for alignment.

mod aligned;
mod follow;
mod handling;
mod judges;
mod sentence;

pub(crate) use sentence::began;

use std::collections::VecDeque;

use bifocal_model::{
    AnchorScore, Cause, Dimension, Event, EventKind, Fingerprint, Incident, Score, TargetKey, Timestamp,
};
use bifocal_stats::attribution::{AnchorWatch, JudgeMove};
use serde::{Deserialize, Serialize};

use crate::config::QualityConfig;
use crate::limits::CLOSED_INCIDENTS_MAX;
use crate::snapshot::AlarmView;

use aligned::Timeline;
use follow::Follow;
use judges::Judges;

/// All incidents, and what is kept to judge the next one by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct IncidentBook {
    follows: Vec<Follow>,
    judges: Judges,
    timeline: Timeline,
    closed: VecDeque<Incident>,
}

/// Which stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StreamKey {
    pub(crate) target: TargetKey,
    pub(crate) dimension: Dimension,
    pub(crate) fingerprint: Fingerprint,
}

/// How the stream stands after a score.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// What the score caused.
    pub(crate) turn: Option<EventKind>,
    /// The alarm that is not over.
    pub(crate) alarm: Option<AlarmView>,
    pub(crate) evidence: f64,
    pub(crate) threshold: f64,
}

/// What follows from a record.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) events: Vec<Event>,
    /// Streams whose baselines mean nothing any more.
    pub(crate) start_over: Vec<StreamKey>,
    /// That the judge moved, where a re-score said so.
    pub(crate) moved: Option<JudgeMove>,
}

impl IncidentBook {
    /// Takes a judged score behind its stream.
    pub(crate) fn take_score<T>(
        &mut self,
        score: &Score<T>,
        standing: &Standing,
        config: &QualityConfig,
    ) -> Told {
        let key = StreamKey {
            target: score.target.clone(),
            dimension: score.dimension.clone(),
            fingerprint: score.fingerprint,
        };
        let at = self.follows.iter().position(|follow| follow.key == key).unwrap_or_else(|| {
            self.follows.push(Follow::new(key.clone(), config.baseline_judged));
            self.follows.len() - 1
        });
        let Some(follow) = self.follows.get_mut(at) else { return Told::default() };
        let anchors = self.judges.of(key.fingerprint, &key.dimension);
        let told = follow.take(score, standing, anchors, &self.timeline);
        if told.start_over.contains(&key) {
            follow.start_over(config.baseline_judged);
        }
        if let Some(incident) = follow.take_closed() {
            self.keep(incident);
        }
        told
    }

    /// Takes a re-score of an anchor. `buys` gives the threshold that the budget has for a stream of so many samples in 30
    /// days.
    pub(crate) fn take_anchor(
        &mut self,
        anchor: &AnchorScore,
        buys: impl FnOnce(f64) -> f64,
        config: &QualityConfig,
    ) -> Told {
        let mut told = Told::default();
        let Some(moved) = self.judges.take(anchor, buys) else { return told };
        let anchors = self.judges.of(anchor.fingerprint, &anchor.dimension);
        let judged_by = |follow: &&mut Follow| {
            follow.key.fingerprint == anchor.fingerprint && follow.key.dimension == anchor.dimension
        };
        for follow in self.follows.iter_mut().filter(judged_by) {
            let cleared = follow.take_anchor(anchor.time, anchors, &mut told);
            if cleared || (moved.is_some() && !follow.asks()) {
                follow.start_over(config.baseline_judged);
                told.start_over.push(follow.key.clone());
            }
        }
        let threshold = self.judges.threshold(anchor.fingerprint, &anchor.dimension);
        told.events.extend(moved.map(|moved| judges::event(anchor, &moved, threshold)));
        told.moved = moved;
        told
    }

    /// What is known of a judge on a dimension from its anchors.
    pub(crate) fn judge(&self, fingerprint: Fingerprint, dimension: &Dimension) -> &AnchorWatch {
        self.judges.of(fingerprint, dimension)
    }

    /// The evidence at which a judge is called moved on a dimension.
    pub(crate) fn judge_threshold(&self, fingerprint: Fingerprint, dimension: &Dimension) -> f64 {
        self.judges.threshold(fingerprint, dimension)
    }

    /// How many judges and dimensions have anchors: streams of the budget.
    pub(crate) fn judges(&self) -> u64 {
        self.judges.len() as u64
    }

    /// Notes an event of the journal.
    pub(crate) fn take_event(&mut self, event: &Event) {
        if self.timeline.note(event) {
            for follow in &mut self.follows {
                follow.align(event);
            }
        }
    }

    /// The incidents of a target that are not over, newest first.
    pub(crate) fn open_of(&self, target: &TargetKey) -> Vec<Incident> {
        let mut open: Vec<Incident> = self
            .follows
            .iter()
            // Few have one, and names take long to compare.
            .filter_map(|follow| follow.incident().filter(|_| follow.key.target == *target).cloned())
            .collect();
        open.sort_by_key(|incident| std::cmp::Reverse(incident.opened));
        open
    }

    /// All incidents: open ones, then those that are over, newest first.
    pub(crate) fn all(&self) -> Vec<Incident> {
        let mut open: Vec<Incident> =
            self.follows.iter().filter_map(|follow| follow.incident().cloned()).collect();
        open.sort_by_key(|incident| std::cmp::Reverse(incident.opened));
        open.extend(self.closed.iter().rev().cloned());
        open
    }

    /// Dimensions whose anchors should be scored now, all of them: a detector nears its threshold, or an incident waits
    /// for word about the judge. Only the judge can move the anchors, so they must out-run the detector.
    pub(crate) fn anchors_wanted(&self) -> Vec<Dimension> {
        let mut wanted: Vec<Dimension> = Vec::new();
        for follow in &self.follows {
            let anchors = self.judges.of(follow.key.fingerprint, &follow.key.dimension);
            if follow.wants_anchors(anchors) && !wanted.contains(&follow.key.dimension) {
                wanted.push(follow.key.dimension.clone());
            }
        }
        wanted
    }

    fn keep(&mut self, incident: Incident) {
        if self.closed.len() == CLOSED_INCIDENTS_MAX {
            self.closed.pop_front();
        }
        self.closed.push_back(incident);
    }
}

/// The event that a verdict leaves.
fn verdict_event(incident: &Incident, time: Timestamp) -> Event {
    let cause = incident.attribution.cause;
    Event {
        time,
        kind: EventKind::Verdict,
        target: Some(incident.target.clone()),
        id: format!("verdict:{}:{}", incident.id, cause.name()),
        summary: match cause {
            Cause::Undecided => {
                format!("cause of the fall of {} undecided: {}", incident.dimension, incident.attribution.why)
            }
            _ => format!(
                "cause of the fall of {}: {} ({})",
                incident.dimension,
                cause.name(),
                incident.attribution.why
            ),
        },
    }
}

#[cfg(test)]
mod tests;
