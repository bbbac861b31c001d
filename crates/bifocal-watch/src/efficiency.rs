//! The efficiency axis, and the readings that tell a full server from a slow one.

use std::collections::{BTreeMap, VecDeque};

use bifocal_model::{Efficiency, Reading, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::config::Objectives;

/// Readings younger than this speak of now.
const FRESH: Span = Span::from_mins(2);
/// What is asked of readings here. Others are in the store: they would make the saved state ten times as large.
const ASKED: [&str; 4] =
    ["requests_waiting", "kv_cache_usage_ratio", "gpu_utilization_ratio", "cost_usd_per_hour"];
/// Points kept per series: an hour of ten-second scrapes.
const POINTS_MAX: usize = 360;

/// The newest readings of a target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct HardwareWindow {
    /// By signal, then by part (the GPU's index).
    series: BTreeMap<String, BTreeMap<String, VecDeque<(Timestamp, f64)>>>,
    /// When the newest reading was taken.
    pub(crate) last: Option<Timestamp>,
}

impl HardwareWindow {
    pub(crate) fn add(&mut self, reading: &Reading, objectives: &Objectives) {
        self.last = self.last.max(Some(reading.time));
        if !ASKED.contains(&reading.signal.as_str()) {
            return;
        }
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

    /// Mean over the parts of their means over the last two minutes; `None` without a fresh reading.
    pub(crate) fn now(&self, signal: &str, now: Timestamp) -> Option<f64> {
        let parts = self.series.get(signal)?;
        let means: Vec<f64> = parts.values().filter_map(|points| mean_since(points, now - FRESH)).collect();
        (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64)
    }

    /// The mean of the last two minutes of each part.
    pub(crate) fn parts(&self, signal: &str, now: Timestamp) -> Vec<(String, f64)> {
        let parts = self.series.get(signal).into_iter().flatten();
        parts.filter_map(|(part, points)| Some((part.clone(), mean_since(points, now - FRESH)?))).collect()
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
        let mut seen = 0;
        for points in gpus.values() {
            let fresh = points.back().is_some_and(|(time, _)| *time >= now - FRESH);
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
