//! How much there is to judge: what the store has seen, or what a flag says.

use std::sync::Arc;

use bifocal_model::{Dimension, EvaluatorKind, Span, TargetKey, Window, stratum};
use bifocal_stats::Moments;
use bifocal_store::{Options, Query, Reader, Scored, Store};
use bifocal_telemetry::{Clock, SystemClock, Telemetry};

use crate::config::Resolved;
use crate::plan::{Basis, Known, SeenStream, SizedTarget, Traffic};

/// Traffic is that of the newest week.
const WEEK: Span = Span::from_secs(7 * 24 * 3600);
const DAY_SECS: f64 = 24.0 * 3600.0;
/// Shorter histories are not taken for a day's traffic.
const LEAST_SECS: f64 = 600.0;
/// Newest scores of a stream that its distribution, and what a judgement takes, are taken from.
const SCORES: usize = 500;
/// Newest answers whose size in a log is taken.
const EVENTS: usize = 200;
/// Fewer judgements do not say what one takes.
const JUDGED_MIN: u64 = 30;

/// What a store tells.
pub(super) struct Observed {
    pub(super) traffic: Vec<Traffic>,
    /// Mean tokens of a judgement, in and out.
    pub(super) tokens: Option<[f64; 2]>,
    /// Newest scores of each stream.
    pub(super) seen: Vec<SeenStream>,
    /// Mean bytes of a judged answer's event in a log.
    pub(super) event_bytes: Option<f64>,
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

/// The same number for each of some targets: those of the configuration by name and those found in its account, or so many.
pub(super) fn said(config: &Resolved, found: &[String], requests_per_day: f64, targets: u32) -> Vec<Traffic> {
    let mut names: Vec<String> =
        config.targets.iter().flat_map(|target| target.components.values().cloned()).collect();
    names.extend_from_slice(found);
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
    let mut tokens = [Moments::default(), Moments::default()];
    let mut seen = Vec::new();
    for (key, _) in reader.targets() {
        for dimension in config.judge.iter().flat_map(|judge| &judge.dimensions) {
            let values = newest_scores(reader, &key, dimension, &mut tokens)?;
            if !values.is_empty() {
                seen.push(SeenStream { target: key.to_string(), dimension: dimension.to_string(), values });
            }
        }
    }
    let enough = |moments: &Moments| (moments.n >= JUDGED_MIN).then(|| moments.mean()).flatten();
    let [tokens_in, tokens_out] = &tokens;
    let tokens = enough(tokens_in).zip(enough(tokens_out)).map(|(input, output)| [input, output]);
    Ok(Observed {
        event_bytes: event_bytes(reader, config)?,
        traffic,
        tokens,
        seen,
        sizes: super::copies::sized(reader, &config.watch.objectives, WEEK)?,
    })
}

/// What the newest answers would be billed as in a log; `None` where there are too few.
fn event_bytes(reader: &Reader, config: &Resolved) -> anyhow::Result<Option<f64>> {
    let dimensions = config.judge.as_ref().map_or(0, |judge| judge.dimensions.len());
    let newest = reader.inferences(&Query { limit: EVENTS, ..Query::default() })?.items;
    let bytes = newest.iter().map(|call| config.cloudwatch.event_bytes(Some(call), dimensions) as f64);
    let enough = newest.len() as u64 >= JUDGED_MIN;
    Ok(enough.then(|| bytes.sum::<f64>() / newest.len() as f64))
}

/// The newest scores of one stream by its newest judge: those of two judges are never pooled.
fn newest_scores(
    reader: &Reader,
    key: &TargetKey,
    dimension: &str,
    tokens: &mut [Moments; 2],
) -> anyhow::Result<Vec<f64>> {
    let query = Query {
        target: Some(key.clone()),
        dimension: Some(Dimension::new(dimension)),
        limit: SCORES,
        ..Query::default()
    };
    Ok(of_the_newest_judge(&reader.scores(&query)?.items, tokens))
}

/// What the judge of the newest score said, newest first, as detectors see it: what was judged for a floor or for how it ended is no
/// share of the traffic.
fn of_the_newest_judge(scores: &[Scored], [tokens_in, tokens_out]: &mut [Moments; 2]) -> Vec<f64> {
    let mut newest = None;
    let mut values = Vec::new();
    for score in scores {
        if score.kind != EvaluatorKind::Judge || stratum::is_extra(&score.stratum) {
            continue;
        }
        let Some(value) = score.value() else { continue };
        if *newest.get_or_insert(score.fingerprint) != score.fingerprint {
            break;
        }
        values.push(value.get());
        if score.cost.input_tokens > 0 {
            tokens_in.add(f64::from(score.cost.input_tokens), 1.0);
            tokens_out.add(f64::from(score.cost.output_tokens), 1.0);
        }
    }
    values
}

fn rate_of(config: &Resolved, key: &TargetKey) -> f64 {
    rate(config, key.name())
}

/// The share of a target's answers that is judged, by the first rule that is for all of them: how many are of a tenant or a
/// language that an earlier rule selects is not known here.
fn rate(config: &Resolved, name: &str) -> f64 {
    let rule = config.evaluate.iter().find(|rule| rule.may_be_for(name) && !rule.selects());
    rule.map_or(0.0, |rule| rule.rate)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bifocal_model::{
        Cost, Fingerprint, Identity, InferenceId, Probability, Score, Source, Timestamp, Unit, Verdict,
    };
    use bifocal_redact::redact_score;

    use super::*;

    fn score(value: f64, judge: u64, kind: EvaluatorKind, stratum: &str) -> Scored {
        let (time, identity) =
            (Timestamp::from_secs(1), Identity { source: Source::Proxy, key: "a".to_owned() });
        Arc::new(redact_score(Score {
            inference: InferenceId::of_identity(&identity, time),
            target: TargetKey::of_model("local", "m"),
            evaluator: "judge:j".to_owned(),
            fingerprint: Fingerprint(judge),
            kind,
            dimension: Dimension::new("relevance"),
            verdict: Verdict::Scored {
                value: Unit::clamped(value),
                pass: true,
                label: None,
                explanation: None,
            },
            inclusion: Probability::ONE,
            capture: Probability::ONE,
            stratum: stratum.to_owned(),
            time,
            scored_at: time,
            latency_seconds: 0.1,
            cost: Cost { usd: None, input_tokens: 100, output_tokens: 10 },
        }))
    }

    #[test]
    fn the_plan_is_made_from_the_traffic_of_the_newest_judge_as_detectors_see_it() {
        let (judge, plain) = (EvaluatorKind::Judge, "language=en;end=ok");
        let extra = stratum::extra(plain);
        let scores = [
            score(0.9, 1, judge, plain),
            score(0.1, 1, judge, &extra),
            score(0.2, 1, EvaluatorKind::Cheap, plain),
            score(0.8, 1, judge, plain),
            score(0.3, 2, judge, plain),
            score(0.7, 1, judge, plain),
        ];
        let mut tokens = [Moments::default(), Moments::default()];
        assert_eq!(
            of_the_newest_judge(&scores, &mut tokens),
            [0.9, 0.8],
            "and nothing from before another judge"
        );
        assert_eq!((tokens[0].n, tokens[1].mean()), (2, Some(10.0)));
    }
}
