//! `bifocal judge bridge OLD NEW`: both judges score the same answers before one takes the other's place.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use bifocal_evaluate::judge::{Anchors, Judge, JudgeConfig, PATH, Taken, Transport, TransportError};
use bifocal_model::{Dimension, Score};
use bifocal_stats::bridge::{Bridge, Step, bridge};
use bifocal_telemetry::{Clock, SystemClock, TaskGroup, Telemetry};
use serde::Serialize;

use crate::Done;
use crate::cli::{BridgeArgs, Format};
use crate::config::{Resolved, judge_place, load};
use crate::output;
use crate::running::{anchors, judge, judge_transport};
use crate::user_error::{Code, UserError};

const ALPHA: f64 = 0.05;

/// One judge and the way to it.
struct Side {
    judge: Judge,
    transport: Arc<dyn Transport>,
    timeout: Duration,
}

/// What is told.
#[derive(Debug, Serialize)]
struct Report {
    old: String,
    new: String,
    answers: usize,
    /// Calls that gave no score, of either judge.
    failed: usize,
    /// What both cost, where prices are known.
    cost_usd: Option<f64>,
    tokens: u64,
    dimensions: Vec<OfDimension>,
}

#[derive(Debug, Serialize)]
struct OfDimension {
    dimension: String,
    n: u64,
    old_mean: f64,
    new_mean: f64,
    step: f64,
    step_lower: f64,
    step_upper: f64,
    /// `down`, `up`, `none` or `unknown`.
    verdict: &'static str,
    rho2: f64,
    rho2_lower: f64,
    rho2_upper: f64,
    map: Vec<OfPlace>,
    /// What it means for baselines.
    means: String,
}

#[derive(Debug, Serialize)]
struct OfPlace {
    old_from: f64,
    old_to: f64,
    new_mean: f64,
    lower: f64,
    upper: f64,
    n: u64,
}

/// Scores of one answer on one dimension by both.
type Scored = (usize, usize, Option<f64>, Option<f64>);

/// What the workers share.
struct Work {
    old: Side,
    new: Side,
    set: Anchors,
    dimensions: Vec<Dimension>,
    clock: Arc<dyn Clock>,
    next: Mutex<usize>,
    limit: usize,
    done: Mutex<Tally>,
}

#[derive(Default)]
struct Tally {
    scored: Vec<Scored>,
    failed: usize,
    usd: Option<f64>,
    tokens: u64,
}

pub(super) fn run(args: &BridgeArgs, format: Format) -> anyhow::Result<Done> {
    let (old, new) = (Resolved::of(load(&args.old)?)?, Resolved::of(load(&args.new)?)?);
    let set = match &args.set {
        Some(path) => Anchors::open(path).map_err(|err| {
            UserError::new(Code::ConfigInvalid, format!("--set: {:#}", anyhow::Error::from(err)))
                .hint("the form of a line is that of an anchor: docs/guide/judge.md")
        })?,
        None => anchors(&old)?.ok_or_else(|| {
            UserError::new(Code::ConfigInvalid, "OLD names no anchors, and no --set was given")
                .hint("give a file of answers that are like those that will be judged: --set answers.jsonl")
        })?,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let telemetry = Telemetry::new();
    let side = |config: &Resolved, which: &str| -> anyhow::Result<Side> {
        let judge = judge(config)?.ok_or_else(|| {
            UserError::new(Code::ConfigInvalid, format!("{which} has no [judge]"))
                .hint("OLD and NEW are configuration files, each with its [judge]")
        })?;
        let transport = judge_transport(judge.config(), &clock, &telemetry)?;
        let timeout = Duration::from_secs_f64(judge.config().timeout_seconds);
        Ok(Side { judge, transport, timeout })
    };
    let (old, new) = (side(&old, "OLD")?, side(&new, "NEW")?);
    let known: Vec<Dimension> = new.judge.dimensions().map(|(dimension, _)| dimension).collect();
    let dimensions: Vec<Dimension> =
        old.judge.dimensions().map(|(dimension, _)| dimension).filter(|d| known.contains(d)).collect();
    if dimensions.is_empty() {
        return Err(UserError::new(Code::ConfigInvalid, "OLD and NEW judge no dimension in common")
            .hint("give both the same `dimensions`")
            .into());
    }
    let names = [name(old.judge.config()), name(new.judge.config())];
    let at_once = old.judge.config().concurrency.min(new.judge.config().concurrency);
    let limit = args.limit.min(set.all().len());
    let (next, done) = (Mutex::new(0), Mutex::default());
    let work = Arc::new(Work { old, new, set, dimensions, clock, next, limit, done });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start")?;
    runtime.block_on(async {
        let tasks = TaskGroup::new();
        for _ in 0..at_once {
            tasks.spawn("bridge", Arc::clone(&work).work());
        }
        tasks.stop_and_join().await;
    });
    let report = work.report(names);
    match format {
        Format::Json => output::line(&serde_json::to_string(&report).context("print the bridge")?),
        Format::Text => output::line(text(&report).trim_end()),
    }
    Ok(if report.dimensions.is_empty() { Done::WithFindings } else { Done::Well })
}

fn name(judge: &JudgeConfig) -> String {
    format!("{} at {}", judge.model, judge_place(judge))
}

impl Work {
    /// Takes one answer after the other.
    async fn work(self: Arc<Self>) {
        loop {
            let at = {
                let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
                *next += 1;
                *next - 1
            };
            if at >= self.limit {
                return;
            }
            for dimension in 0..self.dimensions.len() {
                let old = self.ask(&self.old, at, dimension).await;
                let new = self.ask(&self.new, at, dimension).await;
                let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
                done.scored.push((dimension, at, old, new));
            }
        }
    }

    /// One question; asked once more where the failure may pass.
    async fn ask(&self, side: &Side, at: usize, dimension: usize) -> Option<f64> {
        let (anchor, dimension) = (self.set.all().get(at)?, self.dimensions.get(dimension)?);
        let nonce = self.clock.now().as_nanos().to_be_bytes();
        let nonce: [u8; 16] =
            std::array::from_fn(|i| nonce.get(i % 8).map_or(0, |byte| byte.rotate_left(u32::from(i > 7))));
        let request = side.judge.anchor_request(anchor, dimension, nonce).ok()?;
        for is_last in [false, true] {
            let asked = self.clock.now();
            let call =
                side.transport.post(PATH, request.body.clone(), &[("content-type", "application/json")]);
            let answer =
                tokio::time::timeout(side.timeout, call).await.unwrap_or(Err(TransportError::Timeout));
            let now = self.clock.now();
            let taken = Taken { now, latency_seconds: now.since(asked).as_secs_f64() };
            let score: Score<String> = match answer {
                Ok(reply) => side.judge.read(&request, reply.status, &reply.body, taken),
                Err(error) => side.judge.unanswered(&request, error, taken),
            };
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            done.tokens += u64::from(score.cost.input_tokens) + u64::from(score.cost.output_tokens);
            if let Some(usd) = score.cost.usd {
                done.usd = Some(done.usd.unwrap_or(0.0) + usd);
            }
            match score.value() {
                Some(value) => return Some(value.get()),
                None if is_last => done.failed += 1,
                None => {}
            }
        }
        None
    }

    fn report(&self, [old, new]: [String; 2]) -> Report {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.scored.sort_unstable_by_key(|(dimension, at, ..)| (*dimension, *at));
        let of = |(at, dimension): (usize, &Dimension)| {
            let pairs: Vec<(f64, f64)> = done
                .scored
                .iter()
                .filter(|(of, ..)| *of == at)
                .filter_map(|(_, _, old, new)| old.zip(*new))
                .collect();
            bridge(&pairs, ALPHA).map(|bridge| OfDimension::new(dimension, &bridge))
        };
        let dimensions = self.dimensions.iter().enumerate().filter_map(of).collect();
        let Tally { failed, usd: cost_usd, tokens, .. } = *done;
        Report { old, new, answers: self.limit, failed, cost_usd, tokens, dimensions }
    }
}

impl OfDimension {
    fn new(dimension: &Dimension, bridge: &Bridge) -> Self {
        let place = |place: &bifocal_stats::bridge::Place| OfPlace {
            old_from: place.from,
            old_to: place.to,
            new_mean: place.new,
            lower: place.interval.lower,
            upper: place.interval.upper,
            n: place.n,
        };
        let (verdict, means) = match bridge.verdict {
            Step::Down => ("down", "the mean will fall by that much with no answer worse"),
            Step::Up => ("up", "the mean will rise by that much with no answer better"),
            Step::None => ("none", "no step larger than 0.02"),
            Step::Unknown => ("unknown", "too few answers to tell whether the mean will step"),
        };
        let (rho2_lower, rho2_upper) = bridge.rho2_interval;
        Self {
            dimension: dimension.to_string(),
            n: bridge.n,
            old_mean: bridge.old,
            new_mean: bridge.new,
            step: bridge.step,
            step_lower: bridge.interval.lower,
            step_upper: bridge.interval.upper,
            verdict,
            rho2: bridge.rho2,
            rho2_lower,
            rho2_upper,
            map: bridge.map.iter().map(place).collect(),
            means: format!("{means}; scores are not pooled, and a new baseline of 500 is learnt"),
        }
    }
}

fn text(report: &Report) -> String {
    let mut text = format!("old: {}\nnew: {}\n", report.old, report.new);
    let cost = report.cost_usd.map_or_else(String::new, |usd| format!(", ${usd:.2}"));
    let _ = writeln!(
        text,
        "{} answers, {} calls without a score, {} tokens{cost}",
        report.answers, report.failed, report.tokens
    );
    for of in &report.dimensions {
        let _ = writeln!(
            text,
            "\n{}: {:.3} -> {:.3}, a step of {:+.3} [{:+.3}, {:+.3}] over {} answers; rho2 {:.2} [{:.2}, {:.2}]\n  {}",
            of.dimension,
            of.old_mean,
            of.new_mean,
            of.step,
            of.step_lower,
            of.step_upper,
            of.n,
            of.rho2,
            of.rho2_lower,
            of.rho2_upper,
            of.means
        );
        for place in &of.map {
            let old = if place.old_from == place.old_to {
                format!("{:.2}", place.old_from)
            } else {
                format!("{:.2} to {:.2}", place.old_from, place.old_to)
            };
            let _ = writeln!(
                text,
                "  old {old} -> new {:.2} [{:.2}, {:.2}], {} answers",
                place.new_mean, place.lower, place.upper, place.n
            );
        }
    }
    if report.dimensions.is_empty() {
        text.push_str(
            "\nNo answer was scored by both: nothing can be said. See whether both can be reached.\n",
        );
    }
    text
}
