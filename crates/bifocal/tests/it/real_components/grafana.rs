//! Every PromQL expression of the dashboards and rules, asked of a real Prometheus that scrapes two live Bifocals: the demo
//! with an outage, and one that watches a simulated account of SageMaker.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bifocal_model::Span;
use bifocal_sim::sagemaker::control::Policy;
use bifocal_telemetry::{Clock as _, SystemClock, TaskGroup};
use bifocal_watch::alert::shipped_rules;
use serde_json::{Value, json};

use super::bed::Component;
use super::prometheus::promtool_accepts;
use crate::harness::{Daemon, bifocal, client, free_port, until};
use crate::sagemaker::{account, with_keys};

/// Series that cannot be there, each with the reason.
const EXCEPTIONS: [(&str, &str); 0] = [];

/// `bifocal demo`; dropped, it is killed.
struct Demo {
    page: String,
    child: Child,
}

impl Demo {
    /// Starts it with an outage, so that alerts fire. At this speed a busy machine keeps up.
    fn start() -> Self {
        let mut command = bifocal();
        command.args(["demo", "--speed", "10", "--incident", "outage"]);
        command.args(["--listen", &free_port().to_string(), "--proxy-listen", &free_port().to_string()]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let first = lines.find(|line| line.starts_with("page and API")).unwrap();
        assert!(lines.any(|line| line == "ready"));
        let page = first.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
        Self { page, child }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder that `bifocal grafana render` writes.
fn rendered(out: &Path) {
    let done =
        bifocal().args(["grafana", "render", "--flavour", "prometheus", "--out"]).arg(out).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// What Grafana puts in the place of variables.
fn filled(expression: &str) -> String {
    let mut text = expression.to_owned();
    for (variable, value) in [
        ("$endpoint", ".*"),
        ("$inference_component", ".*"),
        ("$model", ".*"),
        ("$__rate_interval", "30s"),
        ("$__range_s", "120"),
        ("$__range", "2m"),
    ] {
        text = text.replace(variable, value);
    }
    assert!(!text.contains('$'), "a variable that nobody fills: {text}");
    text
}

/// Every expression with the place where it stands.
fn expressions(folder: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder.join("prometheus/dashboards")).unwrap() {
        let dashboard: Value =
            serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
        let title = dashboard["title"].as_str().unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let place = format!("{title} / {} / {}", panel["title"].as_str().unwrap(), target["refId"]);
                all.insert(place, filled(target["expr"].as_str().unwrap()));
            }
        }
        for note in dashboard["annotations"]["list"].as_array().unwrap() {
            all.insert(format!("{title} / annotation"), filled(note["expr"].as_str().unwrap()));
        }
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            let Some(query) = variable["definition"].as_str() else { continue };
            let inner = query.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
            let (series, label) = inner.rsplit_once(", ").unwrap();
            let asked = format!("group by ({label}) ({})", filled(series));
            all.insert(format!("{title} / variable {}", variable["name"]), asked);
        }
    }
    let rules = std::fs::read(folder.join("prometheus/api/alert-rules.json")).unwrap();
    for rule in serde_json::from_slice::<Vec<Value>>(&rules).unwrap() {
        let expression = rule["data"][0]["model"]["expr"].as_str().unwrap();
        all.insert(format!("alert rule {}", rule["title"]), expression.to_owned());
    }
    all
}

/// Whether a range of the last two minutes has a number.
async fn has_data(http: &reqwest::Client, prometheus: &str, expression: &str) -> bool {
    let now = SystemClock::new().now();
    let (start, end) = ((now - Span::from_mins(2)).to_string(), now.to_string());
    let mut url = reqwest::Url::parse(&format!("{prometheus}/api/v1/query_range")).unwrap();
    url.query_pairs_mut().extend_pairs([
        ("query", expression),
        ("start", &start),
        ("end", &end),
        ("step", "5"),
    ]);
    let answer: Value = http.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["status"], "success", "{expression}: {answer}");
    let series = answer["data"]["result"].as_array().unwrap().iter();
    let mut points = series.flat_map(|series| series["values"].as_array().unwrap());
    points.any(|point| point[1].as_str().unwrap().parse::<f64>().unwrap().is_finite())
}

#[tokio::test(flavor = "multi_thread")]
async fn real_prometheus_answers_every_query_of_dashboards_and_rules() {
    let folder = tempfile::tempdir().unwrap();
    rendered(folder.path());
    let rules = folder.path().join("prometheus/rules/bifocal.yaml");
    let tasks = TaskGroup::new();
    let account = account(&tasks, Policy::open()).await;
    let mut serving = bifocal();
    let serving = with_keys(&mut serving, &account, folder.path()).current_dir(&folder);
    let daemon = Daemon::start(serving.args([
        "serve",
        "--sagemaker",
        "llm-prod",
        "--listen",
        &free_port().to_string(),
    ]));
    let demo = Demo::start();
    let page = |address: &str| format!("{}/metrics", address.trim_start_matches("http://"));
    let scraped = [page(&demo.page), page(&daemon.page)];
    let place = rules.display().to_string();
    let flags = ["--scrape", &scraped[0], "--scrape", &scraped[1], "--rules", &place];
    let Some(prometheus) = Component::start("prometheus", &flags) else { return };
    let address = prometheus.address("prometheus");
    promtool(prometheus.address("promtool"), &["check", "rules"], &rules);
    let http = client();
    for address in [&demo.page, &daemon.page] {
        let page = http.get(format!("{address}/metrics")).send().await.unwrap().text().await.unwrap();
        promtool_accepts(prometheus.address("promtool"), &page);
    }

    let asked = expressions(folder.path());
    assert!(asked.len() > 60, "{}", asked.len());
    for (name, _) in EXCEPTIONS {
        assert!(asked.contains_key(name), "an exception that nobody needs: {name}");
    }
    // A Bifocal that is there is not gone: this one has no data, which is what is wanted.
    let (gone, asked): (BTreeMap<_, _>, BTreeMap<_, _>) =
        asked.into_iter().partition(|(_, expression)| expression.starts_with("absent("));
    assert_eq!(gone.len(), 1);
    for (name, expression) in &asked {
        if EXCEPTIONS.iter().any(|(exception, _)| exception == name) {
            continue;
        }
        until(&format!("data of {name}: {expression}"), || async {
            has_data(&http, address, expression).await.then_some(())
        })
        .await;
    }
    for expression in gone.values() {
        // Before the first scrape it was true: asked at one time.
        let url = format!("{address}/api/v1/query?query={expression}");
        let answer: Value = http.get(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["data"]["result"], json!([]), "{answer}");
    }
    rules_are_well(&http, address).await;
    drop(demo);
    assert!(daemon.terminate().success());
    tasks.stop_and_join().await;
}

/// Each rule was evaluated without an error, each recorded series is there, and the outage of the demo fires.
async fn rules_are_well(http: &reqwest::Client, prometheus: &str) {
    let url = format!("{prometheus}/api/v1/rules");
    let groups = until("rules that were evaluated", || async {
        let answer: Value = http.get(&url).send().await.unwrap().json().await.unwrap();
        let groups = answer["data"]["groups"].as_array().unwrap().clone();
        let mut rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        rules.all(|rule| rule["health"] != "unknown").then_some(groups)
    })
    .await;
    let rules: Vec<&Value> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert_eq!(rules.len(), 8 + shipped_rules().len() + 1);
    for rule in &rules {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    for rule in rules.iter().filter(|rule| rule["type"] == "recording") {
        let name = rule["name"].as_str().unwrap();
        until(name, || async { has_data(http, prometheus, name).await.then_some(()) }).await;
    }
    let firing =
        r#"ALERTS{alertname="outage", alertstate="firing", inference_component="qwen2.5-7b-instruct"}"#;
    until("the outage", || async { has_data(http, prometheus, firing).await.then_some(()) }).await;
    assert!(!has_data(http, prometheus, r#"ALERTS{alertname="Bifocal is not seen"}"#).await);
}

/// promtool plays series to the rules: what Bifocal says fires at once, silence after five minutes.
#[test]
fn real_promtool_plays_series_to_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    rendered(folder.path());
    let Some(prometheus) = Component::start("prometheus", &[]) else { return };
    let labels = r#"origin="local", endpoint="e", variant="", inference_component="qwen", model="""#;
    let firing =
        format!(r#"bifocal_alert_firing{{alert="silent degradation", severity="critical", {labels}}}"#);
    let state = format!("bifocal_target_state_code{{{labels}}}");
    let at = |time: &str, alert: &str, wanted: Value| json!({"eval_time": time, "alertname": alert, "exp_alerts": wanted});
    let told = json!([{
        "exp_labels": {
            "severity": "critical", "origin": "local", "endpoint": "e", "inference_component": "qwen",
        },
        "exp_annotations": {
            "summary": "silent degradation: qwen of e", "description": "Bifocal's rule: state == 'silent_degradation'",
            "runbook_url": "docs/runbooks/silent-degradation.md",
        },
    }]);
    let gone = json!([{
        "exp_labels": {"severity": "critical"},
        "exp_annotations": {"summary": "Prometheus has no state of any target: Bifocal is down, or is not scraped."},
    }]);
    let tests = json!({
        "rule_files": [folder.path().join("prometheus/rules/bifocal.yaml")],
        "evaluation_interval": "30s",
        "tests": [{
            "interval": "30s",
            // Quiet for two minutes, firing for two, quiet again; then Bifocal is gone.
            "input_series": [
                {"series": firing, "values": "_x4 1x3 stale"},
                {"series": state, "values": "0x20 stale"},
            ],
            "alert_rule_test": [
                at("1m", "silent degradation", json!([])),
                at("2m", "silent degradation", told),
                at("6m", "silent degradation", json!([])),
                at("10m", "Bifocal is not seen", json!([])),
                at("16m", "Bifocal is not seen", gone),
            ],
        }],
    });
    let file = folder.path().join("tests.json");
    std::fs::write(&file, tests.to_string()).unwrap();
    promtool(prometheus.address("promtool"), &["test", "rules"], &file);
}

fn promtool(program: &str, verb: &[&str], file: &Path) {
    let done = Command::new(program).args(verb).arg(file).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}");
}
