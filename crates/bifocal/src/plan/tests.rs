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
        seen: Vec::new(),
        scores: [said(0.7), said(0.18)],
        falls: vec![0.05, 0.1],
        baseline: [200, 500],
        false_pages_per_30_days: 2.0,
        rho2: said(0.67),
        sizes: Vec::new(),
        monthly: Vec::new(),
        logged: None,
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
    let stream = &plan.targets[0].streams[0];
    assert_eq!((stream.dimension.as_str(), stream.n, stream.basis), ("relevance", 0, Basis::Said));
    let first = stream.detection[0];
    let median = first.judged_median.unwrap() as f64;
    assert!((first.hours_median.unwrap() - 24.0 * median / 1_000.0).abs() < 1e-9);
    assert!((first.usd_median.unwrap() - usd * median).abs() < 1e-9);
    // All streams are judged more often, so all of the judge costs more.
    let sooner = stream.sooner[0].unwrap();
    let times = first.sooner_judged_per_day.unwrap() / 1_000.0;
    assert!((sooner.usd_per_day.unwrap() - times * 2_200.0 * usd).abs() < 1e-6 && times > 4.0);
    assert!(sooner.is_possible, "{sooner:?}");
    assert!((plan.monthly[0].usd.unwrap() - judging.usd_per_30_days.unwrap()).abs() < 1e-9);
}

#[test]
fn a_stream_s_own_scores_make_its_delays() {
    let coin: Vec<f64> = (0..100).map(|i| f64::from(u8::from(i % 2 == 0))).collect();
    let seen = |values: Vec<f64>| SeenStream { target: "a".into(), dimension: "safety".into(), values };
    let plan =
        |values| Plan::of(Inputs { seen: vec![seen(values)], ..inputs(Some(priced(Some(1_000.0)))) }).targets;
    let targets = plan(coin);
    let [relevance, safety] = &targets[0].streams[..] else { panic!("{targets:?}") };
    assert_eq!((relevance.basis, safety.basis, safety.n), (Basis::Said, Basis::Observed, 100));
    assert!((safety.mean - 0.5).abs() < 1e-12 && (safety.sd - 0.5).abs() < 1e-12);
    let soon = |stream: &StreamPlan| stream.detection[1].judged_median.unwrap();
    assert!(soon(safety) > 3 * soon(relevance), "a coin says little: {safety:?} {relevance:?}");
    assert_eq!(targets[1].streams[1].basis, Basis::Said, "what another target was given is not its own");
    let few = plan(vec![1.0; 10]);
    assert_eq!(few[0].streams[1].basis, Basis::Said, "ten scores are no distribution");
}

#[test]
fn the_cap_thins_all_in_proportion() {
    let usd = (1_712.0 * 3.0 + 229.0 * 15.0) / 1e6;
    let plan = Plan::of(inputs(Some(priced(Some(220.0 * usd)))));
    let judging = plan.judging.unwrap();
    assert!(judging.capped && (judging.judged_per_day - 220.0).abs() < 1e-6);
    // Seven tenths of the cap are the same chance for every answer, which is what detectors see.
    assert!((plan.targets[0].judged_per_day - 70.0).abs() < 1e-6);
    assert!((plan.threshold.unwrap() - 0.7 * 3_300.0).abs() < 1e-6);
    let stream = &plan.targets[0].streams[0];
    let found = stream.detection[1];
    let each = 220.0 * usd / (0.7 * 220.0);
    assert!((found.usd_median.unwrap() - each * found.judged_median.unwrap() as f64).abs() < 1e-9);
    let times = found.sooner_judged_per_day.unwrap() / 70.0;
    assert!((stream.sooner[1].unwrap().usd_per_day.unwrap() - times * 220.0 * usd).abs() < 1e-9);
    // A cap that is hardly no limit still leaves seven tenths of itself.
    let loose = Plan::of(inputs(Some(priced(Some(2_400.0 * usd)))));
    assert!(!loose.judging.unwrap().capped);
    assert!((loose.targets[0].judged_per_day - 1_000.0 * 0.7 * 2_400.0 / 2_200.0).abs() < 1e-6);
    let tokens = JudgeConfig {
        budget_tokens_per_day: Some(194_100),
        usd_per_million_input_tokens: None,
        ..priced(None)
    };
    let judging = Plan::of(inputs(Some(tokens))).judging.unwrap();
    assert!((judging.judged_per_day - 100.0).abs() < 1e-6 && judging.usd_per_30_days.is_none());
}

#[test]
fn judged_answers_that_are_logged_are_an_item_of_the_month() {
    let config = WriteBackConfig { logs: true, ..WriteBackConfig::default() };
    let logged = Some(Logged { config: config.clone(), bytes: said(3_000.0) });
    let plan = Plan::of(Inputs { logged, ..inputs(Some(priced(Some(1_000.0)))) });
    // 1,100 answers a day are judged on two dimensions each, and each is one event.
    assert_eq!(plan.monthly.last(), Some(&Item::answers(&config, 1_100.0, said(3_000.0))));
    let nobody = Plan::of(Inputs { logged: Some(Logged { config, bytes: said(3_000.0) }), ..inputs(None) });
    assert!(nobody.monthly.is_empty());
}

#[test]
fn hours_that_may_cost_less_than_the_day_are_the_cap() {
    let hourly = JudgeConfig { budget_usd_per_hour: Some(0.01), ..priced(Some(5.0)) };
    let judging = Plan::of(inputs(Some(hourly))).judging.unwrap();
    assert!((judging.usd_per_30_days.unwrap() - 30.0 * 0.24).abs() < 1e-9 && judging.capped);
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
