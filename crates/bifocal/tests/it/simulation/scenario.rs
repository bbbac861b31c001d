//! One run: quiet, incident, recovery; or quiet all the way.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::Path;
use std::sync::{Arc, Mutex};

use bifocal::cli::{DemoArgs, Places};
use bifocal::commands::demo::{self, configuration, secret_of};
use bifocal::simulated::{Run, World};
use bifocal_model::{Cause, Probability, StateName, Timestamp};
use bifocal_publish::notify::ChannelConfig;
use bifocal_sim::{Fleet, Incident, Judge, JudgeTable};

use super::WITHIN_SECS;
use super::told::told;

/// Where incidents strike, and the component beside it.
pub(crate) const STRUCK: &str = demo::STRUCK;
pub(crate) const OTHER: &str = "gpt-oss-20b";
/// The present of every run: a Tuesday, 2026-11-24T09:20:00Z.
const START: Timestamp = Timestamp::from_secs(1_795_512_000);
/// Days of history, and the share of its 20,000 exchanges that is kept: enough for every baseline of 500 judged.
const PAST_DAYS: u32 = 2;
const PAST_KEPT: f64 = 0.13;
/// Until the first live calls are over, seconds.
const OPENS_SECS: u64 = 3;
/// Seconds of a quiet run: as long as a disturbed one is on average, or at most in the long set.
const QUIET_SECS: (u64, u64) = (720, 3600);
/// The longest that an incident goes on after its state was entered, seconds.
const HELD_SECS: (u64, u64) = (60, WITHIN_SECS);

/// How long a change that nobody should notice is watched, seconds.
const UNNAMED_SECS: u64 = 300;
/// After a cause was named, and after an incident's end, nothing is asked for so long, seconds.
const SETTLES_SECS: u64 = 120;

/// What was seen in a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// From the incident's beginning to its state.
    pub(crate) to_state_secs: Option<f64>,
    /// From the incident's end to healthy.
    pub(crate) to_healthy_secs: Option<f64>,
    /// What is not as it should be.
    pub(crate) wrong: Vec<String>,
    /// Changes of state: second, target, state.
    timeline: Vec<(u64, String, StateName)>,
    messages: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.wrong.join("; "))?;
        for (second, target, state) in &self.timeline {
            writeln!(f, "  {second:5} s  {target} {}", state.name())?;
        }
        for message in &self.messages {
            writeln!(f, "  told: {message}")?;
        }
        Ok(())
    }
}

pub(crate) fn is_long() -> bool {
    std::env::var_os("BIFOCAL_LONG").is_some()
}

/// The first seed: the one that is asked for, or one of the system's entropy.
pub(crate) fn first_seed() -> u64 {
    match std::env::var("BIFOCAL_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => RandomState::new().build_hasher().finish() % 1_000_000_000,
    }
}

/// Runs the cases on all processors; the reports come in the order of the cases.
pub(crate) fn on_all_cases<C: Copy + Sync + Send, R: Send>(
    cases: &[C],
    run: impl Fn(C) -> R + Sync,
) -> Vec<(C, R)> {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = Mutex::new(0..cases.len());
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let Some(at) = next.lock().unwrap().next() else { return };
                    let report = run(cases[at]);
                    done.lock().unwrap().insert(at, (cases[at], report));
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A data folder, in memory where the system has such a place: a run commits once a simulated second.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The demo's world, with one channel that is told of everything.
pub(crate) fn world(seed: u64, data: &Path) -> World {
    let places = Places { listen: None, proxy_listen: None, data: None };
    let args = DemoArgs { speed: 20.0, incident: None, seed, places };
    let nowhere = "127.0.0.1:9".parse().unwrap();
    let account = demo::AccountAddresses { control: nowhere, runtime: nowhere, containers: nowhere };
    let mut config = configuration(&args, data.to_owned(), account, nowhere).unwrap();
    config.channels.push(ChannelConfig::webhook("everything", "http://127.0.0.1:9/"));
    let judge = Judge::new(seed, JudgeTable::of_corpus());
    demo::write_anchors(&config, &judge).unwrap();
    World { config, script: Arc::new(Fleet::new(seed)), judge, secret: secret_of(seed), start: START }
}

pub(crate) fn past(run: &mut Run, seed: u64) {
    run.write_past(seed, PAST_DAYS, Probability::new(PAST_KEPT).unwrap()).unwrap();
}

/// A number in a range that the seed decides.
fn drawn(seed: u64, salt: u64, from: u64, to: u64) -> u64 {
    let hash = bifocal_model::fnv1a(seed.to_le_bytes().into_iter().chain(salt.to_le_bytes()));
    from + (hash >> 20) % (to - from + 1)
}

struct Watched {
    run: Run,
    second: u64,
    report: Report,
}

impl Watched {
    /// Opens a copy of the past and waits for the first live calls.
    fn begin(past: &Past, data: &Path) -> Self {
        copy(past.folder.path(), data);
        let run = Run::open(world(past.seed, data)).unwrap();
        let mut watched = Self { run, second: 0, report: Report::default() };
        watched.note();
        // Between the past and the first live calls nothing is known.
        watched.passes(OPENS_SECS);
        watched
    }

    /// One second; the struck component's state must be one of these, the other's healthy.
    fn second(&mut self, allowed: &[StateName]) -> StateName {
        self.run.second().unwrap();
        self.second += 1;
        self.note();
        let (struck, other) = (self.run.state(STRUCK).unwrap(), self.run.state(OTHER).unwrap());
        if !allowed.contains(&struck) {
            self.wrong_once(format!("{STRUCK} was {} where it should not be", struck.name()));
        }
        if other != StateName::Healthy {
            self.wrong_once(format!("{OTHER} was {}", other.name()));
        }
        struck
    }

    /// One second, whatever the states are.
    fn pass(&mut self) {
        self.run.second().unwrap();
        self.second += 1;
        self.note();
    }

    fn passes(&mut self, count: u64) {
        (0..count).for_each(|_| self.pass());
    }

    fn seconds(&mut self, count: u64, allowed: &[StateName]) {
        for _ in 0..count {
            self.second(allowed);
        }
    }

    /// Until the state is there; how long it took.
    fn until(&mut self, state: StateName, allowed: &[StateName]) -> Option<f64> {
        let seconds = (1..=WITHIN_SECS).find(|_| self.second(allowed) == state);
        if seconds.is_none() {
            self.report.wrong.push(format!("{STRUCK} was not {} within {WITHIN_SECS} s", state.name()));
        }
        seconds.map(|seconds| seconds as f64)
    }

    fn wrong_once(&mut self, what: String) {
        if !self.report.wrong.contains(&what) {
            self.report.wrong.push(what);
        }
    }

    fn note(&mut self) {
        for target in &self.run.snapshot().targets {
            let last = self.report.timeline.iter().rev().find(|(_, name, _)| *name == target.name);
            if last.is_none_or(|(_, _, state)| *state != target.state) {
                self.report.timeline.push((self.second, target.name.clone(), target.state));
            }
        }
    }

    /// What the channel was told: target, rule, status, oldest first. A second word on the same alert, with its cause, is no
    /// new alert.
    fn messages(&mut self) -> Vec<(String, String, String)> {
        let told = self.run.pipeline().small_state().outbox_recent(1000).unwrap();
        let (mut all, mut ids) = (Vec::new(), std::collections::HashSet::new());
        for message in told.iter().rev() {
            let value: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
            let text =
                |path: &str| value.pointer(path).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
            let target = text("/target/inference_component");
            self.report.messages.push(format!(
                "{} {target}: {} {}",
                text("/time"),
                text("/rule"),
                text("/status")
            ));
            if ids.insert((text("/alert_id"), text("/status"))) {
                all.push((target, text("/rule"), text("/status")));
            }
        }
        all
    }
}

/// The rules among messages that began.
fn firing(messages: &[(String, String, String)]) -> Vec<&str> {
    messages.iter().filter(|(_, _, status)| status == "firing").map(|(_, rule, _)| rule.as_str()).collect()
}

/// A fleet's data folder with its past, which every run of this seed begins with.
pub(crate) struct Past {
    pub(crate) seed: u64,
    folder: tempfile::TempDir,
}

impl Past {
    pub(crate) fn write(seed: u64) -> Self {
        let folder = folder();
        let mut run = Run::open(world(seed, folder.path())).unwrap();
        past(&mut run, seed);
        run.close().unwrap();
        Self { seed, folder }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copied = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&copied).unwrap();
            copy(&entry.path(), &copied);
        } else {
            std::fs::copy(entry.path(), &copied).unwrap();
        }
    }
}

/// Quiet, incident, recovery.
pub(crate) fn disturbed(past: &Past, incident: Incident, state: StateName) -> Report {
    let folder = folder();
    let mut watched = Watched::begin(past, folder.path());
    let (seed, salt) = (past.seed, incident as u64);
    watched.seconds(drawn(seed, salt, 15, 60), &[StateName::Healthy]);
    watched.run.start(incident, STRUCK);
    watched.report.to_state_secs = watched.until(state, &[StateName::Healthy, state]);
    let longest = if is_long() { HELD_SECS.1 } else { HELD_SECS.0 };
    watched.seconds(drawn(seed, salt + 16, 15, longest), &[state]);
    watched.run.stop_all();
    watched.report.to_healthy_secs = watched.until(StateName::Healthy, &[state, StateName::Healthy]);
    // An alert ends when its condition has not held for a minute.
    watched.seconds(62, &[StateName::Healthy]);
    let messages = watched.messages();
    let mut wrong = Vec::new();
    if let Some((target, rule, _)) = messages.iter().find(|(target, _, _)| target != STRUCK) {
        wrong.push(format!("`{rule}` was told of {target}"));
    }
    let rule = state.name().replace('_', " ");
    for status in ["firing", "resolved"] {
        let count = messages.iter().filter(|(_, told, is)| *told == rule && is == status).count();
        if count != 1 {
            wrong.push(format!("`{rule}` was told as {status} {count} times"));
        }
    }
    wrong.extend(told(incident).wrong(&firing(&messages)));
    watched.report.wrong.extend(wrong);
    watched.report
}

/// Nothing happens.
pub(crate) fn quiet(past: &Past) -> Report {
    let folder = folder();
    let mut watched = Watched::begin(past, folder.path());
    watched.seconds(if is_long() { QUIET_SECS.1 } else { QUIET_SECS.0 }, &[StateName::Healthy]);
    let told = watched.messages().len();
    if told > 0 {
        watched.report.wrong.push(format!("{told} messages"));
    }
    watched.report
}

/// Something that is not the model's doing: it must be named as what it is, or not at all.
pub(crate) fn blameless(past: &Past, incident: Incident, cause: Option<Cause>) -> Report {
    let folder = folder();
    let mut watched = Watched::begin(past, folder.path());
    let (seed, salt) = (past.seed, incident as u64);
    watched.seconds(drawn(seed, salt, 15, 60), &[StateName::Healthy]);
    watched.run.start(incident, STRUCK);
    let named = |run: &Run| {
        let struck = run.snapshot().incidents.iter().find(|i| i.target.name() == STRUCK).cloned();
        struck.filter(|found| Some(found.attribution.cause) == cause)
    };
    for _ in 0..if cause.is_some() { WITHIN_SECS } else { UNNAMED_SECS } {
        watched.pass();
        if cause.is_some() && named(&watched.run).is_some() {
            watched.report.to_state_secs = Some(watched.second as f64);
            break;
        }
    }
    if let Some(cause) = cause
        && named(&watched.run).is_none()
    {
        watched.report.wrong.push(format!("{incident} was not named as {}", cause.name()));
    }
    // The word is spoken: from here on nothing stands against the model, though the incident goes on.
    watched.passes(SETTLES_SECS);
    watched.seconds(drawn(seed, salt + 16, 15, 60), &[StateName::Healthy]);
    watched.run.stop_all();
    watched.passes(SETTLES_SECS);
    let snapshot = watched.run.snapshot();
    let blamed = snapshot.incidents.iter().filter(|found| found.attribution.cause == Cause::System);
    let mut wrong: Vec<String> = blamed.map(|found| format!("blamed: {}", found.sentence)).collect();
    if cause.is_none() {
        wrong.extend(snapshot.incidents.iter().map(|found| format!("told: {}", found.sentence)));
    }
    let drifted = snapshot.judges.iter().any(|judge| judge.drift.is_some());
    if drifted && cause != Some(Cause::Judge) {
        wrong.push("the judge was called drifted".to_owned());
    }
    let messages = watched.messages();
    wrong.extend(told(incident).wrong(&firing(&messages)));
    for (target, rule, status) in messages {
        let elsewhere = target != STRUCK && cause != Some(Cause::Judge);
        if elsewhere || cause.is_none() {
            wrong.push(format!("`{rule}` of {target} was told as {status}"));
        }
    }
    watched.report.wrong.extend(wrong);
    watched.report
}
