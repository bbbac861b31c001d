//! One stream and its incident.

use bifocal_model::{
    Attribution, Cause, Event, EventKind, Handling, Incident, InferenceId, Score, Timestamp, fnv1a,
};
use bifocal_stats::attribution::{AnchorWatch, Inquiry, Opening, Reference, Sample};
use serde::{Deserialize, Serialize};

use super::aligned::{self, Timeline};
use super::{Standing, StreamKey, Told, sentence, verdict_event};
use crate::limits::EXAMPLES_MAX;
use crate::snapshot::AlarmView;

/// An alarm is near when the evidence has come two thirds of the way to the threshold, in logarithms, and no longer near
/// when it has fallen back to half of the way.
const NEAR: f64 = 2.0 / 3.0;
const FAR: f64 = 0.5;
/// One sweep while an alarm is near; the guard window once it is there.
const SWEEP: usize = 100;
const GUARD: usize = 300;

/// One stream: what its baseline was made of, and its incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Follow {
    pub(super) key: StreamKey,
    reference: Reference,
    near_since: Option<Timestamp>,
    open: Option<Open>,
    closed: Option<Incident>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Open {
    incident: Incident,
    inquiry: Inquiry,
    /// The lowest scores after the alarm.
    worst: Vec<(f64, InferenceId)>,
    /// A person closed it: it is shown among those that are over, and only a new alarm opens another one.
    #[serde(default)]
    dismissed: bool,
    /// The model is cleared and the stream learns anew: no sample of it belongs to this alarm any more.
    cleared: bool,
}

impl Follow {
    pub(super) fn new(key: StreamKey, wanted: u64) -> Self {
        Self { key, reference: Reference::new(wanted), near_since: None, open: None, closed: None }
    }

    /// The incident that is not over.
    pub(super) fn incident(&self) -> Option<&Incident> {
        self.open.as_ref().filter(|open| !open.dismissed).map(|open| &open.incident)
    }

    /// The same, for what people do with it.
    pub(super) fn incident_mut(&mut self) -> Option<&mut Incident> {
        self.open.as_mut().filter(|open| !open.dismissed).map(|open| &mut open.incident)
    }

    /// A person closes the incident. Its samples are followed on, so that they spoil no baseline.
    pub(super) fn dismiss(&mut self, time: Timestamp) -> Option<Incident> {
        let open = self.open.as_mut().filter(|open| !open.dismissed)?;
        open.dismissed = true;
        open.incident.closed = Some(time);
        Some(open.incident.clone())
    }

    /// The incident that has just ended.
    pub(super) fn take_closed(&mut self) -> Option<Incident> {
        self.closed.take()
    }

    /// Whether an incident is open whose cause may still be found.
    pub(super) fn asks(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !open.cleared)
    }

    /// The reference is learnt anew, with the stream's baseline.
    pub(super) fn start_over(&mut self, wanted: u64) {
        self.reference = Reference::new(wanted);
        self.near_since = None;
    }

    pub(super) fn wants_anchors(&self, anchors: &AnchorWatch) -> bool {
        match &self.open {
            Some(open) if open.cleared => false,
            Some(open) => {
                let open_question =
                    matches!(open.incident.attribution.cause, Cause::Pending | Cause::Undecided);
                open_question && anchors.since(open.incident.onset_to) < GUARD
            }
            None => self.near_since.is_some_and(|since| anchors.since(since) < SWEEP),
        }
    }

    /// Takes a score that its stream has taken.
    pub(super) fn take<T>(
        &mut self,
        score: &Score<T>,
        standing: &Standing,
        anchors: &AnchorWatch,
        timeline: &Timeline,
    ) -> Told {
        let mut told = Told::default();
        let Some(value) = score.value().map(|value| value.get()) else { return told };
        // All samples here are of the core, where the budget's pace gave every answer the same chance at its time: weighed by that
        // chance, a thin hour would stand for more than what was seen of it.
        let sample = Sample { time: score.time, value, probability: score.capture, stratum: &score.stratum };
        match standing.turn {
            Some(EventKind::Alarm) => {
                if let Some(alarm) = &standing.alarm {
                    self.end(score.time, anchors, &mut told);
                    self.open = Some(self.opened(alarm, standing.threshold, timeline));
                }
            }
            Some(EventKind::Recovery) => self.end(score.time, anchors, &mut told),
            Some(EventKind::Baseline) if self.open.as_ref().is_some_and(|open| open.cleared) => {
                self.reference.push(&sample);
                self.end(score.time, anchors, &mut told);
            }
            _ => {
                let cleared = self.open.as_ref().is_none_or(|open| open.cleared);
                if cleared {
                    self.reference.push(&sample);
                    self.watch_evidence(score.time, standing);
                } else if self.ask(&sample, score.inference, anchors, &mut told) {
                    told.start_over.push(self.key.clone());
                }
            }
        }
        told
    }

    /// An anchor of its judge was scored again; `true` when that cleared the model.
    pub(super) fn take_anchor(&mut self, time: Timestamp, anchors: &AnchorWatch, told: &mut Told) -> bool {
        let Some(open) = self.open.as_mut().filter(|open| !open.cleared) else { return false };
        open.inquiry.look_at_anchors(anchors) && open.learn(time, told)
    }

    /// Notes an event that may have come late.
    pub(super) fn align(&mut self, event: &Event) {
        if let Some(open) = &mut self.open {
            aligned::add(&mut open.incident, event.target.as_ref(), &aligned::of(event));
            open.incident.sentence = sentence::incident(&open.incident);
        }
    }

    fn ask(&mut self, sample: &Sample<'_>, id: InferenceId, anchors: &AnchorWatch, told: &mut Told) -> bool {
        let Some(open) = &mut self.open else { return false };
        let at = open.worst.partition_point(|(value, _)| *value <= sample.value);
        if at < EXAMPLES_MAX && sample.time >= open.incident.opened {
            open.worst.insert(at, (sample.value, id));
            open.worst.truncate(EXAMPLES_MAX);
            open.incident.examples = open.worst.iter().map(|(_, id)| *id).collect();
        }
        open.inquiry.take(sample, anchors) && open.learn(sample.time, told)
    }

    fn watch_evidence(&mut self, time: Timestamp, standing: &Standing) {
        let near =
            |share: f64| standing.threshold > 1.0 && standing.evidence >= standing.threshold.powf(share);
        if near(NEAR) {
            self.near_since.get_or_insert(time);
        } else if !near(FAR) {
            self.near_since = None;
        }
    }

    fn opened(&self, alarm: &AlarmView, threshold: f64, timeline: &Timeline) -> Open {
        let StreamKey { target, dimension, fingerprint } = &self.key;
        let name = format!("{}:{dimension}:{fingerprint}:{}", target.id(), alarm.index);
        let opening = Opening { opened: alarm.time, onset_from: alarm.onset_from, onset_to: alarm.onset_to };
        let inquiry = Inquiry::open(&self.reference, opening);
        let mut incident = Incident {
            id: format!("{:016x}", fnv1a(name.bytes())),
            target: target.clone(),
            dimension: dimension.clone(),
            fingerprint: *fingerprint,
            opened: alarm.time,
            closed: None,
            onset_from: alarm.onset_from,
            onset_to: alarm.onset_to,
            evidence: alarm.evidence,
            threshold,
            baseline: alarm.baseline_mean,
            attribution: inquiry.attribution().clone(),
            aligned: Vec::new(),
            examples: Vec::new(),
            sentence: String::new(),
            handling: Handling::default(),
        };
        timeline.align(&mut incident);
        incident.sentence = sentence::incident(&incident);
        Open { incident, inquiry, worst: Vec::new(), dismissed: false, cleared: false }
    }

    fn end(&mut self, time: Timestamp, anchors: &AnchorWatch, told: &mut Told) {
        self.near_since = None;
        let Some(mut open) = self.open.take() else { return };
        if !open.cleared && open.inquiry.close(anchors) {
            open.learn(time, told);
        }
        if !open.dismissed {
            open.incident.closed = Some(time);
            self.closed = Some(open.incident);
        }
    }
}

impl Open {
    /// Takes over what the inquiry has found; `true` when it clears the model.
    fn learn(&mut self, time: Timestamp, told: &mut Told) -> bool {
        let before = self.incident.attribution.cause;
        let found: &Attribution = self.inquiry.attribution();
        self.incident.attribution = found.clone();
        self.incident.sentence = sentence::incident(&self.incident);
        if found.cause != before && found.cause != Cause::Pending {
            told.events.push(verdict_event(&self.incident, time));
        }
        self.cleared = found.cause.clears_the_model();
        self.cleared
    }
}
