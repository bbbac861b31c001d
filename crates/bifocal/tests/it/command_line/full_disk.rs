//! A disk that refuses: a limit on the size of files stands for it, since it can be set and lifted from outside.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bifocal_telemetry::TaskGroup;
use serde_json::Value;

use crate::harness::{Daemon, Upstream, ask, client, get_json, until};

const CLIENTS: u64 = 16;

fn limit_files(pid: u32, limit: &str) -> bool {
    let limited =
        Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--fsize={limit}")]).status();
    limited.is_ok_and(|status| status.success())
}

/// Asks so many questions; every one must be answered.
async fn load(proxy: &str, questions: u64) -> u64 {
    let answered = Arc::new(AtomicU64::new(0));
    let clients = TaskGroup::new();
    for _ in 0..CLIENTS {
        let (proxy, answered) = (proxy.to_owned(), Arc::clone(&answered));
        clients.spawn("client", async move {
            let client = client();
            for _ in 0..questions / CLIENTS {
                let (status, _) = ask(&client, &proxy, "Is the disk full?", false).await.unwrap();
                assert_eq!(status, 200);
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    clients.stop_and_join().await;
    answered.load(Ordering::Relaxed)
}

/// What the ledger says of the proxy: of the calls whose target is known, and of those that were left out before.
#[derive(Debug, Default)]
struct Proxied {
    received: u64,
    stored: u64,
    left_out: u64,
    balanced: bool,
}

async fn proxied(page: &str) -> Proxied {
    let ledger = get_json(&client(), page, "/api/v1/ledger").await.unwrap();
    let mut sum = Proxied { balanced: true, ..Proxied::default() };
    for row in ledger["sources"].as_array().unwrap().iter().filter(|row| row["source"] == "proxy") {
        sum.received += row["received"].as_u64().unwrap();
        sum.stored += row["stored"].as_u64().unwrap();
        sum.left_out += row["dropped"].as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>();
        sum.balanced &= row["balanced"].as_bool().unwrap();
    }
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_a_full_disk_stops_the_record_and_not_the_proxy() {
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let folder = tempfile::tempdir().unwrap();
    // Where a file may not grow, writes fail; the signal that comes with it is another program's habit.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_bifocal"), "serve"]);
    command.args(["--upstream", &format!("http://{}", upstream.address), "--listen", "127.0.0.1:0"]);
    command.args(["--proxy-listen", "127.0.0.1:0", "--data"]).arg(folder.path()).env_remove("BIFOCAL_LOG");
    let mut daemon = Daemon::start(&mut command);
    let mut sent = load(&daemon.proxy, 32).await;
    until("the first calls", || async { (proxied(&daemon.page).await.stored == 32).then_some(()) }).await;
    if !limit_files(daemon.child.id(), "65536:unlimited") {
        eprintln!("skipped: prlimit cannot limit a process here");
        return;
    }

    // The journal fills its file, then the intake fills, then the queue before it; then calls are left out. Clients
    // notice nothing.
    sent += load(&daemon.proxy, 400).await;
    until("what to do", || async { daemon.errors().contains("make room on the disk").then_some(()) }).await;
    let full = async || client().get(format!("{}/readyz", daemon.page)).send().await.unwrap().status() == 503;
    let leaves_out = async || {
        let metrics = client().get(format!("{}/metrics", daemon.page)).send().await.unwrap();
        !metrics.text().await.unwrap().contains("bifocal_capture_dropped_total{reason=\"sampled_out\"} 0\n")
    };
    for _ in 0..60 {
        // Calls are left out for their rate too: that alone does not mean that everything is full.
        if leaves_out().await && full().await {
            break;
        }
        sent += load(&daemon.proxy, 400).await;
    }
    assert!(leaves_out().await, "after {sent} calls all are taken: {}", daemon.errors());
    assert!(full().await, "{}", daemon.errors());
    sent += load(&daemon.proxy, 64).await;
    assert!(daemon.child.try_wait().unwrap().is_none(), "it stays up");

    assert!(limit_files(daemon.child.id(), "unlimited:unlimited"));
    until("room in the queue", || async { (!full().await).then_some(()) }).await;
    sent += load(&daemon.proxy, 16).await;
    let all = until("every call in the ledger", || async {
        let all = proxied(&daemon.page).await;
        (all.stored + all.left_out == sent).then_some(all)
    })
    .await;
    assert!(all.received == sent && all.left_out > 0 && all.stored > 2_000 && all.balanced, "{all:?}");
    assert!(daemon.terminate().success());
}
