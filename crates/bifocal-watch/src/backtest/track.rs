//! One stream of a replay: the live stream, and what a report wants to know beside it.

use bifocal_model::{Dimension, Fingerprint, Timestamp, stratum};
use bifocal_stats::conditions::{Condition, Facts, check};
use bifocal_stats::mix::Mix;

use crate::config::QualityConfig;
use crate::snapshot::StreamView;
use crate::stream::{Sample, Stream, Turn, asked};
use crate::traffic::Traffic;

use super::alarm::{Kept, Raised};
use super::beside::{Beside, Tally};
use super::delay::{Doing, Waiting};
use super::event::Change;
use super::line::Judged;
use super::report::{BaselineReport, EstimateReport};
use super::values::Values;

/// An answer passes from this score on; no detector looks at it.
const MARK: f64 = 0.75;

/// A stream in progress.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) target: String,
    pub(super) dimension: String,
    /// `None`: no line has named one yet.
    pub(super) judge: Option<String>,
    stream: Stream,
    pub(super) lines: u64,
    pub(super) judged: u64,
    newest: Timestamp,
    pub(super) waiting: Waiting,
    /// The samples of the baseline.
    pub(super) reference: Vec<Kept>,
    pub(super) alarms: Vec<Raised>,
    /// Alarms, and what was watched outside of marked changes.
    pub(super) tally: Tally,
    pub(super) beside: Vec<Beside>,
    changes: Vec<Change>,
    /// Judged after the baseline, and those of strata that it did not see.
    after_baseline: u64,
    unseen: u64,
    values: Values,
}

/// One judged line as a track takes it.
pub(super) struct Arrival<'a> {
    pub(super) time: Timestamp,
    pub(super) judged: Judged,
    pub(super) stratum: &'a str,
    pub(super) stratum_number: u32,
    /// The place of the stratum among those of the stream.
    pub(super) place: usize,
    pub(super) proxy: Option<f64>,
    pub(super) usd: Option<f64>,
    /// Whether there is room to keep the value.
    pub(super) keep: bool,
}

impl Track {
    pub(super) fn new(
        target: String,
        dimension: String,
        judge: Option<String>,
        first: Timestamp,
        changes: Vec<Change>,
        config: &QualityConfig,
    ) -> Self {
        let stream = stream(&dimension, judge.as_deref().unwrap_or_default(), first, config);
        Self {
            target,
            dimension,
            judge,
            stream,
            lines: 0,
            judged: 0,
            newest: first,
            waiting: Waiting::of(changes.clone()),
            reference: Vec::new(),
            alarms: Vec::new(),
            tally: Tally::default(),
            beside: Vec::new(),
            changes,
            after_baseline: 0,
            unseen: 0,
            values: Values::default(),
        }
    }

    /// Names the judge of a track that has judged nothing yet.
    pub(super) fn set_judge(&mut self, judge: &str, config: &QualityConfig) {
        self.stream = stream(&self.dimension, judge, self.newest, config);
        self.judge = Some(judge.to_owned());
    }

    /// A line of the stream came. Gives the place of its stratum, and whether it is older than the newest.
    pub(super) fn line(&mut self, time: Timestamp, stratum: u32, proxy: Option<f64>) -> (usize, bool) {
        self.lines += 1;
        let late = time < self.newest;
        self.newest = self.newest.max(time);
        (self.values.line(stratum, proxy), late)
    }

    /// Takes a judged line. `true` when an alarm was raised.
    pub(super) fn take(&mut self, arrival: &Arrival<'_>, threshold: f64, config: &QualityConfig) -> bool {
        let Arrival { time, judged: Judged { score, pi }, .. } = *arrival;
        self.judged += 1;
        self.values.judged(arrival.judged, arrival.place, arrival.proxy, arrival.keep);
        if stratum::is_extra(arrival.stratum) {
            // As live: it is part of estimates, by its weight, and of nothing that a detector sees.
            return false;
        }
        let (doing, before) = (self.doing(), self.stream.last);
        self.waiting.judged(time, arrival.usd, doing);
        if doing == Doing::Watching && !self.waiting.holds_at(time) {
            self.tally.watched += 1;
            self.tally.exposure = self.tally.exposure + time.since(before);
        }
        let kept = Kept { time, value: score, probability: pi, stratum: arrival.stratum_number };
        if doing == Doing::Learning {
            self.reference.push(kept);
        }
        let sample = Sample {
            time,
            value: score,
            pass: score >= MARK,
            probability: pi,
            capture: pi,
            class: 0,
            is_extra: false,
            stratum: arrival.stratum,
        };
        for beside in &mut self.beside {
            beside.take(time, score, arrival.usd, before);
        }
        if doing != Doing::Learning {
            self.after_baseline += 1;
            let mix = self.stream.monitor().baseline().mix();
            let known = mix.is_none_or(|mix| mix.knows(asked(arrival.stratum).as_deref()));
            self.unseen += u64::from(!known);
        }
        match self.stream.take_sample(&sample, threshold, config) {
            Some(Turn::Alarm) => {
                self.raise();
                true
            }
            Some(Turn::Recovery) => {
                if let Some(raised) = self.alarms.last_mut() {
                    raised.recovered = Some(time);
                }
                false
            }
            Some(Turn::Baseline) => {
                self.tally.streams = 1;
                self.beside = Beside::both(self.stream.monitor().baseline(), &self.changes);
                false
            }
            None => {
                if let Some(raised) = self.alarms.last_mut().filter(|raised| raised.recovered.is_none()) {
                    raised.take(kept);
                }
                false
            }
        }
    }

    /// How the stream stands at a time of the history; `estimates`: whether anybody asks for them.
    pub(super) fn view(&self, time: Timestamp, estimates: bool, config: &QualityConfig) -> StreamView {
        if estimates {
            self.stream.view(time, config, &Traffic::default())
        } else {
            self.stream.view_without_estimates(config)
        }
    }

    /// Whether the baseline is still learnt.
    pub(super) fn is_learning(&self) -> bool {
        self.doing() == Doing::Learning
    }

    /// When the newest judged answer took place.
    pub(super) fn last_judged(&self) -> Timestamp {
        self.stream.last
    }

    /// The last alarm is not told in full.
    pub(super) fn forget_last_alarm(&mut self) {
        self.alarms.pop();
    }

    /// Whether a value may still be kept for the interval.
    pub(super) fn keeps_all(&self) -> bool {
        self.values.keeps_all()
    }

    /// The mean of all that was judged.
    pub(super) fn estimate(&self) -> Option<EstimateReport> {
        self.values.estimate(self.newest)
    }

    /// Squared correlation of proxy and score.
    pub(super) fn rho2(&self) -> Option<f64> {
        self.values.rho2()
    }

    /// The baseline, once it can be looked at.
    pub(super) fn baseline(&self) -> Option<BaselineReport> {
        let baseline = self.stream.monitor().baseline();
        (baseline.is_provisional() || baseline.is_frozen()).then(|| BaselineReport {
            n: baseline.n(),
            of: baseline.full(),
            mean: baseline.mean(),
            lower: baseline.lcb(),
            complete: baseline.is_frozen(),
        })
    }

    /// The conditions of the budget. `judge_as_before`: what the judge's anchors say; `judged` and `planned`: in 30 days.
    pub(super) fn conditions(
        &self,
        judge_as_before: Option<bool>,
        judged: f64,
        planned: Option<f64>,
    ) -> [Condition; 4] {
        let baseline = self.stream.monitor().baseline();
        let mix = baseline.mix();
        check(&Facts {
            baseline: (baseline.n(), baseline.full()),
            spans_week: baseline.seasonality_covered(),
            hours_adjusted: mix.is_some_and(Mix::has_hours),
            strata: mix.map_or(0, Mix::strata),
            unseen_share: mix.map(|_| self.unseen as f64 / self.after_baseline.max(1) as f64),
            judge_as_before,
            judged,
            planned,
        })
    }

    fn doing(&self) -> Doing {
        if self.stream.degraded() {
            Doing::InAlarm
        } else if self.stream.monitor().baseline().is_frozen() {
            Doing::Watching
        } else {
            Doing::Learning
        }
    }

    fn raise(&mut self) {
        let Some(alarm) = self.stream.standing_alarm().cloned() else { return };
        let change = self.waiting.alarm(alarm.time, alarm.onset_from);
        self.tally.pages += 1;
        self.tally.false_pages += u64::from(change.is_none());
        self.alarms.push(Raised::new(alarm, change));
    }
}

fn stream(dimension: &str, judge: &str, first: Timestamp, config: &QualityConfig) -> Stream {
    let fingerprint = Fingerprint::of(&["history", judge, dimension]);
    Stream::watched(Dimension::new(dimension), fingerprint, judge.to_owned(), first, config)
}
