//! What others run, on the same values: a fixed threshold and a rolling z-test, with their pages counted the same way.
//!
//! Both look at the mean of the newest 100 judged after the same baseline: the first pages when it is 5% below the
//! baseline's mean, the second when it lies 1.96 standard errors below it, the textbook limit for one look. A page is the
//! step from quiet to alarm; the next one needs a quiet value in between. Neither knows of strata, judges or budgets.

use bifocal_model::{Span, Timestamp};
use bifocal_stats::{Baseline, Comparison};
use serde::Serialize;

use super::delay::{Delay, Doing, Outcome, Waiting};
use super::event::Change;
use super::pages::FalsePages;

const WINDOW: usize = 100;
const BELOW: f64 = 0.95;

/// One detector of habit on one stream.
#[derive(Debug)]
pub(super) struct Beside {
    detector: Comparison,
    alarmed: bool,
    waiting: Waiting,
    tally: Tally,
}

/// Counts of one method over streams.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) pages: u64,
    pub(super) false_pages: u64,
    pub(super) exposure: Span,
    pub(super) watched: u64,
    pub(super) streams: u64,
}

/// One method over all streams.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Method {
    /// `bifocal`, `fixed threshold`, `rolling z`.
    pub method: String,
    /// How it is set.
    pub setting: String,
    /// Alarms.
    pub alarms: u64,
    /// Those outside of marked changes.
    pub false_pages: FalsePages,
    /// Marked changes that could be seen: a change that came while learning or in alarm could not.
    pub changes: u64,
    /// Of these, how many were.
    pub seen: u64,
    /// Judged from change to alarm, mean over those seen; `null` where none was.
    pub judged_mean: Option<f64>,
    /// The same, that nine of ten do not exceed.
    pub judged_p90: Option<u64>,
    /// Hours from change to alarm, mean over those seen.
    pub hours_mean: Option<f64>,
}

impl Beside {
    /// The two, against a complete baseline. `sd` is that of its scores.
    pub(super) fn both(baseline: &Baseline, changes: &[Change]) -> Vec<Self> {
        let (mean, sd) = (baseline.mean(), baseline.sd());
        let detectors =
            [Comparison::fixed_threshold(WINDOW, BELOW * mean), Comparison::rolling_z(WINDOW, mean, sd)];
        let of = |detector| Self {
            detector,
            alarmed: false,
            waiting: Waiting::of(changes.to_vec()),
            tally: Tally { streams: 1, ..Tally::default() },
        };
        detectors.map(of).into()
    }

    /// Takes a judged value. `before`: the time of the one before.
    pub(super) fn take(&mut self, time: Timestamp, value: f64, usd: Option<f64>, before: Timestamp) {
        let doing = if self.alarmed { Doing::InAlarm } else { Doing::Watching };
        self.waiting.judged(time, usd, doing);
        if !self.waiting.holds_at(time) {
            self.tally.watched += 1;
            self.tally.exposure = self.tally.exposure + time.since(before);
        }
        let alarm = self.detector.step(value);
        if alarm && !self.alarmed {
            self.tally.pages += 1;
            self.tally.false_pages += u64::from(self.waiting.alarm(time, time).is_none());
        }
        self.alarmed = alarm;
    }

    /// Its name, counts and delays: nothing more comes.
    pub(super) fn finish(
        self,
        target: &str,
        dimension: &str,
        judge: &str,
    ) -> (&'static str, Tally, Vec<Delay>) {
        (self.detector.name(), self.tally, self.waiting.finish(target, dimension, judge))
    }

    /// How a method is set, for people.
    pub(super) fn setting(name: &str) -> String {
        match name {
            "fixed threshold" => {
                format!("mean of {WINDOW} judged at {:.0}% of the baseline's", 100.0 * BELOW)
            }
            "rolling z" => format!("mean of {WINDOW} judged 1.96 standard errors below the baseline's"),
            _ => String::new(),
        }
    }
}

impl Tally {
    /// Adds another stream's.
    pub(super) fn add(&mut self, other: &Self) {
        self.pages += other.pages;
        self.false_pages += other.false_pages;
        self.exposure = self.exposure + other.exposure;
        self.watched += other.watched;
        self.streams += other.streams;
    }
}

impl Method {
    /// From counts and delays over all streams.
    pub(super) fn of(
        method: &str,
        setting: String,
        tally: &Tally,
        delays: &[Delay],
        threshold: Option<f64>,
    ) -> Self {
        let judgeable =
            delays.iter().filter(|delay| matches!(delay.outcome, Outcome::Seen | Outcome::NotSeen));
        let seen: Vec<&Delay> = delays.iter().filter(|delay| delay.outcome == Outcome::Seen).collect();
        let mut judged: Vec<u64> = seen.iter().map(|delay| delay.judged).collect();
        judged.sort_unstable();
        let mean = |sum: f64| (!seen.is_empty()).then(|| sum / seen.len() as f64);
        let &Tally { pages, false_pages, exposure, streams, watched } = tally;
        Self {
            method: method.to_owned(),
            setting,
            alarms: pages,
            false_pages: FalsePages::of(false_pages, exposure, streams, watched, threshold),
            changes: judgeable.count() as u64,
            seen: seen.len() as u64,
            judged_mean: mean(judged.iter().sum::<u64>() as f64),
            judged_p90: judged.get((judged.len() * 9 / 10).min(judged.len().saturating_sub(1))).copied(),
            hours_mean: mean(seen.iter().map(|delay| delay.hours).sum()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn pages_are_steps_into_alarm_and_those_in_a_change_are_not_false() {
        let mut baseline = Baseline::new(1, 10);
        (0..10).for_each(|i| baseline.push(if i % 2 == 0 { 0.7 } else { 0.9 }, at(i)));
        let change = Change { t: at(500), end: Some(at(1_000)), id: "c".into() };
        let mut both = Beside::both(&baseline, &[change]);
        for i in 10..1_500 {
            // Low from 300 to 400 (false), and in the change.
            let low = (300..400).contains(&i) || (500..1_000).contains(&i);
            both.iter_mut()
                .for_each(|beside| beside.take(at(i), if low { 0.6 } else { 0.8 }, None, at(i - 1)));
        }
        for beside in both {
            let (name, tally, delays) = beside.finish("t", "d", "j");
            assert_eq!((tally.pages, tally.false_pages), (2, 1), "{name}");
            assert_eq!(tally.exposure, Span::from_secs(990), "{name}");
            let method = Method::of(name, Beside::setting(name), &tally, &delays, None);
            assert_eq!((method.changes, method.seen), (1, 1), "{name}");
            assert!(method.judged_mean.is_some_and(|judged| (5.0..60.0).contains(&judged)), "{method:?}");
            assert!(!method.setting.is_empty());
        }
    }
}
