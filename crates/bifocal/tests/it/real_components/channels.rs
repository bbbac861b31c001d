//! `bifocal check --send-test` against the receivers that alerts go to.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bifocal_telemetry::TaskGroup;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::bed::Component;
use crate::harness::{bifocal, receivers, serve, until};

type Heard = Arc<Mutex<Vec<Value>>>;

/// Runs the check with these channels: its exit code and what it said.
fn send_test(channels: &str, environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bifocal.toml");
    std::fs::write(&path, channels).unwrap();
    let mut command = bifocal();
    command.current_dir(&folder).args(["check", "--send-test", "--config"]).arg(&path);
    let done = command.envs(environment.iter().copied()).output().unwrap();
    let said = [done.stdout, done.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    (done.status.code(), said)
}

async fn hears(State(heard): State<Heard>, body: String) -> StatusCode {
    heard.lock().unwrap().push(serde_json::from_str(&body).unwrap());
    StatusCode::ACCEPTED
}

/// A mail server that takes everything and keeps the text.
async fn mail_sink(tasks: &TaskGroup, heard: Arc<Mutex<Vec<String>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut drain = tasks.drain();
    tasks.spawn("mail", async move {
        loop {
            let stream = tokio::select! {
                () = drain.requested() => return,
                accepted = listener.accept() => accepted.unwrap().0,
            };
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            write.write_all(b"220 sink ESMTP\r\n").await.unwrap();
            let (mut in_text, mut text) = (false, String::new());
            while let Ok(Some(line)) = lines.next_line().await {
                let answer = match (in_text, line.as_str()) {
                    (true, ".") => {
                        heard.lock().unwrap().push(std::mem::take(&mut text));
                        in_text = false;
                        "250 taken"
                    }
                    (true, _) => {
                        text.push_str(&line);
                        text.push('\n');
                        continue;
                    }
                    (_, "DATA") => {
                        in_text = true;
                        "354 go on"
                    }
                    (_, line) if line.starts_with("EHLO") => "250 sink",
                    (_, "QUIT") => "221 bye",
                    _ => "250 ok",
                };
                if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_slack_pagerduty_and_mail_take_a_test_alert_and_its_end() {
    let tasks = TaskGroup::new();
    let (slack, pager) = (Heard::default(), Heard::default());
    let slack_at =
        serve(&tasks, Router::new().route("/hook/T1", post(receivers::slack)).with_state(Arc::clone(&slack)))
            .await;
    let pager_at = serve(
        &tasks,
        Router::new().route("/v2/enqueue", post(receivers::pagerduty)).with_state(Arc::clone(&pager)),
    )
    .await;
    let letters = Arc::new(Mutex::new(Vec::new()));
    let mail_at = mail_sink(&tasks, Arc::clone(&letters)).await;
    let channels = format!(
        "[[channel]]\nname = \"chat\"\nslack_env = \"SLACK\"\n\
         [[channel]]\nname = \"pager\"\npagerduty_env = \"PAGER_KEY\"\npagerduty_url = \"http://{pager_at}\"\n\
         [[channel]]\nname = \"mail\"\nsmtp = \"smtp://{mail_at}\"\nemail_from = \"bifocal@example.com\"\n\
         email_to = [\"sre@example.com\"]\n"
    );
    let hook = format!("http://{slack_at}/hook/T1");
    let (code, said) = send_test(&channels, &[("SLACK", &hook), ("PAGER_KEY", "R0UT1NG")]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("took a test alert and its end").count(), 3, "{said}");
    assert!(!said.contains("R0UT1NG") && !said.contains("/hook/T1"), "no secret is shown: {said}");

    let slack = slack.lock().unwrap().clone();
    assert_eq!(slack.len(), 2);
    assert!(slack[0]["text"].as_str().unwrap().starts_with("firing info: test of the channel"), "{slack:?}");
    let kinds: Vec<&Value> =
        slack[0]["attachments"][0]["blocks"].as_array().unwrap().iter().map(|block| &block["type"]).collect();
    assert_eq!(kinds, [&json!("section"), &json!("context"), &json!("actions")]);
    let pager = pager.lock().unwrap().clone();
    let actions: Vec<&Value> = pager.iter().map(|event| &event["event_action"]).collect();
    assert_eq!(actions, [&json!("trigger"), &json!("resolve")]);
    assert_eq!(
        (&pager[0]["routing_key"], &pager[0]["dedup_key"]),
        (&json!("R0UT1NG"), &pager[1]["dedup_key"])
    );
    let letters = letters.lock().unwrap().clone();
    assert_eq!(letters.len(), 2);
    assert!(letters[0].contains("Subject: firing info: test of the channel of test"), "{}", letters[0]);
    assert!(
        letters[0].contains("To: sre@example.com") && letters[0].contains("nothing is wrong"),
        "{}",
        letters[0]
    );
}

/// A receiver that wants a body of its own, and a subject in the team's words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_channels_speak_in_their_own_words_and_a_wrong_template_is_refused_with_its_line() {
    let tasks = TaskGroup::new();
    let heard = Heard::default();
    let teams = serve(&tasks, Router::new().route("/", post(hears)).with_state(Arc::clone(&heard))).await;
    let letters = Arc::new(Mutex::new(Vec::new()));
    let mail_at = mail_sink(&tasks, Arc::clone(&letters)).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mail.txt.jinja");
    let text = "{% for alert in alerts %}{{ alert.name }} is {{ alert.status }}.\n{% endfor %}";
    std::fs::write(&file, text).unwrap();
    let channels = format!(
        "[[channel]]\nname = \"teams\"\nwebhook = \"http://{teams}/\"\n\
         template = '''{{\"type\": \"message\", \"text\": {{{{ title | tojson }}}}}}'''\n\
         [[channel]]\nname = \"mail\"\nsmtp = \"smtp://{mail_at}\"\nemail_from = \"bifocal@example.com\"\n\
         email_to = [\"sre@example.com\"]\nsubject = \"[LLM] {{{{ rule }}}}\"\ntemplate_file = {file:?}\n"
    );
    let (code, said) = send_test(&channels, &[]);
    assert_eq!(code, Some(0), "{said}");
    let heard = heard.lock().unwrap().clone();
    assert_eq!(heard[0], json!({"type": "message", "text": "firing info: test of the channel of test"}));
    let letters = letters.lock().unwrap().clone();
    assert!(letters[0].contains("Subject: [LLM] test of the channel"), "{}", letters[0]);
    assert!(
        letters[0].contains("test is firing.") && letters[1].contains("test is resolved."),
        "{letters:?}"
    );

    std::fs::write(&file, "one\n{{ nobody }}").unwrap();
    let (code, said) = send_test(&channels, &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("[[channel]] `mail`: template, line 2"), "{said}");
}

#[test]
fn cli_a_channel_without_its_secret_is_a_finding_and_sends_nothing() {
    let (code, said) = send_test("[[channel]]\nname = \"chat\"\nslack_env = \"NOT_SET\"\n", &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the environment variable NOT_SET is not set"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_prometheus_s_alertmanager_passes_a_test_alert_and_its_end_on() {
    let tasks = TaskGroup::new();
    let heard = Heard::default();
    let hook = serve(&tasks, Router::new().route("/", post(hears)).with_state(Arc::clone(&heard))).await;
    let webhook = format!("http://{hook}/");
    let Some(prometheus) = Component::start("prometheus", &["--webhook", &webhook]) else { return };
    let channels =
        format!("[[channel]]\nname = \"am\"\nalertmanager = \"{}\"\n", prometheus.address("alertmanager"));
    let (code, said) = send_test(&channels, &[]);
    assert_eq!(code, Some(0), "{said}");
    until("the receiver behind Alertmanager", || async {
        let heard = heard.lock().unwrap();
        let alerts = heard.iter().flat_map(|body| body["alerts"].as_array().into_iter().flatten());
        let ours = alerts.filter(|alert| alert["labels"]["alertname"] == "test of the channel");
        ours.into_iter()
            .any(|alert| alert["status"] == "resolved" || alert["status"] == "firing")
            .then_some(())
    })
    .await;
}

fn python(moto: &Component, what: &str) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/real_components/queues.py");
    let done =
        Command::new(moto.address("python")).arg(script).args([moto.address("aws"), what]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn e2e_moto_has_test_alerts_in_the_queues_of_topic_and_bus() {
    let Some(moto) = Component::start("aws-mock", &[]) else { return };
    let topic = python(&moto, "make")["topic"].as_str().unwrap().to_owned();
    let channels = format!(
        "[[channel]]\nname = \"topic\"\nsns = \"{topic}\"\n[[channel]]\nname = \"bus\"\neventbridge = \"default\"\n\
         region = \"us-east-1\"\n"
    );
    let environment = [
        ("AWS_ENDPOINT_URL", moto.address("aws")),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let (code, said) = send_test(&channels, &environment);
    assert_eq!(code, Some(0), "{said}");
    let found = python(&moto, "read");
    let of_topic: Vec<&str> =
        found["of-topic"].as_array().unwrap().iter().filter_map(|body| body["Subject"].as_str()).collect();
    assert_eq!(of_topic.len(), 2, "{found}");
    assert!(
        of_topic.iter().any(|subject| subject.starts_with("firing info: test of the channel")),
        "{found}"
    );
    assert_eq!(found["of-topic"][0]["MessageAttributes"]["severity"]["Value"], "info");
    let mut of_bus: Vec<&str> =
        found["of-bus"].as_array().unwrap().iter().filter_map(|body| body["detail-type"].as_str()).collect();
    of_bus.sort_unstable();
    assert_eq!(of_bus, ["Bifocal Alert Firing", "Bifocal Alert Resolved"], "{found}");
    assert_eq!(found["of-bus"][0]["detail"]["rule"], "test of the channel");
}
