//! What evaluators found good, by their names: readers of the lake do not know our numbers.

use std::collections::BTreeMap;

use bifocal_model::evaluator::{EVALUATORS, passes};
use bifocal_model::{Evaluator, Findings};
use serde::{Deserialize, Serialize};

use super::columns::Rows;
use crate::Error;
use crate::rollup::Passed;

/// The column `findings` of a call.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Found {
    /// Evaluators that gave 1, as `refusal@1`.
    passed: Vec<String>,
    /// Values of evaluators without a mark.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    values: BTreeMap<String, f32>,
}

/// One element of the column `passed` of a minute.
#[derive(Serialize, Deserialize)]
pub(super) struct FoundTogether {
    passed: Vec<String>,
    n: u64,
    w: f64,
    w2: f64,
}

fn name(evaluator: &Evaluator) -> String {
    format!("{}@{}", evaluator.dimension, evaluator.version)
}

fn names(set: u64) -> Vec<String> {
    passes(set).map(name).collect()
}

/// The evaluator of a name; `None` for one that this version does not know.
fn named(text: &str) -> Option<&'static Evaluator> {
    let (dimension, version) = text.split_once('@')?;
    EVALUATORS.iter().find(|evaluator| evaluator.dimension == dimension && evaluator.version == version)
}

fn set(names: &[String]) -> u64 {
    names.iter().filter_map(|text| named(text)).fold(0, |set, evaluator| set | 1 << evaluator.number)
}

pub(super) fn found(findings: &Findings) -> Found {
    let values = findings.values.iter();
    let values = values.filter_map(|(at, value)| Some((name(EVALUATORS.get(usize::from(*at))?), *value)));
    Found { passed: names(findings.passed), values: values.collect() }
}

pub(super) fn read(rows: &Rows<'_>, text: &str) -> Result<Findings, Error> {
    let found: Found = rows.json(text)?;
    let mut values: Vec<(u8, f32)> =
        found.values.iter().filter_map(|(text, value)| Some((named(text)?.number, *value))).collect();
    values.sort_unstable_by_key(|(number, _)| *number);
    Ok(Findings { passed: set(&found.passed), values })
}

pub(super) fn together(passed: &[(u64, Passed)]) -> Vec<FoundTogether> {
    let together = passed.iter();
    together
        .map(|(set, Passed { n, w, w2 })| FoundTogether { passed: names(*set), n: *n, w: *w, w2: *w2 })
        .collect()
}

pub(super) fn read_passed(rows: &Rows<'_>, text: &str) -> Result<Vec<(u64, Passed)>, Error> {
    let together: Vec<FoundTogether> = rows.json(text)?;
    let mut passed: Vec<(u64, Passed)> =
        together.iter().map(|one| (set(&one.passed), Passed { n: one.n, w: one.w, w2: one.w2 })).collect();
    passed.sort_unstable_by_key(|(set, _)| *set);
    Ok(passed)
}
