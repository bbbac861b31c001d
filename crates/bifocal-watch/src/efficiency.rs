//! The efficiency axis, and the readings that tell a full server from a slow one.

use std::collections::{BTreeMap, VecDeque};

use bifocal_model::{Efficiency, Reading, Source, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::config::Objectives;

/// Readings younger than this speak of now.
const FRESH: Span = Span::from_mins(2);
/// What is asked of readings here. Others are in the store: they would make the saved state ten times as large.
const ASKED: [&str; 15] = [
    "requests_waiting",
    "kv_cache_usage_ratio",
    "gpu_utilization_ratio",
    "cost_usd_per_hour",
    "cost_idle_usd_per_hour",
    "gpus_used",
    "gpus_free",
    "model_duration_seconds",
    "error_ratio",
    "requests_per_second",
    "capture_coverage_ratio",
    "capture_coverage_upper_ratio",
    "capture_attributed_ratio",
    "capture_unattributed_ratio",
    "capture_invisible_ratio",
];
/// CloudWatch is asked every few minutes and tells of a minute when it is over: its readings speak of now for so long.
const FRESH_POLLED: Span = Span::from_mins(15);
/// Points kept per series: an hour of ten-second scrapes.
const POINTS_MAX: usize = 360;

/// The newest readings of a target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct HardwareWindow {
    /// By signal, then by part (the GPU's index).
    series: BTreeMap<String, BTreeMap<String, VecDeque<(Timestamp, f64)>>>,
    /// How the source of a signal tells it, where it does not measure all the time.
    #[serde(default)]
    paces: BTreeMap<String, Pace>,
    /// When the newest reading was taken.
    pub(crate) last: Option<Timestamp>,
}

/// How a source tells a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Pace {
    /// Several minutes at once.
    Polled,
    /// What holds until something else is told: counts and prices, of which a mean over a change was never true.
    Stated,
}

impl HardwareWindow {
    pub(crate) fn add(&mut self, reading: &Reading, objectives: &Objectives) {
        self.last = self.last.max(Some(reading.time));
        if !ASKED.contains(&reading.signal.as_str()) || self.is_told_better(reading) {
            return;
        }
        self.forget_worse(reading);
        match reading.source {
            Source::CloudWatch => self.paces.insert(reading.signal.clone(), Pace::Polled),
            Source::SageMaker => self.paces.insert(reading.signal.clone(), Pace::Stated),
            _ => self.paces.remove(&reading.signal),
        };
        let parts = self.series.entry(reading.signal.clone()).or_default();
        let points = parts.entry(reading.part.clone()).or_default();
        let at = points.partition_point(|(time, _)| *time <= reading.time);
        points.insert(at, (reading.time, reading.value));
        let keep = Span::from_secs_f64(objectives.idle_for_seconds * 1.5).max(FRESH);
        let newest = points.back().map_or(reading.time, |(time, _)| *time);
        while points.len() > POINTS_MAX || points.front().is_some_and(|(time, _)| *time < newest - keep) {
            points.pop_front();
        }
    }

    /// Whether a more direct source than CloudWatch tells this signal: then CloudWatch's later and coarser word on the same
    /// thing is none of another part of it.
    fn is_told_better(&self, reading: &Reading) -> bool {
        let is_direct = self.paces.get(&reading.signal) != Some(&Pace::Polled);
        let newest = || {
            let parts = self.series.get(&reading.signal).into_iter().flat_map(BTreeMap::values);
            parts.filter_map(VecDeque::back).map(|(time, _)| *time).max()
        };
        reading.source == Source::CloudWatch
            && is_direct
            && newest().is_some_and(|newest| newest + FRESH >= reading.time)
    }

    /// Where another kind of source takes a signal over, what the one before told is no part of it.
    fn forget_worse(&mut self, reading: &Reading) {
        let was_polled = self.paces.get(&reading.signal) == Some(&Pace::Polled);
        if was_polled != (reading.source == Source::CloudWatch) {
            self.series.remove(&reading.signal);
        }
    }

    /// Mean over the parts of their means over the last two minutes; `None` without a fresh reading.
    pub(crate) fn now(&self, signal: &str, now: Timestamp) -> Option<f64> {
        let parts = self.series.get(signal)?;
        let pace = self.paces.get(signal).copied();
        let means: Vec<f64> = parts.values().filter_map(|points| of_now(points, pace, now)).collect();
        (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64)
    }

    /// One part alone.
    pub(crate) fn part(&self, signal: &str, part: &str, now: Timestamp) -> Option<f64> {
        of_now(self.series.get(signal)?.get(part)?, self.paces.get(signal).copied(), now)
    }

    /// The mean of the last two minutes of each part.
    pub(crate) fn parts(&self, signal: &str, now: Timestamp) -> Vec<(String, f64)> {
        let parts = self.series.get(signal).into_iter().flatten();
        let pace = self.paces.get(signal).copied();
        parts.filter_map(|(part, points)| Some((part.clone(), of_now(points, pace, now)?))).collect()
    }

    /// Whether queue or KV cache are at their limits.
    pub(crate) fn saturated(
        &self,
        now: Timestamp,
        objectives: &Objectives,
        reasons: &mut Vec<String>,
    ) -> bool {
        let waiting = self.now("requests_waiting", now).filter(|&n| n >= objectives.requests_waiting);
        let cache =
            self.now("kv_cache_usage_ratio", now).filter(|&share| share >= objectives.kv_cache_usage_ratio);
        if let Some(waiting) = waiting {
            reasons.push(format!("{waiting:.0} requests wait in the server's queue"));
        }
        if let Some(cache) = cache {
            reasons.push(format!("KV cache {:.0}% full", cache * 100.0));
        }
        waiting.is_some() || cache.is_some()
    }

    /// The axis: wasteful when every reading of every GPU over the whole idle span lies below the idle limit.
    pub(crate) fn efficiency(&self, now: Timestamp, objectives: &Objectives) -> (Efficiency, Option<String>) {
        let span = Span::from_secs_f64(objectives.idle_for_seconds);
        let Some(gpus) = self.series.get("gpu_utilization_ratio") else { return (Efficiency::Unknown, None) };
        let fresh_for = match self.paces.get("gpu_utilization_ratio") {
            Some(_) => FRESH_POLLED,
            None => FRESH,
        };
        let mut seen = 0;
        for points in gpus.values() {
            let fresh = points.back().is_some_and(|(time, _)| *time >= now - fresh_for);
            if !fresh {
                continue;
            }
            seen += 1;
            // The span is covered when a reading stands at or before its start, give or take one scrape.
            let covered = points.front().is_some_and(|(time, _)| *time <= now - span + FRESH);
            let busy = points
                .iter()
                .any(|(time, share)| *time >= now - span && *share >= objectives.idle_gpu_utilization_ratio);
            if busy || !covered {
                return (Efficiency::Ok, None);
            }
        }
        if seen == 0 {
            return (Efficiency::Unknown, None);
        }
        let minutes = objectives.idle_for_seconds / 60.0;
        let limit = objectives.idle_gpu_utilization_ratio * 100.0;
        (Efficiency::Wasteful, Some(format!("{seen} GPU(s) below {limit:.0}% for {minutes:.0} min")))
    }
}

/// What a series says of now: the mean of the last two minutes that are known, or what was stated last.
fn of_now(points: &VecDeque<(Timestamp, f64)>, pace: Option<Pace>, now: Timestamp) -> Option<f64> {
    let newest = points.back().filter(|(time, _)| *time >= now - FRESH_POLLED);
    match pace {
        None => mean_since(points, now - FRESH),
        Some(Pace::Polled) => mean_since(points, newest?.0 - FRESH),
        Some(Pace::Stated) => newest.map(|(_, value)| *value),
    }
}

fn mean_since(points: &VecDeque<(Timestamp, f64)>, start: Timestamp) -> Option<f64> {
    let fresh = points.iter().rev().take_while(|(time, _)| *time >= start);
    let (sum, n) = fresh.fold((0.0, 0u32), |(sum, n), (_, value)| (sum + value, n + 1));
    (n > 0).then(|| sum / f64::from(n))
}

#[cfg(test)]
mod tests {
    use bifocal_model::{ReadingSubject, Source};

    use super::*;

    fn reading(signal: &str, secs: i64, value: f64) -> Reading {
        Reading {
            signal: signal.into(),
            subject: ReadingSubject::Origin("local".into()),
            part: "0".into(),
            time: Timestamp::from_secs(secs),
            value,
            source: Source::Scrape,
        }
    }

    #[test]
    fn what_is_polled_stays_fresh_and_what_is_stated_is_not_averaged() {
        let objectives = Objectives::default();
        let mut window = HardwareWindow::default();
        let add = |window: &mut HardwareWindow, source, secs, value| {
            window.add(&Reading { source, ..reading("gpus_used", secs, value) }, &objectives);
        };
        let at = |secs| Timestamp::from_secs(secs);
        add(&mut window, Source::CloudWatch, 1000, 1.0);
        add(&mut window, Source::CloudWatch, 1060, 2.0);
        assert_eq!(window.now("gpus_used", at(1060 + 15 * 60)), Some(1.5));
        assert_eq!(window.now("gpus_used", at(1061 + 15 * 60)), None);
        add(&mut window, Source::SageMaker, 1070, 8.0);
        assert_eq!(window.now("gpus_used", at(1100)), Some(8.0));
        add(&mut window, Source::Scrape, 1080, 7.0);
        assert_eq!(window.now("gpus_used", at(1081 + 120)), None, "a scrape is old after two minutes");
    }

    #[test]
    fn cloudwatch_adds_nothing_to_what_is_measured_on_the_spot() {
        let objectives = Objectives::default();
        let mut window = HardwareWindow::default();
        let mut add = |source, part: &str, secs, value| {
            let reading =
                Reading { source, part: part.into(), ..reading("gpu_utilization_ratio", secs, value) };
            window.add(&reading, &objectives);
            window.now("gpu_utilization_ratio", Timestamp::from_secs(secs))
        };
        assert_eq!(add(Source::CloudWatch, "", 1000, 0.2), Some(0.2), "alone it counts");
        assert_eq!(add(Source::Scrape, "0", 1010, 0.6), Some(0.6), "a page takes over");
        assert_eq!(add(Source::CloudWatch, "", 1020, 0.2), Some(0.6));
        assert_eq!(
            add(Source::Scrape, "1", 1030, 0.8),
            Some(0.7),
            "parts of one source are means of one number"
        );
        assert_eq!(add(Source::CloudWatch, "", 1030 + 16 * 60, 0.3), Some(0.3), "the page is gone");
    }

    #[test]
    fn idle_must_last_and_one_busy_reading_ends_it() {
        let objectives = Objectives::default();
        let mut window = HardwareWindow::default();
        assert_eq!(window.efficiency(Timestamp::from_secs(0), &objectives).0, Efficiency::Unknown);
        for i in 0..80 {
            window
                .add(&reading("gpu_utilization_ratio", i * 10, if i == 0 { 0.6 } else { 0.02 }), &objectives);
            let (now, _) = window.efficiency(Timestamp::from_secs(i * 10), &objectives);
            // The busy reading at second 0 must leave the window of 600 s first.
            assert_eq!(now == Efficiency::Wasteful, i > 60, "second {}", i * 10);
        }
        window.add(&reading("gpu_utilization_ratio", 800, 0.5), &objectives);
        assert_eq!(window.efficiency(Timestamp::from_secs(801), &objectives).0, Efficiency::Ok);
        // Old readings say nothing of now.
        assert_eq!(window.efficiency(Timestamp::from_secs(2000), &objectives).0, Efficiency::Unknown);
    }

    #[test]
    fn a_short_history_is_not_called_wasteful() {
        let mut window = HardwareWindow::default();
        window.add(&reading("gpu_utilization_ratio", 0, 0.0), &Objectives::default());
        let (now, _) = window.efficiency(Timestamp::from_secs(10), &Objectives::default());
        assert_eq!(now, Efficiency::Ok);
    }

    #[test]
    fn a_queue_saturates() {
        let objectives = Objectives::default();
        let mut window = HardwareWindow::default();
        window.add(&reading("requests_waiting", 0, 10.0), &objectives);
        let mut reasons = Vec::new();
        assert!(window.saturated(Timestamp::from_secs(5), &objectives, &mut reasons));
        assert_eq!(reasons, ["10 requests wait in the server's queue"]);
        assert!(!window.saturated(Timestamp::from_secs(500), &objectives, &mut reasons));
    }
}
