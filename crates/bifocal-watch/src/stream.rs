//! One quality stream: a target, a dimension, an evaluator fingerprint.
//!
//! Life: a [`Monitor`] learns the first judged values as the baseline (in a replay adjusted for strata of
//! questions) and then bets against it; when the evidence reaches the threshold the stream is in alarm and a recovery test
//! runs; when that fires, the monitor starts anew. Clocked in judged samples and in the samples' own time, never in
//! ticks. Live scores and replayed histories go through [`Stream::take_sample`].

use std::borrow::Cow;

use bifocal_model::invariant::Invariant;
use bifocal_model::signal::{Direction, SIGNALS};
use bifocal_model::{
    Dimension, Estimate, EvaluatorKind, Event, EventKind, Fingerprint, Probability, Score, Span, TargetKey,
    Timestamp, check_invariant, stratum,
};
use bifocal_stats::Explained;
use bifocal_stats::budget;
use bifocal_stats::edetector::Detector;
use bifocal_stats::monitor::{Monitor, Seen, Settings};
use serde::{Deserialize, Serialize};

use crate::attribution::Standing;
use crate::beside::Beside;
use crate::config::QualityConfig;
use crate::ladder::{Ladder, LadderView};
use crate::pace::Pace;
use crate::recent::{Judged, Recent};
use crate::shown::{Estimates, Shown};
use crate::slo::Rollup;
use crate::snapshot::{AlarmView, BaselineView, ExplainedView, StreamView};
use crate::traffic::Traffic;
use crate::unseen::Unseen;

/// The rate of judged samples is measured over this span.
const PACE_SPAN: Span = Span::from_mins(10);
/// Two-sided error of the interval of what is explained.
const ALPHA: f64 = 0.05;

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
    /// Of those, beside the sample that the detector sees.
    #[serde(default)]
    judged_beside: u64,
    /// When the newest judged inference took place.
    pub(crate) last: Timestamp,
    monitor: Monitor,
    #[serde(default)]
    unseen: Unseen,
    phase: Phase,
    /// The threshold in force: it only ever grows, so that a growing rate never breaks the budget.
    threshold: f64,
    pub(crate) recent: Recent,
    #[serde(rename = "rate")]
    pace: Pace,
    #[serde(default)]
    beside: Beside,
    /// What passes and what does not, where an objective over weeks counts it.
    #[serde(default)]
    pub(crate) budget: Rollup,
    /// The cheap judge beside it.
    #[serde(default)]
    pub(crate) ladder: Ladder,
    #[serde(skip)]
    shown: Shown,
    #[serde(skip)]
    cheap: Cheap,
}

/// How much of the judge's scores cheap signals explain, and what its scores cost.
#[derive(Clone, Debug, Default)]
struct Cheap {
    explained: Explained,
    usd: f64,
    priced: u64,
}

/// Shown and not saved: two streams are the same whatever was learnt of their judge.
impl PartialEq for Cheap {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Phase {
    Learning,
    Watching,
    Alarmed { alarm: AlarmView, recovery: Box<Detector> },
}

/// One judged value, as a stream takes it from a live score or from a replayed one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample<'a> {
    /// When the inference took place.
    pub(crate) time: Timestamp,
    pub(crate) value: f64,
    pub(crate) pass: bool,
    /// Captured and chosen.
    pub(crate) probability: Probability,
    /// Captured.
    pub(crate) capture: Probability,
    /// The class of the answer among its target's.
    pub(crate) class: u16,
    /// Judged beside the sample that holds for all, for a floor or for what it is: it is part of estimates, by its weight, and
    /// not of what a detector sees.
    pub(crate) is_extra: bool,
    /// Written as in [`bifocal_model::stratum`]; empty where there is none.
    pub(crate) stratum: &'a str,
}

/// What a sample changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Baseline,
    Alarm,
    Recovery,
}

impl Stream {
    pub(crate) fn new<T>(score: &Score<T>, config: &QualityConfig) -> Self {
        let watched = matches!(score.kind, EvaluatorKind::Judge | EvaluatorKind::Reference);
        let (dimension, evaluator) = (score.dimension.clone(), score.evaluator.clone());
        Self { watched, ..Self::watched(dimension, score.fingerprint, evaluator, score.time, config) }
    }

    /// A stream with a detector, from its parts.
    pub(crate) fn watched(
        dimension: Dimension,
        fingerprint: Fingerprint,
        evaluator: String,
        first: Timestamp,
        config: &QualityConfig,
    ) -> Self {
        let monitor = new_monitor(&dimension, config);
        Self {
            dimension,
            fingerprint,
            evaluator,
            watched: true,
            judged: 0,
            judged_before: 0,
            judged_beside: 0,
            last: first,
            monitor,
            unseen: Unseen::default(),
            phase: Phase::Learning,
            threshold: 0.0,
            recent: Recent::default(),
            pace: Pace::default(),
            beside: Beside::default(),
            budget: Rollup::default(),
            ladder: Ladder::default(),
            shown: Shown::default(),
            cheap: Cheap::default(),
        }
    }

    /// Learns what a judged score has to do with what was known of the answer before.
    pub(crate) fn explain<T>(&mut self, signals: &[f64], score: &Score<T>) {
        let Some(value) = score.value() else { return };
        self.cheap.explained.take(signals, value.get());
        if let Some(usd) = score.cost.usd {
            self.cheap.usd += usd;
            self.cheap.priced += 1;
        }
    }

    /// How much is explained, and what that would save of `judged` in `all` answers.
    fn explained_view(&self, estimate: Option<&Estimate>) -> Option<ExplainedView> {
        let rho2 = self.cheap.explained.rho2(ALPHA)?;
        let (judged, all) = estimate.map_or((1.0, 0.0), |e| (e.n_judged as f64, e.n_total));
        let saving = rho2.saving(judged, all);
        let usd = (self.cheap.priced > 0).then(|| self.cheap.usd / self.cheap.priced as f64);
        let a_day = self.judged_in_30_days() / 30.0;
        Some(ExplainedView {
            rho2: rho2.value,
            lower: rho2.interval.lower,
            upper: rho2.interval.upper,
            n: rho2.n,
            saving,
            saving_usd_per_day: usd.map(|usd| usd * a_day * saving),
        })
    }

    /// How the cheap judge goes with this one. Its pairs are summed anew only where there is one.
    fn ladder_view(&self, estimate: Option<&Estimate>) -> Option<LadderView> {
        if self.ladder.is_empty() {
            return None;
        }
        let (judged, all) = estimate.map_or((1.0, 1.0), |e| (e.n_judged as f64, e.n_total));
        self.ladder.view(&self.recent.pairs(), judged, all)
    }

    /// Judged samples in 30 days at the highest rate seen.
    pub(crate) fn judged_in_30_days(&self) -> f64 {
        self.pace.in_30_days(PACE_SPAN)
    }

    /// Takes one score; gives the events that it causes. `threshold` is the budget's present word.
    pub(crate) fn take<T>(
        &mut self,
        score: &Score<T>,
        class: u16,
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
        let sample = Sample {
            time: score.time,
            value,
            pass,
            probability: score.probability(),
            capture: score.capture,
            class,
            is_extra: stratum::is_extra(&score.stratum),
            // Live detectors are not adjusted for the mix: after an alarm the inquiry tells it from the answers.
            stratum: "",
        };
        let cheap = self.ladder.of(score);
        let turn = self.take_sample(&sample, threshold, config);
        self.recent.set_cheap(cheap);
        let turn = turn?;
        Some(self.event(&score.target, score.time, turn))
    }

    /// Takes one judged value.
    pub(crate) fn take_sample(
        &mut self,
        sample: &Sample<'_>,
        threshold: f64,
        config: &QualityConfig,
    ) -> Option<Turn> {
        let &Sample { time, value, pass, probability, stratum, capture, class, is_extra } = sample;
        self.judged += 1;
        self.last = self.last.max(time);
        if is_extra {
            self.judged_beside += 1;
            let (adjusted, cheap) = (None, None);
            self.recent.push(Judged { time, value, adjusted, pass, probability, capture, class, cheap });
            return None;
        }
        self.pace.count(time, PACE_SPAN);
        self.threshold = self.threshold.max(threshold);
        self.monitor.set_level(budget::baseline_level(self.threshold));
        let asked = asked(stratum);
        let asked = asked.as_deref();
        let adjusted = self.monitor.value(value, asked, time);
        self.unseen.take(&self.monitor, asked);
        let judged =
            Judged { time, value, adjusted: Some(adjusted), pass, probability, capture, class, cheap: None };
        self.recent.push(judged);
        if !self.watched {
            return None;
        }
        let turn = self.step(sample, asked, adjusted, config);
        if config.comparison && turn == Some(Turn::Baseline) {
            let baseline = self.monitor.baseline();
            self.beside.set(baseline.mean(), baseline.sd(), time);
        } else if !matches!(self.phase, Phase::Learning) {
            self.beside.take(value, self.degraded());
        }
        turn
    }

    /// Learns, watches or waits for the return.
    fn step(
        &mut self,
        sample: &Sample<'_>,
        asked: Option<&str>,
        adjusted: f64,
        config: &QualityConfig,
    ) -> Option<Turn> {
        let &Sample { time, value, .. } = sample;
        if let Phase::Alarmed { recovery, .. } = &mut self.phase {
            if recovery.update(adjusted) < config.recovery_threshold {
                return None;
            }
            self.monitor.restart();
            self.phase = Phase::Watching;
            return Some(Turn::Recovery);
        }
        match self.monitor.take(value, asked, time) {
            Seen::Learnt => None,
            Seen::Froze => {
                self.phase = Phase::Watching;
                Some(Turn::Baseline)
            }
            Seen::Evidence(evidence) => {
                check_invariant!(
                    Invariant::EvidenceNonNegative,
                    evidence >= 0.0 && evidence.is_finite(),
                    "evidence {evidence}"
                );
                if evidence < self.threshold {
                    return None;
                }
                let alarm = self.alarm(time, evidence);
                let recovery = Box::new(self.monitor.recovery(config.recovery_tolerance));
                self.phase = Phase::Alarmed { alarm, recovery };
                Some(Turn::Alarm)
            }
        }
    }

    /// The alarm that is not over.
    pub(crate) fn standing_alarm(&self) -> Option<&AlarmView> {
        match &self.phase {
            Phase::Alarmed { alarm, .. } => Some(alarm),
            _ => None,
        }
    }

    /// The baseline and the detector.
    pub(crate) fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Whether it is in alarm.
    pub(crate) fn degraded(&self) -> bool {
        matches!(self.phase, Phase::Alarmed { .. })
    }

    /// How it stands behind a score that caused `turn`.
    pub(crate) fn standing(&self, turn: Option<EventKind>) -> Standing {
        let (alarm, evidence) = match &self.phase {
            Phase::Learning => (None, 0.0),
            Phase::Watching => (None, self.monitor.evidence()),
            Phase::Alarmed { alarm, .. } => (Some(alarm.clone()), alarm.evidence),
        };
        Standing { turn, alarm, evidence, threshold: self.threshold }
    }

    /// Forgets what was normal: the scores before and those to come are not comparable.
    pub(crate) fn start_over(&mut self, config: &QualityConfig) {
        self.monitor = new_monitor(&self.dimension, config);
        self.unseen = Unseen::default();
        self.phase = Phase::Learning;
        self.judged_before = self.judged - self.judged_beside;
    }

    /// Whether the baseline is still learnt: judged so far and wanted.
    pub(crate) fn learning(&self, config: &QualityConfig) -> Option<(u64, u64)> {
        matches!(self.phase, Phase::Learning)
            .then_some((self.judged - self.judged_beside - self.judged_before, config.baseline_judged))
    }

    /// What is shown of it.
    pub(crate) fn view(&self, now: Timestamp, config: &QualityConfig, traffic: &Traffic) -> StreamView {
        let window = Span::from_secs_f64(config.window_seconds);
        let alarm = self.standing_alarm();
        let estimates = self.shown.at(now, alarm.map(|alarm| alarm.time), || Estimates {
            window: self.recent.estimates(now, window, self.fingerprint, traffic, &self.ladder),
            since_alarm: alarm.and_then(|alarm| {
                self.recent.estimate_after(alarm.time, now, self.fingerprint, traffic, &self.ladder)
            }),
        });
        self.view_with(estimates, config)
    }

    /// The same without estimates, which cost more than all the rest.
    pub(crate) fn view_without_estimates(&self, config: &QualityConfig) -> StreamView {
        self.view_with(Estimates { window: None, since_alarm: None }, config)
    }

    fn view_with(&self, estimates: Estimates, config: &QualityConfig) -> StreamView {
        let Estimates { window: estimates, since_alarm } = estimates;
        let alarm = self.standing_alarm();
        let alarm = alarm.map(|alarm| AlarmView { size: since_alarm, ..alarm.clone() });
        let evidence = match &self.phase {
            Phase::Learning => 0.0,
            Phase::Watching => self.monitor.evidence(),
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
            mix: self.unseen.view(self.monitor()),
            explained: self.explained_view(estimates.as_ref().map(|(mean, _)| mean)),
            ladder: self.ladder_view(estimates.as_ref().map(|(mean, _)| mean)),
        }
    }

    fn baseline_view(&self, config: &QualityConfig) -> Option<BaselineView> {
        let baseline = self.monitor.baseline();
        (self.watched && baseline.n() >= config.provisional_judged).then(|| BaselineView {
            n: baseline.n(),
            of: config.baseline_judged,
            mean: baseline.mean(),
            lcb: baseline.lcb(),
            frozen: baseline.is_frozen(),
            seasonality_covered: baseline.seasonality_covered(),
        })
    }

    /// The alarm that the newest sample raised, with the times between which the change began: after the sample
    /// before the first supported start, and at the last one at the latest.
    fn alarm(&self, time: Timestamp, evidence: f64) -> AlarmView {
        let seen = self.recent.iter().filter_map(|judged| Some((judged.time, judged.adjusted?)));
        let seen: Vec<(Timestamp, f64)> = seen.collect();
        let since = usize::try_from(self.monitor.n()).unwrap_or(usize::MAX).min(seen.len());
        let skipped = seen.len() - since;
        let values: Vec<f64> = seen.iter().skip(skipped).map(|(_, adjusted)| *adjusted).collect();
        let time_of = |at: usize| seen.get(at).map_or(time, |(seen_at, _)| *seen_at);
        let (from, to) = match self.monitor.onset_set(&values) {
            Some(set) => (time_of((skipped + set.first).saturating_sub(1)), time_of(skipped + set.last)),
            None => (time, time),
        };
        AlarmView {
            time,
            index: self.judged,
            onset_from: from.min(to),
            onset_to: from.max(to),
            baseline_mean: self.monitor.baseline().mean(),
            evidence,
            size: None,
        }
    }

    fn event(&self, target: &TargetKey, time: Timestamp, turn: Turn) -> Event {
        let (kind, word, what) = match turn {
            Turn::Baseline => (EventKind::Baseline, "baseline", "baseline complete"),
            Turn::Alarm if self.monitor.fell() => (EventKind::Alarm, "alarm", "is lower than its baseline"),
            Turn::Alarm => (EventKind::Alarm, "alarm", "is higher than its baseline"),
            Turn::Recovery => (EventKind::Recovery, "recovery", "is back at its baseline"),
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

/// A signal without a direction is as bad when it rises; scores of judges are better when higher.
fn new_monitor(dimension: &Dimension, config: &QualityConfig) -> Monitor {
    let signal = SIGNALS.iter().find(|signal| signal.name == dimension.as_str());
    Monitor::new(Settings {
        provisional: config.provisional_judged,
        full: config.baseline_judged,
        min_effect: config.min_effect,
        two_sided: signal.is_some_and(|signal| signal.direction == Direction::Neutral),
        // Live traffic of one hour would be measured against that hour's few scores.
        hours: false,
    })
}

/// The part of a stratum that the askers bring; `None` where there is none. What the system itself adds is not adjusted
/// for: it would explain its failures away.
pub(crate) fn asked(stratum: &str) -> Option<Cow<'_, str>> {
    let asked = match stratum.contains('=') {
        true => Cow::Owned(stratum::traffic(stratum)),
        false => Cow::Borrowed(stratum),
    };
    Some(asked).filter(|asked| !asked.is_empty())
}
