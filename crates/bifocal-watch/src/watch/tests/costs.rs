//! What the fleet costs.

use bifocal_model::{Reading, ReadingSubject};

use super::*;

#[test]
fn what_no_component_holds_is_paid_once_for_each_endpoint_and_is_idle() {
    let now = Timestamp::from_secs(1_800_000_000);
    let mut watch = Watch::new(WatchConfig::default(), Telemetry::new()).unwrap();
    let mut tell = |signal: &str, subject, part: &str, value| {
        watch.apply(&Record::Reading(Reading {
            signal: signal.into(),
            subject,
            part: part.into(),
            time: now,
            value,
            source: Source::SageMaker,
        }));
    };
    let origin = "sagemaker/123456789012/us-east-1";
    for (name, usd) in [("gpt-oss", 6.56), ("qwen", 3.28)] {
        let target = TargetKey::of_model(origin, name).with(|names| {
            names.endpoint = "llm-prod".into();
            names.component = Component::InferenceComponent(name.into());
        });
        tell("cost_usd_per_hour", ReadingSubject::Target(target), "", usd);
    }
    for (endpoint, usd) in [("llm-prod", 3.28), ("another", 50.0)] {
        tell("cost_idle_usd_per_hour", ReadingSubject::Origin(origin.into()), endpoint, usd);
    }
    let totals = watch.tick(now, &NoQuantiles).snapshot.totals;
    let is = |found: Option<f64>, wanted: f64| found.is_some_and(|found| (found - wanted).abs() < 1e-9);
    assert!(is(totals.cost_usd_per_hour, 13.12) && is(totals.idle_usd_per_hour, 3.28), "{totals:?}");
}
