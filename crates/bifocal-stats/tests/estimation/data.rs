//! The public data as populations to draw from, read from `$BIFOCAL_SHARED/data`, never committed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use serde_json::Value;

/// All answers of one model under one judge.
pub(crate) struct Population {
    pub(crate) set: &'static str,
    pub(crate) model: String,
    pub(crate) answers: Vec<Answer>,
    pub(crate) strata: usize,
}

/// One answer: its score, its stratum, and what was known of it before it was judged.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) prompt: String,
    pub(crate) score: f64,
    pub(crate) stratum: usize,
    /// Score of a second, cheaper judge.
    pub(crate) cheap: Option<f64>,
    pub(crate) text: String,
    /// Spread of the other models' scores on the same prompt: how uncertain this one's is.
    pub(crate) spread: f64,
}

impl Population {
    pub(crate) fn mean(&self) -> f64 {
        mean(self.answers.iter().map(|answer| answer.score))
    }
}

pub(crate) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), x| (sum + x, n + 1.0));
    sum / n
}

/// Every model of AlpacaEval-2 (39), WildBench (13 by judge) and GSM8K (13); `None`, with a word on stderr, without data.
pub(crate) fn populations() -> Option<Vec<Population>> {
    if std::env::var_os("BIFOCAL_SHARED").is_none() {
        eprintln!("skipped: no shared data");
        return None;
    }
    let categories: BTreeMap<String, String> = rows("alpaca_prompts")
        .into_iter()
        .map(|row| (text(&row, "prompt_id"), text(&row, "category")))
        .collect();
    let mut names: Vec<&String> = categories.values().collect();
    names.sort();
    names.dedup();
    let alpaca = by_model("alpaca", "alpaca_responses", |row| row["judge_score"].as_f64(), |_| None);
    let mut all: Vec<Population> = alpaca
        .into_iter()
        .map(|mut population| {
            for answer in &mut population.answers {
                let category = &categories[&answer.prompt];
                answer.stratum = names.iter().position(|name| *name == category).unwrap();
            }
            population.strata = names.len();
            population
        })
        .collect();
    let scaled = |row: &Value, judge: &str| row["scores"][judge].as_f64().map(|score| (score - 1.0) / 9.0);
    let (turbo, omni) = ("gpt-4-turbo-2024-04-09@v2.0522", "gpt-4o-2024-05-13@v2.0522");
    let wildbench = "wildbench_scores";
    all.extend(by_model("wildbench-turbo", wildbench, |row| scaled(row, turbo), |row| scaled(row, omni)));
    all.extend(by_model("wildbench-4o", wildbench, |row| scaled(row, omni), |_| None));
    all.extend(by_model("gsm", "gsm_responses", |row| row["correct"].as_f64(), |_| None));
    for population in &mut all {
        if population.set != "alpaca" {
            stratify_by_length(population);
        }
    }
    spread(&mut all);
    Some(all)
}

/// Thirds by the length of the answer.
fn stratify_by_length(population: &mut Population) {
    let mut lengths: Vec<usize> = population.answers.iter().map(|answer| answer.text.len()).collect();
    lengths.sort_unstable();
    let cuts = [lengths[lengths.len() / 3], lengths[2 * lengths.len() / 3]];
    for answer in &mut population.answers {
        answer.stratum = cuts.iter().filter(|cut| answer.text.len() >= **cut).count();
    }
    population.strata = 3;
}

fn spread(all: &mut [Population]) {
    let mut by_prompt: BTreeMap<(&str, String), Vec<f64>> = BTreeMap::new();
    for population in all.iter() {
        for answer in &population.answers {
            by_prompt.entry((population.set, answer.prompt.clone())).or_default().push(answer.score);
        }
    }
    for population in all {
        for answer in &mut population.answers {
            let scores = &by_prompt[&(population.set, answer.prompt.clone())];
            let others = scores.len() as f64 - 1.0;
            let sum: f64 = scores.iter().sum::<f64>() - answer.score;
            let squares: f64 = scores.iter().map(|x| x * x).sum::<f64>() - answer.score * answer.score;
            answer.spread = (squares / others - (sum / others).powi(2)).max(0.0).sqrt();
        }
    }
}

fn by_model(
    set: &'static str,
    file: &str,
    score: impl Fn(&Value) -> Option<f64>,
    cheap: impl Fn(&Value) -> Option<f64>,
) -> Vec<Population> {
    let mut models: BTreeMap<String, Vec<Answer>> = BTreeMap::new();
    for row in rows(file) {
        if let Some(score) = score(&row) {
            models.entry(text(&row, "model")).or_default().push(Answer {
                prompt: text(&row, "prompt_id"),
                score,
                stratum: 0,
                cheap: cheap(&row),
                text: text(&row, "response"),
                spread: 0.0,
            });
        }
    }
    let make = |(model, answers)| Population { set, model, answers, strata: 1 };
    models.into_iter().map(make).collect()
}

fn rows(name: &str) -> Vec<Value> {
    let shared = std::env::var_os("BIFOCAL_SHARED").unwrap();
    let path = PathBuf::from(shared).join(format!("data/{name}.jsonl.gz"));
    let file = File::open(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

fn text(row: &Value, field: &str) -> String {
    row[field].as_str().unwrap().to_owned()
}
