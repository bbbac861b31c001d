//! What a look at every alert rule for every target costs: what `bench/rules.py` runs beside Prometheus.
//!
//! `rules TICKS`: 250 targets, each with calls, readings and judged answers, 20 rules; looks TICKS times, a second apart, so
//! 40 ticks are 10,000 targets. Prints one JSON object. With 0 ticks it prepares alone, to be taken off.
#![expect(clippy::print_stdout, reason = "a program that prints its result")]

use std::error::Error;
use std::sync::Arc;

use bifocal_model::{
    Cost, Dimension, EvaluatorKind, Fingerprint, Identity, InferenceId, Probability, Reading, ReadingSubject,
    Score, Source, Span, TargetKey, Timestamp, Unit, Verdict, Window,
};
use bifocal_store::Record;
use bifocal_telemetry::Telemetry;
use bifocal_watch::alert::{RuleConfig, shipped_rules};
use bifocal_watch::{Quantiles, Watch, WatchConfig};

const TARGETS: usize = 250;
const RULES: usize = 20;
const JUDGED: i64 = 40;

/// Latencies as roll-ups would answer them, without the store, which is measured by itself.
struct Latencies;

impl Quantiles for Latencies {
    fn quantile(&self, target: &TargetKey, signal: &str, q: f64, _: Window) -> Option<f64> {
        let spread = (target.name().len() + signal.len()) as f64 * 0.01;
        Some(spread + q)
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + second)
}

fn main() -> Result<(), Box<dyn Error>> {
    let ticks: i64 = std::env::args().nth(1).ok_or("usage: rules TICKS")?.parse()?;
    let mut rules = shipped_rules();
    rules.extend((0..RULES.saturating_sub(rules.len())).map(|i| {
        // The first holds for a quarter of the targets, so that there are alerts to look after.
        let waiting = "value('requests_waiting') > 2.0";
        let when = match i {
            0 => waiting.to_owned(),
            _ => format!("degraded('relevance') && p95('ttft_seconds') < {i}.5 && {waiting}"),
        };
        RuleConfig::new(&format!("own {i}"), &when)
    }));
    rules.truncate(RULES);
    let mut watch = Watch::new(WatchConfig { rules, ..WatchConfig::default() }, Telemetry::new())?;
    for i in 0..TARGETS {
        let key = TargetKey::of_model("bench", &format!("model-{i}"));
        for (signal, value) in [("requests_waiting", (i % 4) as f64), ("gpus_free", (i % 3) as f64)] {
            watch.apply(&Record::Reading(Reading {
                signal: signal.into(),
                subject: ReadingSubject::Target(key.clone()),
                part: String::new(),
                time: at(0),
                value,
                source: Source::Scrape,
            }));
        }
        for second in 0..JUDGED {
            let value = if (second + i as i64) % 5 == 0 { 0.4 } else { 0.9 };
            watch.apply(&Record::Score(Arc::new(score(&key, second, value))));
        }
    }
    let (mut fired, mut alerts) = (0, 0);
    for tick in 0..ticks {
        let outcome = watch.tick(at(JUDGED + tick), &Latencies);
        fired += outcome.notifications.len();
        alerts = outcome.snapshot.alerts.len();
        for event in outcome.events {
            watch.apply(&Record::Event(event));
        }
    }
    let looked = TARGETS as i64 * ticks;
    println!("{{\"targets\": {looked}, \"rules\": {RULES}, \"fired\": {fired}, \"alerts\": {alerts}}}");
    Ok(())
}

fn score(target: &TargetKey, second: i64, value: f64) -> Score<bifocal_store::Redacted> {
    let time = at(second) - Span::from_secs(1);
    let identity = Identity { source: Source::Proxy, key: format!("{}-{second}", target.name()) };
    Score {
        inference: InferenceId::of_identity(&identity, time),
        target: target.clone(),
        evaluator: "judge:bench".into(),
        fingerprint: Fingerprint(7),
        kind: EvaluatorKind::Judge,
        dimension: Dimension::new("relevance"),
        verdict: Verdict::Scored {
            value: Unit::clamped(value),
            pass: value >= 0.75,
            label: None,
            explanation: None,
        },
        inclusion: Probability::ONE,
        capture: Probability::ONE,
        stratum: String::new(),
        time,
        scored_at: time,
        latency_seconds: 0.1,
        cost: Cost::default(),
    }
}
