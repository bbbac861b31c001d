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
use bifocal_stats::PairSums;
use flate2::read::GzDecoder;

/// What is known of an answer without a judge, and the judge's score.
type Row = (Vec<f64>, f64);
/// Judged answers of one model.
type Judged = Vec<Row>;

const FOLDS: usize = 5;
const RIDGE: f64 = 50.0;

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

/// Ridge regression on standardised columns, in the order of the columns; the intercept is not shrunk.
struct Fit {
    means: Vec<f64>,
    sds: Vec<f64>,
    weights: Vec<f64>,
    intercept: f64,
}

impl Fit {
    fn of(rows: &[&Row]) -> Self {
        let (n, columns) = (rows.len() as f64, rows[0].0.len());
        let mean = |of: &dyn Fn(&Row) -> f64| rows.iter().map(|row| of(row)).sum::<f64>() / n;
        let means: Vec<f64> = (0..columns).map(|j| mean(&|row| row.0[j])).collect();
        let sds: Vec<f64> =
            (0..columns).map(|j| mean(&|row| (row.0[j] - means[j]).powi(2)).sqrt().max(1e-9)).collect();
        let intercept = mean(&|row| row.1);
        let scaled = |row: &Row, j: usize| (row.0[j] - means[j]) / sds[j];
        let mut a = vec![vec![0.0; columns + 1]; columns];
        for row in rows {
            let x: Vec<f64> = (0..columns).map(|j| scaled(row, j)).collect();
            for (equation, xi) in a.iter_mut().zip(&x) {
                equation
                    .iter_mut()
                    .zip(x.iter().chain([&(row.1 - intercept)]))
                    .for_each(|(sum, xj)| *sum += xi * xj);
            }
        }
        (0..columns).for_each(|i| a[i][i] += RIDGE);
        Self { weights: solved(a), means, sds, intercept }
    }

    fn predict(&self, values: &[f64]) -> f64 {
        let terms = values.iter().zip(&self.means).zip(&self.sds).zip(&self.weights);
        self.intercept + terms.map(|(((x, mean), sd), weight)| weight * (x - mean) / sd).sum::<f64>()
    }
}

/// Gauss and Jordan; a ridge leaves no pivot at 0.
fn solved(mut a: Vec<Vec<f64>>) -> Vec<f64> {
    let n = a.len();
    for i in 0..n {
        let pivot = a[i].clone();
        for (_, row) in a.iter_mut().enumerate().filter(|(j, _)| *j != i) {
            let factor = row[i] / pivot[i];
            row.iter_mut().zip(&pivot).for_each(|(x, p)| *x -= factor * p);
        }
    }
    (0..n).map(|i| a[i][n] / a[i][i]).collect()
}

/// rho² between scores and predictions of folds that the fit did not see.
fn rho2(judged: &Judged) -> f64 {
    let mut sums = PairSums::default();
    for fold in 0..FOLDS {
        let is_in = |i: usize| i % FOLDS == fold;
        let seen: Vec<_> =
            judged.iter().enumerate().filter(|(i, _)| !is_in(*i)).map(|(_, row)| row).collect();
        let fit = Fit::of(&seen);
        for (_, (values, score)) in judged.iter().enumerate().filter(|(i, _)| is_in(*i)) {
            sums.add(*score, fit.predict(values), 1.0);
        }
    }
    sums.rho2()
}

fn within_models(models: &BTreeMap<String, Judged>) -> f64 {
    let each: Vec<f64> = models
        .iter()
        .map(|(model, judged)| {
            let rho2 = rho2(judged);
            eprintln!("  {model}: {rho2:.3} of {}", judged.len());
            rho2
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
