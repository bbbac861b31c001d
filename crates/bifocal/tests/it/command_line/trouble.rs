//! Upstreams and judges that fail while Bifocal serves.

use std::path::Path;
use std::process::Command;

use axum::Router;
use axum::routing::post;
use bifocal_telemetry::TaskGroup;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::harness::{Daemon, Upstream, ask, bifocal, client, free_port, get_json, serve, until};

fn command(upstream: &str, data: &Path) -> Command {
    let mut command = bifocal();
    command.args(["serve", "--upstream", &format!("http://{upstream}")]).arg("--data").arg(data);
    command.args(["--listen", "127.0.0.1:0", "--proxy-listen", "127.0.0.1:0"]);
    command
}

/// The newest inference, as soon as it has what is wanted.
async fn newest(page: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let client = client();
    until(what, || async {
        let list = get_json(&client, page, "/api/v1/inferences?limit=1").await.unwrap();
        list["items"].get(0).filter(|row| wanted(row)).cloned()
    })
    .await
}

async fn proxied(page: &str) -> Value {
    let ledger = get_json(&client(), page, "/api/v1/ledger").await.unwrap();
    ledger["sources"].as_array().unwrap().iter().find(|row| row["source"] == "proxy").unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_an_unreachable_upstream_is_a_502_and_an_error_in_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(&mut command(&free_port().to_string(), folder.path()));
    let (status, body) = ask(&client(), &daemon.proxy, "Is anybody there?", false).await.unwrap();
    assert_eq!(status, 502);
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(error["error"]["code"], "B0205", "{body}");
    let row = newest(&daemon.page, "the call", |_| true).await;
    assert_eq!((&row["error_class"], &row["status"]), (&json!("unreachable"), &json!(502)), "{row}");
    let line = proxied(&daemon.page).await;
    assert_eq!(
        (&line["received"], &line["stored"], &line["balanced"]),
        (&json!(1), &json!(1), &json!(true)),
        "{line}"
    );
    assert!(daemon.terminate().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_an_upstream_that_goes_mid_stream_breaks_the_client_and_is_recorded() {
    let tasks = TaskGroup::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tasks.spawn("upstream that dies", async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = vec![0; 65_536];
            let read = connection.read(&mut request).await.unwrap();
            if !request[..read].starts_with(b"POST") {
                continue;
            }
            let event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Half an ans\"}}]}\n\n";
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            let reply = format!("{head}{:x}\r\n{event}\r\n", event.len());
            connection.write_all(reply.as_bytes()).await.unwrap();
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(&mut command(&address, folder.path()));
    let broken = ask(&client(), &daemon.proxy, "What is the whole answer?", true).await;
    assert!(broken.is_err(), "the client must see that the answer is not whole: {broken:?}");
    let row = newest(&daemon.page, "the call", |_| true).await;
    assert_eq!((&row["error_class"], &row["answer"]), (&json!("mid_stream"), &json!("Half an ans")), "{row}");
    assert_eq!(proxied(&daemon.page).await["stored"], 1);
    assert!(daemon.terminate().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_a_judge_that_writes_prose_is_a_failure_and_never_a_score() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let prose = || async {
        let content = "I liked this answer quite a lot, to be honest.";
        json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 12, "total_tokens": 112}})
        .to_string()
    };
    let judge = serve(&tasks, Router::new().route("/v1/chat/completions", post(prose))).await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(&upstream.address.to_string(), folder.path());
    command.args([
        "--judge-url",
        &format!("http://{judge}/v1"),
        "--judge-model",
        "j",
        "--judge-rate",
        "1",
        "--judge-tokens-per-day",
        "1000000000",
    ]);
    let daemon = Daemon::start(&mut command);
    assert_eq!(ask(&client(), &daemon.proxy, "How do bees fly?", false).await.unwrap().0, 200);

    let judged = |row: &Value| -> Vec<Value> {
        row["scores"].as_array().unwrap().iter().filter(|score| score["kind"] == "judge").cloned().collect()
    };
    let row = newest(&daemon.page, "three words of the judge", |row| judged(row).len() == 3).await;
    for score in judged(&row) {
        assert_eq!((&score["failure"], &score["value"]), (&json!("unparsable"), &Value::Null), "{score}");
    }
    let ledger = get_json(&client(), &daemon.page, "/api/v1/ledger").await.unwrap();
    let line = &ledger["judging"][0];
    assert_eq!(
        (&line["selected"], &line["scored"], &line["pending"]),
        (&json!(3), &json!(0), &json!(0)),
        "{line}"
    );
    assert_eq!((&line["failed"], &line["balanced"]), (&json!({"unparsable": 3}), &json!(true)), "{line}");
    assert!(daemon.terminate().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_what_the_api_cannot_use_is_told_in_its_envelope() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(&mut command(&free_port().to_string(), folder.path()));
    let client = client();
    let asked =
        |method: reqwest::Method, path: &str| client.request(method, format!("{}{path}", daemon.page));
    for (request, status, code) in [
        (asked(reqwest::Method::GET, "/api/v1/inferences?limit=many"), 400, "B0400"),
        (asked(reqwest::Method::GET, "/api/v1/events?nothing=1"), 400, "B0400"),
        (asked(reqwest::Method::GET, "/api/v1/targets/%ff"), 400, "B0400"),
        (asked(reqwest::Method::POST, "/api/v1/demo/incidents").body("no JSON"), 400, "B0400"),
        (asked(reqwest::Method::GET, "/api/v1/nothing"), 404, "B0404"),
        (asked(reqwest::Method::POST, "/api/v1/fleet"), 405, "B0405"),
    ] {
        let response = request.send().await.unwrap();
        let at = response.url().clone();
        assert_eq!(response.status().as_u16(), status, "{at}");
        let body: Value = response.json().await.unwrap();
        let error = &body["error"];
        assert_eq!(error["code"], code, "{at}: {body}");
        let says = |key: &str| error[key].as_str().is_some_and(|text| !text.is_empty());
        assert!(says("message") && says("hint"), "{at}: {body}");
    }
    assert!(daemon.terminate().success());
}
