use std::collections::BTreeMap;

use bifocal_model::{
    Completeness, FormatAsked, Identity, InferenceId, Probability, Source, TargetKey, Timing, Usage,
};

use super::*;

fn call(secs: i64, ttft: Option<f64>, error: Option<ErrorClass>) -> Inference<String> {
    let time = Timestamp::from_secs(secs);
    Inference {
        id: InferenceId::v7(time, [0; 10]),
        identity: Identity { source: Source::Proxy, key: String::new() },
        target: TargetKey::of_model("local", "m"),
        labels: BTreeMap::new(),
        tenant: None,
        time,
        messages: Vec::new(),
        answer: String::new(),
        finish_reason: None,
        usage: Usage::default(),
        timing: Timing { ttft_seconds: ttft, itl_seconds: None, duration_seconds: Some(3.0) },
        status: Some(200),
        error,
        completeness: Completeness::Complete,
        capture_probability: Probability::new(0.5).unwrap(),
        format_asked: FormatAsked::Free,
        streamed: true,
        redactions: Vec::new(),
        findings: bifocal_model::Findings::default(),
        chance: None,
        signs: bifocal_model::Signs::default(),
    }
}

fn filled(calls: impl IntoIterator<Item = Inference<String>>) -> ServiceWindow {
    let mut window = ServiceWindow::default();
    for call in calls {
        window.add(&call, &Objectives::default());
    }
    window
}

#[test]
fn nothing_and_little_are_unknown() {
    let objectives = Objectives::default();
    let (empty, _) = ServiceWindow::default().report(Timestamp::from_secs(0), &objectives);
    assert_eq!(empty, Service::Unknown);
    let few = filled((0..9).map(|i| call(i, Some(0.2), None)));
    assert_eq!(few.report(Timestamp::from_secs(10), &objectives).0, Service::Unknown);
}

#[test]
fn counts_divide_by_the_capture_probability() {
    let window = filled((0..300).map(|i| call(i, Some(0.2), None)));
    let (service, report) = window.report(Timestamp::from_secs(300), &Objectives::default());
    assert_eq!(service, Service::Ok);
    assert_eq!(report.requests, 300);
    assert!((report.requests_per_second.unwrap() - 2.0).abs() < 1e-9);
}

#[test]
fn slow_needs_more_than_chance() {
    let objectives = Objectives::default();
    let slow =
        |share: i64| filled((0..200).map(|i| call(i, Some(if i % 100 < share { 6.0 } else { 0.2 }), None)));
    let at = Timestamp::from_secs(200);
    assert_eq!(slow(5).report(at, &objectives).0, Service::Ok);
    assert_eq!(slow(20).report(at, &objectives).0, Service::Slow);
    // The window forgets.
    assert_eq!(slow(20).report(Timestamp::from_secs(600), &objectives).0, Service::Unknown);
}

#[test]
fn errors_beyond_the_objective_are_failing_and_clients_mistakes_are_not() {
    let objectives = Objectives::default();
    let at = Timestamp::from_secs(100);
    let failing = |class| filled((0..100).map(move |i| call(i, None, (i % 4 == 0).then_some(class))));
    assert_eq!(failing(ErrorClass::Upstream).report(at, &objectives).0, Service::Failing);
    assert_eq!(failing(ErrorClass::Unreachable).report(at, &objectives).0, Service::Failing);
    assert_eq!(failing(ErrorClass::Client).report(at, &objectives).0, Service::Ok);
    assert_eq!(failing(ErrorClass::ClientGone).report(at, &objectives).1.requests, 75);
}
