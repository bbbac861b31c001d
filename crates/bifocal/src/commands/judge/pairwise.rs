//! `bifocal judge pairwise CONFIG A B`: two sets of recorded answers side by side, each pair in both orders.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use bifocal_evaluate::judge::{Order, Pair, Pairs};
use bifocal_model::Dimension;
use bifocal_stats::pairwise::{Better, NO_DIFFERENCE, Pairwise, Repeats, Side, Trial, pairwise};
use bifocal_telemetry::{Clock, SystemClock, TaskGroup, Telemetry};
use serde::Serialize;

use super::asking::{Asked, Tally};
use crate::Done;
use crate::cli::{Format, PairwiseArgs};
use crate::config::{Resolved, load};
use crate::output;
use crate::user_error::{Code, UserError};

const ALPHA: f64 = 0.05;
/// More repeats of a question say nothing that ten do not.
const REPEATS_MAX: u32 = 10;

/// What is told.
#[derive(Debug, Serialize)]
struct Report {
    a: String,
    b: String,
    dimension: String,
    /// Pairs that were asked about.
    pairs: usize,
    /// Ids that only one of the sets has.
    alone: usize,
    judge: Tally,
    /// `null` where fewer than two pairs were judged in both orders.
    result: Option<Told>,
}

#[derive(Debug, Serialize)]
struct Told {
    n: u64,
    a_wins: u64,
    b_wins: u64,
    ties: u64,
    contradicted: u64,
    /// Share of words for A, ties as halves.
    win_rate: f64,
    win_lower: f64,
    win_upper: f64,
    /// `a`, `b`, `neither` or `unknown`.
    better: &'static str,
    /// Share of words for what was shown first.
    first_rate: f64,
    first_lower: f64,
    first_upper: f64,
    /// `first`, `second`, `neither` or `unknown`.
    position_bias: &'static str,
    /// Share of two words about the same pair in the same order that are the same; `null` without --repeat.
    repeatability: Option<f64>,
    repeatability_lower: Option<f64>,
    repeatability_upper: Option<f64>,
}

struct Work {
    asked: Asked,
    pairs: Vec<Pair>,
    dimension: Dimension,
    repeat: u32,
    next: Mutex<usize>,
    trials: Mutex<Vec<Trial>>,
}

pub(super) fn run(args: &PairwiseArgs, format: Format) -> anyhow::Result<Done> {
    let config = Resolved::of(load(&args.config)?)?;
    let wrong = |what: String, hint: &str| UserError::new(Code::ConfigInvalid, what).hint(hint);
    let pairs = Pairs::open(&args.a, &args.b).map_err(|err| {
        let what = format!("{:#}", anyhow::Error::from(err));
        wrong(
            what,
            "a line of either file is {\"id\", \"prompt\", \"answer\"}; answers to one question share the id",
        )
    })?;
    if !(1..=REPEATS_MAX).contains(&args.repeat) {
        return Err(wrong(
            format!("--repeat {} is not in 1 to {REPEATS_MAX}", args.repeat),
            "two or three tell",
        )
        .into());
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let asked = Asked::of(&config, "CONFIG", &clock, &Telemetry::new())?;
    let judged: Vec<Dimension> = asked.judge.dimensions().map(|(dimension, _)| dimension).collect();
    let dimension = match &args.dimension {
        Some(name) => judged.iter().find(|dimension| dimension.as_str() == name).cloned(),
        None => judged.first().cloned(),
    };
    let Some(dimension) = dimension else {
        let known: Vec<&str> = judged.iter().map(Dimension::as_str).collect();
        return Err(wrong(
            format!("--dimension {} is not judged", args.dimension.as_deref().unwrap_or_default()),
            &format!("the [judge] of CONFIG judges {}", known.join(", ")),
        )
        .into());
    };
    let (at_once, alone) = (asked.judge.config().concurrency, pairs.alone);
    let mut pairs = pairs.all;
    pairs.truncate(args.limit);
    let trials = Mutex::new(vec![Trial::default(); pairs.len()]);
    let work = Arc::new(Work { asked, pairs, dimension, repeat: args.repeat, next: Mutex::new(0), trials });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start")?;
    runtime.block_on(async {
        let tasks = TaskGroup::new();
        for _ in 0..at_once {
            tasks.spawn("pairwise", Arc::clone(&work).work());
        }
        tasks.stop_and_join().await;
    });
    let trials = work.trials.lock().unwrap_or_else(PoisonError::into_inner);
    let report = Report {
        a: args.a.display().to_string(),
        b: args.b.display().to_string(),
        dimension: work.dimension.to_string(),
        pairs: work.pairs.len(),
        alone,
        judge: work.asked.told(),
        result: pairwise(&trials, ALPHA).map(|said| Told::of(&said)),
    };
    match format {
        Format::Json => output::line(&serde_json::to_string(&report).context("print the comparison")?),
        Format::Text => output::line(text(&report).trim_end()),
    }
    Ok(if report.result.is_none() { Done::WithFindings } else { Done::Well })
}

impl Work {
    /// Takes one pair after the other.
    async fn work(self: Arc<Self>) {
        loop {
            let at = {
                let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
                *next += 1;
                *next - 1
            };
            let Some(pair) = self.pairs.get(at) else { return };
            for again in 0..self.repeat {
                let forth = self.ask(pair, Order::Forth, again).await;
                let back = self.ask(pair, Order::Back, again).await;
                let mut trials = self.trials.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(trial) = trials.get_mut(at) {
                    trial.forth.extend(forth);
                    trial.back.extend(back);
                }
            }
        }
    }

    async fn ask(&self, pair: &Pair, order: Order, again: u32) -> Option<Better> {
        let salt = again.to_le_bytes()[0].wrapping_mul(2) + u8::from(order == Order::Back);
        let body =
            self.asked.judge.pair_request(pair, order, &self.dimension, self.asked.nonce(salt)).ok()?;
        let judge = &self.asked.judge;
        self.asked
            .ask(&body, |reply| {
                let (said, cost) = judge.read_pair(reply.status, &reply.body);
                (said.map_err(|(failure, _)| failure), cost)
            })
            .await
    }
}

impl Told {
    fn of(said: &Pairwise) -> Self {
        let word = |side: Side, [first, second]: [&'static str; 2]| match side {
            Side::First => first,
            Side::Second => second,
            Side::Neither => "neither",
            Side::Unknown => "unknown",
        };
        let repeats = |of: fn(&Repeats) -> f64| said.repeats.as_ref().map(of);
        Self {
            n: said.n,
            a_wins: said.a_wins,
            b_wins: said.b_wins,
            ties: said.ties,
            contradicted: said.contradicted,
            win_rate: said.win_rate,
            win_lower: said.win_interval.lower,
            win_upper: said.win_interval.upper,
            better: word(said.better, ["a", "b"]),
            first_rate: said.first_rate,
            first_lower: said.first_interval.lower,
            first_upper: said.first_interval.upper,
            position_bias: word(said.bias, ["first", "second"]),
            repeatability: repeats(|of| of.same),
            repeatability_lower: repeats(|of| of.interval.lower),
            repeatability_upper: repeats(|of| of.interval.upper),
        }
    }
}

fn text(report: &Report) -> String {
    let mut text = format!("A: {}\nB: {}\n{}\n", report.a, report.b, report.judge.text());
    let alone = if report.alone > 0 {
        format!("; {} ids stand in one file alone", report.alone)
    } else {
        String::new()
    };
    let _ = writeln!(text, "{} pairs on {}{alone}", report.pairs, report.dimension);
    let Some(told) = &report.result else {
        text.push_str("\nFewer than two pairs were judged in both orders: nothing can be said.\n");
        return text;
    };
    let better = match told.better {
        "a" => "A is better",
        "b" => "B is better",
        "neither" => "neither is better",
        _ => "which is better cannot be told from so many",
    };
    let _ = writeln!(
        text,
        "\nA wins {} pairs, B {}, {} ties, {} contradicted when turned round\nA's win rate {:.3} [{:.3}, {:.3}] over {} pairs: {better}",
        told.a_wins,
        told.b_wins,
        told.ties,
        told.contradicted,
        told.win_rate,
        told.win_lower,
        told.win_upper,
        told.n
    );
    let bias = match told.position_bias {
        "first" => "he prefers what stands first",
        "second" => "he prefers what stands second",
        "neither" => "no bias",
        _ => "a bias cannot be ruled out",
    };
    let _ = writeln!(
        text,
        "the judge: the first place is chosen {:.3} [{:.3}, {:.3}], {bias} (within {NO_DIFFERENCE} of a half is none)",
        told.first_rate, told.first_lower, told.first_upper
    );
    if let (Some(same), Some(lower), Some(upper)) =
        (told.repeatability, told.repeatability_lower, told.repeatability_upper)
    {
        let _ = writeln!(text, "the judge: asked again he says the same {same:.3} [{lower:.3}, {upper:.3}]");
    }
    text
}
