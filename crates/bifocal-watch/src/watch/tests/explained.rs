//! How much of a judge cheap signals explain, as the watch tells it.

use bifocal_model::Selection;

use super::*;
use crate::ExplainedView;

/// Calls of which features are known, then judged: a score follows the length of the answer, or nothing.
fn judged(watch: &mut Watch, traffic: &mut Traffic, calls: usize, follows: bool) {
    for _ in 0..calls {
        traffic.second += 1;
        let id = InferenceId::v7(traffic.now(), [0; 10]);
        let call = traffic.call(id);
        let long = traffic.uniform();
        let mut values = features(traffic, 0.0);
        if let Some(behaviour) = &mut values.behaviour {
            behaviour[0] = 20.0 * long;
        }
        let noise = traffic.uniform();
        let value = if follows { 0.3 + 0.5 * long + 0.1 * noise } else { 0.3 + 0.5 * noise };
        let mut score = traffic.score(id, value);
        score.cost.usd = Some(0.01);
        watch.apply(&Record::Inference(Arc::new(call.clone())));
        watch.take_features(&call, &values);
        let selection = Selection {
            inference: id,
            target: traffic.target.clone(),
            time: traffic.now(),
            judges: Vec::new(),
            inclusion: Probability::new(0.5).unwrap(),
            stratum: "all".into(),
            draw: 0.1,
            shed: None,
        };
        watch.apply(&Record::Selection(selection));
        watch.apply(&Record::Score(Arc::new(score)));
    }
}

fn explained(watch: &mut Watch, traffic: &Traffic) -> Option<ExplainedView> {
    watch.tick(traffic.now(), &NoQuantiles).snapshot.targets[0].streams[0].explained
}

#[test]
fn what_features_explain_of_the_judge_is_told_with_what_it_would_save() {
    let (mut watch, mut traffic) = (watch(), Traffic::new("qwen", 5));
    judged(&mut watch, &mut traffic, 150, true);
    assert_eq!(explained(&mut watch, &traffic), None, "too few to tell");
    judged(&mut watch, &mut traffic, 850, true);
    let told = explained(&mut watch, &traffic).unwrap();
    assert!(told.rho2 > 0.7 && told.lower < told.rho2 && told.rho2 < told.upper, "{told:?}");
    // Every second answer is judged with probability 1/2: the predictions of the others are as many again.
    assert!((told.saving - told.rho2 / 1.5).abs() < 0.02, "{told:?}");
    assert!(told.saving_usd_per_day.is_some_and(|usd| usd > 300.0), "864 dollars a day are spent: {told:?}");
}

#[test]
fn signals_that_explain_nothing_are_said_to_save_nothing() {
    let (mut watch, mut traffic) = (watch(), Traffic::new("qwen", 6));
    judged(&mut watch, &mut traffic, 1_500, false);
    let told = explained(&mut watch, &traffic).unwrap();
    assert!(told.upper < 0.05, "{told:?}");
}
