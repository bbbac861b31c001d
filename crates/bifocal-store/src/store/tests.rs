mod anchors;
mod container_logs;
mod crash;
mod joins;
mod labels;
mod outbox;
mod restarts;
mod speed;

use std::collections::BTreeMap;
use std::fs;

use bifocal_model::Shed;
use bifocal_telemetry::ManualClock;

use super::*;
use crate::fixture::{
    DAY, JUDGE, all_calls, at, call, event, inference, open, options, reading, score, select, selection_of,
    target,
};
use crate::{Error, LIMITS, Options, Query, Retention, Table, failpoint, limits};
use bifocal_model::{Dimension, EvaluatorKind, Span, Window};

fn calls(numbers: std::ops::Range<u64>) -> Vec<Record> {
    numbers.map(|i| call(i, i64::try_from(i).unwrap() * 30)).collect()
}

fn whole_day() -> Window {
    Window { start: at(0), end: at(86_400) }
}

#[test]
fn a_second_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let error = Store::open(options(dir.path()), Telemetry::new()).unwrap_err();
    assert!(matches!(&error, Error::Locked { .. }), "{error}");
    assert!(error.to_string().contains("another Bifocal uses it"));
    drop(store);
    open(dir.path());
}

#[test]
fn repeated_calls_count_once_and_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let appended = store.append(vec![calls(0..4), calls(2..6), calls(0..1)]).unwrap();
    let counts: Vec<_> = appended.batches.iter().map(|b| (b.stored, b.duplicates)).collect();
    assert_eq!(counts, [(4, 0), (2, 2), (0, 1)]);
    let stored = appended.records.iter().filter(|(_, r)| matches!(r, Record::Inference(_))).count();
    assert_eq!((stored, appended.records[0].0), (6, Seq(1)));
    // Known from the journal, then from the segments.
    for seal in [false, true] {
        if seal {
            store.seal(&[]).unwrap();
        }
        drop(store);
        store = open(dir.path()).0;
        let again = store.append(vec![calls(0..6)]).unwrap();
        assert_eq!((again.batches[0].stored, again.batches[0].duplicates), (0, 6), "sealed: {seal}");
    }
    assert_eq!(all_calls(&store.reader(), 4).len(), 6);
    let ledger = store.reader().ledger();
    let large = &ledger.received[&(Source::DataCapture, Some(target("large")))];
    let small = &ledger.received[&(Source::DataCapture, Some(target("small")))];
    assert_eq!((large.stored, small.stored), (2, 4));
    assert_eq!(large.duplicate + small.duplicate, 3 + 12);
}

#[test]
fn repeated_scores_and_selections_count_once() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let judged = || vec![call(1, 5), select(1, 5, &["safety"]), score(1, 5, "safety")];
    store.append(vec![judged(), judged()]).unwrap();
    store.seal(&[]).unwrap();
    store.close().unwrap();
    let (mut store, _) = open(dir.path());
    let again = vec![select(1, 5, &["safety"]), score(1, 5, "safety")];
    assert!(store.append(vec![again]).unwrap().records.is_empty());
    let total = store.reader().total(&target("small"), whole_day()).unwrap();
    assert_eq!(total.scores.iter().map(|(_, moments)| moments.n).sum::<u64>(), 1);
    let line = &store.reader().ledger().judging[&target("small")];
    assert_eq!((line.selected, line.scored, line.pending), (1, 1, 0));
}

#[test]
fn a_failed_append_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.append(vec![calls(0..2)]).unwrap();
    let before = store.fingerprint().unwrap();
    let mut huge = inference(9, 9);
    let length = usize::try_from(limits::APPEND_BYTES).unwrap();
    huge.answer = bifocal_redact::redact_owned("a ".repeat(length / 2)).0;
    let error = store.append(vec![calls(2..4), vec![Record::Inference(Arc::new(huge))]]).unwrap_err();
    assert!(matches!(error, Error::AppendTooLarge { .. }), "{error}");
    assert_eq!(store.fingerprint().unwrap(), before);
    // They are still new: the failed append did not make them known.
    let mut refused = store.take_refused();
    assert_eq!(refused.remove(0), calls(2..4));
    let appended = store.append(vec![calls(2..4)]).unwrap();
    assert_eq!((appended.batches[0].stored, appended.records[0].0), (2, Seq(3)));
}

#[test]
fn sealed_rows_read_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let expected: Vec<_> = (0..400).map(|i| inference(i, i as i64 * 30)).collect();
    store.append(vec![calls(0..400)]).unwrap();
    let scores = (0..400).flat_map(|i| ["relevance", "safety"].map(|d| score(i, i as i64 * 30, d)));
    store.append(vec![scores.collect()]).unwrap();
    let hot = store.reader();
    let hot_total = hot.total(&target("small"), whole_day()).unwrap();
    assert_eq!(all_calls(&hot, 70), expected);
    let sealed = store.seal(&[("watch", b"state".to_vec())]).unwrap();
    assert!(sealed.journal_cut && sealed.segments >= 8, "{sealed:?}");
    assert_eq!(all_calls(&hot, 70), expected, "from memory after the seal");
    store.close().unwrap();

    let (store, recovered) = open(dir.path());
    assert_eq!(recovered.states["watch"], b"state");
    assert_eq!((recovered.sealed, recovered.replay.len(), recovered.unclean), (Seq(1_200), 0, None));
    let reader = store.reader();
    for page in [1_000, 7] {
        assert_eq!(all_calls(&reader, page), expected, "from segments");
    }
    let some = reader.inferences(&Query { limit: 3, to: Some(at(6_000)), ..Query::default() }).unwrap();
    let times: Vec<_> = some.items.iter().map(|call| call.time).collect();
    assert_eq!(times, [at(5_970), at(5_940), at(5_910)]);
    let large = Query { target: Some(target("large")), from: Some(at(60)), limit: 1_000, ..Query::default() };
    let large = reader.inferences(&large).unwrap();
    assert_eq!(large.items.len(), 133);
    assert!(large.items.iter().all(|call| call.target == target("large") && call.time >= at(60)));
    let one = reader.inference(expected[77].id).unwrap().unwrap();
    assert_eq!(*one, expected[77]);
    assert_eq!(reader.inference(inference(999, 5).id).unwrap(), None);
    let scores = reader.scores_of(&[one]).unwrap();
    let expected_score = |d| crate::fixture::score_of(&expected[77], 77, d);
    let (judged, found): (Vec<_>, Vec<_>) =
        scores[0].iter().map(|score| (**score).clone()).partition(|score| score.kind == EvaluatorKind::Judge);
    assert_eq!(judged, [expected_score("relevance"), expected_score("safety")]);
    let findings = expected[77].findings.scores::<_, bifocal_redact::Redacted>(&expected[77]);
    assert_eq!((found.len(), findings.len()), (8, 8), "the bits of the call are shown as scores");
    assert_eq!(reader.total(&target("small"), whole_day()).unwrap(), hot_total);
    // Bits of calls are sums of their evaluators' streams, over all minutes.
    let of_small = expected.iter().filter(|call| call.target == target("small"));
    let passed = of_small.filter(|call| call.findings.passed & 1 == 1).count() as u64;
    let empty = hot_total.streams().into_iter().find(|(key, _)| key.dimension.as_str() == "empty");
    assert_eq!(empty.unwrap().1.n, passed);
    assert!(passed > 200, "{passed}");
}

#[test]
fn scores_page_and_the_worst_come_first() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let batch = |i: u64| vec![call(i, i as i64), score(i, i as i64, "safety"), score(i, i as i64, "tone")];
    store.append((0..50).map(batch).collect()).unwrap();
    store.seal(&[]).unwrap();
    drop(store);
    let (mut store, _) = open(dir.path());
    store.append((50..80).map(batch).collect()).unwrap();
    let reader = store.reader();
    let mut query = Query { dimension: Some(Dimension::new("safety")), limit: 9, ..Query::default() };
    let mut times = Vec::new();
    loop {
        let page = reader.scores(&query).unwrap();
        times.extend(page.items.iter().map(|score| score.time));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(times, (0..80).rev().map(at).collect::<Vec<_>>());
    let worst = Query { limit: 9, ..Query::default() };
    let worst = reader.worst(&worst, &Dimension::new("safety")).unwrap();
    // Values are i mod 10 / 9 and 9 is a failure: the worst are the multiples of ten, then those with 1.
    let seconds: Vec<_> = worst.iter().map(|call| call.time.as_nanos() / 1_000_000_000 - DAY).collect();
    assert_eq!(seconds, [70, 60, 50, 40, 30, 20, 10, 0, 71]);
}

#[test]
fn late_scores_meet_their_sealed_call() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.append(vec![vec![call(1, 5), score(1, 5, "safety")]]).unwrap();
    store.seal(&[]).unwrap();
    drop(store);
    let (mut store, _) = open(dir.path());
    store.append(vec![vec![score(1, 5, "tone")]]).unwrap();
    for _ in 0..2 {
        let call = store.reader().inference(inference(1, 5).id).unwrap().unwrap();
        let scores = store.reader().scores_of(&[call]).unwrap();
        let judged = scores[0].iter().filter(|score| score.kind == EvaluatorKind::Judge);
        let mut dimensions: Vec<_> = judged.map(|score| score.dimension.as_str()).collect();
        dimensions.sort_unstable();
        assert_eq!(dimensions, ["safety", "tone"]);
        store.seal(&[]).unwrap();
    }
}

#[test]
fn what_waits_for_the_judge_survives() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.append(vec![vec![call(1, 5), select(1, 5, &["safety", "tone"]), score(1, 5, "tone")]]).unwrap();
    store.append(vec![vec![call(2, 6), select(2, 6, &["safety"])]]).unwrap();
    store.seal(&[]).unwrap();
    let shed = Selection { shed: Some(Shed::Expired), ..selection_of(&inference(2, 6), &["safety"]) };
    store.append(vec![vec![Record::Selection(shed)]]).unwrap();
    drop(store);
    let (store, _) = open(dir.path());
    let pending = store.reader().pending();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].missing, [(Dimension::new("safety"), JUDGE)]);
    assert_eq!(pending[0].selection, selection_of(&inference(1, 5), &["safety", "tone"]));
}

#[test]
fn an_unclean_stop_is_told_and_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, recovered) = open(dir.path());
    assert_eq!(recovered.unclean, None, "a new folder");
    store.append(vec![calls(0..1)]).unwrap();
    drop(store);
    let clock = Arc::new(ManualClock::new(at(9_000)));
    let (store, recovered) = Store::open(Options::new(dir.path(), clock), Telemetry::new()).unwrap();
    let window = Window { start: at(7_200), end: at(9_000) };
    assert_eq!(recovered.unclean, Some(window));
    assert_eq!((recovered.last_seq, recovered.replay.len()), (Seq(2), 2));
    assert_eq!(store.reader().ledger().unclean_stops, [window]);
    store.close().unwrap();
    let (store, recovered) = open(dir.path());
    assert_eq!(recovered.unclean, None);
    assert_eq!(store.reader().ledger().unclean_stops, [window], "it stays in the ledger");
}

#[test]
fn unknown_files_go_and_known_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.append(vec![calls(0..3)]).unwrap();
    store.seal(&[]).unwrap();
    store.close().unwrap();
    let folder = dir.path().join("lake/inferences/date=2026-11-24/hour=00");
    let known = fs::read_dir(&folder).unwrap().count();
    fs::write(folder.join("bifocal-000000000099.parquet"), b"half").unwrap();
    fs::write(folder.join("bifocal-000000000098.tmp"), b"half").unwrap();
    fs::write(folder.join("_SUCCESS"), b"").unwrap();
    let (store, recovered) = open(dir.path());
    assert_eq!((known, recovered.deleted_files), (1, 2));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "the segment and what is not ours");
    assert_eq!(all_calls(&store.reader(), 10).len(), 3);
}

#[test]
fn a_segment_with_other_rows_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.append(vec![calls(0..3)]).unwrap();
    store.seal(&[]).unwrap();
    store.append(vec![calls(3..5)]).unwrap();
    store.seal(&[]).unwrap();
    store.close().unwrap();
    let folder = dir.path().join("lake/inferences/date=2026-11-24/hour=00");
    let [three, two] = [3, 5].map(|seq| folder.join(format!("bifocal-{seq:012}.parquet")));
    fs::copy(three, two).unwrap();
    let error = Store::open(options(dir.path()), Telemetry::new()).unwrap_err();
    assert!(
        error.to_string().contains("it holds 3 rows, the catalogue says 2")
            || matches!(&error, Error::Segment { detail, .. } if detail.contains("it holds 3 rows")),
        "{error}"
    );
}

#[test]
fn retention_deletes_whole_segments() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.append(vec![vec![call(1, 0), call(2, 5 * 86_400)]]).unwrap();
    store.seal(&[]).unwrap();
    let retention = Retention { days: BTreeMap::from([(Table::Inferences, 3)]) };
    assert_eq!(store.retain(&retention, at(6 * 86_400)).unwrap(), 1);
    assert!(!dir.path().join("lake/inferences/date=2026-11-24/hour=00").read_dir().unwrap().any(|_| true));
    store.close().unwrap();
    let (store, _) = open(dir.path());
    assert_eq!(all_calls(&store.reader(), 10), [inference(2, 5 * 86_400)]);
}

#[test]
fn windows_are_weighted_sums() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.append(vec![calls(0..240)]).unwrap();
    store.append(vec![(0..60).map(|i| Record::Reading(reading(i, i as i64 * 10))).collect()]).unwrap();
    let window = Window { start: at(0), end: at(7_200) };
    let expected: Vec<_> =
        (0..240).filter(|i: &u64| !i.is_multiple_of(3)).map(|i| inference(i, i as i64 * 30)).collect();
    let weight: f64 = expected.iter().map(|i| i.capture_probability.weight()).sum();
    let failed: f64 =
        expected.iter().filter(|i| !i.succeeded()).map(|i| i.capture_probability.weight()).sum();
    for sealed in [false, true] {
        let total = store.reader().total(&target("small"), window).unwrap();
        assert_eq!(total.calls, 160);
        assert!((total.requests - weight).abs() < 1e-9);
        assert!((total.error_ratio().unwrap() - failed / weight).abs() < 1e-12);
        let steps = store.reader().series(&target("small"), window, Span::from_mins(10)).unwrap();
        assert_eq!(steps.len(), 12);
        assert_eq!(steps.iter().map(|(_, cell)| cell.calls).sum::<u64>(), 160);
        assert_eq!(steps[1].0, at(600));
        let readings = store.reader().reading_series(&target("small"), window, Span::from_mins(5)).unwrap();
        assert_eq!(readings.len(), 2, "its own and its origin's");
        let own = readings.iter().find(|series| series.key.part == "0").unwrap();
        let points = own.steps[0].1.unwrap();
        assert_eq!((points.count, points.last, points.min), (15, 0.28, 0.0));
        assert_eq!(own.steps[5].1, None, "absent is not zero");
        if !sealed {
            store.seal(&[]).unwrap();
        }
    }
}

#[test]
fn limit_rollup_days() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let days = |i: i64| vec![call(i.cast_unsigned() * 3 + 1, i * 86_400)];
    for i in 0..12 {
        store.append(vec![days(i)]).unwrap();
        store.seal(&[]).unwrap();
    }
    let window = Window { start: at(0), end: at(12 * 86_400) };
    let resident = read(&store.hot).rollups.sealed.targets[&target("small")].len() as u64;
    assert_eq!(resident, limits::ROLLUP_DAYS + 1, "both ends of 8 days");
    assert_eq!(store.reader().total(&target("small"), window).unwrap().calls, 12, "the rest from segments");
    store.append(vec![vec![call(700, 86_400)]]).unwrap();
    assert_eq!(store.reader().total(&target("small"), window).unwrap().calls, 13, "a late one");
    store.seal(&[]).unwrap();
    assert_eq!(store.reader().total(&target("small"), window).unwrap().calls, 13, "once, also when sealed");
    let before = store.fingerprint().unwrap();
    store.close().unwrap();
    assert_eq!(open(dir.path()).0.fingerprint().unwrap(), before);
}

#[test]
fn limit_hot_inferences() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let many = limits::HOT_INFERENCES + 200;
    let batch = (0..many).map(|i| call(i, i64::try_from(i).unwrap()));
    store.append(vec![batch.collect()]).unwrap();
    assert_eq!(read(&store.hot).inferences.len() as u64, many, "what is not sealed stays");
    store.seal(&[]).unwrap();
    assert_eq!(read(&store.hot).inferences.len() as u64, limits::HOT_INFERENCES);
    assert_eq!(all_calls(&store.reader(), 999).len() as u64, many);
    let page = store.reader().inferences(&Query { limit: 9_999, ..Query::default() }).unwrap();
    assert_eq!(page.items.len() as u64, limits::PAGE_ITEMS);
}

#[test]
fn limit_store_targets_and_series_and_streams() {
    let dir = tempfile::tempdir().unwrap();
    let telemetry = Telemetry::new();
    let (mut store, _) = Store::open(options(dir.path()), telemetry.clone()).unwrap();
    let of_target = |i: u64| {
        let mut call = inference(i, 1);
        call.target = target(&format!("t{i:04}"));
        Record::Inference(Arc::new(call))
    };
    store.append(vec![(0..limits::TARGETS + 3).map(of_target).collect()]).unwrap();
    let other = store.reader().total(&TargetKey::other("local"), whole_day()).unwrap();
    assert_eq!((other.calls, telemetry.value(Metric::LimitHits, &["store_targets"])), (3, 3));
    let of_series = |i: u64| Record::Reading(bifocal_model::Reading { part: i.to_string(), ..reading(0, 1) });
    store.append(vec![(0..limits::READING_SERIES + 2).map(of_series).collect()]).unwrap();
    assert_eq!(telemetry.value(Metric::LimitHits, &["reading_series"]), 2);
    let first = |i| crate::fixture::score_of(&inference(0, 1), i, &format!("d{i}"));
    let of_stream = |i: u64| {
        let mut score = first(i);
        score.target = target("t0000");
        score.kind = EvaluatorKind::Heuristic;
        Record::Score(Arc::new(score))
    };
    // The call of this target brought two streams of its own.
    store.append(vec![(0..limits::STREAMS_PER_MINUTE + 2).map(of_stream).collect()]).unwrap();
    assert_eq!(telemetry.value(Metric::LimitHits, &["streams_per_minute"]), 4);
}

#[test]
fn limit_events() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let events = (0..limits::EVENTS + 10).map(|i| Record::Event(event(i, i64::try_from(i).unwrap())));
    store.append(vec![events.collect()]).unwrap();
    store.seal(&[]).unwrap();
    store.close().unwrap();
    let (store, _) = open(dir.path());
    let window = Window { start: at(0), end: at(1_000_000) };
    let events = store.reader().events(None, window, usize::MAX);
    assert_eq!((events.len() as u64, &*events[0].id), (limits::EVENTS, "deployment-10009"));
    assert_eq!(events.last().unwrap().id, "deployment-10");
    let small = store.reader().events(Some(&target("small")), window, 3);
    assert_eq!(small.len(), 3);
}

#[test]
fn limit_journal_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    assert_eq!(
        (options.seal_journal_bytes, options.unsealed_journal_bytes),
        (limits::SEAL_JOURNAL_BYTES, limits::UNSEALED_JOURNAL_BYTES)
    );
    let options = Options { seal_journal_bytes: 2_000, unsealed_journal_bytes: 20_000, ..options };
    let telemetry = Telemetry::new();
    let (mut store, _) = Store::open(options, telemetry.clone()).unwrap();
    assert!(!store.should_seal());
    store.append(vec![calls(0..1)]).unwrap();
    assert!(store.journal.bytes() < 2_000 && !store.should_seal(), "{}", store.journal.bytes());
    store.append(vec![calls(1..4)]).unwrap();
    assert!(store.journal.bytes() >= 2_000 && store.should_seal(), "{}", store.journal.bytes());
    store.append(vec![calls(4..40)]).unwrap();
    let error = store.append(vec![calls(40..41)]).unwrap_err();
    assert!(matches!(error, Error::SealOverdue { limit: 20_000, .. }), "{error}");
    assert_eq!(telemetry.value(Metric::LimitHits, &["unsealed_journal_bytes"]), 1);
    store.seal(&[]).unwrap();
    let refused = store.take_refused();
    assert_eq!(store.append(refused).unwrap().batches[0].stored, 1, "what was refused comes again");
}

#[test]
fn limit_identities() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    // The sets of a new store are those of `Seen::of_inferences`; here one with room for two, at most four.
    store.seen = Seen::new(limits::IDENTITY_HORIZON_HOURS, 2, 4);
    let hourly = |numbers: std::ops::Range<u64>| numbers.map(|i| call(i, i.cast_signed() * 3_600)).collect();
    let hits = |store: &Store| store.telemetry.value(Metric::LimitHits, &["identities"]);
    store.append(vec![hourly(0..4)]).unwrap();
    store.seal(&[]).unwrap();
    assert_eq!((store.seen.len(), hits(&store)), (4, 0), "all of them lie within the horizon");
    store.append(vec![hourly(4..6)]).unwrap();
    store.seal(&[]).unwrap();
    assert_eq!((store.seen.len(), hits(&store)), (4, 1));
    assert!(!store.knows(&inference(1, 3_600).identity) && store.knows(&inference(2, 7_200).identity));
}

#[test]
fn limit_worst_scan_rows() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    // The oldest score is the worst of all (0), the others are 1/9 or more.
    let number = |i: u64| if i == 0 { 10 } else { 10 * i + 1 };
    let rows = limits::WORST_SCAN_ROWS + 1;
    let batch = |i: u64| {
        let secs = i64::try_from(i).unwrap();
        [call(number(i), secs), score(number(i), secs, "safety")]
    };
    store.append(vec![(0..rows).flat_map(batch).collect()]).unwrap();
    let all = Query { limit: 1, ..Query::default() };
    let all = store.reader().worst(&all, &Dimension::new("safety")).unwrap();
    assert_ne!(all[0].time, at(0), "beyond the newest rows nobody looks");
    let near = Query { limit: 1, to: Some(at(100)), ..Query::default() };
    let near = store.reader().worst(&near, &Dimension::new("safety")).unwrap();
    assert_eq!(near[0].time, at(0), "within a shorter window it is found");
}

#[test]
fn limit_series_steps() {
    let week = Window { start: at(0), end: at(30 * 86_400) };
    let steps = crate::steps(week, Span::from_secs(1));
    assert!(steps.len() as u64 <= limits::SERIES_STEPS + 1, "{}", steps.len());
    assert!(steps.iter().all(|step| step.length() == steps[0].length()));
    assert!(steps[0].start <= week.start && steps.last().unwrap().end >= week.end);
}

#[test]
fn limits_and_failpoints_have_their_own_names() {
    let mut names: Vec<&str> =
        LIMITS.iter().map(|(name, _, _)| *name).chain(failpoint::POINTS.iter().copied()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
