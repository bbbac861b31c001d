//! Are GPUs right-sized? The copies that the load of the last days would have needed to keep the objectives.

use std::collections::BTreeMap;

use bifocal_infra::cost::{Basis, Figure};
use bifocal_infra::right_sizing::{Interval, Objectives, advise};
use bifocal_model::{Span, TargetKey, Timestamp, Window};
use bifocal_store::Reader;

use crate::plan::SizedTarget;

/// A day at a time: minutes of more do not fit into one series.
const DAY: Span = Span::from_secs(24 * 3600);
const MINUTE: Span = Span::from_mins(1);

/// Means of the readings that are asked for, by minute.
#[derive(Default)]
struct Minute {
    copies: Option<f64>,
    running: Option<f64>,
    waiting: Option<f64>,
    kv_cache_usage: Option<f64>,
    /// At the busiest copy, queued ones among them.
    in_flight_per_copy: Option<f64>,
}

/// Every target that the store has seen, over its newest week.
pub(super) fn sized(
    reader: &Reader,
    wanted: &bifocal_watch::Objectives,
    week: Span,
) -> Result<Vec<SizedTarget>, bifocal_store::Error> {
    let Some(newest) = reader.newest() else { return Ok(Vec::new()) };
    let objectives = Objectives {
        ttft_p95_seconds: Some(wanted.ttft_p95_seconds),
        itl_p95_seconds: None,
        duration_p95_seconds: Some(wanted.duration_p95_seconds),
    };
    let mut sized = Vec::new();
    for (key, known) in reader.targets() {
        let start = known.first_time.max(newest - week);
        let mut days = Days { reader, key: &key, intervals: Vec::new(), usd_per_hour: None };
        let mut from = start;
        while from < newest {
            let end = (from + DAY).min(newest + MINUTE);
            days.read(Window { start: from, end })?;
            from = end;
        }
        sized.push(days.advice(&objectives));
    }
    Ok(sized)
}

struct Days<'a> {
    reader: &'a Reader,
    key: &'a TargetKey,
    intervals: Vec<Interval>,
    /// The newest known.
    usd_per_hour: Option<f64>,
}

impl Days<'_> {
    fn read(&mut self, window: Window) -> Result<(), bifocal_store::Error> {
        let mut minutes: BTreeMap<Timestamp, Minute> = BTreeMap::new();
        for series in self.reader.reading_series(self.key, window, MINUTE)? {
            for (time, points) in &series.steps {
                let Some(value) = points.as_ref().map(|points| points.mean()) else { continue };
                let minute = minutes.entry(*time).or_default();
                match series.key.signal.as_str() {
                    "copies" => minute.copies = Some(value),
                    "requests_running" => minute.running = Some(value),
                    "requests_waiting" => minute.waiting = Some(value),
                    "concurrent_requests_per_copy" => minute.in_flight_per_copy = Some(value),
                    "kv_cache_usage_ratio" => minute.kv_cache_usage = Some(value),
                    "cost_usd_per_hour" => self.usd_per_hour = Some(value),
                    _ => {}
                }
            }
        }
        for (time, cell) in self.reader.series(self.key, window, MINUTE)? {
            let minute = minutes.remove(&time).unwrap_or_default();
            // Copies that are not known at a time are those of the time before.
            let copies =
                minute.copies.or_else(|| self.intervals.last().map(|last| last.copies)).unwrap_or(0.0);
            let on_all = minute.running.map(|running| running + minute.waiting.unwrap_or(0.0));
            // CloudWatch tells of the busiest copy alone: as if all were as busy, so that no advice is too bold.
            let in_flight = on_all.or_else(|| minute.in_flight_per_copy.map(|busiest| busiest * copies));
            self.intervals.push(Interval {
                start: time,
                seconds: MINUTE.as_secs_f64(),
                requests: cell.requests,
                copies,
                concurrency: in_flight,
                duration_mean_seconds: cell.duration.mean(),
                ttft_p95_seconds: cell.ttft.quantile(0.95),
                itl_p95_seconds: cell.itl.quantile(0.95),
                duration_p95_seconds: cell.duration.quantile(0.95),
                kv_cache_usage: minute.kv_cache_usage,
                waiting: minute.waiting,
            });
        }
        Ok(())
    }

    fn advice(self, objectives: &Objectives) -> SizedTarget {
        let target = self.key.to_string();
        // Before copies were first known nothing can be said.
        let known: Vec<Interval> =
            self.intervals.into_iter().filter(|interval| interval.copies > 0.0).collect();
        let Some(last) = known.last() else {
            let unknown = "how many copies run is not known: only SageMaker's inventory says it".to_owned();
            return SizedTarget { target, advice: None, unknown: Some(unknown) };
        };
        let cost_per_copy = match self.usd_per_hour {
            Some(usd) => Figure::known(usd / last.copies, Basis::Allocation),
            None => Figure::unknown(Basis::Allocation, "the price of its instances"),
        };
        match advise(&known, objectives, &cost_per_copy) {
            Ok(advice) => SizedTarget { target, advice: Some(advice), unknown: None },
            Err(err) => SizedTarget { target, advice: None, unknown: Some(err.to_string()) },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bifocal_model::{
        Completeness, FormatAsked, Identity, Inference, InferenceId, Probability, Reading, ReadingSubject,
        Source, Timing, Usage,
    };
    use bifocal_redact::redact_inference;
    use bifocal_store::{Options, Record, Store};
    use bifocal_telemetry::{ManualClock, Telemetry};

    use super::*;

    const START: i64 = 1_795_478_400;
    const HOURS: i64 = 14;

    fn call(n: i64, time: Timestamp, target: &TargetKey) -> Record {
        let identity = Identity { source: Source::Proxy, key: n.to_string() };
        Record::Inference(Arc::new(redact_inference(Inference {
            id: InferenceId::of_identity(&identity, time),
            identity,
            target: target.clone(),
            labels: BTreeMap::new(),
            tenant: None,
            time,
            messages: Vec::new(),
            answer: String::new(),
            finish_reason: None,
            usage: Usage::default(),
            timing: Timing {
                ttft_seconds: Some(0.2),
                itl_seconds: Some(0.02 + 0.000_1 * (n % 7) as f64),
                duration_seconds: Some(2.0),
            },
            status: Some(200),
            error: None,
            completeness: Completeness::Complete,
            capture_probability: Probability::ONE,
            format_asked: FormatAsked::Free,
            streamed: true,
            redactions: Vec::new(),
            findings: bifocal_model::Findings::default(),
            chance: None,
            signs: bifocal_model::Signs::default(),
        })))
    }

    /// Who tells how many requests are in flight.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Told {
        OfAllCopies,
        OfTheBusiest,
    }

    /// Fourteen hours of a target with twelve requests in flight on six copies, half of that in every other hour.
    fn records(target: &TargetKey, are_copies_known: bool, told: Told) -> Vec<Record> {
        let mut records = Vec::new();
        for minute in 0..HOURS * 60 {
            let time = Timestamp::from_secs(START + minute * 60);
            let load = if (minute / 60) % 2 == 0 { 1.0 } else { 0.5 };
            records.extend((0..3).map(|i| call(minute * 3 + i, time, target)));
            let mut known = vec![("kv_cache_usage_ratio", 0.2 * load)];
            known.extend(match told {
                Told::OfAllCopies => vec![("requests_running", 12.0 * load), ("requests_waiting", 0.0)],
                Told::OfTheBusiest => vec![("concurrent_requests_per_copy", 2.0 * load)],
            });
            if are_copies_known {
                known.extend([("copies", 6.0), ("cost_usd_per_hour", 12.0)]);
            }
            records.extend(known.into_iter().map(|(signal, value)| {
                Record::Reading(Reading {
                    signal: signal.to_owned(),
                    subject: ReadingSubject::Target(target.clone()),
                    part: String::new(),
                    time,
                    value,
                    source: Source::Scrape,
                })
            }));
        }
        records
    }

    fn sized(are_copies_known: bool, told: Told) -> SizedTarget {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(START + HOURS * 3600)));
        let (mut store, _) = Store::open(Options::new(folder.path(), clock), Telemetry::new()).unwrap();
        let target = TargetKey::of_model("local", "qwen");
        store.append(vec![records(&target, are_copies_known, told)]).unwrap();
        let objectives = bifocal_watch::Objectives::default();
        let mut sized = super::sized(&store.reader(), &objectives, Span::from_mins(7 * 24 * 60)).unwrap();
        store.close().unwrap();
        assert_eq!(sized.len(), 1);
        sized.remove(0)
    }

    #[test]
    fn a_store_that_knows_copies_says_how_many_would_have_been_enough() {
        let advice = sized(true, Told::OfAllCopies).advice.unwrap();
        // Two in flight were seen on a copy; at most twice that: three copies, or four where they slow each other.
        assert!((3..=4).contains(&advice.copies), "{advice:?}");
        assert_eq!((advice.copies_now, advice.hours, advice.hours_broken), (6.0, 14, 0));
        assert_eq!(advice.saving.usd, Some(2.0 * (6.0 - f64::from(advice.copies))), "two dollars a copy");
    }

    #[test]
    fn what_cloudwatch_counts_on_one_copy_is_not_taken_for_all() {
        let of = |told| sized(true, told).advice.unwrap();
        assert_eq!(of(Told::OfTheBusiest), of(Told::OfAllCopies));
    }

    #[test]
    fn without_copies_nothing_is_told_and_it_says_why() {
        let sized = sized(false, Told::OfAllCopies);
        assert_eq!(sized.advice, None);
        assert!(sized.unknown.unwrap().contains("how many copies run"));
    }
}
