use bifocal_model::{Component, Reading, Source, TargetNames};
use bifocal_store::{Options, Store};
use bifocal_telemetry::ManualClock;

use super::*;

fn target(origin: &str) -> TargetKey {
    TargetKey::new(TargetNames {
        origin: origin.to_owned(),
        endpoint: "llm-prod".to_owned(),
        variant: String::new(),
        component: Component::InferenceComponent("qwen".to_owned()),
    })
}

#[test]
fn an_endpoint_that_is_scaled_to_zero_sleeps_and_an_unknown_one_is_not_woken() {
    let folder = tempfile::tempdir().unwrap();
    let now = Timestamp::from_secs(1_795_528_260);
    let clock = Arc::new(ManualClock::new(now));
    let (mut store, _) = Store::open(Options::new(folder.path(), clock), Telemetry::new()).unwrap();
    // The proxy calls the origin otherwise than the inventory does.
    let (asked, inventory) = (target("runtime"), target("sagemaker/1/us-east-1"));
    let copies = |secs: i64, value: f64| {
        Record::Reading(Reading {
            subject: ReadingSubject::Target(inventory.clone()),
            source: Source::SageMaker,
            signal: "copies".to_owned(),
            part: String::new(),
            time: now + Span::from_secs(secs),
            value,
        })
    };
    let reader = store.reader();
    assert!(is_asleep(&reader, &asked, true) && !is_asleep(&reader, &asked, false), "nothing is known");
    store.append(vec![vec![copies(0, 0.0)]]).unwrap();
    assert!(is_asleep(&reader, &asked, false), "no copy runs");
    store.append(vec![vec![copies(60, 1.0)]]).unwrap();
    assert!(!is_asleep(&reader, &asked, true));
}
