//! The guide's rubric of one's own and a field map, from the client's request to the page; and what is wrong with one, told by
//! `check`.

use std::fs;
use std::path::Path;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use bifocal_telemetry::TaskGroup;
use serde_json::{Value, json};

use super::run;
use crate::harness::{Daemon, Upstream, bifocal, client, get_json, serve, until};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/rubrics");

/// Grades 5 what was shown its article apart from the conversation, and 1 anything else.
async fn judge(body: Bytes) -> String {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let user = body["messages"][1]["content"].as_str().unwrap();
    let context = user.split_once("<<<CONTEXT ").and_then(|(_, behind)| behind.split_once("CONTEXT "));
    let is_shown = context.is_some_and(|(shown, _)| shown.contains("Parcels take two days."));
    let content = json!({"quotes": [], "reason": "by its article", "score": if is_shown { 5 } else { 1 }});
    json!({"choices": [{"index": 0, "message": {"content": content.to_string()}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 12}})
    .to_string()
}

fn config(folder: &Path, rubrics: &Path, upstream: &str, judge: &str) -> std::path::PathBuf {
    let text = format!(
        "rubrics = {rubrics:?}\n\
         [server]\nlisten = \"127.0.0.1:0\"\nproxy_listen = \"127.0.0.1:0\"\ndata = {:?}\n\
         [[target]]\nupstream = \"http://{upstream}\"\nscrape = \"off\"\n\
         [context]\nfields = [\"/documents/*/text\"]\n\
         [judge]\nbase_url = \"http://{judge}/v1\"\ndimensions = [\"brand_tone\"]\nrate = 1.0\nbudget_tokens_per_day = 1000000000\n\
         [[alert]]\nname = \"off brand\"\nseverity = \"warning\"\nwhen = \"degraded('brand_tone')\"\n",
        folder.join("data"),
    );
    let file = folder.join("bifocal.toml");
    fs::write(&file, text).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_a_rubric_of_one_s_own_is_asked_in_its_own_words_with_the_context_of_the_request() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let judge = serve(&tasks, Router::new().route("/v1/chat/completions", post(judge))).await;
    let folder = tempfile::tempdir().unwrap();
    let address = (upstream.address.to_string(), judge.to_string());
    let file = config(folder.path(), Path::new(EXAMPLE), &address.0, &address.1);
    let daemon = Daemon::start(bifocal().args(["serve", "--config"]).arg(&file));
    let request = json!({
        "model": "m",
        "documents": [{"title": "Delivery", "text": "Parcels take two days."}],
        "messages": [{"role": "user", "content": "When is it here?"}],
    });
    let asked = client().post(format!("{}/v1/chat/completions", daemon.proxy)).body(request.to_string());
    assert_eq!(asked.send().await.unwrap().status(), 200);
    let scored = until("the answer judged", || async {
        let list = get_json(&client(), &daemon.page, "/api/v1/inferences?limit=10").await.unwrap();
        let row = list["items"][0].clone();
        let scores = row["scores"].as_array()?.clone();
        let tone = scores.iter().find(|score| score["dimension"] == "brand_tone")?.clone();
        Some((row, tone))
    });
    let (row, tone) = scored.await;
    assert_eq!((&tone["value"], &tone["pass"]), (&json!(1.0), &json!(true)), "{tone}");
    let id = row["id"].as_str().unwrap();
    let whole = get_json(&client(), &daemon.page, &format!("/api/v1/inferences/{id}")).await.unwrap();
    let roles: Vec<&str> = whole["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["context", "user"], "{whole}");
    assert!(daemon.terminate().success());
}

#[test]
fn cli_a_bad_rubric_is_refused_with_its_file_its_line_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let rubrics = folder.path().join("rubrics");
    fs::create_dir(&rubrics).unwrap();
    for name in ["brand_tone.toml", "brand_tone.jinja", "brand_tone.schema.json"] {
        fs::copy(Path::new(EXAMPLE).join(name), rubrics.join(name)).unwrap();
    }
    let file = config(folder.path(), &rubrics, "127.0.0.1:9", "127.0.0.1:9");
    let wrong = |name: &str, from: &str, to: &str, says: &[&str]| {
        let path = rubrics.join(name);
        let good = fs::read_to_string(&path).unwrap();
        assert!(good.contains(from));
        fs::write(&path, good.replace(from, to)).unwrap();
        for command in ["check", "serve"] {
            let ended = run(bifocal().args([command, "--config"]).arg(&file));
            assert_eq!(ended.code, Some(2), "{command}: {}", ended.errors);
            for part in says.iter().chain(&["docs/guide/judge.md"]) {
                assert!(ended.errors.contains(part), "{command}, {name}: {}", ended.errors);
            }
        }
        fs::write(&path, good).unwrap();
    };
    wrong(
        "brand_tone.jinja",
        "{{ answer }}",
        "{{ anser }}",
        &["brand_tone.jinja:16: undefined value", "there are dimension"],
    );
    wrong("brand_tone.jinja", "{{ answer }}", "{{ answer | trim | upper }}", &["write {{ answer }} once"]);
    wrong("brand_tone.schema.json", "\"score\"]", "\"quotes\"]", &["put `score` into `required`"]);
    wrong("brand_tone.toml", "pass_score", "pass_mark", &["brand_tone.toml", "line 3", "pass_mark"]);
}
