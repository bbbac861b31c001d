//! `bifocal judge bridge OLD NEW`: both judges score the same answers before one takes the other's place.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use bifocal_evaluate::judge::{Anchors, Taken};
use bifocal_model::{Dimension, Timestamp, Verdict};
use bifocal_stats::bridge::{Bridge, NO_STEP, Step, bridge};
use bifocal_telemetry::{Clock, SystemClock, TaskGroup, Telemetry};
use serde::Serialize;

use super::asking::{Asked, Tally};
use crate::Done;
use crate::cli::{BridgeArgs, Format};
use crate::config::{Resolved, load};
use crate::output;
use crate::running::anchors;
use crate::user_error::{Code, UserError};

const ALPHA: f64 = 0.05;

/// What is told.
#[derive(Debug, Serialize)]
struct Report {
    old: Tally,
    new: Tally,
    answers: usize,
    /// Questions without a score, of either judge.
    failed: u64,
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
    old: Asked,
    new: Asked,
    set: Anchors,
    dimensions: Vec<Dimension>,
    next: Mutex<usize>,
    limit: usize,
    /// Judged answers of a baseline, by NEW's configuration.
    baseline: u64,
    scored: Mutex<Vec<Scored>>,
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
    let baseline = new.watch.quality.baseline_judged;
    let side = |config: &Resolved, which: &str| Asked::of(config, which, &clock, &telemetry);
    let (old, new) = (side(&old, "OLD")?, side(&new, "NEW")?);
    let known: Vec<Dimension> = new.judge.dimensions().map(|(dimension, _)| dimension).collect();
    let dimensions: Vec<Dimension> =
        old.judge.dimensions().map(|(dimension, _)| dimension).filter(|d| known.contains(d)).collect();
    if dimensions.is_empty() {
        return Err(UserError::new(Code::ConfigInvalid, "OLD and NEW judge no dimension in common")
            .hint("give both the same `dimensions`")
            .into());
    }
    let at_once = old.judge.config().concurrency.min(new.judge.config().concurrency);
    let limit = args.limit.min(set.all().len());
    let (next, scored) = (Mutex::new(0), Mutex::default());
    let work = Arc::new(Work { old, new, set, dimensions, next, limit, baseline, scored });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start")?;
    runtime.block_on(async {
        let tasks = TaskGroup::new();
        for _ in 0..at_once {
            tasks.spawn("bridge", Arc::clone(&work).work());
        }
        tasks.stop_and_join().await;
    });
    let report = work.report();
    match format {
        Format::Json => output::line(&serde_json::to_string(&report).context("print the bridge")?),
        Format::Text => output::line(text(&report).trim_end()),
    }
    Ok(if report.dimensions.is_empty() { Done::WithFindings } else { Done::Well })
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
                let mut scored = self.scored.lock().unwrap_or_else(PoisonError::into_inner);
                scored.push((dimension, at, old, new));
            }
        }
    }

    async fn ask(&self, side: &Asked, at: usize, dimension: usize) -> Option<f64> {
        let (anchor, dimension) = (self.set.all().get(at)?, self.dimensions.get(dimension)?);
        let request = side.judge.anchor_request(anchor, dimension, side.nonce(0)).ok()?;
        side.ask(&request.body, |reply| {
            let taken = Taken { now: Timestamp::default(), latency_seconds: 0.0 };
            let score = side.judge.read(&request, reply.status, &reply.body, taken);
            let cost = score.cost;
            match score.verdict {
                Verdict::Scored { value, .. } => (Ok(value.get()), cost),
                Verdict::Failed { failure, .. } => (Err(failure), cost),
            }
        })
        .await
    }

    fn report(&self) -> Report {
        let mut scored = self.scored.lock().unwrap_or_else(PoisonError::into_inner);
        scored.sort_unstable_by_key(|(dimension, at, ..)| (*dimension, *at));
        let of = |(at, dimension): (usize, &Dimension)| {
            let pairs: Vec<(f64, f64)> = scored
                .iter()
                .filter(|(of, ..)| *of == at)
                .filter_map(|(_, _, old, new)| old.zip(*new))
                .collect();
            bridge(&pairs, ALPHA).map(|bridge| OfDimension::new(dimension, &bridge, self.baseline))
        };
        let dimensions = self.dimensions.iter().enumerate().filter_map(of).collect();
        let (old, new) = (self.old.told(), self.new.told());
        let cost_usd = match (old.usd, new.usd) {
            (None, None) => None,
            (old, new) => Some(old.unwrap_or(0.0) + new.unwrap_or(0.0)),
        };
        let failed = old.unanswered() + new.unanswered();
        let tokens = old.tokens + new.tokens;
        Report { old, new, answers: self.limit, failed, cost_usd, tokens, dimensions }
    }
}

impl OfDimension {
    fn new(dimension: &Dimension, bridge: &Bridge, baseline: u64) -> Self {
        let place = |place: &bifocal_stats::bridge::Place| OfPlace {
            old_from: place.from,
            old_to: place.to,
            new_mean: place.new,
            lower: place.interval.lower,
            upper: place.interval.upper,
            n: place.n,
        };
        let (verdict, means) = match bridge.verdict {
            Step::Down => ("down", "the mean will fall by that much with no answer worse".to_owned()),
            Step::Up => ("up", "the mean will rise by that much with no answer better".to_owned()),
            Step::None => ("none", format!("no step larger than {NO_STEP}")),
            Step::Unknown => ("unknown", "too few answers to tell whether the mean will step".to_owned()),
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
            means: format!("{means}; scores are not pooled, and a new baseline of {baseline} is learnt"),
        }
    }
}

fn text(report: &Report) -> String {
    let mut text =
        format!("old: {}\nnew: {}\n{} answers\n", report.old.text(), report.new.text(), report.answers);
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
        text.push_str("\nFewer than two answers were scored by both: nothing can be said.\n");
    }
    text
}
