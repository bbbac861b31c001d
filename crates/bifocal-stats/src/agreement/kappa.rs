//! Cohen's kappa of two raters.

use super::bootstrap;
use crate::estimate::Interval;

/// How far apart two categories are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// Every two different ones alike (Cohen 1960).
    Equal,
    /// By the square of their distance (Cohen 1968): for grades.
    Quadratic,
}

/// What two raters said of one unit: pairs of categories, from 0. Several pairs where several people stand against the
/// one judge.
pub type Pairs = Vec<(usize, usize)>;

/// kappa = 1 - sum(w o) / sum(w e), with o the share of each pair of categories, e what the two raters' own shares would
/// give by chance, and w the disagreement. 1 is agreement, 0 what chance gives, below 0 less.
///
/// `None` without pairs, or where both raters know one category only: chance explains everything then. Pairs with a
/// category that is not below `categories` are left out. It depends on how common the categories are: kappas of
/// different traffic do not compare.
pub fn kappa(units: &[Pairs], categories: usize, disagreement: Disagreement) -> Option<f64> {
    weighted(units, &vec![1; units.len()], categories, disagreement)
}

/// Its bootstrap interval over units.
pub fn kappa_interval(
    units: &[Pairs],
    categories: usize,
    disagreement: Disagreement,
    rounds: u32,
    seed: u64,
    alpha: f64,
) -> Option<Interval> {
    bootstrap(units.len(), rounds, seed, alpha, |times| weighted(units, times, categories, disagreement))
}

fn weighted(units: &[Pairs], times: &[u32], categories: usize, disagreement: Disagreement) -> Option<f64> {
    let mut observed = vec![0.0; categories * categories];
    let (mut rows, mut columns, mut n) = (vec![0.0; categories], vec![0.0; categories], 0.0);
    for (pairs, times) in units.iter().zip(times) {
        let times = f64::from(*times);
        for &(one, other) in pairs.iter().filter(|(one, other)| *one < categories && *other < categories) {
            observed[one * categories + other] += times;
            rows[one] += times;
            columns[other] += times;
            n += times;
        }
    }
    let (mut seen, mut by_chance) = (0.0, 0.0);
    for one in 0..categories {
        for other in 0..categories {
            let apart = match disagreement {
                Disagreement::Equal => f64::from(u8::from(one != other)),
                Disagreement::Quadratic => (one.abs_diff(other) as f64).powi(2),
            };
            seen += apart * observed[one * categories + other];
            by_chance += apart * rows[one] * columns[other] / n;
        }
    }
    (n > 0.0 && by_chance > 0.0).then(|| 1.0 - seen / by_chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(table: &[(usize, usize, usize)]) -> Vec<Pairs> {
        table.iter().flat_map(|&(one, other, n)| vec![vec![(one, other)]; n]).collect()
    }

    #[test]
    fn textbook_values() {
        // Grants of two readers: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: po 0.7, pe 0.5, kappa 0.4.
        let grants = units(&[(1, 1, 20), (1, 0, 5), (0, 1, 10), (0, 0, 15)]);
        assert!((kappa(&grants, 2, Disagreement::Equal).unwrap() - 0.4).abs() < 1e-12);
        assert!((kappa(&grants, 2, Disagreement::Quadratic).unwrap() - 0.4).abs() < 1e-12);
        let shown = kappa_interval(&grants, 2, Disagreement::Equal, 2_000, 1, 0.05).unwrap();
        assert!(shown.lower < 0.2 && shown.upper > 0.6 && shown.contains(0.4), "{shown:?}");
        let near = units(&[(0, 1, 10), (1, 0, 10), (4, 4, 10), (2, 2, 10)]);
        let (plain, quadratic) = (
            kappa(&near, 5, Disagreement::Equal).unwrap(),
            kappa(&near, 5, Disagreement::Quadratic).unwrap(),
        );
        assert!(plain < 0.5 && quadratic > 0.8, "near misses count for little: {plain} {quadratic}");
    }

    #[test]
    fn one_category_or_none_says_nothing() {
        assert_eq!(kappa(&[], 5, Disagreement::Equal), None);
        assert_eq!(kappa(&units(&[(1, 1, 30)]), 2, Disagreement::Equal), None);
        assert_eq!(kappa(&units(&[(7, 1, 30)]), 2, Disagreement::Equal), None, "no such category");
    }
}
