use std::path::Path;

use bifocal_watch::alert::{Escalation, Hold, RuleConfig, Severity, shipped_rules};
use serde_json::{Value, json};

use super::*;
use crate::cloudwatch::WriteBackConfig;

mod schema;

fn both() -> Options {
    Options {
        flavours: vec![Flavour::Prometheus, Flavour::CloudWatch],
        rules: shipped_rules(),
        ..Options::default()
    }
}

/// With everything that a configuration can ask for.
fn full() -> Options {
    Options {
        prometheus: DataSource::Made("http://prometheus:9090".into()),
        cloudwatch: DataSource::Made("us-east-1".into()),
        written: WriteBackConfig {
            write: true,
            bounds: true,
            pass_rates: true,
            states: true,
            ..WriteBackConfig::default()
        },
        components: vec![Component { endpoint: "llm-prod".into(), name: "qwen".into() }],
        contacts: vec![Contact::Sns {
            topic: "arn:aws:sns:us-east-1:123456789012:grafana-llm".into(),
            shape: SnsShape::Managed,
        }],
        page: Some("http://127.0.0.1:7700".into()),
        ..both()
    }
}

fn of_kind(options: &Options, kind: Kind) -> Vec<Object> {
    Desired::of(options).objects.into_iter().filter(|object| object.kind == kind).collect()
}

fn panels(dashboard: &Object) -> impl Iterator<Item = &Value> {
    dashboard.body["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row")
}

#[test]
fn every_dashboard_is_valid_against_grafana_s_schema() {
    for options in [both(), full()] {
        let dashboards = of_kind(&options, Kind::Dashboard);
        assert_eq!(dashboards.len(), 6, "three in each flavour");
        for dashboard in dashboards {
            assert_eq!(schema::errors(&dashboard.body), Vec::<String>::new(), "{}", dashboard.title());
        }
    }
}

#[test]
fn planted_faults_do_not_pass_the_schema() {
    let sound = of_kind(&both(), Kind::Dashboard).swap_remove(0).body;
    let faults: [fn(&mut Value); 9] = [
        |d| d["panels"][1]["targets"][0]["expresion"] = json!("up"),
        |d| d["panels"][1]["options"]["legend"]["placement"] = json!("left"),
        |d| d["panels"][1]["fieldConfig"]["defaults"]["custom"]["drawStyle"] = json!("dots"),
        |d| d["panels"][1]["gridPos"]["w"] = json!("12"),
        |d| d["templating"]["list"][0]["type"] = json!("datasources"),
        |d| d["colour"] = json!("red"),
        |d| {
            d.as_object_mut().unwrap().remove("schemaVersion");
        },
        |d| {
            d["panels"][1]["targets"][0].as_object_mut().unwrap().remove("expr");
        },
        |d| d["panels"][1]["type"] = json!("stat"),
    ];
    for (i, fault) in faults.into_iter().enumerate() {
        let mut dashboard = sound.clone();
        fault(&mut dashboard);
        assert!(!schema::errors(&dashboard).is_empty(), "fault {i} passes");
    }
}

#[test]
fn every_panel_of_the_article_is_there_in_both_flavours() {
    let wanted = [
        "Model latency",
        "Invocations",
        "Per-copy invocations",
        "GPU compute",
        "GPU memory",
        "Used GPUs",
        "Free GPUs",
        "Instances",
        "Cost",
        "Composite",
        "Safety",
        "Relevance",
        "Professional tone",
        "Evaluation latency",
        "State",
    ];
    let dashboards = of_kind(&both(), Kind::Dashboard);
    for flavour in [Flavour::Prometheus, Flavour::CloudWatch] {
        let mine = dashboards.iter().filter(|d| d.uid.contains(flavour.name()));
        let titles: Vec<String> =
            mine.flat_map(|d| panels(d).map(|p| p["title"].as_str().unwrap().to_owned())).collect();
        for title in wanted {
            assert!(
                titles.iter().any(|found| found.contains(title)),
                "{title} in {}: {titles:?}",
                flavour.name()
            );
        }
    }
}

#[test]
fn panels_have_ids_of_their_own_and_lie_beside_each_other() {
    for dashboard in of_kind(&full(), Kind::Dashboard) {
        let all = dashboard.body["panels"].as_array().unwrap();
        let mut ids: Vec<u64> = all.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        ids.dedup();
        assert_eq!(ids.len(), all.len());
        let place = |panel: &Value| ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        for (i, a) in all.iter().enumerate() {
            let [ax, ay, aw, ah] = place(a);
            assert!(ax + aw <= 24, "{a}");
            for b in &all[..i] {
                let [bx, by, bw, bh] = place(b);
                let apart = ax + aw <= bx || bx + bw <= ax || ay + ah <= by || by + bh <= ay;
                assert!(apart, "{} and {} of {}", a["title"], b["title"], dashboard.title());
            }
        }
    }
}

#[test]
fn uids_are_short_unique_and_marked() {
    let objects = Desired::of(&full()).objects;
    for (i, object) in objects.iter().enumerate() {
        let is_name = object.uid.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        assert!(is_name && object.uid.len() <= 40, "{}", object.uid);
        assert!(is_ours(object), "{}", object.uid);
        let same = |other: &&Object| other.kind == object.kind && other.uid == object.uid;
        assert!(objects[..i].iter().find(same).is_none(), "{} twice", object.uid);
    }
    assert_eq!(Desired::of(&full()).objects, objects, "the same each time");
}

#[test]
fn rules_over_prometheus_ask_for_bifocal_s_verdict_on_every_target() {
    let mut options = Options { flavours: vec![Flavour::Prometheus], ..full() };
    options.rules.push(RuleConfig {
        hold: Hold::secs(300),
        ..RuleConfig::new("say \"hi\"", "degraded('relevance') && p95('ttft_seconds') < 2.0")
    });
    let rules = of_kind(&options, Kind::AlertRule);
    assert_eq!(rules.len(), options.rules.len() + 1, "and one for a Bifocal that is not there");
    let rule = &rules[options.rules.len() - 1].body;
    let expression = rule["data"][0]["model"]["expr"].as_str().unwrap();
    assert!(expression.contains(r#"bifocal_alert_firing{alert="say \"hi\""}"#), "{expression}");
    assert_eq!((&rule["for"], &rule["condition"]), (&json!("0s"), &json!("C")));
    assert_eq!(rule["notification_settings"]["receiver"], "Bifocal SNS");
    assert_eq!(rule["data"][0]["datasourceUid"], "bifocal-prometheus");
    assert_eq!(rule["labels"]["severity"], "warning");

    // What can become worse is as bad as Bifocal says.
    let climbing = Escalation { severity: Severity::Critical, when: "true".into(), hold: Hold::secs(0) };
    options.rules =
        vec![RuleConfig { escalate: vec![climbing], ..RuleConfig::new("burn", "state == 'outage'") }];
    let rule = &of_kind(&options, Kind::AlertRule)[0].body;
    assert!(rule["labels"].get("severity").is_none(), "{rule}");
    let expression = rule["data"][0]["model"]["expr"].as_str().unwrap();
    assert!(expression.starts_with("max by (severity, "), "{expression}");
}

#[test]
fn rules_over_cloudwatch_are_said_where_the_number_is_written_and_named_where_not() {
    let mut options = Options { flavours: vec![Flavour::CloudWatch], ..full() };
    let desired = Desired::of(&options);
    let rule = |title: &str| {
        let found = desired.objects.iter().find(|o| o.kind == Kind::AlertRule && o.title() == title);
        found.unwrap_or_else(|| panic!("{title}")).body.clone()
    };
    let safety = rule("qwen: safety pass rate (llm-prod)");
    let query = &safety["data"][0]["model"];
    assert_eq!(query["namespace"], "/aws/sagemaker/inference-quality/qwen");
    assert_eq!(query["metricName"], "safety_pass_rate_upper");
    assert_eq!(query["dimensions"]["InferenceComponentName"], json!(["qwen"]));
    let evaluator = |rule: &Value| rule["data"][2]["model"]["conditions"][0]["evaluator"].clone();
    assert_eq!(evaluator(&safety), json!({"type": "lt", "params": [0.8]}));
    assert_eq!((&safety["for"], &safety["labels"]["severity"]), (&json!("5m"), &json!("critical")));
    let silent = rule("qwen: silent degradation (llm-prod)");
    assert_eq!(silent["data"][0]["model"]["metricName"], "target_state");
    assert_eq!(evaluator(&silent), json!({"type": "within_range", "params": [4.5, 5.5]}));
    let left_out =
        |desired: &Desired, part: &str| desired.notes.iter().filter(|note| note.contains(part)).count();
    let detectors = shipped_rules().into_iter().filter(|rule| {
        ["degraded(", "drifted(", "coverage(", "baseline(", "burn_rate("]
            .iter()
            .any(|part| rule.when.contains(part))
    });
    assert_eq!(left_out(&desired, "only Bifocal can evaluate"), detectors.count(), "{:?}", desired.notes);

    options.written = WriteBackConfig::default();
    let desired = Desired::of(&options);
    let of = |part: &str| shipped_rules().iter().filter(|rule| rule.when.contains(part)).count();
    assert_eq!(left_out(&desired, "`states = true`"), of("state =="), "{:?}", desired.notes);
    assert_eq!(left_out(&desired, "`pass_rates = true`"), of("_pass_rate'"), "{:?}", desired.notes);
    assert_eq!(left_out(&desired, "`bounds = true`"), of("upper('composite')"), "{:?}", desired.notes);
    options.components.clear();
    assert_eq!(left_out(&Desired::of(&options), "--component"), 1);
}

/// The files in the repository's `grafana/` are what the command writes without a configuration.
/// `BIFOCAL_RENDER=1` writes them anew.
#[test]
fn the_rendered_files_are_those_of_the_repository() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../grafana");
    let rendered = files(&both());
    if std::env::var_os("BIFOCAL_RENDER").is_some() {
        for (path, text) in &rendered {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }
    for (path, text) in &rendered {
        let found = std::fs::read_to_string(folder.join(path)).unwrap_or_default();
        assert!(
            found == *text,
            "grafana/{path} is not what is rendered: run this test with BIFOCAL_RENDER=1"
        );
    }
    let mut there = Vec::new();
    let mut folders = vec![folder.clone()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                there.push(entry.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    there.retain(|path| path != "README.md" && !rendered.contains_key(path));
    assert_eq!(there, Vec::<String>::new(), "files that are rendered no longer");
}
