//! How much of a judge's word evaluators and features foretell, within one model: that share is what they could save of its
//! calls. Read from `$BIFOCAL_SHARED/data`, never committed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use bifocal_evaluate::{features, heuristics};
use bifocal_model::{
    Completeness, Findings, FormatAsked, Identity, Inference, InferenceId, Message, Probability, Source,
    TargetKey, Timestamp, Timing, Usage,
};
use bifocal_redact::redact_inference;
use bifocal_stats::explained::Rho2;
use bifocal_stats::{Explained, Interval};
use flate2::read::GzDecoder;

/// What is known of an answer without a judge, and the judge's score.
type Row = (Vec<f64>, f64);
/// Judged answers of one model.
type Judged = Vec<Row>;

fn rows(name: &str) -> Option<impl Iterator<Item = serde_json::Value>> {
    let Some(shared) = std::env::var_os("BIFOCAL_SHARED").filter(|folder| !folder.is_empty()) else {
        eprintln!("skipped: no shared data");
        return None;
    };
    let path = PathBuf::from(shared).join("data").join(name);
    let file = File::open(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    Some(lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()))
}

/// Every evaluator's value (1 where it does not apply) and every feature of the answer, long ones as logarithms.
fn known(question: &str, answer: &str) -> Vec<f64> {
    let identity = Identity { source: Source::Proxy, key: "real".to_owned() };
    let time = Timestamp::from_secs(1);
    let inference = redact_inference(Inference {
        id: InferenceId::of_identity(&identity, time),
        identity,
        target: TargetKey::of_model("local", "m"),
        labels: BTreeMap::new(),
        tenant: None,
        time,
        messages: vec![Message { role: "user".to_owned(), text: question.to_owned() }],
        answer: answer.to_owned(),
        finish_reason: None,
        usage: Usage::default(),
        timing: Timing::default(),
        status: Some(200),
        error: None,
        completeness: Completeness::Complete,
        capture_probability: Probability::ONE,
        format_asked: FormatAsked::Free,
        streamed: false,
        redactions: Vec::new(),
        findings: Findings::default(),
        chance: None,
        signs: bifocal_model::Signs::default(),
    });
    let mut values = vec![1.0; heuristics::HEURISTICS.len()];
    let said = heuristics::all(&inference, time);
    for (evaluator, value) in said.findings.numbers() {
        values[usize::from(evaluator.number)] = value.get();
    }
    for score in &said.scores {
        let number = bifocal_model::evaluator::find(score.dimension.as_str()).unwrap().number;
        values[usize::from(number)] = score.value().unwrap().get();
    }
    let features = features::of(&inference);
    let numbers = features.output.into_iter().flatten().chain(features.behaviour.unwrap_or([0.0; 24]));
    values.extend(numbers.map(|value| if value.is_finite() { value.max(0.0).ln_1p() } else { 0.0 }));
    values
}

/// rho² between scores and what was foretold of them, as the watch tells it: each score before it was learnt from.
fn rho2(judged: &Judged) -> Rho2 {
    let mut explained = Explained::default();
    judged.iter().for_each(|(values, score)| explained.take(values, *score));
    explained.rho2(0.05).unwrap()
}

fn within_models(models: &BTreeMap<String, Judged>) -> f64 {
    let each: Vec<f64> = models
        .iter()
        .map(|(model, judged)| {
            let rho2 = rho2(judged);
            let Interval { lower, upper } = rho2.interval;
            eprintln!("  {model}: {:.3} [{lower:.3}, {upper:.3}] of {}", rho2.value, judged.len());
            rho2.value
        })
        .collect();
    each.iter().sum::<f64>() / each.len() as f64
}

#[test]
fn real_data_evaluators_foretell_some_of_wildbench_and_little_of_alpaca_eval() {
    let Some(wild) = rows("wildbench_scores.jsonl.gz") else { return };
    let mut models: BTreeMap<String, Judged> = BTreeMap::new();
    for row in wild {
        let scores = row["scores"].as_object().unwrap();
        // One judge a model: scores of different judges are never pooled.
        let turbo = scores.iter().find(|(judge, _)| judge.starts_with("gpt-4-turbo"));
        let Some((_, score)) = turbo else { continue };
        let score = (score.as_f64().unwrap() - 1.0) / 9.0;
        let values = known("", row["response"].as_str().unwrap());
        models.entry(row["model"].as_str().unwrap().to_owned()).or_default().push((values, score));
    }
    assert_eq!(models.len(), 7);
    let wild = within_models(&models);

    let prompts: BTreeMap<String, String> = rows("alpaca_prompts.jsonl.gz")
        .unwrap()
        .map(|row| {
            (row["prompt_id"].as_str().unwrap().to_owned(), row["prompt"].as_str().unwrap().to_owned())
        })
        .collect();
    let mut models: BTreeMap<String, Judged> = BTreeMap::new();
    for row in rows("alpaca_responses.jsonl.gz").unwrap() {
        let model = row["model"].as_str().unwrap();
        if !["NullModel", "gpt4_gamed"].contains(&model) {
            let question = &prompts[row["prompt_id"].as_str().unwrap()];
            let values = known(question, row["response"].as_str().unwrap());
            models.entry(model.to_owned()).or_default().push((values, row["judge_score"].as_f64().unwrap()));
        }
    }
    assert_eq!(models.len(), 37);
    let alpaca = within_models(&models);
    eprintln!("mean rho^2 within a model: WildBench {wild:.3}, AlpacaEval {alpaca:.3}");
    assert!(wild >= 0.15, "{wild}");
    assert!(alpaca < 0.1, "{alpaca}");
}
