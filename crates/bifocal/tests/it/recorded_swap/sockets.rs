//! The same swap once through real sockets: clients, proxy, upstream and judge on loopback, in a faster time. How far
//! the other seeds go is shown in process.

use std::sync::Arc;
use std::time::Duration;

use bifocal::config::Resolved;
use bifocal::running::{Extras, Running, open_pipeline};
use bifocal_model::Span;
use bifocal_sim::serve::{Clients, IncidentSwitch, JudgeServer, UpstreamServer};
use bifocal_sim::{Judge, Script};
use bifocal_telemetry::{Clock, ScaledClock, TaskGroup, Telemetry};
use serde_json::Value;

use super::{BESIDE, JUDGED_BEFORE, SWAP_AT, SWAPPED, configuration, data, script};
use crate::harness::{client, get_json};

const SEED: u64 = 1;
/// Simulated seconds in one: some 120 requests a second.
const SPEED: f64 = 10.0;
/// A swap that was not seen after so many simulated seconds (some 900 judged answers) is not seen.
const SEEN_WITHIN: Span = Span::from_secs(300);

/// The quality axis and the judged answers of a target; `None` before its first call. Its state would join the service,
/// which on a busy machine in a faster time is slow.
async fn look(page: &str, name: &str) -> Option<(String, u64)> {
    let client = client();
    let fleet = get_json(&client, page, "/api/v1/fleet").await.unwrap();
    let row = fleet["items"].as_array().unwrap().iter().find(|row| row["name"] == name)?.clone();
    let ledger: Value = get_json(&client, page, "/api/v1/ledger").await.unwrap();
    let judging = ledger["judging"].as_array().unwrap().iter().find(|line| line["target_name"] == name);
    let judged = judging.map_or(0, |line| line["scored"].as_u64().unwrap());
    Some((row["answers"].as_str().unwrap().to_owned(), judged))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_data_e2e_recorded_swap_over_sockets_is_seen_on_the_swapped_target_only() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ScaledClock::from_now(SPEED));
    let free = || "127.0.0.1:0".parse().unwrap();
    let start = clock.now() + Span::from_secs(10);
    let recorded = script(&data, SEED, start);
    let swap = recorded.exchange(SWAPPED, SWAP_AT).unwrap().time;
    let recorded: Arc<dyn Script> = Arc::new(recorded);
    let switch = IncidentSwitch::new(Arc::clone(&clock));
    let upstream = UpstreamServer::bind(free(), Arc::clone(&recorded), switch.clone(), Arc::clone(&clock));
    let upstream = upstream.await.unwrap();
    let judge = JudgeServer::bind(free(), Judge::new(SEED, data.table.clone()), Arc::clone(&clock));
    let judge = judge.await.unwrap();
    let mut file = configuration(
        folder.path(),
        &format!("http://{}", upstream.address()),
        &format!("http://{}", judge.address()),
    );
    (file.server.listen, file.server.proxy_listen) = (Some(free()), Some(free()));
    if let Some(judge) = &mut file.judge {
        judge.concurrency = 16;
        judge.budget_tokens_per_day = Some(20_000_000_000_000);
    }
    // A pause of a busy machine of 100 ms is 1.5 simulated seconds: what is watched here is the answers.
    file.objectives.ttft_p95_seconds = 120.0;
    let config = Resolved::of(file).unwrap();
    let telemetry = Telemetry::new();
    let mut secret = *b"recorded swap...";
    secret[8..].copy_from_slice(&SEED.to_le_bytes());
    let pipeline = open_pipeline(&config, &clock, Some(secret), &telemetry).unwrap();
    let extras = Extras { clock: Arc::clone(&clock), demo: None, secret: Some(secret) };
    let running = Running::start(&config, pipeline, extras, telemetry).await.unwrap();
    let page = format!("http://{}", running.page);
    let world = TaskGroup::new();
    world.spawn("upstream", upstream.run(world.drain()));
    world.spawn("judge", judge.run(world.drain()));
    let clients = Clients::new(running.proxies[0], recorded, switch, Arc::clone(&clock));
    let sent = clients.stats();
    world.spawn("clients", clients.run(world.clone(), world.drain()));

    let mut judged_before = 0;
    let judged_until_seen = loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = clock.now();
        assert!(now < swap + SEEN_WITHIN, "the swap was not seen; sent: {:?}", sent.counts());
        if let Some((answers, _)) = look(&page, BESIDE).await {
            assert_ne!(answers, "worse", "the target beside keeps its model");
        }
        let Some((answers, judged)) = look(&page, SWAPPED).await else { continue };
        if now <= swap {
            judged_before = judged;
        }
        if answers == "worse" {
            break judged - judged_before;
        }
    };
    println!("seen {judged_until_seen} judged answers after the swap, {judged_before} before it");
    assert!(judged_before >= JUDGED_BEFORE, "{judged_before} judged before the swap");
    assert!(clock.now() > swap, "seen before it was there");
    let ledger = get_json(&client(), &page, "/api/v1/ledger").await.unwrap();
    let lines = ledger["sources"].as_array().unwrap().iter().chain(ledger["judging"].as_array().unwrap());
    lines.for_each(|line| assert_eq!(line["balanced"], true, "{line}"));
    assert_eq!(sent.counts().broken, 0, "{:?}", sent.counts());
    world.stop();
    running.stop().await;
    world.stop_and_join().await;
}
