//! Judge scores and arrivals.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use flate2::read::GzDecoder;

use crate::test_random::Random;

/// A judged answer: its score in [0, 1] and the category of its question, where there is one.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) score: f64,
    pub(crate) category: String,
}

/// Items by model and judge, and the arrival times of real requests, seconds.
pub(crate) struct Data {
    items: BTreeMap<String, Vec<Item>>,
    pub(crate) arrivals: Vec<f64>,
}

impl Data {
    /// `None`, with a word on stderr, when the data is not there.
    pub(crate) fn read() -> Option<Self> {
        let Some(shared) = std::env::var_os("BIFOCAL_SHARED") else {
            eprintln!("skipped: no shared data");
            return None;
        };
        let folder = PathBuf::from(shared).join("data");
        let mut items: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        let mut add = |key: String, score: f64, category: &str| {
            items.entry(key).or_default().push(Item { score, category: category.to_owned() });
        };
        let categories: BTreeMap<String, String> = rows(&folder.join("alpaca_prompts.jsonl.gz"))
            .map(|row| (text(&row["prompt_id"]), text(&row["category"])))
            .collect();
        for row in rows(&folder.join("alpaca_responses.jsonl.gz")) {
            let category = &categories[row["prompt_id"].as_str().unwrap()];
            add(text(&row["model"]), row["judge_score"].as_f64().unwrap(), category);
        }
        for row in rows(&folder.join("wildbench_scores.jsonl.gz")) {
            for (judge, score) in row["scores"].as_object().unwrap() {
                let judge = judge.split('-').nth(1).unwrap().to_owned() + &judge[judge.len() - 5..];
                add(format!("{}/{judge}", text(&row["model"])), (score.as_f64().unwrap() - 1.0) / 9.0, "");
            }
        }
        for row in rows(&folder.join("gsm_responses.jsonl.gz")) {
            add(text(&row["model"]), row["correct"].as_f64().unwrap(), "");
        }
        let trace = lines(&folder.join("trace_azure2023_conv.csv.gz")).skip(1);
        let arrivals = trace.map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
        Some(Self { items, arrivals })
    }

    /// The items whose key is the only word or holds all of the words; there must be one such key.
    pub(crate) fn of(&self, words: &[&str]) -> &[Item] {
        if let [only] = words
            && let Some(items) = self.items.get(*only)
        {
            return items;
        }
        let keys: Vec<_> =
            self.items.iter().filter(|(key, _)| words.iter().all(|word| key.contains(word))).collect();
        let [(_, items)] = keys[..] else {
            panic!("{words:?}: {:?}", keys.iter().map(|(key, _)| key).collect::<Vec<_>>())
        };
        items
    }
}

/// One of the values.
pub(crate) fn pick<'a, T>(random: &mut Random, values: &'a [T]) -> &'a T {
    #[expect(clippy::cast_possible_truncation, reason = "below the number of values")]
    let index = (random.uniform() * values.len() as f64) as usize;
    &values[index.min(values.len() - 1)]
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn lines(path: &std::path::Path) -> impl Iterator<Item = String> + use<> {
    let file = File::open(path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    BufReader::new(GzDecoder::new(file)).lines().map(Result::unwrap)
}

fn rows(path: &std::path::Path) -> impl Iterator<Item = serde_json::Value> + use<> {
    lines(path).map(|line| serde_json::from_str(&line).unwrap())
}
