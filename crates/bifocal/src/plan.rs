//! What a configuration will cost a month, when its baselines are ready, and what it can detect how soon.
//!
//! Life of the data: [`Traffic`] (observed in the store, or said by flags) and the judge's configuration become
//! [`Plan`]: judgements a day under the cap, dollars or tokens, the threshold that the budget buys, [`detection`] delays by
//! running the detector itself on scores like those of each stream, the [`ladder`] of judges at equal width, and what all of
//! it costs in 30 [`monthly`] days.
//!
//! Invariant: every number is computed from inputs that are printed beside it; what is assumed is marked as assumed.

pub mod detection;
pub mod ladder;
pub mod monthly;
mod streams;
mod tilt;

use bifocal_evaluate::judge::{Cap, JudgeConfig};
use bifocal_infra::right_sizing::Advice;
use bifocal_publish::cloudwatch::WriteBackConfig;
use bifocal_stats::budget;
use bifocal_stats::rates::CORE;
use serde::Serialize;

use ladder::Ladder;
use monthly::Item;
pub use streams::{SeenStream, Sooner, StreamPlan};

/// Mean and standard deviation of scores where nothing is observed: those of a middling model on WildBench.
pub const ASSUMED_MEAN: f64 = 0.7;
/// See [`ASSUMED_MEAN`].
pub const ASSUMED_SD: f64 = 0.18;

/// Where a number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The store.
    Observed,
    /// A flag or the configuration.
    Said,
    /// Nobody: a default.
    Assumed,
}

/// A number and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Known {
    /// The number.
    pub value: f64,
    /// Its source.
    pub basis: Basis,
}

/// One target's traffic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Traffic {
    /// The target.
    pub target: String,
    /// Requests a day.
    pub requests_per_day: Known,
    /// The share that is to be judged.
    pub rate: f64,
}

/// What the plan is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// Traffic by target.
    pub traffic: Vec<Traffic>,
    /// The judge; `None`: nothing is judged.
    pub judge: Option<JudgeConfig>,
    /// Tokens into and out of the judge for one judgement.
    pub tokens: [Known; 2],
    /// Scores that the store has seen, by stream.
    pub seen: Vec<SeenStream>,
    /// Mean and standard deviation of scores of other streams.
    pub scores: [Known; 2],
    /// Falls of the mean whose delays are told, on [0, 1].
    pub falls: Vec<f64>,
    /// Judged scores of a baseline, provisional and complete.
    pub baseline: [u64; 2],
    /// Expected false pages in 30 days over all streams.
    pub false_pages_per_30_days: f64,
    /// Squared correlation of a cheap judge's scores with the strong judge's.
    pub rho2: Known,
    /// How many copies each target needed; empty where no store is looked at.
    pub sizes: Vec<SizedTarget>,
    /// What is paid beside the judge.
    pub monthly: Vec<Item>,
    /// Judged answers that are written to CloudWatch Logs; `None`: none are.
    pub logged: Option<Logged>,
}

/// How judged answers are written to CloudWatch Logs.
#[derive(Clone, Debug, PartialEq)]
pub struct Logged {
    /// Where, and for how long they are kept.
    pub config: WriteBackConfig,
    /// Bytes that one event is billed as.
    pub bytes: Known,
}

/// Whether one target's accelerators are right-sized.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SizedTarget {
    /// The target.
    pub target: String,
    /// The copies that would have been enough; `null` where that cannot be told.
    pub advice: Option<Advice>,
    /// Why it cannot be told.
    pub unknown: Option<String>,
}

/// The plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Traffic by target.
    pub traffic: Vec<Traffic>,
    /// What judging takes; `null` without a judge.
    pub judging: Option<Judging>,
    /// Streams under the budget: targets times judged dimensions.
    pub streams: u64,
    /// Expected false pages in 30 days over all of them.
    pub false_pages_per_30_days: f64,
    /// What that holds under; each is checked live, and by `bifocal backtest`.
    pub conditions: [&'static str; 4],
    /// The evidence at which a stream alarms; `null` where nothing is judged.
    pub threshold: Option<f64>,
    /// Each target's baselines and delays.
    pub targets: Vec<TargetPlan>,
    /// Which judge to pay for; `null` without a judge.
    pub ladder: Option<Ladder>,
    /// Tokens of one judgement, in and out.
    pub tokens: [Known; 2],
    /// What is paid in 30 days, the judge first.
    pub monthly: Vec<Item>,
    /// Whether accelerators are right-sized, by target.
    pub sizes: Vec<SizedTarget>,
}

/// What judging takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judging {
    /// Judgements a day that the rates ask for, one for each answer and dimension.
    pub wanted_per_day: f64,
    /// Judgements a day that the cap leaves.
    pub judged_per_day: f64,
    /// Whether the cap is what limits.
    pub capped: bool,
    /// Tokens in 30 days.
    pub tokens_per_30_days: f64,
    /// Dollars in 30 days; `null` where the price is not known.
    pub usd_per_30_days: Option<f64>,
    /// Dollars of one judgement; `null` where the price is not known.
    pub usd_per_judgement: Option<f64>,
    /// Of what the rates ask for, the share that detectors see: the part of the cap that gives every answer the same chance.
    pub detectors_share: f64,
}

/// One target under the plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetPlan {
    /// The target.
    pub target: String,
    /// Judged a day on each dimension, under the cap, for detectors: what floors and oversampling add is not in it.
    pub judged_per_day: f64,
    /// Days until a provisional baseline is shown; `null`: never.
    pub provisional_days: Option<f64>,
    /// Days until the baseline is complete and the stream may page; `null`: never.
    pub baseline_days: Option<f64>,
    /// Its streams, and how soon falls of each are seen.
    pub streams: Vec<StreamPlan>,
}

const CONDITIONS: [&str; 4] = [
    "the baseline is representative",
    "the mix of questions is adjusted for",
    "the judge is unchanged",
    "no more is judged than the threshold was made for",
];

impl Plan {
    /// Makes the plan.
    pub fn of(inputs: Inputs) -> Self {
        let dimensions = inputs.judge.as_ref().map_or(0, |judge| judge.dimensions.len());
        let streams = (inputs.traffic.len() * dimensions) as u64;
        let judging = inputs.judge.as_ref().map(|judge| Judging::of(judge, &inputs));
        let share = judging.as_ref().map_or(0.0, |judging| judging.detectors_share);
        let all: f64 = inputs.traffic.iter().map(|traffic| traffic.asked()).sum::<f64>() * share;
        let per_stream = 30.0 * all / inputs.traffic.len().max(1) as f64;
        let judged = all > 0.0 && streams > 0;
        let threshold =
            judged.then(|| budget::threshold(streams, per_stream, inputs.false_pages_per_30_days));
        let usd_per_day = judging.as_ref().and_then(|judging| judging.usd_per_30_days).map(|usd| usd / 30.0);
        let plans = threshold.map(|threshold| streams::Plans::of(&inputs, threshold));
        let target = |traffic: &Traffic| {
            let judged_per_day = traffic.asked() * share;
            let days = |n: f64| (judged_per_day > 0.0).then(|| n / judged_per_day);
            let [provisional, full] = inputs.baseline.map(|n| days(n as f64));
            let streams = plans.as_ref().map(|plans| plans.at(traffic, judged_per_day, usd_per_day));
            TargetPlan {
                target: traffic.target.clone(),
                judged_per_day,
                provisional_days: provisional,
                baseline_days: full,
                streams: streams.unwrap_or_default(),
            }
        };
        let targets: Vec<TargetPlan> = inputs.traffic.iter().map(target).collect();
        let ladder = judging.as_ref().map(|judging| {
            let requests: f64 = inputs.traffic.iter().map(|t| t.requests_per_day.value).sum();
            Ladder::of(
                streams::sd(&targets, inputs.scores[1].value),
                inputs.rho2,
                requests / inputs.traffic.len().max(1) as f64,
                judging.usd_per_judgement,
                inputs.judge.as_ref().and_then(|judge| cheap_price(judge, &inputs)),
            )
        });
        let mut monthly: Vec<Item> = judging.iter().map(Judging::item).collect();
        monthly.extend(inputs.monthly);
        if let (Some(judging), Some(logged)) = (&judging, &inputs.logged) {
            // One event for each answer, whatever is judged of it.
            let answers = judging.judged_per_day / dimensions.max(1) as f64;
            monthly.push(Item::answers(&logged.config, answers, logged.bytes));
        }
        Self {
            judging,
            streams,
            false_pages_per_30_days: inputs.false_pages_per_30_days,
            conditions: CONDITIONS,
            threshold,
            targets,
            ladder,
            tokens: inputs.tokens,
            monthly,
            traffic: inputs.traffic,
            sizes: inputs.sizes,
        }
    }
}

/// The price of a call of the cheap judge over that of the judge; `None` where either is not known.
fn cheap_price(judge: &JudgeConfig, inputs: &Inputs) -> Option<f64> {
    let [tokens_in, tokens_out] = inputs.tokens.map(|known| known.value);
    let usd = |judge: &JudgeConfig| {
        let prices = judge.prices()?;
        Some(tokens_in * prices.usd_per_million_input + tokens_out * prices.usd_per_million_output)
    };
    let first = usd(judge).filter(|usd| *usd > 0.0)?;
    usd(&judge.cheap.as_ref()?.as_judge(judge)).map(|cheap| cheap / first)
}

impl Traffic {
    /// Answers a day that the rate asks to judge.
    fn asked(&self) -> f64 {
        self.requests_per_day.value * self.rate
    }
}

impl Judging {
    fn of(judge: &JudgeConfig, inputs: &Inputs) -> Self {
        let [tokens_in, tokens_out] = inputs.tokens.map(|known| known.value);
        let tokens = tokens_in + tokens_out;
        let usd_per_judgement = judge.prices().map(|prices| {
            (tokens_in * prices.usd_per_million_input + tokens_out * prices.usd_per_million_output) / 1e6
        });
        let answers: f64 = inputs.traffic.iter().map(Traffic::asked).sum();
        let wanted = answers * judge.dimensions.len() as f64;
        // What all hours may cost may be less than what the day may.
        let of_hours = judge.hourly_cap().map_or(f64::INFINITY, |hourly| 24.0 * hourly);
        let most = match (judge.cap(), usd_per_judgement) {
            (Cap::Usd { usd, .. }, Some(price)) if price > 0.0 => usd.min(of_hours) / price,
            (Cap::Usd { .. }, _) => f64::INFINITY,
            (Cap::Tokens(cap), _) => (cap as f64).min(of_hours) / tokens,
        };
        let judged = wanted.min(most);
        Self {
            wanted_per_day: wanted,
            judged_per_day: judged,
            capped: judged < wanted,
            tokens_per_30_days: 30.0 * judged * tokens,
            usd_per_30_days: usd_per_judgement.map(|usd| 30.0 * judged * usd),
            usd_per_judgement,
            detectors_share: if wanted > 0.0 { (CORE * most / wanted).min(1.0) } else { 0.0 },
        }
    }

    /// As a line of what is paid.
    fn item(&self) -> Item {
        Item {
            what: "judging".to_owned(),
            quantity: Some(30.0 * self.judged_per_day),
            unit: "judgements",
            usd: self.usd_per_30_days,
            unknown: self.usd_per_30_days.is_none().then(|| "the judge's price is not known".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
