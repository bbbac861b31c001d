//! What a cheap judge, or heuristics, save at equal width, and what that costs.

use std::collections::BTreeMap;

use bifocal_model::{Estimate, Probability, Timestamp, Window};
use bifocal_stats::PairSums;
use bifocal_stats::design::{Judged, Stratum, shown};
use bifocal_stats::planner::{Choice, Rung, choose};

use crate::data::{Answer, Population, mean, populations};
use crate::long;
use crate::test_random::Random;

const WINDOW: Window = Window { start: Timestamp::from_secs(0), end: Timestamp::from_secs(3_600) };

/// Mean squared widths and coverages with and without the predictor, over repetitions of `n` judged answers and
/// `n_other` that only the predictor saw.
struct Compared {
    saved: f64,
    wider: f64,
    coverage: f64,
}

fn compare(pool: &[(f64, f64)], n: usize, n_other: usize, runs: u32, random: &mut Random) -> Compared {
    let truth = mean(pool.iter().map(|(score, _)| *score));
    let probability = Probability::new(n as f64 / (n + n_other) as f64).unwrap();
    let (mut squares, mut widths, mut hits) = ([0.0; 2], [0.0; 2], 0u32);
    for _ in 0..runs {
        let mut stratum = Stratum { total: (n + n_other) as f64, ..Stratum::default() };
        let mut judged = Vec::new();
        for i in 0..n + n_other {
            let (value, proxy) = pool[random.below(pool.len())];
            stratum.proxies.add(proxy, 1.0);
            if i < n {
                judged.push(Judged { value, probability, stratum: 0, proxy: Some(proxy) });
            }
        }
        let with = shown(&judged, &[stratum], WINDOW, 0.05).unwrap();
        judged.iter_mut().for_each(|item| item.proxy = None);
        let without = shown(&judged, &[stratum], WINDOW, 0.05).unwrap();
        hits += u32::from(with.lower <= truth && truth <= with.upper);
        let width = |estimate: Estimate| estimate.upper - estimate.lower;
        for (at, estimate) in [with, without].into_iter().enumerate() {
            squares[at] += width(estimate).powi(2);
            widths[at] += width(estimate);
        }
    }
    Compared {
        saved: 1.0 - squares[0] / squares[1],
        wider: widths[0] / widths[1] - 1.0,
        coverage: f64::from(hits) / f64::from(runs),
    }
}

/// WildBench, gpt-4-turbo as the strong judge and gpt-4o as the cheap one, 10 answers that only the cheap one saw for
/// each judged one.
#[test]
fn real_data_a_cheap_judge_saves_half_of_the_strong_judgements() {
    let Some(all) = populations() else { return };
    let mut random = Random::new(121);
    let mut alone_at_a_third = 0;
    let mut models = 0;
    for population in all.iter().filter(|population| population.set == "wildbench-turbo") {
        let both = population.answers.iter().filter_map(|answer| Some((answer.score, answer.cheap?)));
        let pool: Vec<(f64, f64)> = both.collect();
        if pool.is_empty() {
            continue;
        }
        models += 1;
        let mut sums = PairSums::default();
        pool.iter().for_each(|(score, cheap)| sums.add(*score, *cheap, 1.0));
        let rho2 = sums.rho2();
        for n in [100, 200, 400] {
            let Compared { saved, coverage, .. } = compare(&pool, n, 10 * n, 1_000, &mut random);
            let planned = 1.0 - Rung { rho2, price_ratio: 0.1 }.mixed(11.0).unwrap().strong;
            let model = &population.model;
            eprintln!(
                "{model} n={n}: rho^2 {rho2:.3}, saved {saved:.3} (planned {planned:.3}), coverage {coverage:.3}"
            );
            assert!(saved >= 0.5, "{model} n={n}: {saved}");
            assert!((saved - planned).abs() < 0.06, "{model} n={n}: {saved} is not {planned}");
            assert!(coverage >= 0.93 - 2.0 * (0.93f64 * 0.07 / 1_000.0).sqrt(), "{model} n={n}: {coverage}");
        }
        for (name, price_ratio) in [("1/3", 1.0 / 3.0), ("1/10", 0.1), ("1/100", 0.01)] {
            let rung = Rung { rho2, price_ratio };
            let choice = choose(&[rung], 500.0, 5_500.0);
            let fixed = rung.mixed(10.0).unwrap().cost;
            eprintln!(
                "  price ratio {name}: {choice}; at 10 cheap calls per strong one {:.0}%",
                100.0 * fixed
            );
            let least = (10..=400).filter_map(|k| rung.mixed(f64::from(k) / 10.0)).map(|mix| mix.cost);
            let least = least.fold(f64::INFINITY, f64::min);
            assert!((choice.cost() - least.min(1.0)).abs() < 0.01, "{choice} but {least}");
            if name == "1/3" && choice == Choice::StrongAlone {
                alone_at_a_third += 1;
            }
        }
    }
    assert_eq!(models, 3);
    assert!(
        alone_at_a_third >= 1,
        "at a third of the price the strong judge alone wins for the weakest correlation"
    );
}

/// What is known of an answer without a judge: its length in fifths, and whether it is a list.
fn heuristic_cell(answer: &Answer, cuts: &[usize]) -> (usize, bool) {
    let fifth = cuts.iter().filter(|cut| answer.text.len() >= **cut).count();
    (fifth, answer.text.contains("\n- ") || answer.text.contains("\n1."))
}

/// The second half of the answers, each with the mean score of its cell in the first half, shrunken towards the mean.
fn with_heuristics(population: &Population) -> Vec<(f64, f64)> {
    let (earlier, later) = population.answers.split_at(population.answers.len() / 2);
    let mut lengths: Vec<usize> = earlier.iter().map(|answer| answer.text.len()).collect();
    lengths.sort_unstable();
    let cuts: Vec<usize> = (1..5).map(|fifth| lengths[lengths.len() * fifth / 5]).collect();
    let overall = mean(earlier.iter().map(|answer| answer.score));
    let mut cells: BTreeMap<(usize, bool), (f64, f64)> = BTreeMap::new();
    for answer in earlier {
        let cell = cells.entry(heuristic_cell(answer, &cuts)).or_insert((20.0 * overall, 20.0));
        *cell = (cell.0 + answer.score, cell.1 + 1.0);
    }
    let predict =
        |answer: &Answer| cells.get(&heuristic_cell(answer, &cuts)).map_or(overall, |(sum, n)| sum / n);
    later.iter().map(|answer| (answer.score, predict(answer))).collect()
}

/// AlpacaEval: heuristics tell next to nothing there, and must not cost anything either.
#[test]
fn real_data_heuristics_are_never_more_than_3_percent_wider() {
    let Some(all) = populations() else { return };
    let mut random = Random::new(122);
    let (step, runs) = if long() { (1, 1_000) } else { (5, 40) };
    let (mut widest, mut saved_most, mut least_coverage) = (f64::MIN, f64::MIN, 1.0f64);
    for population in all.iter().filter(|population| population.set == "alpaca").step_by(step) {
        let pool = with_heuristics(population);
        for n in [100, 200, 500] {
            let Compared { saved, wider, coverage } = compare(&pool, n, 10 * n, runs, &mut random);
            widest = widest.max(wider);
            saved_most = saved_most.max(saved);
            least_coverage = least_coverage.min(coverage);
            assert!(wider <= 0.03, "{} n={n}: {wider}", population.model);
            let least = 0.93 - 2.0 * (0.93 * 0.07 / f64::from(runs)).sqrt();
            assert!(coverage >= least, "{} n={n}: {coverage}", population.model);
        }
    }
    eprintln!(
        "heuristics: at most {:.2}% wider, at most {:.1}% saved, least coverage {least_coverage:.3}",
        100.0 * widest,
        100.0 * saved_most
    );
}
