use bifocal_model::Probability;

use super::super::line::Judged;
use super::super::report::Severity;
use super::*;
use crate::alert::shipped_rules;

/// A generator with a fixed seed.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_790_000_000 + secs)
}

fn settings(threshold: f64, events: Vec<HistoryEvent>) -> Settings {
    Settings {
        quality: QualityConfig::default(),
        threshold,
        events,
        judged_in_30_days: None,
        rules: shipped_rules(),
        own_dimensions: Vec::new(),
        slos: crate::shipped_slos(),
        usd_per_judgement: Some(0.01),
    }
}

fn line(secs: i64, target: &str, score: Option<f64>) -> ScoreLine<'_> {
    ScoreLine {
        time: at(secs),
        target: target.into(),
        dimension: "relevance".into(),
        judge: Some("j1".into()),
        stratum: None,
        proxy: score,
        judged: score.map(|score| Judged { score, pi: Probability::ONE }),
        id: None,
        cost_usd: None,
    }
}

fn anchor(secs: i64, id: &str, score: f64) -> AnchorLine<'_> {
    AnchorLine {
        time: at(secs),
        anchor: id.into(),
        target: None,
        dimension: "relevance".into(),
        judge: Some("j1".into()),
        score,
        frozen: None,
        cost_usd: None,
    }
}

fn report(lines: impl IntoIterator<Item = Line<'static>>, settings: Settings) -> Report {
    let mut replay = Replay::new(settings).unwrap();
    lines.into_iter().for_each(|line| replay.take(&line));
    replay.finish()
}

/// A score around a mean.
fn draw(random: &mut Random, mean: f64) -> f64 {
    (mean + 0.3 * (random.uniform() - 0.5)).clamp(0.0, 1.0)
}

/// 1,000 judged at 0.8, then 300 lower ones, one a minute, with anchors that move as told.
fn incident(fall: f64, anchors_fall: f64) -> Report {
    let mut random = Random(7);
    let names: Vec<String> = (0..100).map(|i| format!("a{i}")).collect();
    let names: &'static [String] = names.leak();
    let mut lines = Vec::new();
    for i in 0..1_700i64 {
        let after = i >= 1_000;
        lines.push(Line::Score(line(
            60 * i,
            "a",
            Some(draw(&mut random, if after { 0.8 - fall } else { 0.8 })),
        )));
        let name = &names[usize::try_from(i).unwrap() % names.len()];
        let fell = if after { anchors_fall } else { 0.0 };
        lines.push(Line::Anchor(anchor(60 * i, name, 0.6 - fell)));
    }
    let deployed =
        HistoryEvent { kind: "deployment".into(), id: "d-1".into(), ..HistoryEvent::change(at(60 * 1_000)) };
    report(lines, settings(5_000.0, vec![HistoryEvent::change(at(60 * 1_000)), deployed]))
}

#[test]
fn a_fall_is_seen_late_by_a_count_and_laid_at_the_door_it_belongs_to() {
    for (fall, anchors_fall, cause, severity) in
        [(0.12, 0.0, "system", Severity::Critical), (0.12, 0.12, "judge", Severity::Warning)]
    {
        let report = incident(fall, anchors_fall);
        assert_eq!(report.alarms.len(), 1, "{:?}", report.alarms);
        let alarm = &report.alarms[0];
        assert_eq!((alarm.cause, alarm.severity), (cause, severity), "{}", alarm.why);
        assert!((1_010..1_080).contains(&alarm.index), "{}", alarm.index);
        assert!(alarm.onset_from <= at(60_000) && at(60_000) <= alarm.onset_to);
        assert!(alarm.aligned.iter().any(|event| event.id == "d-1"), "{:?}", alarm.aligned);
        let delay = &report.delays[0];
        assert_eq!((delay.outcome, delay.judged), (super::super::DelayOutcome::Seen, alarm.index - 1_000));
        assert!((delay.hours - (delay.judged - 1) as f64 / 60.0).abs() < 1e-9);
        assert!((delay.usd.unwrap() - 0.01 * delay.judged as f64).abs() < 1e-9);
        assert_eq!((report.false_pages.count, alarm.change.is_some()), (0, true));
        // 500 were watched, one a minute.
        assert!((report.false_pages.stream_days - 500.0 / 1_440.0).abs() < 1e-6);
        assert_eq!(report.judging.anchors, 1_600, "the first re-score of each is the reference");
        let effect = alarm.effect.unwrap();
        assert!(effect.lower < fall && fall < effect.upper, "{effect:?}");
    }
}

#[test]
fn nothing_happens_where_nothing_happened() {
    let report = incident(0.0, 0.0);
    assert_eq!((report.alarms.len(), report.delays[0].judged), (0, 700));
    let stream = &report.streams[0];
    assert_eq!((stream.n, stream.judged, stream.rho2), (1_700, 1_700, Some(1.0)));
    let estimate = stream.estimate.unwrap();
    assert!(estimate.lower < 0.8 && 0.8 < estimate.upper && estimate.upper - estimate.lower < 0.02);
    assert!(stream.baseline.unwrap().complete);
}

#[test]
fn a_new_judge_opens_a_stream_of_its_own() {
    let mut random = Random(3);
    let mut lines = Vec::new();
    for i in 0..1_500i64 {
        let second = i >= 800;
        let score = Some(draw(&mut random, if second { 0.5 } else { 0.8 }));
        let judge = if second { "j2" } else { "j1" };
        lines.push(Line::Score(ScoreLine { judge: Some(judge.into()), ..line(i, "a", score) }));
        lines.push(Line::Score(ScoreLine { judge: None, ..line(i, "a", None) }));
    }
    let report = report(lines, settings(1_000.0, Vec::new()));
    assert_eq!(report.alarms, []);
    let counts: Vec<_> = report.streams.iter().map(|s| (s.judge.as_str(), s.n, s.judged)).collect();
    assert_eq!(
        counts,
        [("j1", 1_600, 800), ("j2", 1_400, 700)],
        "an unjudged line is of the judge who spoke last"
    );
}

#[test]
fn a_judge_who_is_named_first_takes_over_what_came_before() {
    let unjudged = |secs| Line::Score(ScoreLine { judge: None, ..line(secs, "a", None) });
    let report =
        report([unjudged(0), unjudged(1), Line::Score(line(2, "a", Some(0.5)))], settings(1e3, vec![]));
    assert_eq!(report.streams.len(), 1);
    assert_eq!((report.streams[0].judge.as_str(), report.streams[0].n), ("j1", 3));
}

#[test]
fn repeated_ids_are_left_out_and_a_clock_that_goes_back_is_counted() {
    let with_id =
        |secs, id: &'static str| Line::Score(ScoreLine { id: Some(id.into()), ..line(secs, "a", Some(0.5)) });
    let lines = [with_id(10, "x"), with_id(20, "x"), with_id(5, "y"), Line::Score(line(7, "a", None))];
    let report = report(lines, settings(1e3, vec![]));
    assert_eq!((report.input.duplicates, report.input.late, report.streams[0].n), (1, 2, 3));
}

#[test]
fn no_number_is_a_nan_whatever_comes() {
    for score in [0.0, 1.0, 0.5] {
        let lines = (0..900).map(|_| Line::Score(line(0, "a", Some(score))));
        let report = report(lines, settings(1e3, vec![HistoryEvent::change(at(0))]));
        assert_eq!(report.alarms, [], "{score}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["streams"][0]["rho2"], serde_json::Value::Null, "no spread, no correlation");
        assert_eq!(json["false_pages"]["per_30_days"], serde_json::Value::Null, "no time was watched");
        assert!(json["streams"][0]["estimate"]["lower"].is_number());
    }
    let nothing = report([], settings(1e3, vec![HistoryEvent::change(at(0))]));
    assert_eq!((nothing.streams.len(), nothing.delays.len(), nothing.judging.usd), (0, 0, Some(0.0)));
}

#[test]
fn a_baseline_that_never_fills_alarms_nothing() {
    let lines = (0..400).map(|i| Line::Score(line(i, "a", Some(if i < 200 { 1.0 } else { 0.0 }))));
    let report = report(lines, settings(1e3, vec![HistoryEvent::change(at(200))]));
    assert_eq!(report.alarms, []);
    assert_eq!(report.delays[0].outcome, super::super::DelayOutcome::WhileLearning);
    assert!(!report.streams[0].baseline.unwrap().complete);
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let room = Room { streams: 1, anchors: 1, ids: 1, strata: 2, alarms: 0, values: 5 };
    let most = Room::default();
    let numbers = [most.streams, most.anchors, most.ids, most.strata, most.alarms, most.values];
    let limits =
        [HISTORY_STREAMS, HISTORY_ANCHORS, HISTORY_IDS, HISTORY_STRATA, HISTORY_ALARMS, HISTORY_VALUES];
    assert_eq!(numbers, limits);

    let mut replay = Replay::with_room(settings(1e3, vec![]), room).unwrap();
    let with = |id: &'static str, stratum: &'static str| {
        let new = line(0, "a", Some(0.5));
        Line::Score(ScoreLine { id: Some(id.into()), stratum: Some(stratum.into()), ..new })
    };
    // Past the limit of ids repeats are counted like others.
    [with("x", "s"), with("x", "s"), with("y", "t"), with("y", "t")].iter().for_each(|l| replay.take(l));
    assert_eq!((replay.input.duplicates, replay.ids.len(), replay.strata.len()), (1, 1, 2));
    replay.take(&Line::Score(line(1, "b", Some(0.5))));
    assert_eq!((replay.input.beyond_limit, replay.tracks.len()), (1, 1));
    // The first is the reference, the second a re-score, and for the third there is no room.
    (0..3).for_each(|i| replay.take(&Line::Anchor(anchor(i, "q", 0.5))));
    assert_eq!(replay.input.beyond_limit, 2);

    let mut random = Random(7);
    (0..900).for_each(|i| {
        let mean = if i < 600 { 0.8 } else { 0.5 };
        replay.take(&Line::Score(line(i, "a", Some(draw(&mut random, mean)))));
    });
    let kept = replay.values_kept;
    let report = replay.finish();
    assert_eq!((kept, report.alarms.len(), report.input.alarms_beyond_limit), (5, 0, 1));
}
