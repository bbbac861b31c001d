//! Score files that outside people bring: what comes out, and what is said of lines that are not as they should be.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{Ended, run};
use crate::harness::{Random, bifocal};

/// Minutes after 2026-11-02T00:00:00Z.
fn at(minutes: usize) -> String {
    let (days, hours) = (minutes / 1_440, minutes / 60 % 24);
    format!("2026-11-{:02}T{hours:02}:{:02}:00Z", 2 + days, minutes % 60)
}

/// `judged` scores around 0.8, one a minute, that fall by 0.15 at `change`.
fn lines(target: &str, judged: usize, change: usize) -> String {
    let mut random = Random::new(5);
    let line = |i| {
        let mean = if i < change { 0.8 } else { 0.65 };
        let score = mean + f64::from(u32::try_from(random.below(3_000)).unwrap()) / 1e4 - 0.15;
        json!({"t": at(i), "target": target, "dimension": "relevance", "score": score, "proxy": null, "pi": 0.5,
               "stratum": "chat", "judge": "j1", "served_by": "gpu-7"})
    };
    (0..judged).map(line).map(|line| format!("{line}\n")).collect()
}

fn backtest(folder: &Path, args: &[&str]) -> Ended {
    run(bifocal().current_dir(folder).arg("backtest").args(args))
}

fn report(folder: &Path, args: &[&str]) -> Value {
    let ended = backtest(folder, &[args, &["--format", "json"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    assert!(!ended.out.contains("NaN"), "{}", ended.out);
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn cli_backtest_prints_the_public_form() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.jsonl"), lines("a", 1_200, 1_000) + &lines("b", 1_200, 9_999)).unwrap();
    let event = json!({"t": at(1_000), "target": "a", "kind": "deployment", "id": "d-123"});
    let change = json!({"t": at(1_000), "target": "a", "kind": "change", "id": "swap"});
    fs::write(folder.path().join("e.jsonl"), format!("{event}\n{change}\n")).unwrap();
    let report = report(
        folder.path(),
        &["--scores", "s.jsonl", "--events", "e.jsonl", "--threshold", "5000", "--usd-per-judgement", "0.01"],
    );
    assert_eq!(report["threshold"], 5_000.0);
    let alarms = report["alarms"].as_array().unwrap();
    assert_eq!(alarms.len(), 1, "{report}");
    let alarm = &alarms[0];
    assert_eq!(
        (&alarm["target"], &alarm["dimension"], &alarm["change"]),
        (&json!("a"), &json!("relevance"), &json!("swap"))
    );
    let index = alarm["index"].as_u64().unwrap();
    assert!((1_010..1_100).contains(&index), "{index}");
    assert_eq!(alarm["t"], at(usize::try_from(index).unwrap() - 1));
    let (from, to) = (alarm["onset_from"].as_str().unwrap(), alarm["onset_to"].as_str().unwrap());
    assert!(from < at(1_000).as_str() && at(1_000).as_str() <= to, "{from} {to}");
    assert_eq!(
        (&alarm["cause"], &alarm["severity"]),
        (&json!("undecided"), &json!("critical")),
        "no anchors"
    );
    assert!(alarm["why"].as_str().unwrap().contains("anchors"), "{alarm}");
    assert_eq!(alarm["aligned"][0]["id"], "d-123");
    let delay = &report["delays"][0];
    assert_eq!((&delay["outcome"], delay["judged"].as_u64()), (&json!("seen"), Some(index - 1_000)));
    assert_eq!(report["false_pages"]["count"], 0);
    let rule =
        |name: &str| report["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == name).unwrap();
    let degraded = rule("answers degraded");
    assert_eq!(
        (&degraded["fired"], &degraded["seen"], &degraded["budgeted"]),
        (&json!(1), &json!(1), &json!(true))
    );
    assert_eq!(
        (&degraded["firings"][0]["t"], &degraded["firings"][0]["change"]),
        (&alarm["t"], &json!("swap"))
    );
    assert_eq!(rule("capture loss")["answered"], false);
    let stream = &report["streams"][1];
    assert_eq!(
        (&stream["target"], &stream["n"], &stream["judged"]),
        (&json!("b"), &json!(1_200), &json!(1_200))
    );
    let estimate = &stream["estimate"];
    assert!(estimate["lower"].as_f64() < Some(0.8) && estimate["upper"].as_f64() > Some(0.8), "{estimate}");
    assert_eq!((&estimate["method"], &stream["rho2"]), (&json!("student_t"), &Value::Null));
    assert_eq!(report["input"]["unknown_fields"], json!(["served_by"]));
}

#[test]
fn cli_backtest_replays_the_rules_of_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.jsonl"), lines("a", 1_200, 1_000)).unwrap();
    let text = "[[alert]]\nname = \"low\"\nwhen = \"value('relevance') < 0.7\"\nfor = \"5m\"\nchannels = [\"sre\"]\n\
                [[alert]]\nname = \"slow\"\nwhen = \"p95('ttft_seconds') > 2.0\"\n";
    fs::write(folder.path().join("c.toml"), text).unwrap();
    let args = ["--scores", "s.jsonl", "--threshold", "5000", "--change", &at(1_000), "--config", "c.toml"];
    let ended = backtest(folder.path(), &args);
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let told = |start: &str| ended.out.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    assert!(told("low (warning): 1  0.00 [").contains("1 of 1"), "{}", ended.out);
    assert!(told("low (warning): ").ends_with("(outside of the budget)"), "{}", ended.out);
    assert_eq!(
        told("slow (warning): "),
        "slow (warning): not answered, the history does not hold p95('ttft_seconds')"
    );
    fs::write(folder.path().join("c.toml"), text.replace("relevance", "relevence")).unwrap();
    let ended = backtest(folder.path(), &args);
    assert_eq!(ended.code, Some(2), "{}", ended.errors);
    assert!(ended.errors.contains("`low`") && ended.errors.contains("relevance"), "{}", ended.errors);
}

#[test]
fn cli_backtest_takes_its_threshold_from_the_budget_and_reads_gzip() {
    let folder = tempfile::tempdir().unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all((lines("a", 1_441, 9_999) + &lines("b", 1_441, 9_999)).as_bytes()).unwrap();
    fs::write(folder.path().join("s.data"), gzip.finish().unwrap()).unwrap();
    // Two streams of one a minute: 2 x 43,230 in 30 days, for two false pages.
    let report = report(folder.path(), &["--scores", "s.data", "--false-pages-per-30-days", "2"]);
    assert!((report["threshold"].as_f64().unwrap() - 43_230.0).abs() < 1e-6, "{}", report["threshold"]);
    assert_eq!(report["alarms"], json!([]));
    assert_eq!(report["judging"]["usd"], Value::Null);
}

#[test]
fn cli_backtest_says_file_line_and_column_of_what_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let good = lines("a", 3, 9);
    let bad = json!({"t": at(1), "target": "a", "dimension": "d", "score": 0.5, "pi": 0}).to_string();
    fs::write(folder.path().join("s.jsonl"), format!("{good}{bad}\n{good}")).unwrap();
    let ended = backtest(folder.path(), &["--scores", "s.jsonl"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    assert!(ended.errors.starts_with("error: s.jsonl: line 4, column "), "{}", ended.errors);
    assert!(ended.errors.contains("`pi` is 0, no inclusion probability in (0, 1]"), "{}", ended.errors);
    assert!(ended.errors.contains("B0216") && ended.errors.contains("\nhint: "), "{}", ended.errors);
    let report = report(folder.path(), &["--scores", "s.jsonl", "--lenient"]);
    assert_eq!((&report["input"]["lines"], &report["input"]["skipped"]), (&json!(7), &json!(1)));
    assert_eq!(report["streams"][0]["judged"], 6);
}

#[test]
fn cli_backtest_mistakes_of_the_command_line_end_with_2() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.jsonl"), lines("a", 3, 9)).unwrap();
    fs::write(folder.path().join("cut.gz"), [0x1f, 0x8b, 8, 0, 0]).unwrap();
    for (args, part) in [
        (&["--scores", "none.jsonl"][..], "B0215"),
        (&["--scores", "."], "B0215"),
        (&["--scores", "cut.gz"], "B0215"),
        (&["--scores", "s.jsonl", "--threshold", "0"], "--threshold 0 is no number above 0"),
        (&["--scores", "s.jsonl", "--false-pages-per-30-days", "nan"], "--false-pages-per-30-days"),
        (&["--scores", "s.jsonl", "--change", "noon"], "RFC 3339"),
        (&["--scores", "s.jsonl", "--events", "s.jsonl"], "missing field `kind`"),
        (&[], "there is no store in `bifocal-data`"),
        (&["--scores", "s.jsonl", "--data", "."], "cannot be used with"),
        (&["--scores", "s.jsonl", "--against", "none.toml"], "B0010"),
    ] {
        let ended = backtest(folder.path(), args);
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.errors);
        assert!(ended.errors.contains(part), "{args:?}: {}", ended.errors);
    }
    let empty = folder.path().join("empty.jsonl");
    fs::write(&empty, "").unwrap();
    let nothing = report(folder.path(), &["--scores", "empty.jsonl"]);
    assert_eq!((&nothing["alarms"], &nothing["streams"]), (&json!([]), &json!([])));
}

#[test]
fn cli_backtest_prints_a_page_for_people() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.jsonl"), lines("a", 1_200, 1_000)).unwrap();
    let ended =
        backtest(folder.path(), &["--scores", "s.jsonl", "--threshold", "5000", "--change", &at(1_000)]);
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    for part in [
        "# streams",
        "seen after ",
        "# alarms",
        "undecided (critical)",
        "# false pages\n0 in 0.3 stream-days",
    ] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
}

#[test]
fn cli_backtest_compares_two_configurations_and_says_what_the_budget_rests_on() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.jsonl"), lines("a", 1_200, 1_000)).unwrap();
    fs::write(
        folder.path().join("o.toml"),
        "[quality]\nbaseline_judged = 300\n[alerting]\nfalse_pages_per_30_days = 20.0\n",
    )
    .unwrap();
    let change = at(1_000);
    let args = ["--scores", "s.jsonl", "--change", &change, "--against", "o.toml"];
    let report = report(folder.path(), &args);
    let other = &report["against"];
    assert!(other["threshold"].as_f64() < report["threshold"].as_f64(), "{other}");
    assert_eq!(
        (&report["streams"][0]["baseline"]["of"], &other["streams"][0]["baseline"]["of"]),
        (&json!(500), &json!(300))
    );
    let methods: Vec<_> =
        report["methods"].as_array().unwrap().iter().map(|m| m["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["bifocal", "fixed threshold", "rolling z"]);
    assert!(
        report["methods"].as_array().unwrap().iter().all(|method| method["seen"] == 1),
        "{}",
        report["methods"]
    );
    let conditions = report["conditions"].as_array().unwrap();
    let standing =
        |name: &str| conditions.iter().find(|c| c["requirement"] == name).unwrap()["standing"].clone();
    assert_eq!(
        (standing("judge_unchanged"), standing("rate_within_plan")),
        (json!("unknown"), json!("holds"))
    );
    let text = backtest(folder.path(), &args).out;
    assert!(
        text.contains("# this configuration, and the other one")
            && text.contains("changes seen: 1 of 1  |  1 of 1"),
        "{text}"
    );
}
