//! Help, flags, ports, pages of error codes.

use std::net::TcpListener;

use super::run;
use crate::harness::{Daemon, bifocal, client, free_port, get_json};

#[test]
fn cli_help_is_as_documented() {
    insta::assert_snapshot!(run(bifocal().arg("--help")).out);
    insta::assert_snapshot!("serve_help", run(bifocal().args(["serve", "--help"])).out);
}

#[test]
fn cli_a_bad_flag_ends_with_2_and_says_what_is_near() {
    let ended = run(bifocal().args(["serve", "--upstraem", "http://127.0.0.1:1"]));
    assert_eq!(ended.code, Some(2));
    assert!(ended.errors.contains("--upstream"), "{}", ended.errors);
    assert_eq!(run(bifocal().arg("sreve")).code, Some(2));
    assert_eq!(run(&mut bifocal()).code, Some(2), "no command at all");
}

#[test]
fn cli_nothing_to_watch_and_no_address_are_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = run(bifocal().current_dir(&folder).arg("serve"));
    assert_eq!(nothing.code, Some(2));
    assert!(nothing.errors.contains("hint: give --upstream http://HOST:PORT"), "{}", nothing.errors);
    let upstream = run(bifocal().current_dir(&folder).args(["serve", "--upstream", "ftp://me:hunter2@host"]));
    assert_eq!(upstream.code, Some(2));
    assert!(upstream.errors.contains("B0201"), "{}", upstream.errors);
    assert!(!upstream.errors.contains("hunter2"), "{}", upstream.errors);
}

#[test]
fn cli_explain_prints_the_page_of_a_code() {
    let page = run(bifocal().args(["explain", "b0012"]));
    assert_eq!(page.code, Some(0));
    assert!(page.out.starts_with("# B0012: "), "{}", page.out);
    let unknown = run(bifocal().args(["explain", "B9999"]));
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.errors.contains("codes: B0001"), "{}", unknown.errors);
}

/// One line of what and one of what to do.
fn assert_one_line_and_a_hint(errors: &str, code: &str, flag: &str) {
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!(lines.len(), 2, "{errors}");
    assert!(lines[0].starts_with("error: ") && lines[0].contains(code), "{errors}");
    assert!(lines[1].starts_with("hint: ") && lines[1].contains(flag), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_a_busy_port_ends_with_2_and_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = busy.local_addr().unwrap().to_string();
    let serve = |listen: &str, proxy: &str| {
        let mut command = bifocal();
        command
            .args(["serve", "--upstream", &format!("http://{}", free_port())])
            .arg("--data")
            .arg(folder.path());
        command.args(["--listen", listen, "--proxy-listen", proxy]);
        command
    };
    let page = run(&mut serve(&taken, "127.0.0.1:0"));
    assert_eq!(page.code, Some(2), "{}", page.errors);
    assert_one_line_and_a_hint(&page.errors, "B0020", "--listen");
    assert!(page.errors.contains(&taken), "{}", page.errors);
    let proxy = run(&mut serve("127.0.0.1:0", &taken));
    assert_eq!(proxy.code, Some(2), "{}", proxy.errors);
    assert_one_line_and_a_hint(&proxy.errors, "B0204", "--proxy-listen");

    let daemon = Daemon::start(&mut serve("127.0.0.1:0", "127.0.0.1:0"));
    let ledger = get_json(&client(), &daemon.page, "/api/v1/ledger").await.unwrap();
    assert_eq!(
        ledger["unclean_stops"],
        serde_json::json!([]),
        "nothing was watched, so nothing may be missing"
    );
    let second = run(&mut serve("127.0.0.1:0", "127.0.0.1:0"));
    assert_eq!(second.code, Some(2), "{}", second.errors);
    assert_one_line_and_a_hint(&second.errors, "B0221", "--data");
    assert!(daemon.terminate().success());
}

#[test]
fn cli_a_second_proxy_that_cannot_listen_ends_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = folder.path().join("two.toml");
    let text = format!(
        "[[target]]\nname = \"a\"\nupstream = \"http://127.0.0.1:9\"\nproxy_listen = \"127.0.0.1:0\"\n\
         [[target]]\nname = \"b\"\nupstream = \"http://127.0.0.1:9\"\nproxy_listen = \"{}\"\n",
        busy.local_addr().unwrap()
    );
    std::fs::write(&config, text).unwrap();
    let ended = run(bifocal()
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .arg("--data")
        .arg(folder.path()));
    assert_eq!(ended.code, Some(2), "{}", ended.errors);
    assert_one_line_and_a_hint(&ended.errors, "B0204", "--proxy-listen");
}
