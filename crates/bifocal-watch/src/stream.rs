//! One quality stream: a target, a dimension, an evaluator fingerprint.
//!
//! Life: the first judged values make the baseline; when it is frozen a one-sided e-detector is set against its
//! lower bound; when the evidence reaches the threshold the stream is in alarm and a recovery test runs; when that
//! fires, the detector starts anew. Clocked in judged samples and in the samples' own time, never in ticks.

use bifocal_model::invariant::Invariant;
use bifocal_model::{
    Dimension, EvaluatorKind, Event, EventKind, Fingerprint, Score, Span, TargetKey, Timestamp,
    check_invariant,
};
use bifocal_stats::baseline::Baseline;
use bifocal_stats::edetector::Detector;
use serde::{Deserialize, Serialize};

use crate::attribution::Standing;
use crate::beside::Beside;
use crate::config::QualityConfig;
use crate::onset;
use crate::recent::{Judged, Recent};
use crate::shown::{Estimates, Shown};
use crate::snapshot::{AlarmView, BaselineView, StreamView};

/// Scores are in [0, 1].
const UPPER: f64 = 1.0;
/// The rate of judged samples is measured over this span.
const RATE_SPAN: Span = Span::from_mins(10);
const RATE_SPANS_IN_30_DAYS: f64 = 30.0 * 24.0 * 6.0;

/// One stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stream {
    pub(crate) dimension: Dimension,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) evaluator: String,
    /// A composite is shown and has no detector of its own: its parts have.
    pub(crate) watched: bool,
    /// Judged so far.
    pub(crate) judged: u64,
    /// Judged before the baseline was started over.
    #[serde(default)]
    judged_before: u64,
    /// When the newest judged inference took place.
    pub(crate) last: Timestamp,
    baseline: Baseline,
    phase: Phase,
    /// The threshold in force: it only ever grows, so that a growing rate never breaks the budget.
    threshold: f64,
    pub(crate) recent: Recent,
    rate: Rate,
    #[serde(default)]
    beside: Beside,
    #[serde(skip)]
    shown: Shown,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Phase {
    Learning,
    Watching { detector: Detector },
    Alarmed { alarm: AlarmView, recovery: Detector },
}

/// The highest number of judged samples in ten minutes so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Rate {
    span_start: Timestamp,
    in_span: u64,
    highest: u64,
}

impl Stream {
    pub(crate) fn new<T>(score: &Score<T>, config: &QualityConfig) -> Self {
        Self {
            dimension: score.dimension.clone(),
            fingerprint: score.fingerprint,
            evaluator: score.evaluator.clone(),
            watched: score.kind == EvaluatorKind::Judge,
            judged: 0,
            judged_before: 0,
            last: score.time,
            baseline: Baseline::new(config.provisional_judged, config.baseline_judged),
            phase: Phase::Learning,
            threshold: 0.0,
            recent: Recent::default(),
            rate: Rate::default(),
            beside: Beside::default(),
            shown: Shown::default(),
        }
    }

    /// Judged samples in 30 days at the highest rate seen.
    pub(crate) fn judged_in_30_days(&self) -> f64 {
        self.rate.highest.max(self.rate.in_span) as f64 * RATE_SPANS_IN_30_DAYS
    }

    /// Takes one score; gives the events that it causes. `threshold` is the budget's present word.
    pub(crate) fn take<T>(
        &mut self,
        score: &Score<T>,
        threshold: f64,
        config: &QualityConfig,
    ) -> Option<Event> {
        check_invariant!(
            Invariant::OneFingerprint,
            score.fingerprint == self.fingerprint,
            "{} met {}",
            score.fingerprint,
            self.fingerprint
        );
        let (value, pass) = (score.value()?.get(), score.passed()?);
        self.judged += 1;
        self.last = self.last.max(score.time);
        self.rate.count(score.time);
        self.threshold = self.threshold.max(threshold);
        self.recent.push(Judged { time: score.time, value, pass, probability: score.probability() });
        if !self.watched {
            return None;
        }
        let event = self.step(score, value, config);
        if config.comparison && event.as_ref().is_some_and(|event| event.kind == EventKind::Baseline) {
            self.beside.set(self.baseline.mean(), self.baseline.sd(), score.time);
        } else if !matches!(self.phase, Phase::Learning) {
            self.beside.take(value, self.degraded());
        }
        event
    }

    /// Learns, watches or waits for the return.
    fn step<T>(&mut self, score: &Score<T>, value: f64, config: &QualityConfig) -> Option<Event> {
        match &mut self.phase {
            Phase::Learning => {
                self.baseline.push(value, score.time);
                if !self.baseline.is_frozen() {
                    return None;
                }
                self.phase = Phase::Watching { detector: self.new_detector() };
                Some(self.event(&score.target, score.time, EventKind::Baseline, "baseline complete"))
            }
            Phase::Watching { detector } => {
                let evidence = detector.update(value);
                check_invariant!(
                    Invariant::EvidenceNonNegative,
                    evidence >= 0.0 && evidence.is_finite(),
                    "evidence {evidence}"
                );
                if evidence < self.threshold {
                    return None;
                }
                let alarm = self.alarm(score.time, evidence);
                let null = self.baseline.lcb() - config.recovery_tolerance;
                self.phase = Phase::Alarmed { alarm, recovery: Detector::improvement(null, 0.0) };
                Some(self.event(&score.target, score.time, EventKind::Alarm, "is lower than its baseline"))
            }
            Phase::Alarmed { recovery, .. } => {
                if recovery.update(value) < config.recovery_threshold {
                    return None;
                }
                self.phase = Phase::Watching { detector: self.new_detector() };
                Some(self.event(&score.target, score.time, EventKind::Recovery, "is back at its baseline"))
            }
        }
    }

    /// Whether it is in alarm.
    pub(crate) fn degraded(&self) -> bool {
        matches!(self.phase, Phase::Alarmed { .. })
    }

    /// How it stands behind a score that caused `turn`.
    pub(crate) fn standing(&self, turn: Option<EventKind>) -> Standing {
        let (alarm, evidence) = match &self.phase {
            Phase::Learning => (None, 0.0),
            Phase::Watching { detector } => (None, detector.evidence()),
            Phase::Alarmed { alarm, .. } => (Some(alarm.clone()), alarm.evidence),
        };
        Standing { turn, alarm, evidence, threshold: self.threshold }
    }

    /// Forgets what was normal: the scores before and those to come are not comparable.
    pub(crate) fn start_over(&mut self, config: &QualityConfig) {
        self.baseline = Baseline::new(config.provisional_judged, config.baseline_judged);
        self.phase = Phase::Learning;
        self.judged_before = self.judged;
    }

    /// Whether the baseline is still learnt: judged so far and wanted.
    pub(crate) fn learning(&self, config: &QualityConfig) -> Option<(u64, u64)> {
        matches!(self.phase, Phase::Learning)
            .then_some((self.judged - self.judged_before, config.baseline_judged))
    }

    /// What is shown of it.
    pub(crate) fn view(&self, now: Timestamp, config: &QualityConfig) -> StreamView {
        let window = Span::from_secs_f64(config.window_seconds);
        let alarm = match &self.phase {
            Phase::Alarmed { alarm, .. } => Some(alarm),
            _ => None,
        };
        let Estimates { window: estimates, since_alarm } =
            self.shown.at(now, alarm.map(|alarm| alarm.time), || Estimates {
                window: self.recent.estimates(now, window),
                since_alarm: alarm.and_then(|alarm| self.recent.estimate_after(alarm.time, now)),
            });
        let alarm = alarm.map(|alarm| AlarmView { size: since_alarm, ..alarm.clone() });
        let evidence = match &self.phase {
            Phase::Learning => 0.0,
            Phase::Watching { detector } => detector.evidence(),
            Phase::Alarmed { alarm, .. } => alarm.evidence,
        };
        StreamView {
            dimension: self.dimension.clone(),
            evaluator: self.evaluator.clone(),
            fingerprint: self.fingerprint,
            estimate: estimates.map(|(mean, _)| mean),
            pass_rate: estimates.map(|(_, passing)| passing),
            baseline: self.baseline_view(config),
            evidence,
            threshold: self.threshold,
            judged: self.judged,
            judged_in_30_days: self.judged_in_30_days(),
            alarm,
            watched: self.watched,
            judge_drifted: false,
            comparisons: self.beside.views(),
            alarms: self.beside.alarms(),
        }
    }

    fn baseline_view(&self, config: &QualityConfig) -> Option<BaselineView> {
        (self.watched && self.baseline.n() >= config.provisional_judged).then(|| BaselineView {
            n: self.baseline.n(),
            of: config.baseline_judged,
            mean: self.baseline.mean(),
            lcb: self.baseline.lcb(),
            frozen: self.baseline.is_frozen(),
            seasonality_covered: self.baseline.seasonality_covered(),
        })
    }

    fn new_detector(&self) -> Detector {
        Detector::degradation(self.baseline.lcb(), UPPER)
    }

    fn alarm(&self, time: Timestamp, evidence: f64) -> AlarmView {
        let samples: Vec<(Timestamp, f64)> = self.recent.iter().map(|j| (j.time, j.value)).collect();
        let (onset_from, onset_to) =
            onset::range(&samples, self.baseline.lcb(), UPPER).unwrap_or((time, time));
        AlarmView {
            time,
            index: self.judged,
            onset_from,
            onset_to,
            baseline_mean: self.baseline.mean(),
            evidence,
            size: None,
        }
    }

    fn event(&self, target: &TargetKey, time: Timestamp, kind: EventKind, what: &str) -> Event {
        let word = match kind {
            EventKind::Alarm => "alarm",
            EventKind::Recovery => "recovery",
            _ => "baseline",
        };
        Event {
            time,
            kind,
            target: Some(target.clone()),
            id: format!("{word}:{}:{}:{}:{}", target.id(), self.dimension, self.fingerprint, self.judged),
            summary: format!("{} {what} ({} judged)", self.dimension, self.judged),
        }
    }
}

impl Rate {
    fn count(&mut self, time: Timestamp) {
        let start = time.floor_to(RATE_SPAN);
        if start > self.span_start {
            self.highest = self.highest.max(self.in_span);
            (self.span_start, self.in_span) = (start, 0);
        }
        self.in_span += 1;
    }
}
