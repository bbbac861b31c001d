//! Agreement of judges with people on PandaLM and LLMBar, against scikit-learn, krippendorff and SciPy:
//! `golden/agreement.py` makes the numbers, the data is read from `$BIFOCAL_SHARED/data`, never committed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use bifocal_stats::agreement::kappa::{Pairs, kappa_interval};
use bifocal_stats::agreement::krippendorff::krippendorff_interval;
use bifocal_stats::agreement::{Confusion, Disagreement, Metric, kappa, krippendorff, rogan_gladen};
use flate2::read::GzDecoder;
use serde_json::Value;

fn rows(name: &str) -> Option<Vec<Value>> {
    let Some(shared) = std::env::var_os("BIFOCAL_SHARED") else {
        eprintln!("skipped: no shared data");
        return None;
    };
    let path = PathBuf::from(shared).join(format!("data/{name}.jsonl.gz"));
    let file = File::open(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    Some(lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect())
}

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/agreement.json")).unwrap()
}

fn near(got: f64, want: &Value, what: &str) {
    let want = want.as_f64().unwrap_or_else(|| panic!("{what}: no golden value"));
    assert!((got - want).abs() < 1e-9, "{what}: {got} is not {want}");
}

fn alphas(units: &[Vec<f64>], want: &Value, what: &str) {
    for (name, metric) in
        [("nominal", Metric::Nominal), ("ordinal", Metric::Ordinal), ("interval", Metric::Interval)]
    {
        near(krippendorff(units, metric).unwrap(), &want[name], &format!("{what} alpha {name}"));
    }
}

fn kappas(units: &[Pairs], categories: usize, want: &Value, what: &str) {
    for (name, weights) in [("equal", Disagreement::Equal), ("quadratic", Disagreement::Quadratic)] {
        near(kappa(units, categories, weights).unwrap(), &want[name], &format!("{what} kappa {name}"));
    }
}

/// People and judge of the first 200 calibrate, the judge's share on all is corrected.
fn corrected(pairs: &[(bool, bool)], want: &Value, what: &str) {
    let mut confusion = Confusion::default();
    pairs.iter().take(200).for_each(|(people, judge)| confusion.add(*people, *judge));
    let n = pairs.len() as f64;
    let phat = pairs.iter().filter(|(_, judge)| *judge).count() as f64 / n;
    let ours = rogan_gladen(phat, n, &confusion, 0.05).unwrap();
    near(ours.value, &want["value"], &format!("{what} corrected"));
    near(ours.lower, &want["lower"], &format!("{what} lower"));
    near(ours.upper, &want["upper"], &format!("{what} upper"));
}

#[test]
fn real_data_agreement_on_pandalm() {
    let Some(rows) = rows("pandalm_human_vs_judge") else { return };
    let golden = golden();
    let people = |row: &Value| -> Vec<f64> {
        row["human"].as_array().unwrap().iter().map(|vote| vote.as_f64().unwrap()).collect()
    };
    let said = |vote: &Value| match vote.as_str() {
        Some("Tie") => Some(0.0),
        Some(text) => text.parse::<f64>().ok(),
        None => vote.as_f64(),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0, 1 or 2")]
    let category = |vote: f64| vote as usize;
    for judge in ["judge_gpt35", "judge_pandalm7b"] {
        let want = &golden["pandalm"][judge];
        let kept: Vec<(Vec<f64>, f64)> =
            rows.iter().filter_map(|row| Some((people(row), said(&row[judge])?))).collect();
        assert_eq!(kept.len() as u64, want["n"].as_u64().unwrap(), "{judge}");
        let first: Vec<Pairs> = kept.iter().map(|(p, j)| vec![(category(p[0]), category(*j))]).collect();
        kappas(&first, 3, &want["kappa_with_first_person"], judge);
        let all: Vec<Vec<f64>> = kept.iter().map(|(p, j)| [p.clone(), vec![*j]].concat()).collect();
        alphas(&all, &want["alpha_with_all"], judge);
        let passes: Vec<(bool, bool)> = kept.iter().map(|(p, j)| (p[0] == 1.0, *j == 1.0)).collect();
        corrected(&passes, &want["rogan_gladen"], judge);

        let shown = kappa_interval(&first, 3, Disagreement::Equal, 500, 5, 0.05).unwrap();
        let theirs = want["kappa_with_first_person"]["equal"].as_f64().unwrap();
        assert!(shown.contains(theirs) && shown.width() > 0.05 && shown.width() < 0.2, "{judge}: {shown:?}");
    }
    let units: Vec<Vec<f64>> = rows.iter().map(people).collect();
    alphas(&units, &golden["pandalm_people"], "people");
    let shown = krippendorff_interval(&units, Metric::Nominal, 500, 5, 0.05).unwrap();
    assert!(shown.contains(golden["pandalm_people"]["nominal"].as_f64().unwrap()), "{shown:?}");
}

#[test]
fn real_data_agreement_on_llmbar() {
    let Some(rows) = rows("llmbar_gold_vs_judges") else { return };
    let golden = golden();
    for judge in ["GPT-4/Vanilla_NoRules", "PaLM2/Vanilla_NoRules"] {
        let want = &golden["llmbar"][judge];
        let verdict = |row: &Value| row["judges"][judge]["order_12"].as_str()?.parse::<u32>().ok();
        let gold = |row: &Value| u32::try_from(row["gold"].as_u64().unwrap()).unwrap();
        let kept: Vec<(u32, u32)> = rows.iter().filter_map(|row| Some((gold(row), verdict(row)?))).collect();
        assert_eq!(kept.len() as u64, want["n"].as_u64().unwrap(), "{judge}");
        let pairs: Vec<Pairs> =
            kept.iter().map(|(gold, judge)| vec![(*gold as usize - 1, *judge as usize - 1)]).collect();
        kappas(&pairs, 2, &want["kappa"], judge);
        let units: Vec<Vec<f64>> =
            kept.iter().map(|(gold, judge)| vec![f64::from(*gold), f64::from(*judge)]).collect();
        alphas(&units, &want["alpha"], judge);
        let passes: Vec<(bool, bool)> = kept.iter().map(|(gold, judge)| (*gold == 1, *judge == 1)).collect();
        corrected(&passes, &want["rogan_gladen"], judge);
    }
}
