//! Faults over Data Capture: kills, failing and lost calls of S3 and SQS, objects cut off or not yet whole, messages that
//! come twice, late or never. However they fall, the ledger balances at the end. 50 faults here, 500 with
//! `BIFOCAL_LONG=1`.

mod faults;

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bifocal_model::{Span, Timestamp};
use bifocal_sim::sagemaker::Scenario;
use bifocal_sim::sagemaker::control::{ControlServer, ControlSwitch, Policy, Queues, written_notice};
use bifocal_sim::sagemaker::runtime::{Access, Objects};
use bifocal_telemetry::{Clock as _, SystemClock, TaskGroup};

use self::faults::{Call, Fault, Injector, Spoil};
use super::backfill::{consistent, line};
use super::{Failpoints, is_long, open};
use crate::harness::{Daemon, Random, bifocal, client, ended_within, get_json, seed, until};

const SCENARIO: &str = r#"
account = "123456789012"
region = "us-east-1"
[endpoint]
name = "llm-prod"
variant = "AllTraffic"
publish_every_seconds = 60
gpu_dimension = "GpuId"
min_instances = 1
max_instances = 1
[endpoint.capture]
destination = "s3://captured/team"
percent = 100
[[phase]]
name = "steady"
after_seconds = 0
pools = { "ml.g5.12xlarge" = 1 }
[[phase.component]]
name = "qwen"
accelerators = 1
copies = { "ml.g5.12xlarge" = 1 }
requests_per_second = 1.0
[phase.truth]
gpus_used = 1
gpus_free = 3
idle_usd_per_hour = 0.0
usd_per_hour = {}
"#;
const QUEUE: &str = "capture";
const FAULTS_OF_A_RUN: u64 = 10;
const LINES_OF_A_FILE: u64 = 40;
/// Some ten seconds.
const REVEAL_EVERY_LOOKS: u32 = 500;
/// A life with a failpoint that it does not reach ends so.
const LONGEST_LIFE: Duration = Duration::from_secs(3);

/// The bucket and its queue, and what was put there.
struct World {
    objects: Objects,
    queues: Queues,
    /// Calls of the hours before this time.
    now: Timestamp,
    files: u64,
    lines: u64,
    /// Calls, each once.
    distinct: u64,
    malformed: u64,
    /// Files that were there cut before they were there whole: each may have one line more that cannot be read.
    cut: u64,
    /// Files that are still to become whole.
    unfinished: Vec<(String, String, Timestamp)>,
}

/// How a file arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    Well,
    /// The queue has its notification twice.
    ToldTwice,
    /// No notification comes: listing finds it.
    Untold,
    /// Another file has the same lines.
    Twice,
    /// It is cut at first.
    CutAtFirst,
    /// It is named before all that are there.
    Late,
    /// Its hour is so long ago that no listing finds it: the queue alone tells of it.
    OnlyTold,
}

impl World {
    fn new(objects: Objects, queues: Queues) -> Self {
        let now = SystemClock::new().now();
        queues.create(QUEUE);
        let (files, lines, distinct, malformed, cut) = (0, 0, 0, 0, 0);
        Self { objects, queues, now, files, lines, distinct, malformed, cut, unfinished: Vec::new() }
    }

    /// Puts one more file, a fifth of whose lines repeat calls of earlier ones.
    fn deliver(&mut self, how: Delivery, random: &mut Random) {
        let mut text = String::new();
        for i in 0..LINES_OF_A_FILE {
            if random.below(100) == 0 {
                text.push_str("{\"captureData\": {\"endpointInput\": \n");
                self.malformed += 1;
                self.lines += 1;
            }
            let event = if i % 5 == 4 { random.below(self.distinct) } else { self.distinct };
            self.distinct = self.distinct.max(event + 1);
            let time =
                self.now - Span::from_secs(7200) + Span::from_secs(i64::try_from(event % 3000).unwrap());
            writeln!(text, "{}", line(event, time)).unwrap();
            self.lines += 1;
        }
        let hours_ago = match how {
            Delivery::OnlyTold => 30,
            _ => i64::try_from(self.files % 3).unwrap(),
        };
        let hour = self.now - Span::from_mins(60 * hours_ago);
        let minute = if how == Delivery::Late { 0 } else { 10 + self.files % 50 };
        self.put(hour, &format!("{minute:02}-00-000-{:05}", self.files), &text, how);
        if how == Delivery::Twice {
            self.lines += text.lines().count() as u64;
            self.malformed += text.lines().filter(|line| line.ends_with(": ")).count() as u64;
            self.put(hour, &format!("{minute:02}-30-000-{:05}", self.files), &text, Delivery::Well);
        }
    }

    fn put(&mut self, hour: Timestamp, name: &str, text: &str, how: Delivery) {
        self.files += 1;
        let (date, hour) = hour.date_and_hour();
        let key = format!("team/llm-prod/AllTraffic/{}/{hour:02}/{name}.jsonl", date.replace('-', "/"));
        // Long enough ago to have settled.
        let written = self.now - Span::from_mins(10);
        let place = format!("captured/{key}");
        if how == Delivery::CutAtFirst {
            self.cut += 1;
            let cut = text.floor_char_boundary(text.len() * 2 / 3);
            self.objects.put(&place, text[..cut].to_owned().into(), &written.to_string());
            self.unfinished.push((key.clone(), text.to_owned(), written));
        } else {
            self.objects.put(&place, text.to_owned().into(), &written.to_string());
        }
        if how != Delivery::Untold {
            self.tell(&key, written);
        }
        if how == Delivery::ToldTwice {
            self.tell(&key, written);
        }
    }

    fn tell(&self, key: &str, time: Timestamp) {
        self.queues.send(QUEUE, written_notice("us-east-1", "captured", key, time));
    }

    /// What was cut becomes whole, and is told of again.
    fn finish(&mut self) {
        for (key, text, written) in std::mem::take(&mut self.unfinished) {
            self.objects.put(&format!("captured/{key}"), text.into(), &written.to_string());
            self.tell(&key, written);
        }
    }
}

struct Run {
    config: PathBuf,
    data: PathBuf,
    address: String,
    home: PathBuf,
}

impl Run {
    fn command(&self) -> Command {
        let mut command = bifocal();
        for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE"] {
            command.env_remove(name);
        }
        command
            .env("HOME", &self.home)
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL", &self.address);
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(&self.config);
        command.arg("--data").arg(&self.data);
        command
    }
}

async fn account(tasks: &TaskGroup) -> (String, ControlSwitch, Objects, Queues) {
    let access = Access { keys: vec![("AKIDEXAMPLE".into(), "secret".into())], ..Access::default() };
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let (scenario, clock) = (Scenario::parse(SCENARIO).unwrap(), Arc::new(SystemClock::new()));
    let server = ControlServer::bind(local, scenario, Policy::open(), access, clock).await.unwrap();
    let (switch, objects, queues) = (server.switch(), server.objects(), server.queues());
    let address = format!("http://{}", server.address());
    tasks.spawn("AWS", server.run(tasks.drain()));
    (address, switch, objects, queues)
}

/// A fault of a call.
fn spoiled(random: &mut Random) -> Fault {
    let call =
        [Call::List, Call::Get, Call::Receive, Call::Delete][usize::try_from(random.below(4)).unwrap()];
    let spoils = [Spoil::Failed, Spoil::SlowDown, Spoil::AnswerLost, Spoil::CutOff];
    let spoil = spoils[usize::try_from(random.below(4)).unwrap()];
    // Five attempts are made at one call.
    let times = if random.below(4) == 0 { 5 } else { 1 };
    Fault { call, spoil, times }
}

/// One life: it begins with what is there, and ends killed. Returns the faults that took effect.
async fn life(
    run: &Run,
    world: &mut World,
    injector: &Injector,
    failpoints: &mut Failpoints,
    random: &mut Random,
) -> u64 {
    let deliveries =
        [Delivery::ToldTwice, Delivery::Untold, Delivery::Twice, Delivery::CutAtFirst, Delivery::Late];
    let mut faults = 0;
    world.finish();
    world.queues.reveal();
    world.deliver(Delivery::Well, random);
    if random.below(2) == 0 {
        world.deliver(deliveries[usize::try_from(random.below(5)).unwrap()], random);
        faults += 1;
    }
    (0..random.below(3)).for_each(|_| injector.arm(spoiled(random)));
    let mut command = run.command();
    let point = (random.below(3) == 0).then(|| failpoints.draw(random));
    if let Some(point) = &point {
        command.env(bifocal_store::failpoint::ENVIRONMENT, point);
    }
    let mut daemon = Daemon::spawn(&mut command);
    let is_ready = daemon.is_ready();
    assert!(is_ready || point.is_some(), "{}", daemon.errors());
    let life = if point.is_some() { LONGEST_LIFE } else { Duration::from_millis(random.below(900)) };
    let mut ended = ended_within(&mut daemon.child, life);
    // What is armed gets its chance, up to a time.
    for _ in 0..20 {
        if ended.is_some() || injector.all_hit() {
            break;
        }
        ended = ended_within(&mut daemon.child, Duration::from_millis(100));
    }
    match ended {
        None => drop(daemon.kill()),
        Some(status) => {
            use std::os::unix::process::ExitStatusExt as _;
            assert!(status.signal().is_some() && point.is_some(), "{point:?}: {status}: {}", daemon.errors());
        }
    }
    faults + 1 + injector.disarm()
}

/// Without faults until everything is there and the queue is empty; ended in order.
async fn calm(run: &Run, world: &mut World) {
    world.finish();
    world.queues.reveal();
    let daemon = Daemon::start(&mut run.command());
    let http = client();
    let wanted = world.distinct;
    let queues = world.queues.clone();
    let what = format!("{wanted} calls and an empty queue");
    let mut looks = 0_u32;
    until(&what, || {
        looks += 1;
        // A call that the killed process was waiting in may take messages after its end: their time passes.
        if looks.is_multiple_of(REVEAL_EVERY_LOOKS) {
            queues.reveal();
        }
        let (http, queues, page) = (&http, &queues, &daemon.page);
        async move {
            let ledger = get_json(http, page, "/api/v1/ledger").await.ok()?;
            let stored: u64 = ledger["sources"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|line| line["source"] == "data_capture")
                .filter_map(|line| line["stored"].as_u64())
                .sum();
            (stored >= wanted && queues.is_empty(QUEUE)).then_some(())
        }
    })
    .await;
    assert!(daemon.terminate().success());
}

fn check_end(data: &Path, world: &World) -> u64 {
    let (sum, _) = consistent(data);
    assert_eq!(sum.stored, world.distinct, "each call once");
    assert!(sum.rejected.keys().all(|reason| reason == "malformed"), "{sum:?}");
    let rejected: u64 = sum.rejected.values().sum();
    let more = rejected - world.malformed;
    assert!(more <= world.cut, "{more} more lines could not be read, {} files were cut at first", world.cut);
    assert_eq!(sum.duplicate, world.lines - world.distinct - world.malformed, "each line is accounted for");
    assert!(sum.dropped.is_empty());
    let (store, recovered) = open(data);
    assert!(recovered.unclean.is_none(), "the last end was in order");
    for (line, arrived, received) in store.reader().ledger().lines() {
        assert!(arrived.balances(&received), "{line:?}: {arrived:?}, {received:?}");
    }
    store.close().unwrap();
    sum.total()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_and_other_faults_over_capture_leave_a_ledger_that_balances() {
    let (seed, wanted) = (seed(), if is_long() { 500 } else { 50 });
    let (mut random, mut failpoints) = (Random::new(seed), Failpoints::default());
    let folder = tempfile::tempdir().unwrap();
    let (mut faults, mut runs) = (0, 0);
    // A test's servers serve to its end.
    let injectors = TaskGroup::new();
    while faults < wanted {
        let tasks = TaskGroup::new();
        let (aws, _switch, objects, queues) = account(&tasks).await;
        let (injector, address) = Injector::start(&injectors, &aws).await;
        let config = folder.path().join("bifocal.toml");
        let text = format!(
            "[server]\nseal_journal_bytes = 60000\n[[target]]\nsagemaker = \"llm-prod\"\n\
             capture_queue = \"{address}/123456789012/{QUEUE}\"\n"
        );
        fs::write(&config, text).unwrap();
        let data = folder.path().join(format!("run-{runs}"));
        let run = Run { config, data, address, home: folder.path().to_owned() };
        let mut world = World::new(objects, queues);
        (0..4).for_each(|_| world.deliver(Delivery::Well, &mut random));
        world.deliver(Delivery::OnlyTold, &mut random);
        let mut of_run = 0;
        while of_run < FAULTS_OF_A_RUN {
            of_run += life(&run, &mut world, &injector, &mut failpoints, &mut random).await;
        }
        calm(&run, &mut world).await;
        let total = check_end(&run.data, &world);
        if runs == 0 {
            // A further start lists and reads all of it again, and nothing changes.
            world.tell("team/llm-prod/AllTraffic/2026/01/01/00/never.jsonl", world.now - Span::from_mins(10));
            calm(&run, &mut world).await;
            assert_eq!(check_end(&run.data, &world), total, "a further start changes nothing");
        }
        (faults, runs) = (faults + of_run, runs + 1);
        let (files, lines) = (world.files, world.lines);
        eprintln!("run {runs}: {of_run} faults over {lines} lines in {files} files; {faults} of {wanted}");
        fs::remove_dir_all(&run.data).unwrap();
        tasks.stop_and_join().await;
    }
    assert!(faults >= wanted);
}
