//! Prometheus scrapes us.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::bed::{Component, openai_python};
use super::bifocal::Bifocal;
use super::client;

#[test]
fn real_prometheus_reads_our_metrics() {
    let Some(llama) = Component::start("llm-server", &[]) else { return };
    let Some(python) = openai_python() else { return };
    let bifocal = Bifocal::serve(llama.address("openai").trim_end_matches("/v1"), &[]);
    for question in ["What is water?", "What is fire?", "What is salt?"] {
        client::ask(&python, &bifocal.proxy, "stream", question);
    }
    bifocal.inferences(3);
    let address = bifocal.page.trim_start_matches("http://").to_owned();
    let Some(prometheus) = Component::start("prometheus", &["--scrape", &format!("{address}/metrics")])
    else {
        return;
    };
    let query = |query: &str| {
        let mut url =
            reqwest::Url::parse(&format!("{}/api/v1/query", prometheus.address("prometheus"))).unwrap();
        url.query_pairs_mut().append_pair("query", query);
        let answer: Value = serde_json::from_str(&bifocal.text(url.as_str())).unwrap();
        assert_eq!(answer["status"], "success", "{answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    };
    let number = |result: &Value| result["value"][1].as_str().unwrap().parse::<f64>().unwrap();

    let requests = bifocal.until("Prometheus has counted", |_| {
        let found = query("bifocal_requests_total");
        (found.len() == 1 && number(&found[0]) == 3.0).then(|| found[0].clone())
    });
    assert_eq!(requests["metric"]["status_class"], "2xx");
    assert_eq!(requests["metric"]["model"], "smollm2");

    let state = query("bifocal_target_state == 1");
    assert_eq!(state.len(), 1, "a target is in one state: {state:?}");
    let listed = bifocal.api("targets")["items"][0]["state"].clone();
    assert_eq!(state[0]["metric"]["state"], listed);
    let states = query("count(bifocal_target_state)");
    assert_eq!(number(&states[0]), 7.0, "one series for each state");

    let all = query("sum(bifocal_ttft_seconds_bucket{le=\"+Inf\"})");
    assert_eq!(number(&all[0]), 3.0);
    let p95 = query("histogram_quantile(0.95, sum by (le) (bifocal_ttft_seconds_bucket))");
    assert!(number(&p95[0]) > 0.0, "{p95:?}");
    assert_eq!(number(&query("up")[0]), 1.0);

    promtool_accepts(prometheus.address("promtool"), &bifocal.text(&format!("{}/metrics", bifocal.page)));

    // From a bucket of the histogram to a call that lies in it.
    let exemplars = bifocal.until("exemplars", |bifocal| {
        let url = format!(
            "{}/api/v1/query_exemplars?query=bifocal_ttft_seconds_bucket&start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z",
            prometheus.address("prometheus")
        );
        let answer: Value = serde_json::from_str(&bifocal.text(&url)).unwrap();
        let series = answer["data"].as_array().unwrap().clone();
        let all = series.iter().flat_map(|one| one["exemplars"].as_array().unwrap().clone());
        Some(all.collect::<Vec<_>>()).filter(|all| !all.is_empty())
    });
    for exemplar in exemplars {
        let id = exemplar["labels"]["inference_id"].as_str().unwrap();
        let call = bifocal.api(&format!("inferences/{id}"));
        let seconds: f64 = exemplar["value"].as_str().unwrap().parse().unwrap();
        assert_eq!(call["ttft_seconds"].as_f64(), Some(seconds), "{call}");
    }
}

/// A server that a Prometheus scrapes already is read from that Prometheus, by its federation page.
#[test]
fn real_prometheus_is_read_in_place_of_the_server() {
    let Some(llama) = Component::start("llm-server", &[]) else { return };
    let Some(python) = openai_python() else { return };
    let server = llama.address("openai").trim_end_matches("/v1");
    let page = format!("{}/metrics", server.trim_start_matches("http://"));
    let Some(prometheus) = Component::start("prometheus", &["--scrape", &page]) else { return };
    let address = prometheus.address("prometheus");
    let federation = format!("{address}/federate?match[]=%7B__name__%3D~%22llamacpp:.%2B%22%7D");
    let bifocal = Bifocal::serve_scraping(server, &federation, &[]);
    client::ask(&python, &bifocal.proxy, "plain", "What is salt?");
    bifocal.inferences(1);
    bifocal.until("the server's queue is known", |bifocal| {
        let metrics = bifocal.text(&format!("{}/metrics", bifocal.page));
        metrics.lines().any(|line| line.starts_with("bifocal_requests_waiting{")).then_some(())
    });
}

/// promtool parses and lints the text; what it says stands in the failure.
pub(super) fn promtool_accepts(promtool: &str, text: &str) {
    let mut lint = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    lint.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = lint.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
