//! Probes: a swap of models behind one name is seen by its answers to frozen prompts alone, and no figure of the traffic
//! holds a probe.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use bifocal::config::{ConfigFile, Resolved};
use bifocal::pipeline::Pipeline;
use bifocal::running::open_pipeline;
use bifocal_evaluate::judge::Reply;
use bifocal_evaluate::probe::{Asked, Manner, Probe};
use bifocal_model::{Answers, Source, Span, TargetKey, Timestamp, Window};
use bifocal_redact::redact_score;
use bifocal_store::Record;
use bifocal_telemetry::{Clock, ManualClock, TaskGroup, Telemetry};
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::harness::{Daemon, ask, bifocal, client, get_json, serve, until};

const START: Timestamp = Timestamp::from_secs(1_795_528_260);
const ROUND: usize = 50;
const BEFORE: &str = "gemma-2-27b-it@together";
const AFTER: &str = "gemma-2-2b-it";

fn rows(shared: &Path, name: &str) -> Vec<Value> {
    let file = File::open(shared.join(format!("data/{name}.jsonl.gz"))).unwrap();
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

/// Prompts of GSM and what two models answered.
struct Gsm {
    prompts: Vec<(String, String, String)>,
    answers: BTreeMap<(String, String), String>,
}

impl Gsm {
    fn read() -> Option<Self> {
        let Some(shared) = std::env::var_os("BIFOCAL_SHARED").map(PathBuf::from) else {
            eprintln!("skipped: no shared data");
            return None;
        };
        let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
        let prompts = rows(&shared, "gsm_prompts");
        let prompts =
            prompts.iter().map(|row| (text(row, "prompt_id"), text(row, "prompt"), text(row, "gold")));
        let answers = rows(&shared, "gsm_responses");
        let of_pair = answers.iter().filter(|row| row["model"] == BEFORE || row["model"] == AFTER);
        let answers =
            of_pair.map(|row| ((text(row, "model"), text(row, "prompt_id")), text(row, "response")));
        Some(Self { prompts: prompts.collect(), answers: answers.collect() })
    }

    /// A probe of 50 prompts, of which ones the seed decides.
    fn probe(&self, seed: usize) -> (Probe, Vec<String>) {
        let at = |i: usize| (i * 7 + seed * ROUND * 11) % self.prompts.len();
        let chosen: Vec<_> = (0..ROUND).map(|i| &self.prompts[at(i)]).collect();
        let line = |(id, prompt, gold): &&(String, String, String)| {
            format!("{}\n", json!({"id": id, "prompt": prompt, "reference": gold, "check": "numeric"}))
        };
        let text: String = chosen.iter().map(line).collect();
        let manner = Manner { model: "gemma".to_owned(), max_tokens: 512, temperature: 0.0 };
        (Probe::read("gsm", &text, &manner).unwrap(), chosen.iter().map(|(id, ..)| id.clone()).collect())
    }
}

fn target() -> TargetKey {
    TargetKey::of_model("llm", "gemma")
}

fn open(folder: &Path, clock: &Arc<dyn Clock>) -> Pipeline {
    let mut file = ConfigFile::default();
    file.server.data = Some(folder.to_owned());
    open_pipeline(&Resolved::of(file).unwrap(), clock, Some([7; 16]), &Telemetry::new()).unwrap()
}

/// Hourly rounds; gives the rounds of the second model until `answers` is worse, and whether it was so too early.
fn rounds(gsm: &Gsm, seed: usize, before: usize, after: usize) -> (Option<usize>, bool) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(START));
    let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let mut pipeline = open(folder.path(), &shared);
    let (probe, ids) = gsm.probe(seed);
    let (mut seen, mut too_early) = (None, false);
    for round in 0..before + after {
        let model = if round < before { BEFORE } else { AFTER };
        let time = shared.now();
        let scores = ids.iter().enumerate().map(|(at, id)| {
            let content = &gsm.answers[&(model.to_owned(), id.clone())];
            let body =
                json!({"choices": [{"message": {"role": "assistant", "content": content}}]}).to_string();
            let reply = Ok(Reply { status: 200, body: body.into_bytes() });
            let time = time + Span::from_secs(i64::try_from(at).unwrap());
            let asked = Asked { at, target: target(), time, latency_seconds: 1.0, reply };
            Record::Score(Arc::new(redact_score(probe.score(&asked))))
        });
        pipeline.ingest(vec![scores.collect()], time).unwrap();
        clock.advance(Span::from_secs(60));
        pipeline.tick(shared.now()).unwrap();
        let is_worse = pipeline.snapshot().load().targets[0].answers == Answers::Worse;
        too_early |= is_worse && round < before;
        if is_worse && round >= before {
            seen.get_or_insert(round + 1 - before);
        }
        clock.advance(Span::from_secs(3_540));
    }
    // In no figure of the traffic: neither requests nor tokens nor the ledger, and no inference is there.
    let reader = pipeline.reader();
    let window = Window { start: START - Span::from_secs(60), end: shared.now() };
    let total = reader.total(&target(), window).unwrap();
    assert_eq!((total.requests, total.calls, total.output_tokens), (0.0, 0, 0.0));
    let ledger = reader.ledger();
    assert!(ledger.received.is_empty() && ledger.judging.is_empty(), "{ledger:?}");
    assert!(
        reader
            .inferences(&bifocal_store::Query { limit: 10, ..Default::default() })
            .unwrap()
            .items
            .is_empty()
    );
    let snapshot = pipeline.snapshot().load_full();
    assert_eq!(snapshot.targets[0].requests_per_second, None);
    assert!(snapshot.targets[0].streams[0].is_probe());
    (seen, too_early)
}

/// The baseline is learnt in ten rounds; ten more are quiet; then the small model answers.
#[test]
fn real_data_probes_see_the_swap_of_gemma_within_three_rounds() {
    let Some(gsm) = Gsm::read() else { return };
    let all: Vec<(Option<usize>, bool)> = (0..10).map(|seed| rounds(&gsm, seed, 20, 3)).collect();
    println!("rounds of {ROUND} prompts until the swap is seen, and false alarms: {all:?}");
    assert!(all.iter().all(|(_, too_early)| !too_early), "{all:?}");
    assert!(all.iter().all(|(seen, _)| seen.is_some_and(|rounds| rounds <= 3)), "{all:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_probes_are_asked_at_the_upstream_and_are_in_no_figure_of_the_traffic() {
    let tasks = TaskGroup::new();
    let marks: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let noted = Arc::clone(&marks);
    let answer = post(move |headers: HeaderMap, body: Bytes| async move {
        let mark = headers.get("x-bifocal-probe").map(|mark| mark.to_str().unwrap().to_owned());
        noted.lock().unwrap().push(mark);
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let right = asked["messages"][0]["content"] == "2 + 2?";
        json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": if right { "4" } else { "maybe" }},
            "finish_reason": "stop"}], "usage": {"prompt_tokens": 9, "completion_tokens": 1}})
        .to_string()
    });
    let upstream = serve(&tasks, Router::new().route("/v1/chat/completions", answer)).await;
    let folder = tempfile::tempdir().unwrap();
    let golden = folder.path().join("golden.jsonl");
    std::fs::write(
        &golden,
        "{\"id\": \"sum\", \"prompt\": \"2 + 2?\", \"reference\": 4, \"check\": \"numeric\"}\n\
         {\"id\": \"sky\", \"prompt\": \"What colour is the sky?\", \"reference\": \"(?i)blue\", \"check\": \"regex\"}\n",
    )
    .unwrap();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nproxy_listen = \"127.0.0.1:0\"\ndata = {:?}\n\
         [[target]]\nname = \"llm\"\nupstream = \"http://{upstream}\"\nscrape = \"off\"\n\
         [[probe]]\nprompts = {golden:?}\nmodel = \"m\"\nevery = \"1h\"\n\
         [[alert]]\nname = \"golden prompts\"\nwhen = \"value('probe_golden') < 0.4 || degraded('probe_golden')\"\n",
        folder.path().join("data"),
    );
    let file = folder.path().join("bifocal.toml");
    std::fs::write(&file, text).unwrap();
    let serve_it = || Daemon::start(bifocal().args(["serve", "--config"]).arg(&file));
    let daemon = serve_it();
    let page = daemon.page.clone();
    let stream = until("both prompts asked", || async {
        let rows = get_json(&client(), &page, "/api/v1/estimates").await.unwrap();
        let rows = rows["items"].as_array().unwrap().clone();
        let probe = rows.into_iter().find(|row| row["dimension"] == "probe_golden")?;
        (probe["estimate"]["n_judged"] == 2).then_some(probe)
    })
    .await;
    assert_eq!((&stream["estimate"]["value"], &stream["evaluator"]), (&json!(0.5), &json!("probe:golden")));
    assert_eq!(*marks.lock().unwrap(), [Some("golden".to_owned()), Some("golden".to_owned())]);
    // One call of a client: all figures are of it alone.
    assert_eq!(ask(&client(), &daemon.proxy, "Hello?", false).await.unwrap().0, 200);
    let fleet = until("the call", || async {
        let fleet = get_json(&client(), &page, "/api/v1/fleet").await.unwrap();
        (fleet["totals"]["requests"].as_f64()? > 0.0).then_some(fleet)
    })
    .await;
    assert_eq!(
        (&fleet["totals"]["requests"], &fleet["totals"]["judged"]),
        (&json!(1.0), &json!(0)),
        "{fleet}"
    );
    let list = get_json(&client(), &page, "/api/v1/inferences?limit=10").await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let ledger = get_json(&client(), &page, "/api/v1/ledger").await.unwrap();
    let proxy = ledger["sources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["source"] == Source::Proxy.name())
        .unwrap();
    assert_eq!(proxy["received"], 1);
    assert!(daemon.terminate().success());
    // The next round is due in an hour, and a restart does not bring it forward.
    let daemon = serve_it();
    assert_eq!(ask(&client(), &daemon.proxy, "Again?", false).await.unwrap().0, 200);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let asked = marks.lock().unwrap().iter().filter(|mark| mark.is_some()).count();
    assert_eq!(asked, 2);
    assert!(daemon.terminate().success());
}
