use super::*;

fn said(value: f64) -> Known {
    Known { value, basis: Basis::Said }
}

fn inputs(judge: Option<JudgeConfig>) -> Inputs {
    let traffic = |target: &str, requests, rate| Traffic {
        target: target.to_owned(),
        requests_per_day: said(requests),
        rate,
    };
    Inputs {
        traffic: vec![traffic("a", 10_000.0, 0.1), traffic("b", 1_000.0, 0.1)],
        judge,
        tokens: [said(1_712.0), said(229.0)],
        scores: [said(0.7), said(0.18)],
        baseline: [200, 500],
        false_pages_per_30_days: 2.0,
        rho2: said(0.67),
        sizes: Vec::new(),
    }
}

fn priced(cap: Option<f64>) -> JudgeConfig {
    JudgeConfig {
        dimensions: vec!["relevance".into(), "safety".into()],
        budget_usd_per_day: cap,
        budget_tokens_per_day: None,
        usd_per_million_input_tokens: Some(3.0),
        usd_per_million_output_tokens: Some(15.0),
        ..JudgeConfig::default()
    }
}

#[test]
fn dollars_baselines_and_threshold_by_hand() {
    let plan = Plan::of(inputs(Some(priced(Some(1_000.0)))));
    let judging = plan.judging.unwrap();
    // (1,712 x 3 + 229 x 15) / 1e6 dollars, 1,100 answers on two dimensions a day.
    let usd = (1_712.0 * 3.0 + 229.0 * 15.0) / 1e6;
    assert_eq!((judging.wanted_per_day, judging.capped), (2_200.0, false));
    assert!((judging.usd_per_judgement.unwrap() - usd).abs() < 1e-12);
    assert!((judging.usd_per_30_days.unwrap() - 30.0 * 2_200.0 * usd).abs() < 1e-6);
    assert_eq!((plan.streams, plan.threshold), (4, Some(30.0 * 2_200.0 / 2.0)));
    assert_eq!((plan.targets[0].judged_per_day, plan.targets[0].baseline_days), (1_000.0, Some(0.5)));
    assert_eq!(plan.targets[1].baseline_days, Some(5.0));
    let first = plan.targets[0].detection[0];
    assert!((first.hours_mean.unwrap() - 24.0 * first.judged_mean / 1_000.0).abs() < 1e-9);
    assert!((first.usd_mean.unwrap() - usd * first.judged_mean).abs() < 1e-9);
}

#[test]
fn the_cap_thins_all_in_proportion() {
    let usd = (1_712.0 * 3.0 + 229.0 * 15.0) / 1e6;
    let plan = Plan::of(inputs(Some(priced(Some(220.0 * usd)))));
    let judging = plan.judging.unwrap();
    assert!(judging.capped && (judging.judged_per_day - 220.0).abs() < 1e-6);
    assert!((plan.targets[0].judged_per_day - 100.0).abs() < 1e-6);
    assert!((plan.threshold.unwrap() - 3_300.0).abs() < 1e-6);
    let tokens = JudgeConfig {
        budget_tokens_per_day: Some(194_100),
        usd_per_million_input_tokens: None,
        ..priced(None)
    };
    let judging = Plan::of(inputs(Some(tokens))).judging.unwrap();
    assert!((judging.judged_per_day - 100.0).abs() < 1e-6 && judging.usd_per_30_days.is_none());
}

#[test]
fn nothing_judged_is_no_number() {
    let plan = Plan::of(inputs(None));
    assert_eq!((plan.streams, plan.threshold, &plan.judging, &plan.ladder), (0, None, &None, &None));
    assert_eq!(plan.targets[0].baseline_days, None);
    let mut idle = inputs(Some(priced(None)));
    idle.traffic.iter_mut().for_each(|traffic| traffic.requests_per_day = said(0.0));
    let plan = Plan::of(idle);
    assert_eq!((plan.threshold, plan.targets[0].baseline_days), (None, None));
    let nobody = Plan::of(Inputs { traffic: Vec::new(), ..inputs(Some(priced(None))) });
    assert!(nobody.threshold.is_none() && !serde_json::to_string(&nobody).unwrap().contains("NaN"));
}
