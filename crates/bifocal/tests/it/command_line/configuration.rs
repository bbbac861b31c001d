//! Configuration files: mistakes in them, `check`, secrets.

use std::path::{Path, PathBuf};

use bifocal_telemetry::TaskGroup;

use super::{Ended, run};
use crate::harness::{Upstream, bifocal, free_port, serve};

fn write(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("bifocal.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn check(text: &str, arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), text);
    let mut command = bifocal();
    command.current_dir(&folder).args(arguments).args(["check", "--config"]).arg(path);
    run(command.env("JUDGE_KEY", "sk-very-secret").env_remove("BIFOCAL_TOKEN"))
}

#[test]
fn cli_an_unknown_key_is_refused_with_its_line_and_the_nearest_name() {
    let ended = check("[server]\n\n[[target]]\nupstraem = \"http://127.0.0.1:1\"\n", &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.errors.contains("bifocal.toml:4: unknown key `upstraem`"), "{}", ended.errors);
    assert!(ended.errors.contains("did you mean `upstream`?"), "{}", ended.errors);
}

#[test]
fn cli_mistakes_of_rules_and_values_are_found_before_anything_is_tried() {
    for (text, code) in [
        ("[[alert]]\nname = \"x\"\nwhen = \"value('eror_ratio') > 0.5\"\n", "B0013"),
        ("[[evaluate]]\nrate = 2.0\n", "B0012"),
        ("[server]\nlisten = 7\n", "B0012"),
    ] {
        let ended = check(text, &[]);
        assert_eq!(ended.code, Some(2), "{text}: {}", ended.errors);
        assert!(ended.errors.contains(code), "{text}: {}", ended.errors);
    }
    let missing = run(bifocal().args(["check", "--config", "/nowhere/bifocal.toml"]));
    assert_eq!(missing.code, Some(2));
    assert!(missing.errors.contains("B0010"), "{}", missing.errors);
}

#[test]
fn cli_a_rule_that_holds_while_all_is_well_is_refused_and_one_that_may_mislead_is_told() {
    let rule = |when: &str| format!("[[alert]]\nname = \"x\"\nwhen = \"{when}\"\n");
    let refused = check(&rule("p95('ttft_seconds') < 2"), &[]);
    assert_eq!(refused.code, Some(2), "{}", refused.out);
    for said in ["line 1, column 1", "holds while all is well", "write `p95('ttft_seconds') > 2`"] {
        assert!(refused.errors.contains(said), "{said}: {}", refused.errors);
    }
    let circle = check("[[alert]]\nname = \"x\"\nwhen = \"true\"\ninhibits = [\"x\"]\n", &[]);
    assert!(circle.code == Some(2) && circle.errors.contains("nobody would be told"), "{}", circle.errors);
    let window = check("[[maintenance]]\nname = \"w\"\nat = \"25:00\"\nfor = \"1h\"\n", &[]);
    assert!(window.code == Some(2) && window.errors.contains("no time of day"), "{}", window.errors);

    let warned = check(&rule("value('relevance') < 0.7"), &[]);
    assert_eq!(warned.code, Some(0), "{}{}", warned.out, warned.errors);
    assert!(warned.out.contains("warn    `x`: line 1, column 1:"), "{}", warned.out);
    let json = check(&rule("value('relevance') < 0.7"), &["--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert!(value["warnings"][0].as_str().unwrap().contains("upper('relevance') < 0.7"), "{value}");
}

#[test]
fn cli_off_loopback_needs_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bifocal();
    command.current_dir(&folder).args(["serve", "--upstream", "http://127.0.0.1:1", "--listen", "0.0.0.0:0"]);
    let ended = run(command.env_remove("BIFOCAL_TOKEN"));
    assert_eq!(ended.code, Some(2));
    assert!(ended.errors.contains("B0021") && ended.errors.contains("token_env"), "{}", ended.errors);
    assert!(!folder.path().join("bifocal-data").exists(), "it was refused before anything was made");
}

fn with_secrets(upstream: &str) -> String {
    format!(
        "[[target]]\nname = \"a\"\nupstream = \"http://{upstream}\"\nscrape = \"off\"\n\
         [judge]\nbase_url = \"http://bot:hunter2@{upstream}/v1\"\nmodel = \"j\"\napi_key_env = \"JUDGE_KEY\"\n\
         [[channel]]\nname = \"sre\"\nwebhook = \"http://bot:hunter3@{upstream}/hook?token=hunter4\"\n"
    )
}

fn assert_no_secret(ended: &Ended) {
    for secret in ["hunter", "very-secret"] {
        assert!(!ended.out.contains(secret), "{}", ended.out);
        assert!(!ended.errors.contains(secret), "{}", ended.errors);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_check_tries_every_connection_and_shows_no_secret() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let well = check(&with_secrets(&upstream.address.to_string()), &[]);
    assert_eq!(well.code, Some(0), "{}{}", well.out, well.errors);
    assert!(well.out.contains("***@") && well.out.matches("ok    ").count() == 5, "{}", well.out);
    assert_no_secret(&well);
    let json = check(&with_secrets(&upstream.address.to_string()), &["--format", "json"]);
    assert_eq!(json.code, Some(0));
    let value: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(value["tried"].as_array().unwrap().len(), 5, "{value}");
    assert_no_secret(&json);

    assert!(well.out.contains("upstream a: status 404: "), "{}", well.out);

    let unwell = check(&with_secrets(&free_port().to_string()), &[]);
    assert_eq!(unwell.code, Some(1), "{}{}", unwell.out, unwell.errors);
    for what in ["FAILED  upstream a", "FAILED  judge", "FAILED  channel sre"] {
        assert!(unwell.out.contains(what), "{what}: {}", unwell.out);
    }
    assert_no_secret(&unwell);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_check_says_the_status_and_what_it_means() {
    let tasks = TaskGroup::new();
    for (status, marks, code) in [
        (
            200,
            [
                "ok      upstream a: status 200",
                "ok      scrape of a: status 200",
                "ok      judge: status 200",
            ],
            0,
        ),
        (
            401,
            [
                "ok      upstream a: status 401: ",
                "FAILED  scrape of a: status 401: ",
                "FAILED  judge: status 401: ",
            ],
            1,
        ),
        (
            503,
            [
                "FAILED  upstream a: status 503: ",
                "FAILED  scrape of a: status 503: ",
                "FAILED  judge: status 503: ",
            ],
            1,
        ),
    ] {
        let answer = axum::http::StatusCode::from_u16(status).unwrap();
        let address = serve(&tasks, axum::Router::new().fallback(move || async move { answer })).await;
        let text = format!(
            "[[target]]\nname = \"a\"\nupstream = \"http://{address}\"\nscrape = \"http://{address}/metrics\"\n\
             [judge]\nbase_url = \"http://{address}/v1\"\nmodel = \"j\"\napi_key_env = \"JUDGE_KEY\"\n"
        );
        let ended = check(&text, &[]);
        assert_eq!(ended.code, Some(code), "{status}: {}{}", ended.out, ended.errors);
        for mark in marks {
            assert!(ended.out.contains(mark), "{mark}: {}", ended.out);
        }
        assert!(!ended.out.contains("answers ("), "{}", ended.out);
    }
}
