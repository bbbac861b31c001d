//! What a plan says, in both forms, and what it asks for.

use std::fs;

use serde_json::{Value, json};

use super::run;
use crate::harness::bifocal;

fn plan(args: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(bifocal().current_dir(&folder).args(["plan", "--format", "json"]).args(args));
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn cli_plan_of_flags_alone() {
    let plan = plan(&[
        "--requests-per-day",
        "20000",
        "--judge-rate",
        "0.05",
        "--price",
        "3/15",
        "--budget-usd-per-day",
        "500",
        "--targets",
        "2",
    ]);
    // 2 x 20,000 x 5% answers on three dimensions, at (1,712 x 3 + 229 x 15) / 1e6 dollars.
    let judging = &plan["judging"];
    assert_eq!((&judging["judged_per_day"], &judging["capped"]), (&json!(6_000.0), &json!(false)));
    let usd = judging["usd_per_30_days"].as_f64().unwrap();
    assert!((usd - 30.0 * 6_000.0 * 0.008_571).abs() < 0.1, "{usd}");
    assert_eq!((&plan["streams"], &plan["threshold"]), (&json!(6), &json!(180_000.0)));
    assert_eq!(plan["tokens"][0], json!({"value": 1_712.0, "basis": "assumed"}));
    let target = &plan["targets"][1];
    assert_eq!((&target["judged_per_day"], &target["baseline_days"]), (&json!(1_000.0), &json!(0.5)));
    let streams = target["streams"].as_array().unwrap();
    assert_eq!((streams.len(), &streams[0]["basis"], &streams[0]["n"]), (3, &json!("assumed"), &json!(0)));
    let detection = streams[0]["detection"].as_array().unwrap();
    let falls: Vec<f64> = detection.iter().map(|d| d["judged_median"].as_f64().unwrap()).collect();
    assert!(falls.len() == 2 && falls[0] > 2.0 * falls[1] && falls[1] > 20.0, "{falls:?}");
    assert_eq!(
        (&plan["monthly"][0]["what"], &plan["monthly"][0]["usd"]),
        (&json!("judging"), &judging["usd_per_30_days"])
    );
    assert_eq!(plan["ladder"]["steps"][0]["advice"], "strong judge alone");
}

#[test]
fn cli_plan_for_people_marks_what_is_assumed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.toml"), "[[target]]\nupstream = \"http://127.0.0.1:1\"\n").unwrap();
    let with = |args: &[&str]| run(bifocal().current_dir(&folder).arg("plan").args(args));
    let ended = with(&["--requests-per-day", "1000", "--judge-rate", "0.1", "--tokens-in", "900"]);
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    for part in [
        "900 tokens in and 229 (assumed) out",
        "the daily cap is the limit",
        "price not known",
        "it holds as long as the baseline is representative",
        "strong judge alone",
        "each of them: mean 0.70, standard deviation 0.18, assumed",
        "a drop of 0.05 is found in",
        "4 times sooner",
        "judging: 53",
        "together: $0.00, and one item whose cost is unknown",
    ] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
    let nothing = with(&["--config", "c.toml", "--requests-per-day", "1000"]);
    assert!(nothing.out.contains("nothing is judged"), "{}", nothing.out);
    for (args, part) in [
        (&[][..], "--requests-per-day"),
        (&["--requests-per-day=-5"], "no number above 0"),
        (&["--requests-per-day", "10", "--price", "3"], "IN/OUT"),
        (&["--requests-per-day", "10", "--rho2", "1.5"], "[0, 1]"),
        (&["--requests-per-day", "10", "--fall", "5"], "--fall 5 is not in [0, 1]"),
        (&["--requests-per-day", "10", "--judge-rate", "2"], "(0, 1]"),
        (&["--requests-per-day", "10", "--budget-usd-per-day", "5"], "price"),
    ] {
        let ended = with(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {} {}", ended.out, ended.errors);
        assert!(ended.errors.contains(part), "{args:?}: {}", ended.errors);
    }
}
