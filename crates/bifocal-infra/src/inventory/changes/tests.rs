use super::*;
use crate::inventory::fixture::{adapter, component, copies, endpoint, inventory};
use crate::inventory::{Bounds, OutOfScope};

const POOLS: &[(&str, u32)] = &[("ml.g6.12xlarge", 2)];

fn before() -> Inventory {
    let components =
        vec![component("qwen", vec![copies(None, 2, 2.0)]), component("llama", vec![copies(None, 1, 1.0)])];
    inventory(1000, endpoint(POOLS, components))
}

/// The events after a change of the endpoint, a minute later.
fn events(change: impl FnOnce(&mut Endpoint)) -> Vec<Event> {
    let old = before();
    let mut new = Inventory { time: Timestamp::from_secs(1060), ..old.clone() };
    change(new.endpoints.get_mut("llm-prod").unwrap());
    diff(&old, &new)
}

/// Kind, component and what was said.
fn said(events: &[Event]) -> Vec<(EventKind, String, &str)> {
    let each = events.iter().map(|event| {
        let target = event.target.as_ref().unwrap();
        (event.kind, target.name().to_owned(), event.summary.as_str())
    });
    each.collect()
}

#[test]
fn nothing_changed_is_no_event() {
    assert_eq!(events(|_| {}), []);
}

#[test]
fn copies_that_are_not_known_have_not_changed() {
    assert_eq!(events(|endpoint| endpoint.components.get_mut("qwen").unwrap().copies.clear()), []);
}

#[test]
fn copies_that_come_and_go_are_scaling_of_their_component_alone() {
    let events = events(|endpoint| endpoint.components.get_mut("qwen").unwrap().copies[0].count = 5);
    assert_eq!(said(&events), [(EventKind::Scaling, "qwen".to_owned(), "`qwen` 2 to 5 copies")]);
    let wanted =
        self::events(|endpoint| endpoint.components.get_mut("qwen").unwrap().copies_wanted = Some(0));
    assert_eq!(said(&wanted)[0].2, "`qwen` is going to have 0 copies");
}

#[test]
fn instances_of_a_variant_concern_all_that_runs_on_it() {
    let events = events(|endpoint| {
        let variant = endpoint.variants.get_mut("AllTraffic").unwrap();
        variant.pools[0].instances = 0;
        variant.scaling = Some(Bounds { min: 0, max: 4 });
    });
    let kinds: Vec<_> = said(&events).into_iter().map(|(kind, target, _)| (kind, target)).collect();
    let both = |kind| ["llama", "qwen"].map(|name: &str| (kind, name.to_owned()));
    assert_eq!(kinds, [both(EventKind::Scaling), both(EventKind::Configuration)].concat());
    assert_eq!(events[0].summary, "variant `AllTraffic` 2 ml.g6.12xlarge to 0 ml.g6.12xlarge");
}

#[test]
fn deployments_configurations_and_captures_are_told_apart() {
    for (change, kind, words) in [
        (
            (|e: &mut Endpoint| e.config = Some("llm-prod-2".to_owned())) as fn(&mut Endpoint),
            EventKind::Deployment,
            "`llm-prod`: configuration `llm-prod-1` to `llm-prod-2`",
        ),
        (|e| e.is_deploying = true, EventKind::Deployment, "`llm-prod`: a deployment began"),
        (
            |e| e.status = Some("Failed".to_owned()),
            EventKind::Deployment,
            "`llm-prod`: status `InService` to `Failed`",
        ),
        (
            |e| {
                e.capture.is_on = true;
                e.capture.percent = Some(25.0);
            },
            EventKind::Configuration,
            "`llm-prod`: data capture off to 25% of calls",
        ),
        (
            |e| e.metrics.is_enhanced = true,
            EventKind::Configuration,
            "`llm-prod`: other metrics are published",
        ),
    ] {
        let events = events(change);
        assert_eq!(events.len(), 2, "one for each component");
        assert!(events.iter().all(|event| event.kind == kind && event.summary == words), "{events:?}");
    }
    let image = events(|e| e.components.get_mut("qwen").unwrap().image = Some("vllm@sha256:2".to_owned()));
    assert_eq!(said(&image), [(EventKind::Deployment, "qwen".to_owned(), "`qwen` runs another image")]);
}

#[test]
fn what_comes_and_goes_is_said_once() {
    let adapted = events(|endpoint| {
        endpoint.components.insert("legal".to_owned(), adapter("legal", "qwen"));
    });
    let words = "`legal` was created as an adapter of `qwen`";
    assert_eq!(said(&adapted), [(EventKind::Deployment, "legal".to_owned(), words)]);
    let gone = events(|endpoint| drop(endpoint.components.remove("llama")));
    assert_eq!(said(&gone), [(EventKind::Deployment, "llama".to_owned(), "`llama` was deleted")]);

    let old = before();
    let empty = Inventory { endpoints: Default::default(), time: Timestamp::from_secs(1060), ..old.clone() };
    let deleted = diff(&old, &empty);
    assert_eq!(deleted.len(), 2);
    assert_eq!(deleted[0].summary, "`llm-prod`: endpoint was deleted");
    assert!(deleted[0].id.starts_with("sagemaker-deleted-"));
    assert!(diff(&empty, &old).iter().all(|event| event.summary == "`llm-prod`: endpoint was created"));
}

#[test]
fn ids_are_the_same_for_the_same_change_and_differ_else() {
    let grow = |endpoint: &mut Endpoint| endpoint.components.get_mut("qwen").unwrap().copies[0].count = 5;
    assert_eq!(events(grow), events(grow));
    let other = events(|endpoint| endpoint.components.get_mut("llama").unwrap().copies[0].count = 5);
    assert_ne!(events(grow)[0].id, other[0].id);
}

#[test]
fn it_happened_when_sagemaker_says_if_that_lies_between_the_looks() {
    let at = |modified: i64| {
        let events = events(|endpoint| {
            let qwen = endpoint.components.get_mut("qwen").unwrap();
            qwen.copies[0].count = 5;
            qwen.modified = Some(Timestamp::from_secs(modified));
        });
        events[0].time
    };
    assert_eq!(at(1030), Timestamp::from_secs(1030));
    for outside in [900, 1000, 1061] {
        assert_eq!(at(outside), Timestamp::from_secs(1060), "{outside}");
    }
}

#[test]
fn endpoints_out_of_scope_have_no_targets_and_no_events() {
    let out = |change: fn(&mut Endpoint)| {
        let mut old = before();
        old.endpoints.get_mut("llm-prod").unwrap().out_of_scope = Some(OutOfScope::Serverless);
        let mut new = old.clone();
        change(new.endpoints.get_mut("llm-prod").unwrap());
        diff(&old, &new)
    };
    assert_eq!(out(|endpoint| endpoint.status = Some("Failed".to_owned())), []);
    assert_eq!(out(|endpoint| endpoint.components.get_mut("qwen").unwrap().copies[0].count = 9), []);
}
