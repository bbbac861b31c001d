//! Every decision about what is judged can be made again from what is stored: the chance of each answer is in its record, and
//! the draw is a keyed hash of its id.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bifocal::config::{ConfigFile, EvaluateRule, Resolved};
use bifocal::pipeline::Pipeline;
use bifocal::running::open_pipeline;
use bifocal_evaluate::judge::JudgeConfig;
use bifocal_model::{
    Cost, EvaluatorKind, FinishReason, InferenceId, Score, Span, Timestamp, Unit, Verdict, stratum,
};
use bifocal_stats::SampleKey;
use bifocal_store::{Query, Record};
use bifocal_telemetry::{Clock, ManualClock, Telemetry};

use crate::harness;

const SECRET: [u8; 16] = [7; 16];
const START: Timestamp = Timestamp::from_secs(86_400 * 20_700);
const CALLS: i64 = 3_000;

fn open(folder: &std::path::Path, clock: &Arc<dyn Clock>) -> Pipeline {
    let mut file = ConfigFile::default();
    file.server.data = Some(folder.to_owned());
    let acme = EvaluateRule {
        tenant: Some("acme".to_owned()),
        evaluators: vec!["safety".to_owned()],
        ..EvaluateRule::of("*", 1.0)
    };
    file.evaluate = vec![acme, EvaluateRule::of("*", 0.5)];
    file.judge = Some(JudgeConfig {
        base_url: "http://127.0.0.1:9/v1".to_owned(),
        model: "small-judge".to_owned(),
        dimensions: vec!["relevance".to_owned(), "safety".to_owned()],
        budget_tokens_per_day: Some(400_000),
        ..JudgeConfig::default()
    });
    open_pipeline(&Resolved::of(file).unwrap(), clock, Some(SECRET), &Telemetry::new()).unwrap()
}

#[test]
fn decisions_about_what_is_judged_are_replayed_from_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(START));
    let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let mut pipeline = open(folder.path(), &shared);
    let mut chosen: HashMap<InferenceId, usize> = HashMap::new();
    for i in 0..CALLS {
        let now = START + Span::from_secs(20 * i);
        clock.set(now);
        let mut call = harness::call(
            &format!("call-{i}"),
            now,
            "What is the rent of the flat?",
            "It is 900 euros a month.",
        );
        if i % 15 == 0 {
            call.finish_reason = Some(FinishReason::Length);
        }
        if i % 11 == 0 {
            call.tenant = Some("acme".to_owned());
        }
        let ingested = pipeline.ingest(vec![vec![Record::Inference(Arc::new(call))]], now).unwrap();
        let mut scores = Vec::new();
        for one in ingested.to_judge {
            chosen.insert(one.call.id, one.choice.dimensions.len());
            scores.extend(one.choice.dimensions.iter().map(|dimension| {
                Record::Score(Arc::new(Score {
                    inference: one.call.id,
                    target: one.call.target.clone(),
                    evaluator: "judge:small-judge".to_owned(),
                    fingerprint: bifocal_model::Fingerprint(1),
                    kind: EvaluatorKind::Judge,
                    dimension: dimension.clone(),
                    verdict: Verdict::Scored { value: Unit::ONE, pass: true, label: None, explanation: None },
                    inclusion: one.choice.draw.inclusion,
                    capture: one.call.capture_probability,
                    stratum: one.choice.stratum.clone(),
                    time: one.call.time,
                    scored_at: now,
                    latency_seconds: 1.0,
                    cost: Cost { usd: None, input_tokens: 1_000, output_tokens: 100 },
                }))
            }));
        }
        if !scores.is_empty() {
            pipeline.ingest(vec![scores], now).unwrap();
        }
        if i == CALLS / 3 {
            pipeline.seal().unwrap();
        }
        // A restart in the middle of the day: the pace goes on.
        if i == CALLS / 2 {
            drop(pipeline);
            pipeline = open(folder.path(), &shared);
        }
    }
    pipeline.tick(clock.now()).unwrap();
    let pace = pipeline.pace().load_full();
    let pace = pace.as_ref().as_ref().unwrap();
    assert_eq!(pace.strata.iter().map(|stratum| stratum.answers).sum::<u64>(), CALLS.unsigned_abs());
    assert_eq!(pace.strata.iter().map(|stratum| stratum.chosen).sum::<u64>(), chosen.len() as u64);
    pipeline.close().unwrap();

    let reader = open(folder.path(), &shared).reader();
    let key = SampleKey::new(SECRET);
    let (mut seen, mut rates, mut after) = (HashSet::new(), BTreeSet::new(), None);
    loop {
        let page = reader.inferences(&Query { limit: 500, after, ..Query::default() }).unwrap();
        for (call, scores) in page.items.iter().zip(reader.scores_of(&page.items).unwrap()) {
            let chance = call.chance.as_ref().unwrap();
            let draw = key.draw(call.id.as_bytes());
            assert_eq!(draw >= 1.0 - chance.inclusion.get(), chosen.contains_key(&call.id), "{call:?}");
            let judged: Vec<_> = scores.iter().filter(|score| score.kind == EvaluatorKind::Judge).collect();
            assert_eq!(judged.len(), chosen.get(&call.id).copied().unwrap_or(0));
            for score in judged {
                assert_eq!(score.inclusion, chance.inclusion);
                assert_eq!(stratum::is_extra(&score.stratum), draw < 1.0 - chance.base.get());
                assert!(call.tenant.is_none() || score.dimension.as_str() == "safety");
            }
            rates.insert(chance.inclusion.get().to_bits());
            assert!(seen.insert(call.id));
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len() as i64, CALLS);
    assert!(rates.len() > 10, "the pace changed {} times", rates.len());
    let spent: usize = chosen.values().map(|dimensions| dimensions * 1_100).sum();
    // Sixteen hours and 40 minutes of a day that may cost 400,000: the rest is kept for the evening.
    assert!((230_000..=310_000).contains(&spent), "{spent} tokens in 17 hours");
}
