//! Collectors that other people wrote take what Bifocal exports: rotel takes OTLP, Prometheus takes remote write.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use bifocal_telemetry::TaskGroup;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

use super::bed::Component;
use crate::harness::{Daemon, Upstream, ask, bifocal, client, serve, until};

async fn judge(tasks: &TaskGroup) -> String {
    let words = json!({"reason": "it answers", "score": 4}).to_string();
    let choice =
        json!({"index": 0, "message": {"role": "assistant", "content": words}, "finish_reason": "stop"});
    let usage = json!({"prompt_tokens": 90, "completion_tokens": 12});
    let body = json!({"model": "small-judge", "choices": [choice], "usage": usage}).to_string();
    let answer = move || std::future::ready(([(CONTENT_TYPE, "application/json")], body.clone()));
    format!("http://{}/v1", serve(tasks, Router::new().route("/v1/chat/completions", post(answer))).await)
}

/// A Bifocal with these sections that has answered and judged some questions.
async fn running(tasks: &TaskGroup, folder: &std::path::Path, sections: &str) -> Daemon {
    let (upstream, judge) = (Upstream::start(tasks).await, judge(tasks).await);
    let config = folder.join("bifocal.toml");
    let text = format!(
        "[[target]]\nname = \"local\"\nupstream = \"http://{}\"\nscrape = \"off\"\n\
         [judge]\nbase_url = \"{judge}\"\nmodel = \"small-judge\"\n[[evaluate]]\nrate = 1.0\n{sections}",
        upstream.address
    );
    std::fs::write(&config, text).unwrap();
    let mut command = bifocal();
    command.args(["serve", "--listen", "127.0.0.1:0", "--proxy-listen", "127.0.0.1:0", "--config"]);
    let daemon = Daemon::start(command.arg(&config).arg("--data").arg(folder.join("data")));
    for i in 0..3 {
        let question = format!("Question {i}: how far is the moon?");
        assert_eq!(ask(&client(), &daemon.proxy, &question, false).await.unwrap().0, 200);
    }
    daemon
}

async fn sent(daemon: &Daemon, to: &str) -> Option<f64> {
    let page = client().get(format!("{}/metrics", daemon.page)).send().await.ok()?.text().await.ok()?;
    let line = format!("bifocal_exports_total{{to=\"{to}\",outcome=\"sent\"}} ");
    page.lines().find_map(|found| found.strip_prefix(&line)?.parse().ok())
}

/// rotel reads every batch, and what it passes on says the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_rotel_takes_metrics_and_judgements() {
    let tasks = TaskGroup::new();
    let got: Arc<Mutex<Vec<(String, Bytes)>>> = Arc::default();
    let keep = |path: &'static str| {
        let got = Arc::clone(&got);
        post(move |body: Bytes| {
            got.lock().unwrap().push((path.to_owned(), body));
            std::future::ready(([(CONTENT_TYPE, "application/x-protobuf")], Vec::<u8>::new()))
        })
    };
    let router = Router::new().route("/v1/metrics", keep("metrics")).route("/v1/logs", keep("logs"));
    let behind = serve(&tasks, router).await;
    let Some(rotel) = Component::start("rotel", &["--forward", &format!("http://{behind}")]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let otlp = format!("[otlp]\nendpoint = \"{}\"\nevery_seconds = 1\n", rotel.address("otlp_http"));
    let daemon = running(&tasks, folder.path(), &otlp).await;
    until("both kinds were taken", || async {
        let (metrics, events) = (sent(&daemon, "otlp_metrics").await?, sent(&daemon, "otlp_events").await?);
        (metrics >= 1.0 && events >= 1.0).then_some(())
    })
    .await;
    // rotel decodes each message and encodes it anew: what comes out was understood. gzip is undone by hand below.
    let text = |path: &str| {
        let got = got.lock().unwrap();
        let bodies = got.iter().filter(|(of, _)| of == path).map(|(_, body)| readable(body));
        bodies.collect::<Vec<_>>().join("\n")
    };
    until("rotel passed them on", || async {
        let (metrics, events) = (text("metrics"), text("logs"));
        let of_metrics = ["bifocal_requests_total", "bifocal_ttft_seconds", "bifocal_target_state"];
        let of_events = [
            "gen_ai.evaluation.result",
            "gen_ai.evaluation.score.value",
            "relevance",
            "judge:small-judge",
            "bifocal.inclusion_probability",
        ];
        let all = of_metrics.iter().all(|part| metrics.contains(part))
            && of_events.iter().all(|part| events.contains(part));
        all.then_some(())
    })
    .await;
    assert!(!text("logs").contains("how far is the moon"), "no text of a question leaves");
    assert!(daemon.terminate().success());
}

/// A body as text, gunzipped where it is packed: names and values of protobuf stand in it as they are.
fn readable(body: &[u8]) -> String {
    use std::io::Read as _;
    let mut out = Vec::new();
    if body.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(body).read_to_end(&mut out).unwrap();
    } else {
        out.extend_from_slice(body);
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_prometheus_takes_remote_write() {
    let Some(prometheus) = Component::start("prometheus", &[]) else { return };
    let tasks = TaskGroup::new();
    let folder = tempfile::tempdir().unwrap();
    let address = prometheus.address("prometheus").to_owned();
    let section = format!("[remote_write]\nurl = \"{address}/api/v1/write\"\nevery_seconds = 1\n");
    let daemon = running(&tasks, folder.path(), &section).await;
    let query = |expression: &'static str| {
        let address = address.clone();
        async move {
            let asked = [("query", expression)];
            let url = url::Url::parse_with_params(&format!("{address}/api/v1/query"), asked).ok()?;
            let answer = client().get(url).send().await.ok()?;
            let answer: Value = answer.json().await.ok()?;
            let value = &answer["data"]["result"].as_array()?.first()?["value"][1];
            value.as_str()?.parse::<f64>().ok()
        }
    };
    let calls = until("Prometheus has the calls", || async {
        query("sum(bifocal_requests_total{status_class=\"2xx\"})").await.filter(|calls| *calls >= 3.0)
    })
    .await;
    assert!((calls - 3.0).abs() < 1e-9, "{calls}");
    let share = query("max(bifocal_goodput_ratio)").await;
    assert!(share.is_none_or(|share| (0.0..=1.0).contains(&share)), "{share:?}");
    let quantile = until("histograms are histograms there", || {
        query("histogram_quantile(0.5, sum by (le) (bifocal_request_duration_seconds_bucket))")
    })
    .await;
    assert!(quantile > 0.0 && quantile < Duration::from_secs(60).as_secs_f64());
    assert!(daemon.terminate().success());
}
