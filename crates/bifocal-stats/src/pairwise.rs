//! Two answers side by side, shown to a judge in both orders: which wins, and whether the judge goes by the place.
//!
//! The unit is the pair. With A shown first once and second once, a judge who goes by the answers says the same twice, and one who
//! goes by the place contradicts himself: his two words cancel in the win rate, and show in the share of "the first" beyond a half,
//! which is a half for any judge without a bias, whichever answers are better (each is first once). Intervals are those of means
//! of bounded values over pairs, by the rule of [`estimate`](crate::estimate). Assumes that pairs are drawn independently; broken by
//! several answers to one question.

use crate::estimate::Interval;
use crate::unweighted::mean_interval;

/// A win rate or a share of "the first" within this much of a half is none.
pub const NO_DIFFERENCE: f64 = 0.05;

/// What a judge said of two answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The one that was shown first.
    First,
    /// The one that was shown second.
    Second,
    /// Neither.
    Tie,
}

/// What a judge said of one pair, in both orders, once or several times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// With A first.
    pub forth: Vec<Better>,
    /// With B first.
    pub back: Vec<Better>,
}

/// What it comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairwise {
    /// Pairs that were judged in both orders.
    pub n: u64,
    /// Pairs in which A won in both orders, B did, or both were ties.
    pub a_wins: u64,
    /// See `a_wins`.
    pub b_wins: u64,
    /// See `a_wins`.
    pub ties: u64,
    /// Pairs of which the two orders say different things.
    pub contradicted: u64,
    /// The share of words for A, ties as halves.
    pub win_rate: f64,
    /// Its interval.
    pub win_interval: Interval,
    /// Which is better.
    pub better: Side,
    /// The share of words for what was shown first, ties as halves.
    pub first_rate: f64,
    /// Its interval.
    pub first_interval: Interval,
    /// Whether the judge prefers a place.
    pub bias: Side,
    /// How often the judge says the same of the same pair in the same order, of pairs asked more than once.
    pub repeats: Option<Repeats>,
}

/// How a judge repeats himself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Repeats {
    /// Pairs that were asked more than once.
    pub n: u64,
    /// The share of two words that are the same.
    pub same: f64,
    /// Its interval.
    pub interval: Interval,
}

/// Which of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A, or the first place.
    First,
    /// B, or the second place.
    Second,
    /// Neither by more than [`NO_DIFFERENCE`].
    Neither,
    /// It cannot be told from so many pairs.
    Unknown,
}

/// Over trials; `None` below two that were judged in both orders.
pub fn pairwise(trials: &[Trial], alpha: f64) -> Option<Pairwise> {
    let whole: Vec<&Trial> =
        trials.iter().filter(|trial| !trial.forth.is_empty() && !trial.back.is_empty()).collect();
    if whole.len() < 2 {
        return None;
    }
    let wins: Vec<f64> = whole
        .iter()
        .map(|trial| 0.5 * (share(&trial.forth, Better::First) + share(&trial.back, Better::Second)))
        .collect();
    let firsts: Vec<f64> = whole
        .iter()
        .map(|trial| 0.5 * (share(&trial.forth, Better::First) + share(&trial.back, Better::First)))
        .collect();
    let word = |trial: &&Trial| match (majority(&trial.forth), majority(&trial.back)) {
        (Better::First, Better::Second) => Some(Better::First),
        (Better::Second, Better::First) => Some(Better::Second),
        (Better::Tie, Better::Tie) => Some(Better::Tie),
        _ => None,
    };
    let count = |wanted: Option<Better>| whole.iter().filter(|trial| word(trial) == wanted).count() as u64;
    let (win_interval, first_interval) = (mean_interval(&wins, alpha)?, mean_interval(&firsts, alpha)?);
    let again: Vec<f64> = whole.iter().filter_map(|trial| agreement(trial)).collect();
    let repeats = mean_interval(&again, alpha).map(|interval| Repeats {
        n: again.len() as u64,
        same: mean(&again),
        interval,
    });
    Some(Pairwise {
        n: whole.len() as u64,
        a_wins: count(Some(Better::First)),
        b_wins: count(Some(Better::Second)),
        ties: count(Some(Better::Tie)),
        contradicted: count(None),
        win_rate: mean(&wins),
        win_interval,
        better: side(win_interval),
        first_rate: mean(&firsts),
        first_interval,
        bias: side(first_interval),
        repeats,
    })
}

fn side(interval: Interval) -> Side {
    match interval {
        Interval { lower, upper } if lower >= 0.5 - NO_DIFFERENCE && upper <= 0.5 + NO_DIFFERENCE => {
            Side::Neither
        }
        Interval { lower, .. } if lower > 0.5 => Side::First,
        Interval { upper, .. } if upper < 0.5 => Side::Second,
        _ => Side::Unknown,
    }
}

/// The share of words for one place, ties as halves.
fn share(said: &[Better], place: Better) -> f64 {
    let of = |word: &Better| match word {
        Better::Tie => 0.5,
        word if *word == place => 1.0,
        _ => 0.0,
    };
    said.iter().map(of).sum::<f64>() / said.len().max(1) as f64
}

/// The word said most often; without one, a tie.
fn majority(said: &[Better]) -> Better {
    let count = |wanted: Better| said.iter().filter(|word| **word == wanted).count();
    let (first, second, tie) = (count(Better::First), count(Better::Second), count(Better::Tie));
    match () {
        () if first > second && first > tie => Better::First,
        () if second > first && second > tie => Better::Second,
        () => Better::Tie,
    }
}

/// The share of two words about the same pair in the same order that are the same; `None` where no order was asked twice.
fn agreement(trial: &Trial) -> Option<f64> {
    let (mut same, mut all) = (0.0, 0.0);
    for said in [&trial.forth, &trial.back] {
        for (i, one) in said.iter().enumerate() {
            let after = said.iter().skip(i + 1);
            all += after.len() as f64;
            same += said.iter().skip(i + 1).filter(|other| *other == one).count() as f64;
        }
    }
    (all > 0.0).then(|| same / all)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    fn once(forth: Better, back: Better) -> Trial {
        Trial { forth: vec![forth], back: vec![back] }
    }

    /// A judge who takes the first for no reason in a share of calls, and else the better one (A in `a_better` of pairs).
    fn judged(n: usize, by_place: f64, a_better: f64, seed: u64) -> Vec<Trial> {
        let mut random = Random::new(seed);
        (0..n)
            .map(|_| {
                let a = random.uniform() < a_better;
                let mut call = |a_first: bool| match random.uniform() {
                    u if u < by_place => Better::First,
                    _ if a == a_first => Better::First,
                    _ => Better::Second,
                };
                once(call(true), call(false))
            })
            .collect()
    }

    #[test]
    fn by_hand() {
        use Better::{First, Second, Tie};
        let trials =
            [once(First, Second), once(First, First), once(Second, First), once(Tie, Tie), once(First, Tie)];
        let said = pairwise(&trials, 0.05).unwrap();
        assert_eq!((said.n, said.a_wins, said.b_wins, said.ties, said.contradicted), (5, 1, 1, 1, 2));
        // 1, 1/2, 0, 1/2, 3/4 and 1/2, 1, 1/2, 1/2, 3/4.
        assert!((said.win_rate - 0.55).abs() < 1e-12 && (said.first_rate - 0.65).abs() < 1e-12, "{said:?}");
        assert_eq!((said.better, said.bias, said.repeats), (Side::Unknown, Side::Unknown, None));
        assert!(pairwise(&trials[..1], 0.05).is_none());
        let half = Trial { forth: vec![First], back: vec![] };
        assert!(pairwise(&[half.clone(), half], 0.05).is_none(), "one order says nothing");
    }

    #[test]
    fn a_judge_who_goes_by_the_place_is_found_out_and_does_not_bend_the_win_rate() {
        let said = pairwise(&judged(800, 0.4, 0.7, 5), 0.05).unwrap();
        // 0.4 + 0.6 / 2 for the first; of the words that do not go by the place, 0.7 for A.
        assert_eq!((said.bias, said.better), (Side::First, Side::First));
        assert!(said.first_interval.contains(0.7), "{said:?}");
        assert!(said.win_interval.contains(0.5 * 0.4 + 0.6 * 0.7), "{said:?}");
        let fair = pairwise(&judged(4_000, 0.0, 0.5, 6), 0.05).unwrap();
        assert_eq!((fair.bias, fair.better, fair.contradicted), (Side::Neither, Side::Neither, 0));
    }

    #[test]
    fn repeats_are_told_by_the_same_order() {
        use Better::{First, Second};
        let same = Trial { forth: vec![First, First], back: vec![Second, Second] };
        let other = Trial { forth: vec![First, Second], back: vec![Second] };
        let said = pairwise(&[same.clone(), other, same, once(First, Second)], 0.05).unwrap();
        let repeats = said.repeats.unwrap();
        assert_eq!(repeats.n, 3);
        assert!((repeats.same - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn simulation_intervals_of_the_win_rate_and_of_the_bias_cover() {
        let covered = (0..300)
            .filter(|seed| {
                let said = pairwise(&judged(120, 0.2, 0.6, 100 + seed), 0.05).unwrap();
                said.win_interval.contains(0.5 * 0.2 + 0.8 * 0.6)
                    && said.first_interval.contains(0.2 + 0.8 * 0.5)
            })
            .count();
        // 90% for both; three standard errors.
        assert!(covered >= 255, "{covered} of 300");
    }
}
