use bifocal_model::Probability;

use super::*;
use crate::alert::{Hold, Own, shipped_rules};
use crate::backtest::{HistoryEvent, Judged, Line, Replay, Report, ScoreLine, Settings};
use crate::config::QualityConfig;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_secs(1_790_000_000 + 60 * minute)
}

fn rule(when: &str, minutes: u32) -> RuleConfig {
    RuleConfig { hold: Hold::secs(60 * minutes), ..RuleConfig::new(when, when) }
}

/// One score a minute of target `a`.
fn replay(
    scores: impl IntoIterator<Item = f64>,
    rules: Vec<RuleConfig>,
    events: Vec<HistoryEvent>,
) -> Report {
    let mut replay = Replay::new(Settings {
        quality: QualityConfig::default(),
        threshold: 5_000.0,
        events,
        judged_in_30_days: None,
        rules,
        own_dimensions: Vec::new(),
        slos: crate::shipped_slos(),
        usd_per_judgement: Some(0.01),
    })
    .unwrap();
    for (minute, score) in (0..).zip(scores) {
        replay.take(&Line::Score(ScoreLine {
            time: at(minute),
            target: "a".into(),
            dimension: "relevance".into(),
            judge: Some("j".into()),
            stratum: None,
            proxy: None,
            judged: Some(Judged { score, pi: Probability::ONE }),
            id: None,
            cost_usd: None,
        }));
    }
    replay.finish()
}

/// Scores that swing by 0.1 around 0.8, and around 0.7 from minute 1,000 on.
fn swing(minute: i32) -> f64 {
    let middle = if minute < 1_000 { 0.8 } else { 0.7 };
    if minute % 2 == 0 { middle - 0.1 } else { middle + 0.1 }
}

fn named<'a>(report: &'a Report, rule: &str) -> &'a RuleReport {
    report.rules.iter().find(|report| report.rule == rule).unwrap()
}

#[test]
fn rules_on_detectors_fire_with_them_and_are_late_by_as_much() {
    let report = replay((0..1_300).map(swing), shipped_rules(), vec![HistoryEvent::change(at(1_000))]);
    let (alarm, delay) = (&report.alarms[0], &report.delays[0]);
    for name in ["answers degraded", "silent degradation"] {
        let rule = named(&report, name);
        assert!(rule.answered && rule.budgeted, "{rule:?}");
        assert_eq!((rule.fired, rule.false_pages.count, rule.changes, rule.seen), (1, 0, 1, 1), "{rule:?}");
        assert_eq!(rule.firings[0].t, alarm.t);
        assert_eq!(rule.judged_mean, Some(delay.judged as f64));
        assert!((rule.hours_mean.unwrap() - delay.hours).abs() < 1e-9);
        assert!((rule.usd_mean.unwrap() - delay.usd.unwrap()).abs() < 1e-9);
    }
    assert_eq!(named(&report, "answers degraded").assumed, Vec::<String>::new());
    assert_eq!(named(&report, "silent degradation").assumed, ["service is ok"]);
    // A healthy service is taken for granted: this one cannot fire, so its silence is no answer.
    let outage = named(&report, "outage");
    assert_eq!((outage.answered, &outage.missing[..]), (false, &["the service".to_owned()][..]));
    let capture = named(&report, "capture loss");
    assert!(!capture.answered);
    assert_eq!(capture.missing, ["value('capture_coverage_upper_ratio')"]);
    assert_eq!(capture.false_pages.per_30_days, None, "nothing is known of its rate");
}

#[test]
fn a_rule_that_lacked_something_when_it_mattered_has_no_answer() {
    let when = "degraded('relevance') && p95('ttft_seconds') < 2.0";
    let change = HistoryEvent::change(at(1_000));
    let report = replay((0..1_300).map(swing), vec![rule(when, 0)], vec![change]);
    let rule = &report.rules[0];
    assert!(!rule.answered && rule.undecided > 100, "{rule:?}");
    assert_eq!(rule.missing, ["p95('ttft_seconds')"]);
}

#[test]
fn a_threshold_outside_of_the_budget_shows_its_measured_rate() {
    // Low for ten minutes twice a day, for ten days: the newest hour falls below 0.75 each time.
    let low = |minute: i32| if minute % 720 < 10 { 0.1 } else { 0.8 };
    let rule = rule("value('relevance') < 0.72", 5);
    let report = replay((0..14_400).map(low), vec![rule], Vec::new());
    let rule = &report.rules[0];
    assert!(!rule.budgeted && rule.answered);
    assert_eq!((rule.fired, rule.false_pages.count), (20, 20), "{:?}", rule.firings);
    let per_30_days = rule.false_pages.per_30_days.unwrap();
    assert!(
        (55.0..80.0).contains(&per_30_days),
        "{per_30_days}: 60, and more for the time that it did not fire"
    );
    assert!(rule.false_pages.lower.unwrap() < 60.0 && 60.0 < rule.false_pages.upper.unwrap());
    assert!(rule.firings.iter().all(|firing| firing.resolved.is_some_and(|resolved| resolved > firing.t)));
}

#[test]
fn what_does_not_hold_for_long_enough_does_not_fire() {
    let low = |minute: i32| if (500..503).contains(&minute) { 0.0 } else { 0.9 };
    let minutes = 60;
    assert!((QualityConfig::default().window_seconds - 60.0 * f64::from(minutes)).abs() < 1e-9);
    let of = |hold| replay((0..1_000).map(low), vec![rule("value('relevance') < 0.88", hold)], Vec::new());
    assert_eq!(of(0).rules[0].fired, 1);
    // Three low answers leave the window of the estimate after its length.
    assert_eq!(of(minutes + 5).rules[0].fired, 0);
}

#[test]
fn a_change_before_there_is_an_answer_is_neither_seen_nor_missed() {
    let report = replay((0..600).map(|_| 0.8), shipped_rules(), vec![HistoryEvent::change(at(100))]);
    let rule = named(&report, "answers degraded");
    assert_eq!((rule.changes, rule.seen, rule.judged_mean), (0, 0, None), "the baseline was being learnt");
}

#[test]
fn firings_beyond_the_limit_are_counted() {
    let flap = |minute: i32| if minute % 4 < 2 { 0.0 } else { 1.0 };
    // The condition asks for the newest alone: a window of one minute.
    let mut rules = Rules::new(&[rule("answers == 'worse'", 0)], &Own::default()).unwrap();
    let changes = Changes::of(&[]);
    for minute in 0..8 * (i64::try_from(HISTORY_FIRINGS).unwrap() + 3) {
        let worse = flap(i32::try_from(minute / 2).unwrap()) < 0.5;
        assert!(rules.judged("a", 0, (at(minute), None), false, &changes));
        rules.look("a", at(minute), &[view(worse)], false);
    }
    let report = &rules.finish()[0];
    assert_eq!((report.fired, report.firings.len()), (HISTORY_FIRINGS as u64 + 3, HISTORY_FIRINGS));
}

fn view(worse: bool) -> StreamView {
    use crate::snapshot::AlarmView;
    use bifocal_model::{Dimension, Fingerprint};
    let alarm = worse.then(|| AlarmView {
        time: at(0),
        index: 1,
        onset_from: at(0),
        onset_to: at(0),
        baseline_mean: 0.8,
        evidence: 1e6,
        size: None,
    });
    StreamView {
        dimension: Dimension::new("relevance"),
        evaluator: "j".into(),
        fingerprint: Fingerprint::of(&["j"]),
        estimate: None,
        pass_rate: None,
        baseline: None,
        evidence: 0.0,
        threshold: 1e6,
        judged: 1,
        judged_in_30_days: 1.0,
        alarm,
        watched: true,
        mix: crate::snapshot::MixView::default(),
        judge_drifted: false,
        comparisons: Vec::new(),
        alarms: 0,
        explained: None,
        ladder: None,
    }
}

#[test]
fn a_condition_that_cannot_be_used_is_refused() {
    let err = Rules::new(&[rule("value('relevence') < 0.7", 0)], &Own::default()).unwrap_err();
    assert!(format!("{err:?}").contains("relevance"), "{err:?}");
}

#[test]
fn estimates_are_made_where_a_condition_asks_for_them() {
    for (when, asks) in [
        ("degraded('relevance') || degraded(\"relevance\")", false),
        ("degraded('relevance') && upper('relevance_pass_rate') < 0.7", true),
        ("value('safety') < 0.7", false),
        ("judge_drifted()", false),
    ] {
        assert_eq!(asks_estimate(when, "relevance"), asks, "{when}");
    }
}
