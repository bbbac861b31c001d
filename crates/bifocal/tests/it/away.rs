//! What is asked over the network while it comes and goes: the judge, a judge on SageMaker, an evaluator behind HTTP.

use std::fs;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::post;
use bifocal_sim::{Judge, JudgeTable};
use bifocal_telemetry::TaskGroup;
use serde_json::{Value, json};

use crate::harness::{Daemon, Upstream, ask, bifocal, client, get_json, serve, until};

fn judge() -> Judge {
    Judge::new(7, JudgeTable::of_corpus())
}

fn start(folder: &std::path::Path, config: &str, environment: &[(&str, &str)]) -> Daemon {
    let path = folder.join("bifocal.toml");
    fs::write(&path, config).unwrap();
    let mut command = bifocal();
    command.args(["serve", "--listen", "127.0.0.1:0", "--proxy-listen", "127.0.0.1:0", "--config"]);
    command.arg(&path).arg("--data").arg(folder.join("data"));
    Daemon::start(command.envs(environment.iter().copied()))
}

async fn judging(http: &reqwest::Client, daemon: &Daemon) -> Option<Value> {
    Some(get_json(http, &daemon.page, "/api/v1/judging").await.ok()?["spend"].clone())
}

async fn judged(http: &reqwest::Client, daemon: &Daemon, evaluator: &str) -> usize {
    let Ok(scores) = get_json(http, &daemon.page, "/api/v1/scores?limit=500").await else { return 0 };
    let items = scores["items"].as_array().cloned().unwrap_or_default();
    items.iter().filter(|score| score["evaluator"] == evaluator && !score["value"].is_null()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_a_judge_that_goes_away_is_told_of_and_loses_nothing() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let (status, calls) = (Arc::new(AtomicU16::new(429)), Arc::new(AtomicU64::new(0)));
    let (now, counted, sim) = (Arc::clone(&status), Arc::clone(&calls), judge());
    let answer = move |body: Bytes| {
        counted.fetch_add(1, Ordering::SeqCst);
        let status = StatusCode::from_u16(now.load(Ordering::SeqCst)).unwrap();
        let reply = if status.is_success() { sim.reply(&body).1 } else { b"slow down".to_vec() };
        async move { (status, reply).into_response() }
    };
    let address = serve(&tasks, Router::new().route("/v1/chat/completions", post(answer))).await;
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[[target]]\nname = \"llm\"\nupstream = \"http://{}\"\nscrape = \"off\"\n\
         [judge]\nbase_url = \"http://{address}/v1\"\nmodel = \"sim\"\ndimensions = [\"relevance\", \"safety\"]\nbudget_tokens_per_day = 1000000000\n\
         [[evaluate]]\nrate = 1.0\n",
        upstream.address
    );
    let daemon = start(folder.path(), &config, &[]);
    let http = client();
    for i in 0..12 {
        assert_eq!(ask(&http, &daemon.proxy, &format!("How far is moon {i}?"), false).await.unwrap().0, 200);
    }
    let told = until("an open circuit", || async {
        let spend = judging(&http, &daemon).await?;
        (spend["judges"][0]["circuit"] == "open" && spend["waiting"].as_u64()? >= 8).then_some(spend)
    })
    .await;
    let told = &told["judges"][0];
    assert_eq!((&told["last_failure"], &told["role"]), (&json!("rate_limited"), &json!("first")), "{told}");
    assert!(
        told["away_since"].is_string()
            && told["next_try"].is_string()
            && told["failures"].as_u64() >= Some(5)
    );
    let metrics = http.get(format!("{}/metrics", daemon.page)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("bifocal_judge_away{judge=\"first\"} 1"), "{metrics:.300}");
    assert_eq!(judged(&http, &daemon, "judge:sim").await, 0);
    let before = calls.load(Ordering::SeqCst);
    assert!(before <= 20, "it is left alone: {before} calls");

    status.store(200, Ordering::SeqCst);
    until("every answer judged on both dimensions", || async {
        (judged(&http, &daemon, "judge:sim").await >= 24).then_some(())
    })
    .await;
    let after = judging(&http, &daemon).await.unwrap();
    assert_eq!((&after["judges"][0]["circuit"], &after["waiting"]), (&json!("closed"), &json!(0)), "{after}");
    let ledger = get_json(&http, &daemon.page, "/api/v1/ledger").await.unwrap();
    assert_eq!(ledger["judging"][0]["failed"], json!({}), "{ledger}");
    assert!(daemon.terminate().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_a_judge_behind_a_sagemaker_endpoint_is_invoked_signed() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let asked: Arc<Mutex<Vec<(String, HeaderMap)>>> = Arc::default();
    let (kept, sim) = (Arc::clone(&asked), judge());
    let answer = move |Path(endpoint): Path<String>, headers: HeaderMap, body: Bytes| {
        kept.lock().unwrap().push((endpoint, headers));
        let reply = sim.reply(&body).1;
        async move { reply }
    };
    let runtime = serve(&tasks, Router::new().route("/endpoints/{endpoint}/invocations", post(answer))).await;
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[[target]]\nname = \"llm\"\nupstream = \"http://{}\"\nscrape = \"off\"\n\
         [judge]\nprovider = \"sagemaker\"\nregion = \"eu-west-1\"\nendpoint = \"judges\"\ncomponent = \"llama-judge\"\nmodel = \"llama\"\n\
         dimensions = [\"relevance\"]\nbudget_tokens_per_day = 1000000000\n[[evaluate]]\nrate = 1.0\n",
        upstream.address
    );
    let address = format!("http://{runtime}");
    let environment = [
        ("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", address.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let daemon = start(folder.path(), &config, &environment);
    let http = client();
    assert_eq!(ask(&http, &daemon.proxy, "How far is the moon?", false).await.unwrap().0, 200);
    until("a score of the endpoint's judge", || async {
        (judged(&http, &daemon, "judge:llama").await >= 1).then_some(())
    })
    .await;
    let (endpoint, headers) = asked.lock().unwrap()[0].clone();
    assert_eq!(endpoint, "judges");
    assert_eq!(headers["x-amzn-sagemaker-inference-component"], "llama-judge");
    let signed = headers["authorization"].to_str().unwrap();
    assert!(signed.contains("/eu-west-1/sagemaker/aws4_request"), "{signed}");
    assert!(signed.contains("x-amzn-sagemaker-inference-component"), "the component is signed: {signed}");
    assert!(daemon.terminate().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_an_evaluator_behind_http_scores_every_answer_and_alerts() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let answer = |headers: HeaderMap, body: Bytes| async move {
        assert_eq!(headers["authorization"], "Bearer k3y");
        let body: Value = serde_json::from_slice(&body).unwrap();
        let cold = body["question"].as_str().unwrap().contains("cold");
        axum::Json(
            json!({"value": if cold { 0.9 } else { 0.1 }, "label": if cold { "cold" } else { "warm" }}),
        )
    };
    let address = serve(&tasks, Router::new().route("/tone", post(answer))).await;
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[[target]]\nname = \"llm\"\nupstream = \"http://{}\"\nscrape = \"off\"\n\
         [[evaluator]]\nname = \"tone\"\nkind = \"http\"\nurl = \"http://{address}/tone\"\napi_key_env = \"TONE_KEY\"\ndimension = \"coldness\"\n\
         direction = \"lower_is_better\"\nmark = 0.5\nseverity = \"warning\"\npasses_at_least = 0.9\n",
        upstream.address
    );
    let daemon = start(folder.path(), &config, &[("TONE_KEY", "k3y")]);
    let http = client();
    for i in 0..40 {
        let question = if i % 2 == 0 { format!("cold {i}?") } else { format!("warm {i}?") };
        assert_eq!(ask(&http, &daemon.proxy, &question, false).await.unwrap().0, 200);
    }
    until("scores of all", || async { (judged(&http, &daemon, "http:tone").await >= 40).then_some(()) })
        .await;
    until("the alert of its severity", || async {
        let alerts = get_json(&http, &daemon.page, "/api/v1/alerts").await.ok()?;
        alerts["items"].as_array()?.iter().find(|alert| alert["rule"] == "evaluator tone").cloned()
    })
    .await;
    let metrics = http.get(format!("{}/metrics", daemon.page)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("bifocal_evaluator_calls_total{outcome=\"scored\"} 40"), "{metrics:.300}");
    assert!(daemon.terminate().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_a_cheap_judge_is_asked_about_more_answers_and_is_told_of() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let calls: Arc<[AtomicU64; 2]> = Arc::default();
    let router = |which: usize, judge: Judge| {
        let counted = Arc::clone(&calls);
        let answer = move |body: Bytes| {
            counted[which].fetch_add(1, Ordering::SeqCst);
            let reply = judge.reply(&body).1;
            async move { reply }
        };
        Router::new().route("/v1/chat/completions", post(answer))
    };
    let strong = serve(&tasks, router(0, judge())).await;
    let cheap = serve(&tasks, router(1, judge().stricter())).await;
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[[target]]\nname = \"llm\"\nupstream = \"http://{}\"\nscrape = \"off\"\n\
         [judge]\nbase_url = \"http://{strong}/v1\"\nmodel = \"strong\"\ndimensions = [\"relevance\"]\nbudget_tokens_per_day = 1000000000\n\
         [judge.cheap]\nbase_url = \"http://{cheap}/v1\"\nmodel = \"small\"\nper_judged = 4\n\
         [[evaluate]]\nrate = 0.2\nfloor = 0\noversample = 1.0\n",
        upstream.address
    );
    let daemon = start(folder.path(), &config, &[]);
    let http = client();
    for i in 0..120 {
        assert_eq!(ask(&http, &daemon.proxy, &format!("How far is moon {i}?"), false).await.unwrap().0, 200);
    }
    let ladder = until("cheap scores beside the judge's", || async {
        let targets = get_json(&http, &daemon.page, "/api/v1/targets").await.ok()?;
        let id = targets["items"][0]["id"].as_str()?.to_owned();
        let target = get_json(&http, &daemon.page, &format!("/api/v1/targets/{id}")).await.ok()?;
        let stream =
            target["streams"].as_array()?.iter().find(|stream| stream["dimension"] == "relevance")?.clone();
        let ladder = stream["ladder"].clone();
        (ladder["n"].as_u64()? >= 70 && ladder["pairs"].as_u64()? >= 10).then_some((ladder, stream))
    })
    .await;
    let (ladder, stream) = ladder;
    assert_eq!(ladder["evaluator"], "judge:small", "{ladder}");
    assert!(stream["judged"].as_u64().unwrap() <= 45, "a cheap score is no judgement: {stream}");
    let [strong, cheap] = [0, 1].map(|which| calls[which].load(Ordering::SeqCst));
    assert!(cheap > 2 * strong, "{strong} and {cheap}");
    let scores = get_json(&http, &daemon.page, "/api/v1/scores?limit=500").await.unwrap();
    let kinds: Vec<&str> =
        scores["items"].as_array().unwrap().iter().filter_map(|s| s["kind"].as_str()).collect();
    assert!(kinds.contains(&"cheap") && kinds.contains(&"judge"), "{kinds:?}");
    assert!(daemon.terminate().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_a_restart_brings_no_second_budget_and_loses_nothing_that_the_cheap_judge_was_drawn_for() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let asked: Arc<AtomicU64> = Arc::default();
    let counted = Arc::clone(&asked);
    let tone = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async { axum::Json(json!({"value": 0.9})) }
    };
    let tone = serve(&tasks, Router::new().route("/tone", post(tone))).await;
    let strong = judge();
    let strong = serve(
        &tasks,
        Router::new().route(
            "/v1/chat/completions",
            post(move |body: Bytes| {
                let reply = strong.reply(&body).1;
                async move { reply }
            }),
        ),
    )
    .await;
    // The cheap judge takes its time at first: what was drawn for it waits.
    let (is_slow, small) = (Arc::new(AtomicU64::new(1)), judge().stricter());
    let slow = Arc::clone(&is_slow);
    let cheap = move |body: Bytes| {
        let (reply, slow) = (small.reply(&body).1, slow.load(Ordering::SeqCst));
        async move {
            tokio::time::sleep(std::time::Duration::from_millis(300 * slow)).await;
            reply
        }
    };
    let cheap = serve(&tasks, Router::new().route("/v1/chat/completions", post(cheap))).await;
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[[target]]\nname = \"llm\"\nupstream = \"http://{}\"\nscrape = \"off\"\n\
         [judge]\nbase_url = \"http://{strong}/v1\"\nmodel = \"strong\"\ndimensions = [\"relevance\"]\nconcurrency = 1\nbudget_tokens_per_day = 1000000000\n\
         [judge.cheap]\nbase_url = \"http://{cheap}/v1\"\nmodel = \"small\"\nper_judged = 20\n\
         [[evaluate]]\nrate = 0.05\nfloor = 0\noversample = 1.0\n\
         [[evaluator]]\nname = \"tone\"\nkind = \"http\"\nurl = \"http://{tone}/tone\"\ncalls_per_day = 45\n",
        upstream.address
    );
    let http = client();
    let daemon = start(folder.path(), &config, &[]);
    for i in 0..40 {
        assert_eq!(ask(&http, &daemon.proxy, &format!("How far is moon {i}?"), false).await.unwrap().0, 200);
    }
    until("40 calls of the evaluator", || async { (asked.load(Ordering::SeqCst) == 40).then_some(()) }).await;
    let before = judged(&http, &daemon, "judge:small").await;
    assert!(before < 20, "most of them wait: {before}");
    assert!(daemon.terminate().success());

    is_slow.store(0, Ordering::SeqCst);
    let daemon = start(folder.path(), &config, &[]);
    until("what was drawn before the restart", || async {
        (judged(&http, &daemon, "judge:small").await >= 36).then_some(())
    })
    .await;
    for i in 40..60 {
        assert_eq!(ask(&http, &daemon.proxy, &format!("How far is moon {i}?"), false).await.unwrap().0, 200);
    }
    until("the budget of the day spent", || async {
        let metrics = http.get(format!("{}/metrics", daemon.page)).send().await.ok()?.text().await.ok()?;
        metrics.contains("bifocal_evaluator_calls_total{outcome=\"budget\"} 15").then_some(())
    })
    .await;
    assert_eq!(asked.load(Ordering::SeqCst), 45, "the budget of one day, over a restart");
    let (scores, line) = until("what all of it has cost", || async {
        let scores = get_json(&http, &daemon.page, "/api/v1/scores?limit=500").await.ok()?;
        let costs = get_json(&http, &daemon.page, "/api/v1/judging").await.ok()?["costs"].clone();
        let line = costs.as_array()?.iter().find(|cost| cost["role"] == "cheap")?.clone();
        let of_cheap = |score: &&Value| score["kind"] == "cheap";
        let count = scores["items"].as_array()?.iter().filter(of_cheap).count() as u64;
        (count >= 54 && line["answers"] == count).then_some((scores, line))
    })
    .await;
    assert!(
        line["per_answer"]["tokens"].as_f64().unwrap() > 100.0 && line["month"]["usd"].is_null(),
        "{line}"
    );
    let mut ids: Vec<&str> = scores["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|score| score["kind"] == "cheap")
        .filter_map(|score| score["inference"].as_str())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "nothing was asked about twice");
    assert!(daemon.terminate().success());
}
