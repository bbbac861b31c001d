use std::collections::BTreeMap;

use bifocal_model::{
    Chance, Completeness, Cost, Dimension, EvaluatorKind, Fingerprint, FormatAsked, Identity, Inference,
    InferenceId, Probability, Source, Span, TargetKey, Timestamp, Timing, Unit, Usage, Verdict,
};

use super::*;
use crate::config::QualityConfig;
use crate::stream::Stream;
use crate::traffic::Traffic;

const STRATUM: &str = "language=en;length=short;end=ok";

fn at(i: u64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000) + Span::from_nanos(i64::try_from(i).unwrap() * 500_000_000)
}

fn id(i: u64) -> InferenceId {
    InferenceId::of_identity(&Identity { source: Source::Proxy, key: format!("i{i}") }, at(i))
}

fn score(i: u64, kind: EvaluatorKind, value: f64, inclusion: f64, usd: f64) -> Score<String> {
    let fingerprint = Fingerprint(if kind == EvaluatorKind::Cheap { 2 } else { 1 });
    Score {
        inference: id(i),
        target: TargetKey::of_model("local", "m"),
        evaluator: "judge:j".to_owned(),
        fingerprint,
        kind,
        dimension: Dimension::new("relevance"),
        verdict: Verdict::Scored {
            value: Unit::clamped(value),
            pass: value >= 0.75,
            label: None,
            explanation: None,
        },
        inclusion: Probability::new(inclusion).unwrap(),
        capture: Probability::ONE,
        stratum: STRATUM.to_owned(),
        time: at(i),
        scored_at: at(i),
        latency_seconds: 0.1,
        cost: Cost { usd: Some(usd), input_tokens: 1, output_tokens: 1 },
    }
}

fn call(i: u64) -> Inference<String> {
    let chance = Chance {
        stratum: STRATUM.to_owned(),
        inclusion: Probability::new(0.05).unwrap(),
        base: Probability::new(0.05).unwrap(),
    };
    let mut call = Inference {
        id: id(i),
        identity: Identity { source: Source::Proxy, key: format!("i{i}") },
        target: TargetKey::of_model("local", "m"),
        labels: BTreeMap::new(),
        tenant: None,
        time: at(i),
        messages: Vec::new(),
        answer: "x".to_owned(),
        finish_reason: None,
        usage: Usage::default(),
        timing: Timing::default(),
        status: None,
        error: None,
        completeness: Completeness::Complete,
        capture_probability: Probability::ONE,
        format_asked: FormatAsked::Free,
        streamed: false,
        redactions: Vec::new(),
        findings: bifocal_model::Findings::default(),
        chance: Some(chance),
        signs: bifocal_model::Signs::default(),
    };
    call.findings.pass(bifocal_model::evaluator::find("injection").unwrap());
    call
}

/// A keyed hash would do: a stream of uniform numbers from a seed.
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// An hour of 4,000 answers: a twentieth judged, `times` as many scored cheaply, whose scores are the judge's with noise and half a
/// grade too high. Gives the truth, the shown mean with the cheap judge and without, and the stream.
fn hour(seed: u64, times: f64) -> (f64, bifocal_model::Estimate, bifocal_model::Estimate, Stream) {
    let mut random = Uniform(seed);
    let config = QualityConfig::default();
    let first = score(0, EvaluatorKind::Judge, 0.5, 0.05, 0.01);
    let (mut with, mut without) = (Stream::new(&first, &config), Stream::new(&first, &config));
    let (mut traffic, mut truth) = (Traffic::default(), 0.0);
    let window = Span::from_mins(60);
    for i in 0..4_000 {
        traffic.count(&call(i), window);
        let class = traffic.class_of(STRATUM);
        let value = (random.next() * 5.0).floor() / 4.0;
        truth += value / 4_000.0;
        let noisy = (value + 0.125 + 0.3 * (random.next() - 0.5)).clamp(0.0, 1.0);
        let draw = random.next();
        if draw < 0.05 * times {
            with.ladder.take(&score(i, EvaluatorKind::Cheap, noisy, 0.05 * times, 0.001), class);
        }
        if draw < 0.05 {
            let judged = score(i, EvaluatorKind::Judge, value, 0.05, 0.01);
            with.take(&judged, class, 1e9, &config);
            without.take(&judged, class, 1e9, &config);
        }
    }
    let mean = |stream: &Stream| stream.view(at(4_000), &config, &traffic).estimate.unwrap();
    (truth, mean(&with), mean(&without), with)
}

#[test]
fn simulation_the_estimate_is_the_judge_s_mean_and_is_narrowed_by_the_cheap_judge() {
    let (mut covered, mut narrower) = (0, 0.0);
    for seed in 0..200 {
        let (truth, with, without, stream) = hour(seed, 10.0);
        covered += u32::from(with.lower <= truth && truth <= with.upper);
        narrower += (with.upper - with.lower) / (without.upper - without.lower) / 200.0;
        assert_eq!(with.n_judged, without.n_judged, "a cheap score is no judgement");
        assert_eq!(stream.judged, with.n_judged);
    }
    assert!(covered >= 183, "{covered} of 200");
    // rho2 some 0.9 and ten cheap calls each: sqrt(1 - 0.9 x 0.9) = 0.44.
    assert!((0.35..0.6).contains(&narrower), "{narrower}");
}

#[test]
fn what_is_planned_follows_the_correlation_and_the_prices() {
    let (_, mean, _, stream) = hour(7, 10.0);
    let view = stream.ladder.view(&stream.recent.pairs(), mean.n_judged as f64, mean.n_total).unwrap();
    assert!((view.price_ratio.unwrap() - 0.1).abs() < 1e-9, "{view:?}");
    assert!(
        view.rho2 > 0.8 && view.lower < view.rho2 && view.rho2 < view.upper && view.pairs > 150,
        "{view:?}"
    );
    let best = (view.lower / ((1.0 - view.lower) * 0.1)).sqrt();
    assert!(
        (view.per_judged.unwrap() - best).abs() < 1e-6 && view.advice.contains("cheap calls each"),
        "{view:?}"
    );
    // As dear as the judge: it is asked on the judged answers only, so that the correlation stays known.
    let mut dear = stream.ladder.clone();
    dear.cost[0] *= 10.0;
    let view = dear.view(&stream.recent.pairs(), mean.n_judged as f64, mean.n_total).unwrap();
    assert_eq!((view.per_judged, view.advice.as_str()), (Some(1.0), "strong judge alone"));
    let few = stream.ladder.view(&PairSums::default(), 200.0, 4_000.0).unwrap();
    assert_eq!((few.per_judged, few.advice.as_str()), (None, "not known yet"));
    assert!(Ladder::default().view(&PairSums::default(), 1.0, 1.0).is_none());
}

#[test]
fn another_cheap_judge_begins_anew_and_one_that_fails_is_not_used() {
    let (_, with, without, mut stream) = hour(3, 10.0);
    assert!(with.upper - with.lower < 0.7 * (without.upper - without.lower));
    let mut other = score(4_001, EvaluatorKind::Cheap, 0.5, 0.5, 0.001);
    other.fingerprint = Fingerprint(9);
    stream.ladder.take(&other, 0);
    assert_eq!(stream.ladder.scores.len(), 1, "never pooled");
    let failed = Score {
        verdict: Verdict::Failed { failure: bifocal_model::Failure::Timeout, detail: String::new() },
        ..score(4_002, EvaluatorKind::Cheap, 0.5, 0.5, 0.001)
    };
    assert!(!stream.ladder.take(&failed, 0));
    assert_eq!(stream.ladder.fingerprint, Some(Fingerprint(9)));
}

#[test]
fn limit_watch_cheap() {
    let mut ladder = Ladder::default();
    for i in 0..u64::try_from(CHEAP_MAX).unwrap() {
        assert!(!ladder.take(&score(i, EvaluatorKind::Cheap, 0.5, 0.5, 0.001), 0));
    }
    assert!(ladder.take(&score(99_999, EvaluatorKind::Cheap, 0.5, 0.5, 0.001), 0));
    assert_eq!(ladder.scores.len(), CHEAP_MAX);
}

#[test]
fn cheap_scores_stand_for_what_they_were_drawn_from() {
    let mut ladder = Ladder::default();
    ladder.take(&score(1, EvaluatorKind::Cheap, 1.0, 1.0, 0.001), 0);
    ladder.take(&score(2, EvaluatorKind::Cheap, 0.0, 0.25, 0.001), 0);
    let [of_class] = &ladder.by_class(at(0), at(9), 1)[..] else { panic!() };
    assert!((of_class.mean().unwrap() - 0.2).abs() < 1e-12, "one of five");
}
