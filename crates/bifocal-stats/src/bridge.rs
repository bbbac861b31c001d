//! From one judge to another: what both say of the same answers.
//!
//! Paired: each answer has a score of the old judge and one of the new, in [0, 1]. The step is the mean of new - old; its interval
//! is that of the differences, mapped to [0, 1], by the rule of [`estimate`](crate::estimate). The map is the mean of the new judge's
//! scores by the old one's, made monotone by pooling adjacent violators (Ayer et al. 1955; Barlow et al. 1972): for it a judge that
//! gives more where the other gives less is noise. Assumes that the answers are like those that will be judged; broken by a set
//! of one kind.

use crate::estimate::Interval;
use crate::pairs::PairSums;
use crate::unweighted::mean_interval;

/// A step of at most this is none: harmless drift, on [0, 1].
pub const NO_STEP: f64 = 0.02;

/// What both judges say of the same answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Bridge {
    /// Answers that both scored.
    pub n: u64,
    /// Mean score of the old judge.
    pub old: f64,
    /// Mean score of the new one.
    pub new: f64,
    /// New minus old.
    pub step: f64,
    /// Its interval.
    pub interval: Interval,
    /// What the step is.
    pub verdict: Step,
    /// Squared correlation of the two: how much of one the other knows.
    pub rho2: f64,
    /// Its interval.
    pub rho2_interval: (f64, f64),
    /// From the old judge's scores to the new one's, by the old ones, which grow.
    pub map: Vec<Place>,
}

/// Some scores of the old judge, and what the new one makes of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The least of the old scores.
    pub from: f64,
    /// The largest of them.
    pub to: f64,
    /// Mean of the new scores.
    pub new: f64,
    /// Its interval.
    pub interval: Interval,
    /// How many answers.
    pub n: u64,
}

/// What a step of the mean is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The new judge scores lower.
    Down,
    /// It scores higher.
    Up,
    /// Less than [`NO_STEP`] in either direction.
    None,
    /// It cannot be told from so many answers.
    Unknown,
}

/// The bridge over pairs of scores (old, new), in the order in which they came. `None` below 2 pairs of numbers.
pub fn bridge(pairs: &[(f64, f64)], alpha: f64) -> Option<Bridge> {
    let is_score = |x: f64| (0.0..=1.0).contains(&x);
    let pairs: Vec<(f64, f64)> =
        pairs.iter().copied().filter(|(old, new)| is_score(*old) && is_score(*new)).collect();
    let mut sums = PairSums::default();
    pairs.iter().for_each(|(old, new)| sums.add(*new, *old, 1.0));
    let (new, old) = sums.means().filter(|_| pairs.len() > 1)?;
    let differences = pairs.iter().map(|(old, new)| 0.5 * (new - old + 1.0));
    let of_halves = mean(differences, alpha)?;
    let interval = Interval { lower: 2.0 * of_halves.lower - 1.0, upper: 2.0 * of_halves.upper - 1.0 };
    let verdict = match interval {
        Interval { lower, upper } if lower >= -NO_STEP && upper <= NO_STEP => Step::None,
        Interval { upper, .. } if upper < 0.0 => Step::Down,
        Interval { lower, .. } if lower > 0.0 => Step::Up,
        _ => Step::Unknown,
    };
    Some(Bridge {
        n: sums.n(),
        old,
        new,
        step: new - old,
        interval,
        verdict,
        rho2: sums.rho2(),
        rho2_interval: sums.rho2_interval(alpha),
        map: map(pairs, alpha),
    })
}

/// Pooled adjacent violators over the old scores.
fn map(mut pairs: Vec<(f64, f64)>, alpha: f64) -> Vec<Place> {
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut pools: Vec<Vec<(f64, f64)>> = Vec::new();
    let of = |pool: &[(f64, f64)]| pool.iter().map(|(_, new)| new).sum::<f64>() / pool.len() as f64;
    for same in pairs.chunk_by(|a, b| a.0 == b.0) {
        let mut pool = same.to_vec();
        while let Some(before) = pools.pop_if(|before| of(before) >= of(&pool)) {
            pool.splice(0..0, before);
        }
        pools.push(pool);
    }
    let place = |pool: &Vec<(f64, f64)>| {
        let (first, last) = (pool.first()?, pool.last()?);
        let interval = mean(pool.iter().map(|(_, new)| *new), alpha)?;
        Some(Place { from: first.0, to: last.0, new: of(pool), interval, n: pool.len() as u64 })
    };
    pools.iter().filter_map(place).collect()
}

fn mean(values: impl Iterator<Item = f64>, alpha: f64) -> Option<Interval> {
    mean_interval(&values.collect::<Vec<_>>(), alpha)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    /// A judge that gives grades, and one that gives a point less in a share of cases.
    fn graded(n: usize, harsh: f64, seed: u64) -> Vec<(f64, f64)> {
        let mut random = Random::new(seed);
        let pairs = (0..n).map(|_| {
            let old = (random.uniform() * 5.0).floor() / 4.0;
            let new = if random.uniform() < harsh { (old - 0.25).max(0.0) } else { old };
            (old, new)
        });
        pairs.collect()
    }

    #[test]
    fn a_stricter_judge_is_a_step_down_with_a_map() {
        let bridge = bridge(&graded(300, 0.4, 1), 0.05).unwrap();
        assert_eq!((bridge.n, bridge.verdict), (300, Step::Down));
        // Four grades of five can fall, by a quarter in two of five cases: -0.08.
        assert!(bridge.interval.contains(-0.08) && bridge.interval.width() < 0.06, "{bridge:?}");
        assert!((bridge.step - (bridge.new - bridge.old)).abs() < 1e-12);
        assert!(bridge.rho2 > 0.8 && bridge.rho2_interval.0 < bridge.rho2);
        let from: Vec<f64> = bridge.map.iter().map(|place| place.from).collect();
        assert_eq!(from, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert!(bridge.map.is_sorted_by(|a, b| a.new < b.new));
        assert_eq!(bridge.map.iter().map(|place| place.n).sum::<u64>(), 300);
        assert!(bridge.map[4].interval.contains(0.9), "{:?}", bridge.map[4]);
    }

    #[test]
    fn the_same_judge_is_no_step_and_few_answers_tell_nothing() {
        assert_eq!(bridge(&graded(400, 0.0, 2), 0.05).unwrap().verdict, Step::None);
        let few = bridge(&graded(12, 0.2, 3), 0.05).unwrap();
        assert_eq!(few.verdict, Step::Unknown, "{few:?}");
        assert_eq!(bridge(&[(0.5, 0.5)], 0.05), None);
        assert_eq!(bridge(&[(0.5, f64::NAN), (0.5, 1.5), (0.5, 0.5)], 0.05), None);
        let lenient: Vec<_> = graded(300, 0.4, 4).into_iter().map(|(old, new)| (new, old)).collect();
        assert_eq!(bridge(&lenient, 0.05).unwrap().verdict, Step::Up);
    }

    #[test]
    fn what_goes_against_the_order_is_pooled() {
        let pairs = [(0.0, 0.1), (0.25, 0.6), (0.5, 0.4), (0.75, 0.8), (1.0, 0.9)];
        let many: Vec<(f64, f64)> = pairs.iter().cycle().take(100).copied().collect();
        let map = bridge(&many, 0.05).unwrap().map;
        let shape: Vec<(f64, f64, u64)> = map.iter().map(|place| (place.from, place.to, place.n)).collect();
        assert_eq!(shape, [(0.0, 0.0, 20), (0.25, 0.5, 40), (0.75, 0.75, 20), (1.0, 1.0, 20)]);
        assert!((map[1].new - 0.5).abs() < 1e-12);
    }

    /// The interval of the step covers the step of the population.
    #[test]
    fn simulation_the_interval_of_the_step_covers() {
        let covered = (0..400)
            .filter(|seed| bridge(&graded(200, 0.3, 100 + seed), 0.05).unwrap().interval.contains(-0.06))
            .count();
        // 95% of 400, less four standard deviations.
        assert!(covered >= 363, "{covered}");
    }
}
