//! cfn-lint checks the template of alarms.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::bed::program;
use crate::harness::bifocal;

const CONFIG: &str = "[cloudwatch]\nwrite = true\nbounds = true\npass_rates = true\nstates = true\n\
                      [[alert]]\nname = \"slow first token\"\nwhen = \"p95('ttft_seconds') > 2.0\"\nfor = \"2m\"\n\
                      [[alert]]\nname = \"fast, and worse\"\nseverity = \"critical\"\nfor = \"5m\"\n\
                      when = \"upper('relevance_pass_rate') < 0.7 && value('model_duration_seconds') < 2.0\"\n";

/// Exit code and words of cfn-lint.
fn lint(linter: &Path, template: &Value) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("template.json");
    std::fs::write(&file, template.to_string()).unwrap();
    let done = Command::new(linter).args(["--regions", "us-east-1", "--"]).arg(&file).output().unwrap();
    (done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned())
}

#[test]
fn real_cfn_lint_accepts_the_template_and_no_planted_fault() {
    let Some(linter): Option<PathBuf> = program("cfn-lint", "cfn-lint") else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bifocal.toml");
    std::fs::write(&config, CONFIG).unwrap();
    let components = ["--component", "llm-prod/qwen", "--component", "llm-prod/llama"];
    let done = bifocal()
        .args(["cloudwatch", "template", "--detailed", "--config"])
        .arg(&config)
        .args(components)
        .output()
        .unwrap();
    assert!(done.status.success());
    let notes = String::from_utf8(done.stderr).unwrap();
    for part in [
        "2 PromQL alarms",
        "composite alarms at $0.50 and a dashboard at $3 cost about $",
        "no alarm for `answers degraded`",
    ] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    let template: Value = serde_json::from_slice(&done.stdout).unwrap();
    let (passes, said) = lint(&linter, &template);
    assert!(passes, "{said}");

    let first = |kind: &str| {
        let all = template["Resources"].as_object().unwrap();
        let is_one = |resource: &Value| {
            resource["Type"] == kind && resource["Properties"].get("EvaluationCriteria").is_none()
        };
        all.iter().find(|(_, resource)| is_one(resource)).unwrap().0.clone()
    };
    let (metric, composite) = (first("AWS::CloudWatch::Alarm"), first("AWS::CloudWatch::CompositeAlarm"));
    let all = template["Resources"].as_object().unwrap();
    let of_promql = |resource: &Value| resource["Properties"].get("EvaluationCriteria").is_some();
    let promql = all.iter().find(|(_, resource)| of_promql(resource)).unwrap().0;
    let faults: [(&str, &str, Value); 6] = [
        (promql, "EvaluationCriteria", json!({"PromQLCriteria": {"Query": ["up"]}})),
        (promql, "EvaluationInterval", json!("often")),
        (&metric, "ComparisonOperator", json!("LowerThan")),
        (&metric, "Treshold", json!(1)),
        (&metric, "EvaluationPeriods", json!("many")),
        (&composite, "AlarmRule", json!(["ALARM(x)"])),
    ];
    for (id, property, value) in faults {
        let mut broken = template.clone();
        broken["Resources"][id]["Properties"][property] = value;
        assert!(!lint(&linter, &broken).0, "{property} passes");
    }
}
