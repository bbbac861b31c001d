//! Burn rates of error budgets.
//!
//! An objective of 99% allows 1% to be bad. The burn rate of a window is the share that was bad in it, divided by the share
//! that is allowed: 1 spends the budget of a period in exactly that period, 14.4 spends two hundredths of thirty days in one
//! hour. (Google's SRE Workbook, chapter 5, multiwindow, multi-burn-rate alerts.)
//!
//! What is bad may be known of a sample only. Then the lower bound of the burn rate decides: Korn and Graubard's interval
//! ("Confidence intervals for proportions with small expected number of positive counts estimated from survey data", Survey
//! Methodology 24, 1998), which is Clopper and Pearson's at the effective sample size, here Kish's, (sum of weights)² / sum
//! of squared weights. Assumed: samples are drawn independently of each other, with weights that do not grow with badness. A
//! bound for one look: rules that look again and again carry a measured rate of false pages and no promise.

use crate::distribution::beta_quantile;

/// Sums over a window. Weights are one over the probability with which a thing was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Things seen.
    pub n: u64,
    /// Sum of their weights: what they stand for.
    pub weight: f64,
    /// Sum of the weights of bad ones.
    pub bad: f64,
    /// Sum of squared weights.
    pub squares: f64,
}

impl Tally {
    /// Adds one thing.
    pub fn add(&mut self, weight: f64, bad: bool) {
        self.n += 1;
        self.weight += weight;
        self.bad += if bad { weight } else { 0.0 };
        self.squares += weight * weight;
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            n: self.n + other.n,
            weight: self.weight + other.weight,
            bad: self.bad + other.bad,
            squares: self.squares + other.squares,
        }
    }

    /// The share that was bad; `None` of nothing.
    pub fn bad_share(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| (self.bad / self.weight).clamp(0.0, 1.0))
    }

    /// What the share that is bad is at least, one-sided at level 1 - alpha; 0 of nothing.
    pub fn bad_share_lower(&self, alpha: f64) -> f64 {
        let Some(share) = self.bad_share().filter(|share| *share > 0.0 && self.squares > 0.0) else {
            return 0.0;
        };
        let effective = (self.weight * self.weight / self.squares).min(self.n as f64);
        let bad = share * effective;
        beta_quantile(alpha, bad, (effective - bad).max(0.0) + 1.0)
    }
}

/// The burn rate of a bad share under an objective in (0, 1).
pub fn rate(bad_share: f64, objective: f64) -> f64 {
    bad_share / (1.0 - objective)
}

/// The highest burn rate that an objective knows: everything is bad.
pub fn most(objective: f64) -> f64 {
    rate(1.0, objective)
}

/// The share of a period's error budget that is left, given all of the period so far; below zero where it is overdrawn.
pub fn budget_left(so_far: &Tally, objective: f64) -> Option<f64> {
    Some(1.0 - rate(so_far.bad_share()?, objective))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binomial;
    use crate::test_random::Random;

    fn tally(seen: impl IntoIterator<Item = (f64, bool)>) -> Tally {
        let mut tally = Tally::default();
        seen.into_iter().for_each(|(weight, bad)| tally.add(weight, bad));
        tally
    }

    #[test]
    fn rates_and_what_is_left() {
        let day = tally((0..1000).map(|i| (1.0, i < 5)));
        assert!((rate(day.bad_share().unwrap(), 0.99) - 0.5).abs() < 1e-12);
        assert!((budget_left(&day, 0.99).unwrap() - 0.5).abs() < 1e-12);
        assert!((budget_left(&day, 0.999).unwrap() + 4.0).abs() < 1e-9, "overdrawn four times");
        assert!((most(0.9) - 10.0).abs() < 1e-9);
        assert_eq!(Tally::default().bad_share(), None, "nothing is not zero");
        assert_eq!(budget_left(&Tally::default(), 0.9), None);
    }

    #[test]
    fn equal_weights_are_clopper_and_pearson_s_bound() {
        for (bad, n) in [(0, 40), (3, 40), (40, 40)] {
            let weighted = tally((0..n).map(|i| (20.0, i < bad)));
            let exact = binomial::lower(bad, n, 0.05);
            assert!((weighted.bad_share_lower(0.05) - exact).abs() < 1e-9, "{bad}/{n}");
        }
    }

    /// How often the bound lies above the true burn, for samples that are weighted apart.
    fn misses(seed: u64, share: f64, n: usize, weight: impl Fn(&mut Random) -> f64) -> f64 {
        let mut random = Random::new(seed);
        let runs = 4_000;
        let missed = (0..runs)
            .filter(|_| {
                let seen = (0..n).map(|_| {
                    let weight = weight(&mut random);
                    (weight, random.uniform() < share)
                });
                tally(seen.collect::<Vec<_>>()).bad_share_lower(0.05) > share
            })
            .count();
        missed as f64 / f64::from(runs)
    }

    #[test]
    fn simulation_the_bound_of_sampled_burns_is_seldom_above_the_truth() {
        let allowed = 0.05 + 2.0 * (0.05f64 * 0.95 / 4_000.0).sqrt();
        for (i, (share, n)) in [(0.05, 30), (0.05, 200), (0.3, 30), (0.3, 400)].into_iter().enumerate() {
            let even = misses(i as u64, share, n, |_| 10.0);
            // One in four is judged five times as often as the others.
            let uneven =
                misses(10 + i as u64, share, n, |random| if random.uniform() < 0.25 { 2.0 } else { 10.0 });
            assert!(even <= allowed && uneven <= allowed + 0.01, "{share} {n}: {even} {uneven}");
        }
        // Control: the point estimate is above it half of the time.
        let mut random = Random::new(7);
        let above = (0..1_000)
            .filter(|_| tally((0..100).map(|_| (1.0, random.uniform() < 0.3))).bad_share() > Some(0.3))
            .count();
        assert!(above > 350, "{above}");
    }
}
