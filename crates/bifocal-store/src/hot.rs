//! What is in memory: a function of the journal's records, applied one by one in their order.
//!
//! Calls and scores stay here until they are sealed and, of the newest, longer. Everything whose time is at or after
//! `complete_from` is here; older calls are here only while they are not sealed, so a reader of older times asks
//! the segments too.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bifocal_model::{
    AnchorScore, Event, EventKind, Inference, InferenceId, Reading, ReadingSubject, Score, Span, TargetKey,
    Timestamp, Window,
};
use bifocal_redact::Redacted;
use bifocal_telemetry::Telemetry;
use serde::{Deserialize, Serialize};

use crate::labels::{Labels, Person};
use crate::ledger::Ledger;
use crate::limits;
use crate::rollup::{Minutes, Rollups, SeriesKey};
use crate::segment::{Segment, Table};
use crate::{Checkpoint, Error, Record, Seq};

/// A place in the order of calls.
pub(crate) type Place = (Timestamp, InferenceId);

/// What is known of a target from its calls and readings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownTarget {
    /// Event time of the first record.
    pub first_time: Timestamp,
    /// Event time of the newest record.
    pub last_time: Timestamp,
    /// The labels of the newest call.
    pub labels: BTreeMap<String, String>,
}

/// What a seal will write.
#[derive(Debug, Default)]
pub(crate) struct Unsealed {
    pub(crate) inferences: Vec<(Seq, Arc<Inference<Redacted>>)>,
    pub(crate) scores: Vec<(Seq, Arc<Score<Redacted>>)>,
    pub(crate) readings: Vec<(Seq, Reading)>,
    pub(crate) events: Vec<(Seq, Event)>,
    pub(crate) anchors: Vec<(Seq, AnchorScore)>,
    pub(crate) labels: Vec<(Seq, Person)>,
    pub(crate) checkpoints: BTreeMap<String, Checkpoint>,
}

/// The part of the state that a seal saves whole. The rest is in segments and tables.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Aggregates {
    pub(crate) newest: Timestamp,
    pub(crate) ledger: Ledger,
    pub(crate) targets: BTreeMap<TargetKey, KnownTarget>,
    pub(crate) last: BTreeMap<SeriesKey, Reading>,
}

/// Everything in memory.
#[derive(Debug, Default)]
pub(crate) struct Hot {
    pub(crate) applied: Seq,
    pub(crate) sealed: Seq,
    pub(crate) aggregates: Aggregates,
    pub(crate) rollups: Rollups,
    pub(crate) inferences: BTreeMap<Place, Arc<Inference<Redacted>>>,
    pub(crate) times: HashMap<InferenceId, Timestamp>,
    pub(crate) scores: BTreeMap<Place, Vec<Arc<Score<Redacted>>>>,
    pub(crate) complete_from: Timestamp,
    pub(crate) unsealed: Unsealed,
    pub(crate) events: VecDeque<(Seq, Event)>,
    pub(crate) anchors: VecDeque<(Seq, AnchorScore)>,
    pub(crate) labels: Labels,
    pub(crate) checkpoints: BTreeMap<String, Checkpoint>,
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) journal_bytes: u64,
}

/// The id of the event that an unclean stop leaves: it carries the time up to which everything was durable.
const UNCLEAN_STOP: &str = "unclean_stop/";

pub(crate) fn unclean_stop(window: Window) -> Event {
    Event {
        time: window.end,
        kind: EventKind::UncleanStop,
        target: None,
        id: format!("{UNCLEAN_STOP}{}", window.start),
        summary: format!(
            "started after an unclean stop: what the proxy saw between {} and {} may be missing",
            window.start, window.end
        ),
    }
}

impl Aggregates {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        rmp_serde::to_vec_named(self).map_err(|err| Error::Encode { what: "the aggregates", err })
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        rmp_serde::from_slice(bytes).map_err(|err| Error::Decode { what: "the aggregates", err })
    }

    fn see(&mut self, target: &TargetKey, time: Timestamp, labels: Option<&BTreeMap<String, String>>) {
        let Some(known) = self.targets.get_mut(target) else {
            let labels = labels.cloned().unwrap_or_default();
            let known = KnownTarget { first_time: time, last_time: time, labels };
            self.targets.insert(target.clone(), known);
            return;
        };
        known.first_time = known.first_time.min(time);
        if time >= known.last_time {
            known.last_time = time;
            if let Some(labels) = labels.filter(|labels| **labels != known.labels) {
                known.labels.clone_from(labels);
            }
        }
    }
}

impl Hot {
    /// Applies one record. Which records there were decides what comes out, and nothing else.
    pub(crate) fn apply(&mut self, seq: Seq, record: &Record, telemetry: &Telemetry) {
        self.applied = seq;
        match record {
            Record::Inference(inference) => self.inference(seq, inference, telemetry),
            Record::Score(score) => self.score(seq, score, telemetry),
            Record::Anchor(anchor) => self.anchor(seq, anchor),
            Record::Label(label) => {
                if self.labels.take(seq, Arc::clone(label)) {
                    telemetry.limit_hit("labels");
                }
                self.unsealed.labels.push((seq, Arc::clone(label)));
            }
            Record::Selection(selection) => self.aggregates.ledger.selected(selection),
            Record::Reading(reading) => self.reading(seq, reading, telemetry),
            Record::Event(event) => self.event(seq, event),
            Record::Loss(loss) => self.aggregates.ledger.lost(loss),
            // What people did is kept by the watch, whose state is saved with every seal.
            Record::Act(_) => {}
            Record::Checkpoint(checkpoint) => {
                self.checkpoints.insert(checkpoint.file.clone(), checkpoint.clone());
                self.unsealed.checkpoints.insert(checkpoint.file.clone(), checkpoint.clone());
            }
        }
    }

    fn inference(&mut self, seq: Seq, inference: &Arc<Inference<Redacted>>, telemetry: &Telemetry) {
        let (target, time) = (&inference.target, inference.time);
        self.aggregates.newest = self.aggregates.newest.max(time);
        self.aggregates.ledger.stored(inference.identity.source, Some(target));
        self.aggregates.see(target, time, Some(&inference.labels));
        if !self.rollups.add_inference(inference) {
            telemetry.limit_hit("store_targets");
        }
        self.inferences.insert((time, inference.id), Arc::clone(inference));
        self.times.insert(inference.id, time);
        self.unsealed.inferences.push((seq, Arc::clone(inference)));
    }

    fn score(&mut self, seq: Seq, score: &Arc<Score<Redacted>>, telemetry: &Telemetry) {
        self.aggregates.ledger.scored(score);
        if !self.rollups.add_score(score) {
            telemetry.limit_hit("streams_per_minute");
        }
        self.scores.entry((score.time, score.inference)).or_default().push(Arc::clone(score));
        self.unsealed.scores.push((seq, Arc::clone(score)));
    }

    fn reading(&mut self, seq: Seq, reading: &Reading, telemetry: &Telemetry) {
        let target = match &reading.subject {
            ReadingSubject::Target(target) => Some(target),
            ReadingSubject::Origin(_) => None,
        };
        self.aggregates.newest = self.aggregates.newest.max(reading.time);
        self.aggregates.ledger.stored(reading.source, target);
        if let Some(target) = target {
            self.aggregates.see(target, reading.time, None);
        }
        if self.rollups.add_reading(reading) {
            let key = SeriesKey::of(reading);
            let last = self.aggregates.last.entry(key).or_insert_with(|| reading.clone());
            if reading.time >= last.time {
                last.clone_from(reading);
            }
        } else {
            telemetry.limit_hit("reading_series");
        }
        self.unsealed.readings.push((seq, reading.clone()));
    }

    fn event(&mut self, seq: Seq, event: &Event) {
        if event.kind == EventKind::UncleanStop
            && let Some(from) = event.id.strip_prefix(UNCLEAN_STOP).and_then(|from| from.parse().ok())
        {
            self.aggregates.ledger.stopped_uncleanly(Window { start: from, end: event.time });
        }
        self.events.push_back((seq, event.clone()));
        while self.events.len() as u64 > limits::EVENTS {
            self.events.pop_front();
        }
        self.unsealed.events.push((seq, event.clone()));
    }

    fn anchor(&mut self, seq: Seq, anchor: &AnchorScore) {
        self.anchors.push_back((seq, anchor.clone()));
        while self.anchors.len() as u64 > limits::ANCHOR_SCORES {
            self.anchors.pop_front();
        }
        self.unsealed.anchors.push((seq, anchor.clone()));
    }

    /// What is unsealed has become these segments.
    pub(crate) fn sealed(&mut self, seq: Seq, segments: Vec<Segment>) {
        self.sealed = seq;
        self.segments.extend(segments.into_iter().map(Arc::new));
        self.unsealed = Unsealed::default();
        self.rollups.seal();
        while self.inferences.len() as u64 > limits::HOT_INFERENCES {
            let Some(((time, id), _)) = self.inferences.pop_first() else { break };
            self.times.remove(&id);
            self.complete_from = self.complete_from.max(time + Span::from_nanos(1));
        }
        let bound = (self.complete_from, InferenceId::from_bytes([0; 16]));
        self.scores = self.scores.split_off(&bound);
        // Late calls older than that are in segments now.
        let kept = self.inferences.split_off(&bound);
        for (_, id) in std::mem::replace(&mut self.inferences, kept).into_keys() {
            self.times.remove(&id);
        }
    }

    /// Memory after a start knows nothing of what is sealed.
    pub(crate) fn start_from(&mut self, segments: Vec<Segment>) {
        let records = segments.iter().filter(|s| matches!(s.table, Table::Inferences | Table::Scores));
        let newest = records.map(|segment| segment.max_time + Span::from_nanos(1)).max();
        self.complete_from = newest.unwrap_or(Timestamp::from_nanos(i64::MIN));
        self.segments = segments.into_iter().map(Arc::new).collect();
    }

    /// The open minutes by UTC day, for the seal.
    pub(crate) fn open_minutes(&self) -> &Minutes {
        &self.rollups.open
    }
}
