//! The real scores, and the worlds that are made of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use serde_json::Value;

use super::runs::{Population, World};

const TURBO: &str = "gpt-4-turbo-2024-04-09@v2.0522";
const GPT_4O: &str = "gpt-4o-2024-05-13@v2.0522";

/// Scores by model, prompt and judge; and how far two scores of one text by one judge lie apart.
pub(crate) struct Data {
    /// Both judges on the same answers: (turbo, 4o), by model.
    pub(crate) both: BTreeMap<String, Vec<(f64, f64)>>,
    turbo: BTreeMap<String, Vec<f64>>,
    /// AlpacaEval: (category, hard or not, score), by model.
    alpaca: BTreeMap<String, Vec<(&'static str, f64)>>,
    by_difficulty: BTreeMap<String, Vec<(&'static str, f64)>>,
    /// Differences of two scores of one text, on [-1, 1].
    pub(crate) noise: Vec<f64>,
}

fn lines(name: &str) -> Option<Vec<Value>> {
    let Some(shared) = std::env::var_os("BIFOCAL_SHARED") else {
        eprintln!("skipped: no shared data");
        return None;
    };
    let path = PathBuf::from(shared).join("data").join(name);
    let file = File::open(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    Some(
        BufReader::new(GzDecoder::new(file))
            .lines()
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect(),
    )
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Data {
    /// `None`, with a word on stderr, when the data is not there.
    pub(crate) fn read() -> Option<Self> {
        let (mut both, mut turbo): (BTreeMap<String, Vec<_>>, BTreeMap<String, Vec<f64>>) =
            Default::default();
        for row in lines("wildbench_scores.jsonl.gz")? {
            let score = |judge: &str| row["scores"][judge].as_f64().map(|score| (score - 1.0) / 9.0);
            let model = text(&row["model"]);
            if let Some(first) = score(TURBO) {
                turbo.entry(model.clone()).or_default().push(first);
                if let Some(second) = score(GPT_4O) {
                    both.entry(model).or_default().push((first, second));
                }
            }
        }
        assert_eq!(both.len(), 3);
        let mut noise = Vec::new();
        for row in lines("judge_repeatability.jsonl.gz")? {
            let scores: Vec<f64> =
                row["judge_scores"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
            noise.extend(
                [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)].map(|(a, b)| (scores[a] - scores[b]) / 4.0),
            );
        }
        let (alpaca, by_difficulty) = alpaca()?;
        Some(Self { both, turbo, alpaca, by_difficulty, noise })
    }

    /// One model throughout; the judge changes from turbo to 4o, and the anchors are another model's answers.
    pub(crate) fn judge_swaps(&self) -> Vec<World<'_>> {
        let models: Vec<&String> = self.both.keys().collect();
        let pairs = (0..3).flat_map(|i| [(i, (i + 1) % 3), (i, (i + 2) % 3)]);
        pairs
            .map(|(model, anchors)| {
                let scores = &self.both[models[model]];
                World {
                    before: Population::plain(scores.iter().map(|(turbo, _)| *turbo)),
                    after: Population::plain(scores.iter().map(|(_, second)| *second)),
                    frozen: self.both[models[anchors]].clone(),
                    judge_changes: true,
                    ..World::new(format!("judge swap on {}", models[model]), &self.noise)
                }
            })
            .collect()
    }

    /// One judge throughout; the model changes.
    pub(crate) fn model_swaps(&self) -> Vec<World<'_>> {
        let anchors = self.both.values().flatten().copied().collect::<Vec<_>>();
        let wild = |from: &str, to: &str| World {
            before: Population::plain(self.turbo[from].iter().copied()),
            after: Population::plain(self.turbo[to].iter().copied()),
            frozen: anchors.clone(),
            ..World::new(format!("{from} to {to}"), &self.noise)
        };
        let fuse = |from: &str, to: &str| {
            let of = |name: &str| self.alpaca[&format!("FuseChat-Llama-{name}-Instruct")].iter().copied();
            World {
                before: Population::of(of(from)),
                after: Population::of(of(to)),
                frozen: anchors.clone(),
                ..World::new(format!("FuseChat {from} to {to}"), &self.noise)
            }
        };
        vec![
            wild("Phi-3-mini-128k-instruct", "gemma-2b-it"),
            wild("Phi-3-mini-128k-instruct", "gemma-7b-it"),
            wild("gemma-7b-it", "gemma-2b-it"),
            wild("Phi-3-mini-128k-instruct", "Llama-3-8B-OpenHermes-243K"),
            fuse("3.1-8B", "3.2-1B"),
            fuse("3.2-3B", "3.2-1B"),
            fuse("3.1-8B", "3.2-3B"),
        ]
    }

    /// One judge and one model; the questions change from one third of hard ones to nine tenths.
    pub(crate) fn mix_shifts(&self) -> Vec<World<'_>> {
        let names = ["Llama-3.1-8B", "Llama-3.2-3B", "Llama-3.2-1B", "Gemma-2-9B"];
        self.shifts(&names, &self.by_difficulty, "hard")
    }

    /// The questions change to nearly all of one category. The fall is small (0.05 to 0.10 at a spread of 0.4), and the
    /// baseline holds some 80 of that category.
    pub(crate) fn category_shifts(&self) -> Vec<World<'_>> {
        self.shifts(&["Llama-3.2-3B", "Llama-3.2-1B"], &self.alpaca, "helpful_base")
    }

    fn shifts(&self, names: &[&str], scores: &ByModel, to: &'static str) -> Vec<World<'_>> {
        let anchors = self.both.values().flatten().copied().collect::<Vec<_>>();
        let shift = |name: &&str| {
            let scores = &scores[&format!("FuseChat-{name}-Instruct")];
            World {
                before: Population::of(scores.iter().copied()),
                after: Population::of(scores.iter().copied()).with_share(to, 0.9),
                frozen: anchors.clone(),
                ..World::new(format!("{name} to {to}"), &self.noise)
            }
        };
        names.iter().map(shift).collect()
    }

    /// Nothing changes.
    pub(crate) fn quiet(&self) -> Vec<World<'_>> {
        self.model_swaps().into_iter().map(|world| World { after: world.before.clone(), ..world }).collect()
    }
}

type ByModel = BTreeMap<String, Vec<(&'static str, f64)>>;

/// Scores by category, and by whether the question is hard: in the lowest third of the mean over all models.
fn alpaca() -> Option<(ByModel, ByModel)> {
    let category: BTreeMap<String, &'static str> = lines("alpaca_prompts.jsonl.gz")?
        .iter()
        .map(|row| {
            let names = ["oasst", "selfinstruct", "koala", "helpful_base", "vicuna"];
            let category = names.into_iter().find(|name| row["category"] == *name).unwrap();
            (text(&row["prompt_id"]), category)
        })
        .collect();
    let rows: Vec<(String, String, f64)> = lines("alpaca_responses.jsonl.gz")?
        .iter()
        .map(|row| (text(&row["model"]), text(&row["prompt_id"]), row["judge_score"].as_f64().unwrap()))
        .collect();
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    rows.iter().for_each(|(_, prompt, score)| *sums.entry(prompt).or_default() += score);
    let mut sorted: Vec<f64> = sums.values().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let third = sorted[sorted.len() / 3];
    let (mut by_category, mut by_difficulty) = (ByModel::new(), ByModel::new());
    for (model, prompt, score) in &rows {
        by_category.entry(model.clone()).or_default().push((category[prompt], *score));
        let hard = if sums[prompt.as_str()] < third { "hard" } else { "easy" };
        by_difficulty.entry(model.clone()).or_default().push((hard, *score));
    }
    Some((by_category, by_difficulty))
}
