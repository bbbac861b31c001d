//! Streams of a plan: each judged dimension of each target, with scores like its own and how soon falls of it are seen.

use std::collections::BTreeMap;

use serde::Serialize;

use super::detection::{Conditions, Delays, Detection, SOONER, Scores, simulate};
use super::{Basis, Inputs, Traffic};

/// Fewer scores are not taken for a stream's distribution.
const SCORES_MIN: usize = 50;

/// Scores that the store has of a stream, those of its newest evaluator alone.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenStream {
    /// The target.
    pub target: String,
    /// What was judged.
    pub dimension: String,
    /// In [0, 1].
    pub values: Vec<f64>,
}

/// One stream under the plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamPlan {
    /// What is judged.
    pub dimension: String,
    /// Scores that its distribution is taken from; 0 where it is assumed.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub sd: f64,
    /// Where the distribution comes from.
    pub basis: Basis,
    /// Falls of different size, and how soon they are seen.
    pub detection: Vec<Detection>,
    /// What it takes to see each of these falls four times sooner; `null` where the runs do not tell.
    pub sooner: Vec<Option<Sooner>>,
}

/// What it takes to see a fall four times sooner, on every stream.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sooner {
    /// How many times sooner.
    pub times: f64,
    /// Judged on each dimension of this target a day.
    pub judged_per_day: f64,
    /// Dollars a day of the whole judge, when all streams are judged more often in proportion; `null` where the price is not known.
    pub usd_per_day: Option<f64>,
    /// Whether the target has so many answers.
    pub is_possible: bool,
}

/// How soon falls are seen, by stream.
pub(super) struct Plans<'a> {
    inputs: &'a Inputs,
    dimensions: Vec<String>,
    by_stream: BTreeMap<(&'a str, &'a str), (Shape, Vec<Delays>)>,
    /// Of streams without scores of their own.
    other: (Shape, Vec<Delays>),
}

#[derive(Clone, Copy)]
struct Shape {
    n: usize,
    mean: f64,
    sd: f64,
    basis: Basis,
}

impl<'a> Plans<'a> {
    /// Runs the detector on each stream's scores, on as many threads as the machine has cores.
    pub(super) fn of(inputs: &'a Inputs, threshold: f64) -> Self {
        let conditions = Conditions { threshold, baseline: inputs.baseline };
        let dimensions = inputs.judge.iter().flat_map(|judge| &judge.dimensions).map(ToString::to_string);
        let [mean, sd] = inputs.scores;
        let other = (
            Shape { n: 0, mean: mean.value, sd: sd.value, basis: mean.basis },
            simulate(&Scores::assumed(mean.value, sd.value), &inputs.falls, conditions),
        );
        let own = |seen: &'a SeenStream| {
            let scores = Scores::seen(seen.values.clone()).filter(|_| seen.values.len() >= SCORES_MIN)?;
            let delays = simulate(&scores, &inputs.falls, conditions);
            Some(((seen.target.as_str(), seen.dimension.as_str()), (shape(&seen.values), delays)))
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let chunk = inputs.seen.len().div_ceil(threads).max(1);
        let by_stream = std::thread::scope(|scope| {
            let parts: Vec<_> = inputs
                .seen
                .chunks(chunk)
                .map(|part| scope.spawn(move || part.iter().filter_map(own).collect::<Vec<_>>()))
                .collect();
            // A thread that panicked has said so; its streams are shown as those without scores.
            parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
        });
        Self { inputs, dimensions: dimensions.collect(), by_stream, other }
    }

    /// The streams of a target of which detectors see so many a day on each dimension, where the whole judge costs so many
    /// dollars a day.
    pub(super) fn at(
        &self,
        traffic: &Traffic,
        judged_per_day: f64,
        usd_per_day: Option<f64>,
    ) -> Vec<StreamPlan> {
        let asked: f64 = self.inputs.traffic.iter().map(Traffic::asked).sum();
        // Of every target the same share is judged. What one judgement that a detector sees costs, with what is judged beside.
        let seen_per_day = judged_per_day / traffic.asked() * asked * self.dimensions.len() as f64;
        let usd = usd_per_day.map(|usd| usd / seen_per_day);
        let sooner = |seen: &Detection| {
            seen.sooner_judged_per_day.map(|wanted| Sooner {
                times: SOONER,
                judged_per_day: wanted,
                usd_per_day: usd_per_day.map(|usd| usd * wanted / judged_per_day),
                is_possible: wanted <= traffic.requests_per_day.value,
            })
        };
        let stream = |dimension: &String| {
            let key = (traffic.target.as_str(), dimension.as_str());
            let (shape, delays) = self.by_stream.get(&key).unwrap_or(&self.other);
            let detection: Vec<Detection> = delays.iter().map(|d| d.at(judged_per_day, usd)).collect();
            StreamPlan {
                dimension: dimension.clone(),
                n: shape.n,
                mean: shape.mean,
                sd: shape.sd,
                basis: shape.basis,
                sooner: detection.iter().map(sooner).collect(),
                detection,
            }
        };
        if judged_per_day > 0.0 { self.dimensions.iter().map(stream).collect() } else { Vec::new() }
    }
}

/// The middling standard deviation of all streams; `assumed` without any.
pub(super) fn sd(targets: &[super::TargetPlan], assumed: f64) -> f64 {
    let all: Vec<f64> =
        targets.iter().flat_map(|target| &target.streams).map(|stream| stream.sd * stream.sd).collect();
    if all.is_empty() { assumed } else { (all.iter().sum::<f64>() / all.len() as f64).sqrt() }
}

fn shape(values: &[f64]) -> Shape {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
    Shape { n: values.len(), mean, sd: variance.sqrt(), basis: Basis::Observed }
}
