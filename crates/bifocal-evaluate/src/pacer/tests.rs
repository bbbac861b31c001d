use std::sync::Arc;

use bifocal_model::{Chance, Dimension, Fingerprint, Unit, Verdict};

use super::*;
use crate::sample::inference;

const TERMS: Terms = Terms { rate: 1.0, oversample: 3.0, floor: 5 };
const USUAL: &str = "language=en;length=short;end=ok";
const CUT: &str = "language=en;length=short;end=truncated;tenant=acme";

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(86_400 * 20_000 + secs)
}

fn pacer(tokens_per_day: u64) -> Pacer {
    let config = JudgeConfig {
        dimensions: vec!["relevance".to_owned()],
        budget_tokens_per_day: Some(tokens_per_day),
        ..JudgeConfig::default()
    };
    Pacer::new(&config, None)
}

fn answer(i: u32, time: Timestamp, stratum: &str, chances: Chances) -> Record {
    let mut call = inference(i, "why?", "because");
    call.time = time;
    let Chances { inclusion, base } = chances;
    call.chance = Some(Chance { stratum: stratum.to_owned(), inclusion, base });
    Record::Inference(Arc::new(call))
}

fn selection(record: &Record, shed: Option<Shed>) -> Record {
    let Record::Inference(call) = record else { panic!("no call") };
    let chance = call.chance.clone().unwrap();
    Record::Selection(Selection {
        inference: call.id,
        target: call.target.clone(),
        time: call.time,
        judges: vec![(Dimension::new("relevance"), Fingerprint(1))],
        inclusion: chance.inclusion,
        stratum: chance.stratum,
        draw: 0.5,
        shed,
    })
}

fn score(record: &Record, tokens: u32) -> Record {
    let Record::Inference(call) = record else { panic!("no call") };
    Record::Score(Arc::new(Score {
        inference: call.id,
        target: call.target.clone(),
        evaluator: "judge:j".to_owned(),
        fingerprint: Fingerprint(1),
        kind: EvaluatorKind::Judge,
        dimension: Dimension::new("relevance"),
        verdict: Verdict::Scored { value: Unit::ONE, pass: true, label: None, explanation: None },
        inclusion: Probability::ONE,
        capture: Probability::ONE,
        stratum: call.chance.clone().unwrap().stratum,
        time: call.time,
        scored_at: call.time,
        latency_seconds: 0.0,
        cost: Cost { usd: None, input_tokens: tokens, output_tokens: 0 },
    }))
}

/// A day of answers, one every `step` seconds, every tenth of them cut; what is chosen is judged for 2,000 tokens at once. The
/// draws are evenly spread. Gives what was spent.
fn day(pacer: &mut Pacer, day: i64, step: i64) -> f64 {
    let mut spent = 0.0;
    for i in 0..86_400 / step {
        let now = at(day * 86_400 + i * step);
        pacer.turn(now);
        let stratum = if i % 10 == 3 { CUT } else { USUAL };
        let target = inference(0, "why?", "because").target.clone();
        let chances = pacer.chance(&target, stratum, &TERMS);
        let record = answer(u32::try_from(day * 100_000 + i).unwrap(), now, stratum, chances);
        pacer.see(&record, |_| Some(TERMS));
        let draw = (i as f64 * 0.618_033_988_749_895).fract();
        if draw >= 1.0 - chances.inclusion.get() {
            pacer.see(&selection(&record, None), |_| None);
            pacer.see(&score(&record, 2_000), |_| None);
            spent += 2_000.0;
        }
    }
    spent
}

#[test]
fn a_day_costs_what_it_may_and_what_is_worth_a_look_is_looked_at() {
    let mut pacer = pacer(1_000_000);
    for n in 0..3 {
        let spent = day(&mut pacer, n, 10);
        assert!((930_000.0..1_000_000.0).contains(&spent), "day {n}: {spent}");
        let pace = pacer.view();
        assert!((pace.forecast_tokens.unwrap() - spent).abs() < 30_000.0, "{pace:?}");
        assert_eq!(pace.strata.iter().map(|stratum| stratum.answers).sum::<u64>(), 8_640);
        let [usual, cut] = &pace.strata[..] else { panic!("{pace:?}") };
        assert_eq!(cut.stratum, "language=en;length=short;end=truncated", "who asks makes no stratum");
        let share = |stratum: &StratumPace| stratum.chosen as f64 / stratum.answers as f64;
        assert!(share(cut) > 1.5 * share(usual), "{pace:?}");
        assert_eq!((usual.judged, usual.lacks, pace.below_floor), (usual.chosen, 0, 0));
    }
}

#[test]
fn who_tries_it_sees_scores_at_once_but_not_for_the_whole_budget() {
    let mut pacer = pacer(1_000_000);
    let target = inference(0, "why?", "because").target.clone();
    pacer.turn(at(0));
    // A tenth of the day's tokens at 1,941 an answer: 51 answers for certain, however many come at once.
    let certain =
        (0..1_000).filter(|_| pacer.chance(&target, USUAL, &TERMS).inclusion == Probability::ONE).count();
    assert_eq!(certain, 51);
    assert!(pacer.chance(&target, USUAL, &TERMS).inclusion.get() < 0.3);
    pacer.turn(at(10));
    assert!(pacer.chance(&target, USUAL, &TERMS).inclusion.get() < 0.3, "it does not come again");
}

#[test]
fn an_hour_is_not_passed_either() {
    let mut pacer = pacer(2_400_000);
    pacer.hourly = Some(50_000.0);
    day(&mut pacer, 0, 10);
    let mut hourly = Vec::new();
    for hour in 0..24 {
        let before = pacer.state.spent_today;
        for i in 0..360 {
            let now = at(86_400 + hour * 3_600 + i * 10);
            pacer.turn(now);
            let target = inference(0, "why?", "because").target.clone();
            let chances = pacer.chance(&target, USUAL, &TERMS);
            let record = answer(u32::try_from(200_000 + hour * 360 + i).unwrap(), now, USUAL, chances);
            pacer.see(&record, |_| Some(TERMS));
            if (i as f64 * 0.618_033_988_749_895).fract() >= 1.0 - chances.inclusion.get() {
                pacer.see(&selection(&record, None), |_| None);
                pacer.see(&score(&record, 2_000), |_| None);
            }
        }
        hourly.push(pacer.state.spent_today - if hour == 0 { 0.0 } else { before });
    }
    assert!(hourly.iter().all(|spent| (40_000.0..52_000.0).contains(spent)), "{hourly:?}");
}

#[test]
fn a_floor_that_the_budget_does_not_reach_is_told() {
    // 8,000 tokens a day are four judgements: not five of each of two strata.
    let mut pacer = pacer(8_000);
    day(&mut pacer, 0, 10);
    day(&mut pacer, 1, 10);
    let pace = pacer.view();
    assert_eq!(pace.below_floor, 2, "{pace:?}");
    let lacks: u64 = pace.strata.iter().map(|stratum| stratum.lacks).sum();
    assert!((6..=8).contains(&lacks), "{pace:?}");
    pacer.turn(at(2 * 86_400));
    assert_eq!(pacer.view().below_floor_yesterday, 2);
}

#[test]
fn what_is_given_up_is_counted_by_stratum_and_costs_nothing() {
    let mut pacer = pacer(1_000_000);
    pacer.turn(at(0));
    let target = inference(0, "why?", "because").target.clone();
    for i in 0..4u32 {
        let chances = pacer.chance(&target, USUAL, &TERMS);
        let record = answer(i, at(i64::from(i)), USUAL, chances);
        pacer.see(&record, |_| Some(TERMS));
        pacer.see(&selection(&record, None), |_| None);
        if i < 3 {
            pacer.see(&selection(&record, Some(Shed::QueueFull)), |_| None);
        }
    }
    let attack = answer(9, at(9), USUAL, pacer.chance(&target, USUAL, &TERMS));
    pacer.see(&selection(&attack, Some(Shed::SuspectedInjection)), |_| None);
    let [stratum] = &pacer.view().strata[..] else { panic!() };
    assert_eq!((stratum.chosen, stratum.shed, stratum.judged, stratum.lacks), (4, 3, 0, 3));
    assert_eq!((pacer.state.pending.len(), pacer.state.spent_today), (1, 0.0));
}

#[test]
fn a_restart_goes_on_where_it_was() {
    let mut pacer = pacer(1_000_000);
    day(&mut pacer, 0, 10);
    let mut again = Pacer::new(
        &JudgeConfig {
            dimensions: vec!["relevance".to_owned()],
            budget_tokens_per_day: Some(1_000_000),
            ..JudgeConfig::default()
        },
        Some(&pacer.save().unwrap()),
    );
    assert_eq!(again.state, pacer.state);
    assert_eq!(day(&mut again, 1, 10), day(&mut pacer, 1, 10));
    let none = State { is_usd: Some(false), ..State::default() };
    assert_eq!(Pacer::new(&JudgeConfig::default(), Some(b"{")).state, none, "unreadable is none");
}

#[test]
fn limits_judge_strata_and_judge_paced_pending() {
    let mut pacer = pacer(1_000_000_000);
    pacer.turn(at(0));
    let target = inference(0, "why?", "because").target.clone();
    for i in 0..u32::try_from(PACED_PENDING.max(STRATA) + 1).unwrap() {
        let stratum = format!("language=l{i};end=ok");
        let record = answer(i, at(0), &stratum, pacer.chance(&target, &stratum, &TERMS));
        pacer.see(&record, |_| Some(TERMS));
        pacer.see(&selection(&record, None), |_| None);
    }
    assert_eq!(pacer.state.strata.len(), STRATA);
    for i in 0..u32::try_from(PACED_PENDING).unwrap() {
        let record =
            answer(100_000 + i, at(0), "language=l1;end=ok", pacer.chance(&target, "language=l1", &TERMS));
        pacer.see(&selection(&record, None), |_| None);
    }
    assert_eq!(pacer.state.pending.len(), PACED_PENDING);
    // Half a million tokens are left: hardly anything for so many, and strata beyond the limit get what all get.
    pacer.cap = Cap::Tokens(20_000_000);
    pacer.turn(at(3_000));
    let beyond = pacer.chance(&target, "language=never_seen;end=ok", &TERMS).inclusion.get();
    assert_eq!(beyond, pacer.plan.rates.core);
    assert!(beyond > 0.0 && beyond < 0.1, "{beyond}");
}

#[test]
fn costs_in_another_unit_are_forgotten() {
    let mut tokens = pacer(1_000_000);
    day(&mut tokens, 0, 100);
    let dollars = JudgeConfig {
        dimensions: vec!["relevance".to_owned()],
        budget_usd_per_day: Some(5.0),
        usd_per_million_input_tokens: Some(1.0),
        usd_per_million_output_tokens: Some(1.0),
        ..JudgeConfig::default()
    };
    let saved = tokens.save().unwrap();
    let mut again = Pacer::new(&dollars, Some(&saved));
    // Judging costs 1,941 tokens, 0.2 cents: 2,000 dollars a judgement would leave the day without any.
    assert!((again.usual_cost() - 0.001_941).abs() < 1e-9, "{}", again.usual_cost());
    assert_eq!(again.state.spent_today, 0.0);
    assert_eq!(again.state.forecast, tokens.state.forecast, "what is to come is still known");
    again.turn(at(86_400));
    let target = inference(0, "why?", "because").target.clone();
    assert_eq!(again.chance(&target, USUAL, &TERMS).inclusion, Probability::ONE);
    let same = Pacer::new(&dollars, Some(&again.save().unwrap()));
    assert_eq!(same.state, again.state);
}

#[test]
fn strata_that_nobody_foresaw_are_rationed_and_no_rule_is_passed() {
    let mut pacer = pacer(100_000);
    day(&mut pacer, 0, 10);
    pacer.turn(at(86_400));
    let core = pacer.plan.rates.core;
    let target = inference(0, "why?", "because").target.clone();
    let inclusions: Vec<f64> = (0..1_000)
        .map(|i| pacer.chance(&target, &format!("language=l{i};end=ok"), &TERMS).inclusion.get())
        .collect();
    let more = inclusions.iter().filter(|pi| **pi > core).count();
    // A fiftieth of 97,000 tokens, at some 2,000 for a judgement and a quarter of one for each of these answers.
    assert!((3..=5).contains(&more), "{more}");
    assert!(inclusions[0] > 0.2 && inclusions[999] == core, "{core}");
    pacer.plan.made = None;
    pacer.turn(at(86_400));
    let seldom = Terms { rate: 0.05, oversample: 1.0, floor: 50 };
    assert_eq!(pacer.chance(&target, "language=new;end=ok", &seldom).inclusion.get(), 0.05);
}

#[test]
fn what_is_given_up_of_yesterday_is_none_of_today_s() {
    let mut pacer = pacer(1_000_000);
    pacer.turn(at(0));
    let target = inference(0, "why?", "because").target.clone();
    let record = answer(1, at(0), USUAL, pacer.chance(&target, USUAL, &TERMS));
    pacer.see(&record, |_| Some(TERMS));
    pacer.see(&selection(&record, None), |_| None);
    pacer.pass(at(86_400));
    pacer.see(&selection(&record, Some(Shed::Expired)), |_| None);
    let [stratum] = &pacer.view().strata[..] else { panic!() };
    assert_eq!((stratum.chosen, stratum.shed), (0, 0));
}
