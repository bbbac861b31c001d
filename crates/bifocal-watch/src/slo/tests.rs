use bifocal_model::Timestamp;

use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + secs)
}

fn rollup(minutes: std::ops::Range<i64>, each: u64, is_bad: impl Fn(i64, u64) -> bool) -> Rollup {
    let mut rollup = Rollup::default();
    for minute in minutes {
        (0..each).for_each(|i| rollup.add(at(minute * 60), 1.0, is_bad(minute, i)));
    }
    rollup
}

#[test]
fn a_burst_of_errors_burns_fast_and_what_is_left_is_told() {
    let slo = SloConfig::new("availability", Indicator::Availability, 0.99);
    // Two days of which the last ten minutes fail one time in four.
    let counted = rollup(0..2_880, 20, |minute, i| minute >= 2_870 && i % 4 == 0);
    let view = SloView::of(&slo, Some(&counted), at(2_880 * 60 - 1));
    assert!((view.burn("5m").unwrap() - 25.0).abs() < 1e-9, "{view:?}");
    assert!((view.burn("1h").unwrap() - 25.0 / 6.0).abs() < 1e-9, "{view:?}");
    assert!(view.burn("3d").unwrap() < 0.1);
    // 50 bad of 57,600, where 576 are allowed.
    assert!((view.budget_left.unwrap() - (1.0 - 50.0 / 576.0)).abs() < 1e-9, "{view:?}");
    assert_eq!(view.n, 57_600);
}

#[test]
fn little_says_nothing_and_nothing_is_not_good() {
    let slo = SloConfig::new("availability", Indicator::Availability, 0.99);
    let few = rollup(0..29, 1, |_, _| true);
    let view = SloView::of(&slo, Some(&few), at(29 * 60));
    assert!(view.burns.iter().all(|burn| burn.decides.is_none()), "29 are not enough: {view:?}");
    let enough = rollup(0..30, 1, |_, _| true);
    let view = SloView::of(&slo, Some(&enough), at(30 * 60 - 1));
    assert!((view.burn("5m").unwrap() - 100.0).abs() < 1e-6, "the hour holds 30, so its five minutes speak");
    let none = SloView::of(&slo, None, at(0));
    assert_eq!((none.good_share, none.budget_left), (None, None));
    assert_eq!(
        (none.burn("1h"), none.burn("1 h")),
        (Some(0.0), None),
        "what is not asked for burns no budget"
    );
}

#[test]
fn the_first_error_of_a_fresh_install_burns_nothing_yet() {
    let slo = SloConfig::new("availability", Indicator::Availability, 0.99);
    let first = rollup(0..1, 48, |_, i| i == 47);
    let view = SloView::of(&slo, Some(&first), at(50));
    assert!(view.burns.iter().all(|burn| burn.decides.is_none() && burn.rate.is_some()), "{view:?}");
    // Ten minutes later an outage is one, and after half an hour the six hours speak too; the three days do after six.
    let outage = rollup(0..45, 10, |minute, _| minute >= 5);
    let of = |minutes: i64, window: &str| {
        SloView::of(&slo, Some(&outage), at(minutes * 60 - 1)).burn(window).unwrap()
    };
    assert!(of(12, "5m") > 14.4 && of(12, "1h") > 14.4, "the page of an hour's pair");
    assert_eq!((of(12, "6h"), of(45, "3d")), (0.0, 0.0));
    assert!(of(45, "6h") > 6.0 && of(45, "30m") > 6.0);
}

#[test]
fn a_pair_speaks_once_its_long_window_has_seen_enough() {
    let slo = SloConfig::new("availability", Indicator::Availability, 0.99);
    // One request every two hours, all of them bad: the three days hold 36, their last six hours three.
    let mut rare = Rollup::default();
    (0..36).for_each(|i| rare.add(at(i * 7_200), 1.0, true));
    let view = SloView::of(&slo, Some(&rare), at(36 * 7_200 - 1));
    assert!((view.burn("3d").unwrap() - 100.0).abs() < 1e-6, "{view:?}");
    assert!((view.burn("6h").unwrap() - 100.0).abs() < 1e-6, "the ticket's short window: {view:?}");
    assert_eq!(view.burn("30m"), Some(0.0), "the page's long window holds three");
}

#[test]
fn of_sampled_answers_the_lower_bound_decides() {
    let slo = SloConfig::new("good answers", Indicator::GoodAnswers, 0.9);
    // 40 judged of the last hour, 10 of them bad: 2.5 times the allowed share, and the bound is near 1.4.
    let counted = rollup(0..40, 1, |minute, _| minute % 4 == 0);
    let view = SloView::of(&slo, Some(&counted), at(40 * 60 - 1));
    let hour = view.burns.iter().find(|burn| burn.window == "1h").unwrap();
    assert!((hour.rate.unwrap() - 2.5).abs() < 1e-9);
    assert!((1.2..1.6).contains(&hour.decides.unwrap()), "{hour:?}");
}

#[test]
fn the_shipped_rule_leaves_out_what_can_never_burn() {
    let rule = burn_rule(&shipped_slos()).unwrap();
    assert_eq!(rule.severity, Severity::Warning);
    let page = &rule.escalate[0];
    assert_eq!(page.severity, Severity::Critical);
    assert!(
        page.when
            .contains("burn_rate('availability', '1h') > 14.4 && burn_rate('availability', '5m') > 14.4")
    );
    assert!(page.when.contains("burn_rate('goodput', '6h') > 6.0 && burn_rate('goodput', '30m') > 6.0"));
    assert!(!page.when.contains("burn_rate('goodput', '1h')"), "nine of ten burn at 10 at most");
    assert_eq!(burn_rule(&[]), None);
}

#[test]
fn objectives_that_cannot_be_meant_are_refused_limit_slos() {
    let known = ["composite".to_owned(), "relevance".to_owned()];
    let said = |slo: SloConfig| check(&[slo], &known).unwrap_err();
    let slo = || SloConfig::new("a", Indicator::GoodAnswers, 0.9);
    assert!(said(SloConfig { objective: 99.0, ..slo() }).contains("above 0 and below 1"));
    assert!(said(SloConfig { objective: f64::NAN, ..slo() }).contains("above 0 and below 1"));
    assert!(said(SloConfig { name: "it's".into(), ..slo() }).contains("letters, digits"));
    assert!(said(SloConfig { name: "n".repeat(SLO_NAME_CHARS + 1), ..slo() }).contains("1 to 40"));
    assert!(said(SloConfig { period_days: SLO_PERIOD_DAYS_MAX + 1, ..slo() }).contains("from 1 to 30"));
    let near = said(SloConfig { dimension: Some("relevence".into()), ..slo() });
    assert!(near.contains("did you mean `relevance`?"), "{near}");
    let of_calls = SloConfig { good: Indicator::Goodput, dimension: Some("relevance".into()), ..slo() };
    assert!(said(of_calls).contains("good_answers"));
    assert!(check(&[slo(), slo()], &known).unwrap_err().contains("twice"));
    let many: Vec<_> = (0..=SLOS_MAX).map(|i| SloConfig { name: format!("s{i}"), ..slo() }).collect();
    assert!(check(&many, &known).unwrap_err().contains("8 are the most"));
    assert_eq!(check(&many[1..], &known), Ok(()));
}
