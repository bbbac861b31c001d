//! How much there is to judge: what the store has seen, or what a flag says.

use std::sync::Arc;

use bifocal_model::{EvaluatorKind, Span, TargetKey, Window};
use bifocal_stats::Moments;
use bifocal_store::{Options, Query, Reader, Store};
use bifocal_telemetry::{Clock, SystemClock, Telemetry};

use crate::config::Resolved;
use crate::plan::{Basis, Known, SizedTarget, Traffic};

/// Traffic is that of the newest week.
const WEEK: Span = Span::from_secs(7 * 24 * 3600);
const DAY_SECS: f64 = 24.0 * 3600.0;
/// Shorter histories are not taken for a day's traffic.
const LEAST_SECS: f64 = 600.0;
/// Newest scores that tokens and spread are taken from.
const SCORES: usize = 500;
const SCORES_MIN: u64 = 30;

/// What a store tells.
pub(super) struct Observed {
    pub(super) traffic: Vec<Traffic>,
    /// Mean tokens of a judgement, in and out.
    pub(super) tokens: Option<[f64; 2]>,
    /// Mean and standard deviation of judged scores.
    pub(super) scores: Option<[f64; 2]>,
    /// Copies that the load would have needed.
    pub(super) sizes: Vec<SizedTarget>,
}

/// What the store of a configuration has seen; `None` without one or where it is empty.
pub(super) fn observed(config: &Resolved) -> anyhow::Result<Option<Observed>> {
    let folder = &config.addresses.data;
    if !folder.join("state.sqlite").is_file() {
        return Ok(None);
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let opened = Store::open(Options::new(folder, clock), Telemetry::new());
    let (store, _) = opened.map_err(|err| crate::running::user_error(err.into()))?;
    let observed = look(&store.reader(), config)?;
    store.close()?;
    Ok(Some(observed).filter(|observed| !observed.traffic.is_empty()))
}

/// The same number for each of some targets: those of the configuration by name, or so many.
pub(super) fn said(config: &Resolved, requests_per_day: f64, targets: u32) -> Vec<Traffic> {
    let mut names: Vec<String> =
        config.targets.iter().flat_map(|target| target.components.values().cloned()).collect();
    if names.is_empty() {
        names = (1..=targets.max(1)).map(|i| format!("target {i}")).collect();
    }
    let requests_per_day = Known { value: requests_per_day, basis: Basis::Said };
    let traffic = |target: String| Traffic { rate: rate(config, &target), target, requests_per_day };
    names.into_iter().map(traffic).collect()
}

fn look(reader: &Reader, config: &Resolved) -> anyhow::Result<Observed> {
    let mut traffic = Vec::new();
    for (key, known) in reader.targets() {
        let Some(newest) = reader.newest() else { break };
        let window = Window { start: known.first_time.max(newest - WEEK), end: newest + Span::from_secs(1) };
        let seconds = window.length().as_secs_f64();
        let cell = reader.total(&key, window)?;
        if cell.requests > 0.0 && seconds >= LEAST_SECS {
            let value = cell.requests * DAY_SECS / seconds;
            let requests_per_day = Known { value, basis: Basis::Observed };
            traffic.push(Traffic { target: key.to_string(), requests_per_day, rate: rate_of(config, &key) });
        }
    }
    let page = reader.scores(&Query { limit: SCORES, ..Query::default() })?;
    let (mut values, mut tokens_in, mut tokens_out) =
        (Moments::default(), Moments::default(), Moments::default());
    for score in page.items.iter().filter(|score| score.kind == EvaluatorKind::Judge) {
        if let Some(value) = score.value() {
            values.add(value.get(), 1.0);
            if score.cost.input_tokens > 0 {
                tokens_in.add(f64::from(score.cost.input_tokens), 1.0);
                tokens_out.add(f64::from(score.cost.output_tokens), 1.0);
            }
        }
    }
    let enough = |moments: &Moments| (moments.n >= SCORES_MIN).then(|| moments.mean()).flatten();
    let tokens = enough(&tokens_in).zip(enough(&tokens_out)).map(|(input, output)| [input, output]);
    let scores = enough(&values).zip(values.sd()).map(|(mean, sd)| [mean, sd]);
    Ok(Observed {
        traffic,
        tokens,
        scores,
        sizes: super::copies::sized(reader, &config.watch.objectives, WEEK)?,
    })
}

fn rate_of(config: &Resolved, key: &TargetKey) -> f64 {
    rate(config, key.name())
}

/// The share of a target's answers that is judged.
fn rate(config: &Resolved, name: &str) -> f64 {
    let rule = config.evaluate.iter().find(|rule| rule.target == "*" || rule.target == name);
    rule.map_or(0.0, |rule| rule.rate)
}
