use super::*;
use crate::{Expression, Vocabulary};

fn findings(source: &str) -> Vec<Finding> {
    let mut names: Vec<String> = signal::SIGNALS.iter().map(|signal| signal.name.to_owned()).collect();
    names.extend(["relevance_pass_rate".to_owned(), "safety_pass_rate".to_owned()]);
    let names = Vocabulary::new(names).with_groups(vec!["behaviour".to_owned()]);
    Expression::compile(source, &names).unwrap().findings().to_vec()
}

fn refused(source: &str) -> Option<ExprError> {
    let refused = findings(source).into_iter().find(|finding| finding.weight == Weight::Refused);
    refused.map(|finding| finding.said)
}

#[test]
fn a_floor_written_as_a_ceiling_is_refused_and_told_how_to_write_it() {
    for (source, hint) in [
        ("pass_rate('safety') > 0.8", "pass_rate('safety') < 0.8"),
        ("upper('relevance_pass_rate') >= 0.7", "upper('relevance_pass_rate') <= 0.7"),
        ("0.7 < value('relevance')", "value('relevance') < 0.7"),
        ("p95('ttft_seconds') < 2", "p95('ttft_seconds') > 2"),
        ("value('error_ratio') < 0.01", "value('error_ratio') > 0.01"),
        ("value('capture_coverage_ratio') > 0.9", "value('capture_coverage_ratio') < 0.9"),
        ("!(pass_rate('safety') < 0.8)", "write `pass_rate('safety') < 0.8`"),
        ("!degraded('relevance')", "write `degraded('relevance')`"),
        ("!drifted('behaviour')", "write `drifted('behaviour')`"),
        // Guards save nothing, and of two that are well the first is told.
        ("pass_rate('safety') > 0.8 && n('safety') > 100", "pass_rate('safety') < 0.8"),
        ("pass_rate('safety') > 0.8 && p95('ttft_seconds') < 2", "pass_rate('safety') < 0.8"),
        ("!(p95('ttft_seconds') > 2 || value('error_ratio') > 0.01)", "write `p95('ttft_seconds') > 2`"),
        // Other spellings of the same.
        ("degraded('relevance') == false", "write `degraded('relevance')`"),
        ("false == degraded('relevance')", "write `degraded('relevance')`"),
        ("degraded('relevance') != true", "write `degraded('relevance')`"),
        ("(pass_rate('safety') < 0.8) == false", "write `pass_rate('safety') < 0.8`"),
        ("(degraded('relevance') ? false : true)", "write `degraded('relevance')`"),
        ("degraded('relevance') ? false : n('safety') > 100", "write `degraded('relevance')`"),
        ("pass_rate('safety') > 0.8 ? true : degraded('relevance')", "pass_rate('safety') < 0.8"),
        // One is enough in an `or`.
        ("degraded('relevance') || value('error_ratio') < 0.01", "value('error_ratio') > 0.01"),
    ] {
        let said = refused(source).unwrap_or_else(|| panic!("{source} is not refused"));
        assert!(said.message.contains("holds while"), "{source}: {said}");
        let told = said.hint.unwrap();
        assert!(told.contains(hint), "{source}: {told}");
    }
}

#[test]
fn what_may_be_meant_is_not_refused() {
    for source in [
        "degraded('relevance') && p95('ttft_seconds') < 2.0 && value('error_ratio') < 0.01",
        "p95('ttft_seconds') < 2.0 && !judge_drifted() && degraded('relevance')",
        "!(p95('ttft_seconds') < 2)",
        "!(pass_rate('safety') > 0.8)",
        "!(p95('ttft_seconds') < 2 && value('error_ratio') < 0.01)",
        "upper('safety_pass_rate') < 0.8",
        "value('gpus_free') < 1",
        "value('cost_usd_per_hour') < 1",
        "value('gpu_utilization_ratio') < 0.1",
        "value('gpu_utilization_ratio') < 0.1 && p95('ttft_seconds') < 2",
        "state == 'healthy' && value('error_ratio') < 0.01",
        "state == 'outage'",
        "degraded('relevance') == true",
        "(pass_rate('safety') > 0.8) == false",
        "degraded('relevance') != false && value('error_ratio') < 0.01",
        "value('error_ratio') < 0.01 ? degraded('relevance') : false",
        "judge_drifted() == degraded('relevance')",
        "value('relevance') - baseline('relevance') < -0.05",
        "value('ttft_seconds') > 1.5 * value('itl_seconds')",
        "baseline('relevance') > 0.9",
        "degraded('relevance') ? value('error_ratio') < 0.1 : state == 'outage'",
        "true",
        "n('relevance') < 100",
        "value('duration_seconds') > 600",
        "value('error_ratio') > 0",
    ] {
        assert_eq!(refused(source), None, "{source}");
    }
    for state in ["outage", "silent_degradation"] {
        assert_eq!(findings(&format!("state == '{state}'")), [], "and nothing is said");
    }
}

#[test]
fn numbers_of_another_unit_are_refused() {
    for (source, message, hint) in [
        ("value('relevance_pass_rate') < 80", "a share from 0 to 1 and is compared with 80", "< 0.8"),
        ("value('error_ratio') > 5", "compared with 5", "> 0.05"),
        ("value('error_ratio') > 500", "lies from 0 to 1", "from 0 to 1"),
        ("value('relevance') < -0.1", "lies from 0 to 1", "from 0 to 1"),
        ("value('error_ratio') > 1", "never holds", "between 0 and 1"),
        ("upper('safety') < 0", "never holds", "between 0 and 1"),
        (
            "p95('ttft_seconds') > 2000",
            "in seconds and is compared with 2000",
            "write `p95('ttft_seconds') > 2`",
        ),
        ("p95('ttft_seconds') > -1", "never below 0", "from 0 up"),
        ("n('relevance') > 0.8", "counts judged answers", "write `value('relevance') > 0.8`"),
        // Wherever it stands.
        ("degraded('relevance') && p95('ttft_seconds') < 2000", "in seconds", "< 2`"),
        ("degraded('relevance') ? value('error_ratio') > 5 : false", "compared with 5", "> 0.05"),
    ] {
        let said = refused(source).unwrap_or_else(|| panic!("{source} is not refused"));
        assert!(said.message.contains(message), "{source}: {said}");
        assert!(said.hint.as_ref().unwrap().contains(hint), "{source}: {:?}", said.hint);
    }
}

#[test]
fn the_place_is_that_of_the_comparison() {
    let said = refused("degraded('relevance') &&\n  p95('ttft_seconds') < 2000").unwrap();
    assert_eq!((said.line, said.column), (2, 3), "{said}");
}

#[test]
fn other_shapes_warn() {
    for (source, message) in [
        ("value('relevance') < 0.7", "a handful of judged answers"),
        ("pass_rate('safety') < 0.8", "a handful of judged answers"),
        ("value('ttft_seconds') > value('error_ratio')", "in seconds and `value('error_ratio')` in ratio"),
        ("value('relevance') == 0.5", "hardly ever holds"),
    ] {
        let found = findings(source);
        assert!(found.iter().all(|finding| finding.weight == Weight::Warned), "{source}: {found:?}");
        assert!(found.len() == 1 && found[0].said.message.contains(message), "{source}: {found:?}");
        assert!(found[0].said.hint.is_some());
    }
    assert_eq!(findings("value('relevance') < 0.7 && n('relevance') > 100"), [], "it asks how many");
    assert_eq!(findings("upper('relevance') < 0.7"), []);
}

fn warned(source: &str) -> Option<ExprError> {
    let mut all = findings(source).into_iter();
    all.find(|finding| finding.weight == Weight::Warned && finding.said.message.starts_with("this "))
        .map(|finding| finding.said)
}

#[test]
fn what_never_holds_and_what_always_does_is_told() {
    for (source, said, column) in [
        ("upper('relevance') < 0.3 && upper('relevance') > 0.8", "never holds", 1),
        ("0.3 > upper('relevance') && upper('relevance') >= 0.3", "never holds", 1),
        (
            "degraded('relevance') && (p95('ttft_seconds') > 2 && p95('ttft_seconds') < 1.5)",
            "never holds",
            27,
        ),
        ("state == 'outage' && state == 'overloaded'", "never holds", 1),
        ("state in ['outage', 'wasteful'] && state == 'overloaded'", "never holds", 1),
        ("degraded('relevance') && !degraded('relevance')", "never holds", 1),
        ("value('gpus_free') == 1 && value('gpus_free') == 2", "never holds", 1),
        // Only together with the range of a share does this leave nothing.
        ("value('gpu_utilization_ratio') > 0.5 && !(value('gpu_utilization_ratio') <= 1)", "never holds", 1),
        (
            "(upper('relevance') < 0.3 || upper('relevance') < 0.2) && upper('relevance') > 0.8",
            "never holds",
            2,
        ),
        ("value('gpus_free') > 1 || value('gpus_free') <= 1", "holds whatever", 1),
        ("degraded('relevance') || !degraded('relevance')", "holds whatever", 1),
    ] {
        let found = warned(source).unwrap_or_else(|| panic!("{source}: {:?}", findings(source)));
        assert!(found.message.contains(said), "{source}: {found}");
        assert_eq!(found.column, column, "{source}");
    }
    for source in [
        "upper('relevance') < 0.8 && upper('relevance') > 0.3",
        "upper('relevance') <= 0.3 && upper('relevance') >= 0.3",
        "state == 'outage' || state == 'overloaded'",
        "state != 'outage' && state != 'overloaded'",
        "degraded('relevance') && !degraded('safety')",
        "value('gpus_free') > 1 || value('gpus_free') < 1",
        // What follows from two places is not found, nor what is written as a switch.
        "state == 'outage' && service == 'ok'",
        "upper('relevance') < 0.3 && lower('relevance') > 0.8",
        "value('gpus_free') + 1 < 0 && value('gpus_free') > 1",
        "false",
    ] {
        assert_eq!(warned(source), None, "{source}");
    }
    // What has too many cases is not followed: sixteen million here.
    let either = "(value('gpus_free') > 1 || value('gpus_used') > 1)";
    let apart = |i: usize| either.replace("> 1", &format!("> {i}"));
    let many: Vec<String> = (1..=24).map(apart).collect();
    assert_eq!(warned(&many.join(" && ")), None);
}

#[test]
fn what_would_end_an_alert_and_never_holds_is_told() {
    let names = Vocabulary::new(vec!["relevance".to_owned()]);
    let source = "upper('relevance') > 0.8 && upper('relevance') < 0.7";
    let recovery = Expression::compile_for(source, &names, Purpose::Recovery).unwrap();
    let is_told = recovery.findings().iter().any(|found| found.said.message.contains("never holds"));
    assert!(is_told, "{:?}", recovery.findings());
}
