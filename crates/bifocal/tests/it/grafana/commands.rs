//! The command line, from the flags to what is in the Grafana then.

use std::net::SocketAddr;

use bifocal_telemetry::TaskGroup;
use bifocal_watch::alert::shipped_rules;
use serde_json::{Value, json};

use super::server::{Grafana, Inside, TOKEN, start};
use crate::harness::bifocal;

/// Exit code, standard output and standard error.
struct Said {
    code: Option<i32>,
    out: String,
    errors: String,
}

const MAKING: [&str; 4] = ["--prometheus-url", "http://prometheus:9090", "--region", "us-east-1"];
const EVERYTHING: [&str; 4] =
    ["--component", "llm-prod/qwen", "--sns-topic", "arn:aws:sns:us-east-1:123456789012:grafana-llm"];

async fn run(address: SocketAddr, verb: &str, flags: &[&str]) -> Said {
    run_with(address, TOKEN, verb, flags).await
}

async fn run_with(address: SocketAddr, token: &str, verb: &str, flags: &[&str]) -> Said {
    let mut command = bifocal();
    command.env("GRAFANA_TOKEN", token).args(["grafana", verb, "--token-env", "GRAFANA_TOKEN", "--url"]);
    command.arg(format!("http://{address}")).args(flags);
    let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let said = Said { code: done.status.code(), out: text(done.stdout), errors: text(done.stderr) };
    assert!(!said.out.contains(token) && !said.errors.contains(token), "the token is shown");
    said
}

fn writes(grafana: &Grafana) -> Vec<String> {
    std::mem::take(&mut grafana.lock().unwrap().writes)
}

/// Rules that ask Prometheus.
fn over_prometheus(inside: &Inside) -> usize {
    inside.rules.keys().filter(|uid| uid.starts_with("bifocal-p-")).count()
}

fn flags(parts: &[&[&'static str]]) -> Vec<&'static str> {
    parts.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn applying_twice_changes_nothing_the_second_time() {
    let tasks = TaskGroup::new();
    let (address, grafana) = start(&tasks).await;
    let flags = flags(&[&MAKING, &EVERYTHING]);
    let diff = run(address, "diff", &flags).await;
    assert_eq!(diff.code, Some(1), "there is something to do: {}", diff.errors);
    assert_eq!(writes(&grafana), Vec::<String>::new(), "diff changes nothing");

    let first = run(address, "apply", &flags).await;
    assert_eq!(first.code, Some(0), "{}", first.errors);
    {
        let inside = grafana.lock().unwrap();
        assert_eq!((inside.sources.len(), inside.folders.len(), inside.dashboards.len()), (2, 1, 6));
        assert_eq!((inside.points.len(), over_prometheus(&inside)), (1, shipped_rules().len() + 1));
    }
    let all = 2 + 1 + 6 + 1 + grafana.lock().unwrap().rules.len();
    assert_eq!(writes(&grafana).len(), all);

    let second = run(address, "apply", &flags).await;
    assert_eq!(
        (second.code, second.out.as_str()),
        (Some(0), format!("nothing to change: {all} things are as they should be\n").as_str())
    );
    assert_eq!(writes(&grafana), Vec::<String>::new());
    assert_eq!(run(address, "diff", &flags).await.code, Some(0));
    tasks.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wanted_no_longer_goes_and_what_is_foreign_stays() {
    let tasks = TaskGroup::new();
    let (address, grafana) = start(&tasks).await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bifocal.toml");
    let rule = "[[alert]]\nname = \"slow answers\"\nwhen = \"p95('ttft_seconds') > 9.0\"\n";
    std::fs::write(&config, rule).unwrap();
    let place = config.display().to_string();
    let with = ["--flavour", "prometheus", "--prometheus-url", "http://p:9090", "--config", &place];
    {
        let mut inside = grafana.lock().unwrap();
        let theirs = json!({"uid": "team", "title": "Team", "tags": ["bifocal"], "version": 4});
        inside.dashboards.insert("team".into(), theirs);
        // In our folder and group, but not ours.
        let theirs = json!({"uid": "theirs", "title": "Theirs", "ruleGroup": "bifocal", "folderUID": "bifocal-llm", "labels": {}});
        inside.rules.insert("theirs".into(), theirs);
        inside.sources.insert("prom".into(), json!({"uid": "prom", "name": "Theirs", "type": "prometheus"}));
        inside.points.insert("mail".into(), json!({"uid": "mail", "name": "mail", "type": "email"}));
    }
    assert_eq!(run(address, "apply", &with).await.code, Some(0));
    let has_rule = |grafana: &Grafana| {
        grafana.lock().unwrap().rules.values().any(|rule| rule["title"] == "slow answers")
    };
    assert!(has_rule(&grafana));
    writes(&grafana);

    std::fs::write(&config, "").unwrap();
    let said = run(address, "apply", &with).await;
    assert!(said.out.contains("deleted alert rule `slow answers`"), "{}", said.out);
    assert!(!has_rule(&grafana));
    assert_eq!(writes(&grafana).len(), 1, "nothing else was touched");

    // The other flavour: all that was made for this one goes.
    let other = ["--flavour", "cloudwatch", "--region", "us-east-1"];
    assert_eq!(run(address, "apply", &other).await.code, Some(0));
    let inside = grafana.lock().unwrap();
    let uids =
        |things: &std::collections::BTreeMap<String, Value>| things.keys().cloned().collect::<Vec<_>>();
    assert_eq!(uids(&inside.sources), ["bifocal-cloudwatch", "prom"]);
    assert_eq!(
        (uids(&inside.rules), uids(&inside.points)),
        (vec!["theirs".to_owned()], vec!["mail".to_owned()])
    );
    assert!(inside.dashboards.contains_key("team") && inside.dashboards.len() == 4);
    drop(inside);
    tasks.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_changed_is_shown_and_changed_back() {
    let tasks = TaskGroup::new();
    let (address, grafana) = start(&tasks).await;
    assert_eq!(run(address, "apply", &MAKING).await.code, Some(0));
    let uid = "bifocal-prometheus-llm-quality";
    {
        let mut inside = grafana.lock().unwrap();
        let dashboard = inside.dashboards.get_mut(uid).unwrap();
        dashboard["panels"][1]["title"] = json!("Mine");
        dashboard["version"] = json!(7);
        inside.folders.get_mut("bifocal-llm").unwrap()["title"] = json!("Renamed");
    }
    let diff = run(address, "diff", &MAKING).await;
    assert!(
        diff.out.contains(&format!("would change dashboard `LLM Quality` ({uid}): /panels/1/title")),
        "{}",
        diff.out
    );
    writes(&grafana);
    assert_eq!(run(address, "apply", &MAKING).await.code, Some(0));
    assert_eq!(writes(&grafana), ["PUT /api/folders/bifocal-llm", "POST /api/dashboards/db"]);
    assert_eq!(grafana.lock().unwrap().dashboards[uid]["version"], 8);
    assert_eq!(run(address, "diff", &MAKING).await.code, Some(0));
    tasks.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn alerting_that_is_off_is_warned_of() {
    let tasks = TaskGroup::new();
    let (address, grafana) = start(&tasks).await;
    grafana.lock().unwrap().alerting_off = true;
    let said = run(address, "apply", &MAKING).await;
    assert!(said.code == Some(0) && said.errors.contains("unified alerting is off"), "{}", said.errors);
    assert!(!grafana.lock().unwrap().rules.is_empty(), "it takes them all the same");

    let (address, grafana) = start(&tasks).await;
    grafana.lock().unwrap().knows_no_rules = true;
    let said = run(address, "apply", &MAKING).await;
    assert!(said.code == Some(0) && said.errors.contains("unified alerting is off"), "{}", said.errors);
    assert_eq!(grafana.lock().unwrap().dashboards.len(), 6, "the dashboards are there");
    tasks.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_what_to_do_and_the_next_run_goes_on() {
    let tasks = TaskGroup::new();
    let (address, grafana) = start(&tasks).await;
    let said = run_with(address, "glsa_wrong", "apply", &MAKING).await;
    assert!(said.code == Some(2) && said.errors.contains("B0271"), "{}", said.errors);

    grafana.lock().unwrap().refuse = Some(("/api/v1/provisioning/alert-rules", 403));
    let said = run(address, "apply", &MAKING).await;
    assert!(said.code == Some(2) && said.errors.contains("B0272"), "{}", said.errors);
    assert!(said.errors.contains("as the test wants it (9 of "), "{}", said.errors);
    grafana.lock().unwrap().refuse = None;
    let said = run(address, "apply", &MAKING).await;
    let rules = grafana.lock().unwrap().rules.len();
    let wanted = format!("created {rules}, changed 0, deleted 0; 9 as they should be");
    assert!(rules > 10 && said.out.contains(&wanted), "{}", said.out);

    // An Editor makes no data source, and needs none that is there.
    grafana.lock().unwrap().editor = true;
    let said = run(address, "apply", &MAKING).await;
    assert!(said.errors.contains("B0272"), "{}", said.errors);
    let there = ["--prometheus-uid", "bifocal-prometheus", "--cloudwatch-uid", "bifocal-cloudwatch"];
    let said = run(address, "apply", &there).await;
    assert_eq!(said.code, Some(0), "{}", said.errors);

    // A dashboard of the same title.
    let mut theirs = json!({"uid": "theirs", "title": "LLM Quality", "tags": [], "version": 1});
    {
        let mut inside = grafana.lock().unwrap();
        inside.dashboards.remove("bifocal-prometheus-llm-quality");
        inside.dashboards.insert("theirs".into(), theirs.clone());
    }
    let said = run(address, "apply", &there).await;
    assert!(said.code == Some(2) && said.errors.contains("B0274"), "{}", said.errors);
    // One without our mark under our uid.
    theirs["uid"] = json!("bifocal-prometheus-llm-quality");
    {
        let mut inside = grafana.lock().unwrap();
        inside.dashboards.remove("theirs");
        inside.dashboards.insert("bifocal-prometheus-llm-quality".into(), theirs);
        inside.writes.clear();
    }
    let said = run(address, "apply", &there).await;
    assert!(said.errors.contains("B0274") && said.errors.contains("is taken"), "{}", said.errors);
    assert_eq!(writes(&grafana), Vec::<String>::new(), "it was not written over");
    tasks.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn which_data_source_is_asked_for_and_a_data_source_in_use_stays() {
    let tasks = TaskGroup::new();
    let (address, grafana) = start(&tasks).await;
    let said = run(address, "apply", &[]).await;
    assert!(said.code == Some(2) && said.errors.contains("--prometheus-uid"), "{}", said.errors);
    let of = ["--flavour", "prometheus"];
    let said = run(address, "apply", &[&of[..], &["--prometheus-url", "http://p:9090"]].concat()).await;
    assert_eq!(said.code, Some(0), "{}", said.errors);
    let said = run(address, "apply", &[&of[..], &["--prometheus-uid", "bifocal-prometheus"]].concat()).await;
    assert_eq!(said.code, Some(0), "{}", said.errors);
    assert!(grafana.lock().unwrap().sources.contains_key("bifocal-prometheus"));
    tasks.stop();
}
