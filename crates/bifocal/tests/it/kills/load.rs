//! Kills while clients send requests through the proxy. The clients' own log is the truth.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use bifocal::running::sampling_secret;
use bifocal_evaluate::Sampler;
use bifocal_model::{Probability, Source};
use bifocal_sim::serve::JudgeServer;
use bifocal_sim::{Judge, JudgeTable};
use bifocal_telemetry::{ScaledClock, TaskGroup};
use serde_json::Value;

use super::{Failpoints, is_long, listed, open, replayed_inferences, rolled_up, sealed_inferences};
use crate::harness::{Daemon, Random, Upstream, ask, bifocal, client, ended_within, get_json, seed};

const CLIENTS: u64 = 6;
const JUDGED: f64 = 0.3;
/// What the shipped judge is asked of each chosen answer.
const DIMENSIONS: u64 = 3;
/// A life that its failpoint does not end is ended after so long.
const LONGEST_LIFE: Duration = Duration::from_secs(5);

/// What the page showed of one inference.
#[derive(Clone, Debug)]
struct Shown {
    question: String,
    answer: String,
    scores: BTreeSet<String>,
}

/// What clients and the reader of the page know. `None` addresses: nobody is there at the moment.
#[derive(Default)]
struct World {
    proxy: RwLock<Option<String>>,
    page: RwLock<Option<String>>,
    next: AtomicU64,
    sent: Mutex<HashSet<String>>,
    answered: Mutex<HashMap<String, String>>,
    shown: Mutex<HashMap<String, Shown>>,
    wrong: Mutex<Vec<String>>,
    ended: AtomicBool,
}

impl World {
    fn goes_on(&self) -> bool {
        !self.ended.load(Ordering::SeqCst)
    }

    fn meet(&self, daemon: Option<&Daemon>) {
        *self.proxy.write().unwrap() = daemon.map(|daemon| daemon.proxy.clone());
        *self.page.write().unwrap() = daemon.map(|daemon| daemon.page.clone());
    }
}

/// Asks one question after the other; each is asked once, whatever becomes of it.
async fn clients(world: Arc<World>, stream: bool) {
    let client = client();
    // A long run looks through everything 50 times: it grows more slowly.
    let pause = Duration::from_millis(if is_long() { 60 } else { 10 });
    while world.goes_on() {
        tokio::time::sleep(pause).await;
        let Some(proxy) = world.proxy.read().unwrap().clone() else { continue };
        let question = format!("What is item {} of the list?", world.next.fetch_add(1, Ordering::SeqCst));
        world.sent.lock().unwrap().insert(question.clone());
        // A broken call is one that the kill broke: it may be stored or not.
        if let Ok((200, body)) = ask(&client, &proxy, &question, stream).await {
            let answer = Upstream::answer(&question);
            if !stream && !body.contains(&answer) {
                world.wrong.lock().unwrap().push(format!("{question} was answered with {body}"));
            }
            world.answered.lock().unwrap().insert(question, answer);
        }
    }
}

fn shown(row: &Value) -> (String, Shown) {
    let text = |key: &str| row[key].as_str().unwrap().to_owned();
    let score = |score: &Value| {
        let part = |key: &str| score[key].to_string();
        [part("dimension"), part("evaluator"), part("fingerprint"), part("value"), part("failure")].join(" ")
    };
    let scores = row["scores"].as_array().unwrap().iter().map(score).collect();
    (text("id"), Shown { question: text("question"), answer: text("answer"), scores })
}

/// Looks at the newest inferences over and over, as the page does.
async fn watcher(world: Arc<World>) {
    let client = client();
    while world.goes_on() {
        tokio::time::sleep(Duration::from_millis(30)).await;
        let Some(page) = world.page.read().unwrap().clone() else { continue };
        let Ok(list) = get_json(&client, &page, "/api/v1/inferences?limit=200").await else { continue };
        let mut seen = world.shown.lock().unwrap();
        for (id, row) in list["items"].as_array().unwrap().iter().map(shown) {
            seen.entry(id).and_modify(|old| old.scores.extend(row.scores.iter().cloned())).or_insert(row);
        }
    }
}

/// All that was shown before is there, once, with its scores; nothing is there that nobody asked.
fn check(rows: HashMap<String, Shown>, before: &HashMap<String, Shown>, world: &World) {
    for (id, old) in before {
        let row = rows.get(id).unwrap_or_else(|| panic!("{id} was shown and is lost: {old:?}"));
        assert_eq!((&row.question, &row.answer), (&old.question, &old.answer), "{id}");
        assert!(row.scores.is_superset(&old.scores), "{id} lost scores: {old:?}, now {row:?}");
    }
    let sent = world.sent.lock().unwrap();
    let mut questions = HashSet::new();
    for (id, row) in &rows {
        assert!(sent.contains(&row.question), "{id}: nobody asked {:?}", row.question);
        assert!(questions.insert(&row.question), "{id}: {:?} is there twice", row.question);
    }
    assert_eq!(*world.wrong.lock().unwrap(), Vec::<String>::new());
}

/// Everything, page by page.
async fn all_rows(page: &str) -> HashMap<String, Shown> {
    let client = client();
    let mut rows = HashMap::new();
    let mut path = "/api/v1/inferences?limit=500".to_owned();
    loop {
        let list = get_json(&client, page, &path).await.unwrap();
        for (id, row) in list["items"].as_array().unwrap().iter().map(shown) {
            assert!(rows.insert(id.clone(), row).is_none(), "{id} is listed twice");
        }
        let Some(next) = list["next"].as_str() else { return rows };
        path = format!("/api/v1/inferences?limit=500&cursor={next}");
    }
}

fn command(config: &Path, data: &Path) -> Command {
    let mut command = bifocal();
    command.args(["serve", "--listen", "127.0.0.1:0", "--proxy-listen", "127.0.0.1:0"]);
    command.arg("--config").arg(config).arg("--data").arg(data);
    command
}

fn configuration(upstream: &str, judge: &str) -> String {
    format!(
        "[server]\nseal_journal_bytes = 200000\n\n[[target]]\nname = \"llm-prod\"\nupstream = \"http://{upstream}\"\n\
         scrape = \"off\"\n\n[judge]\nbase_url = \"http://{judge}/v1\"\nmodel = \"sim-judge-1\"\n\
         budget_tokens_per_day = 1000000000000000\n\n[[evaluate]]\nrate = {JUDGED}\nfloor = 0\noversample = 1.0\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_under_proxy_load_loses_nothing_shown() {
    let (seed, kills_wanted) = (seed(), if is_long() { 100 } else { 10 });
    let (mut random, mut failpoints) = (Random::new(seed), Failpoints::default());
    let folder = tempfile::tempdir().unwrap();
    let (config, data) = (folder.path().join("bifocal.toml"), folder.path().join("data"));
    let tasks = TaskGroup::new();
    let upstream = Upstream::start(&tasks).await;
    let judge = Judge::new(7, JudgeTable::of_corpus());
    let judge =
        JudgeServer::bind("127.0.0.1:0".parse().unwrap(), judge, Arc::new(ScaledClock::from_now(20.0))).await;
    let judge = judge.unwrap();
    fs::write(&config, configuration(&upstream.address.to_string(), &judge.address().to_string())).unwrap();
    tasks.spawn("judge", judge.run(tasks.drain()));
    let world = Arc::new(World::default());
    let users = TaskGroup::new();
    (0..CLIENTS).for_each(|i| users.spawn("client", clients(Arc::clone(&world), i % 2 == 0)));
    users.spawn("watcher", watcher(Arc::clone(&world)));

    let (mut kills, mut ready_and_killed) = (0, 0);
    while kills < kills_wanted {
        // Every second life is looked at first and then killed at a random time; the others die at a failpoint.
        let is_looked_at = kills % 2 == 0;
        let before = world.shown.lock().unwrap().clone();
        let mut command = command(&config, &data);
        let point = (!is_looked_at).then(|| failpoints.draw(&mut random));
        if let Some(point) = &point {
            command.env(bifocal_store::failpoint::ENVIRONMENT, point);
        }
        let mut daemon = Daemon::spawn(&mut command);
        let is_ready = daemon.is_ready();
        assert!(is_ready || !is_looked_at, "{}", daemon.errors());
        if is_ready {
            ready_and_killed += 1;
            world.meet(Some(&daemon));
        }
        let life = if is_looked_at {
            check(all_rows(&daemon.page).await, &before, &world);
            Duration::from_millis(random.below(2000))
        } else {
            LONGEST_LIFE
        };
        let ended = ended_within(&mut daemon.child, life);
        world.meet(None);
        match (ended, &point) {
            (None, _) => {
                daemon.kill();
            }
            (Some(status), Some(_)) => {
                use std::os::unix::process::ExitStatusExt as _;
                assert!(status.signal().is_some(), "{point:?}: {status}: {}", daemon.errors());
            }
            (Some(status), None) => panic!("nobody killed it, yet {status}: {}", daemon.errors()),
        }
        kills += 1;
        let (sent, seen) = (world.sent.lock().unwrap().len(), world.shown.lock().unwrap().len());
        eprintln!("kill {kills}: {point:?}, by failpoint: {}; {sent} sent, {seen} shown", ended.is_some());
    }

    let before = world.shown.lock().unwrap().clone();
    let daemon = Daemon::start(&mut command(&config, &data));
    world.meet(Some(&daemon));
    check(all_rows(&daemon.page).await, &before, &world);
    world.ended.store(true, Ordering::SeqCst);
    users.stop_and_join().await;
    assert!(daemon.terminate().success());

    let (store, recovered) = open(&data);
    assert!(recovered.unclean.is_none(), "the last end was in order");
    let ledger = store.reader().ledger();
    let stops = ledger.unclean_stops.len();
    assert!(
        (ready_and_killed..=kills_wanted).contains(&stops),
        "{stops} unclean stops, {ready_and_killed} lives"
    );
    let proxied =
        || ledger.received.iter().filter(|((source, _), _)| *source == Source::Proxy).map(|(_, line)| line);
    let (stored, received) =
        (proxied().map(|line| line.stored).sum::<u64>(), proxied().map(|line| line.total()).sum::<u64>());
    let (sent, answered) =
        (world.sent.lock().unwrap().len() as u64, world.answered.lock().unwrap().len() as u64);
    eprintln!(
        "{sent} sent, {answered} answered, {} shown, {stored} stored, {stops} unclean stops",
        before.len()
    );
    assert!(received <= sent, "{received} received, {sent} sent");
    assert_eq!(rolled_up(&store), stored, "roll-ups");
    assert_eq!(sealed_inferences(&data) + replayed_inferences(&recovered), stored, "lake and journal");
    let calls = listed(&store);
    assert_eq!(calls.len() as u64, stored, "reader");
    let answers = world.answered.lock().unwrap();
    for call in &calls {
        let question = call.messages[0].text.as_str();
        let whole = call.error.is_none();
        assert!(
            !whole || answers.get(question).is_none_or(|answer| call.answer.as_str() == answer),
            "{call:?}"
        );
    }
    let ids: HashSet<String> = calls.iter().map(|call| call.id.to_string()).collect();
    let shown = world.shown.lock().unwrap();
    assert!(shown.len() > 100, "{} shown", shown.len());
    assert!(shown.keys().all(|id| ids.contains(id)), "what was shown up to the end is stored");
    for (target, line) in &ledger.judging {
        assert!(line.balances() && line.scored > 0, "{target}: {line:?}");
    }
    for (line, arrived, received) in ledger.lines() {
        assert!(arrived.balances(&received), "{line:?}: {arrived:?}, {received:?}");
    }
    // Every stored answer that the sampler chooses has its selection, however its process ended: both are one frame.
    let secret = sampling_secret(&store.small_state()).unwrap();
    let sampler = Sampler::new(secret, Probability::new(JUDGED).unwrap());
    let chosen = calls.iter().filter(|call| sampler.decide(call).is_some_and(|choice| choice.draw.included));
    let selected: u64 = ledger.judging.values().map(|line| line.selected).sum();
    assert_eq!(selected, DIMENSIONS * chosen.count() as u64, "{:?}", ledger.judging);
    store.close().unwrap();
}
