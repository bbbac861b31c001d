//! Which judge to pay for: the strong one alone, or fewer of its judgements with many of a cheap predictor.
//!
//! Prediction-powered estimates of equal width (PPI++, Angelopoulos, Duchi and Zrnic, arXiv 2311.01453, for the mean;
//! before that the double sampling of Neyman, 1938). With n strong judgements, k cheap ones per strong one (those on
//! the same answers included) and rho^2 the squared correlation of the two within one target, the best estimate has
//! the variance sd^2 / n (1 - rho^2 (1 - 1/k)). With N answers that only the cheap one saw, k = 1 + N/n, and the
//! saving is rho^2 / (1 + n/N). At equal width, per strong judgement of the strong judge alone:
//!
//! - strong judgements 1 - rho^2 (1 - 1/k),
//! - dollars (1 - rho^2 (1 - 1/k)) (1 + k r), r the price of a cheap call over that of a strong one, least at
//!   k = sqrt(rho^2 / ((1 - rho^2) r)).
//!
//! Assumes that the cheap predictor was not fitted on the answers that it is used on, and that rho^2 is known: plan
//! with its lower bound, [`PairSums::rho2_interval`](crate::pairs::PairSums::rho2_interval). Broken by a rho^2 that was
//! measured across models: it is many times that within one.

use std::fmt;

use crate::distribution::normal_quantile;

/// Strong judgements below which a predictor is not used at all: its weight cannot be told from noise.
pub const MIN_JUDGED_FOR_PROXY: f64 = 30.0;

/// A cheap predictor of the strong judge's score: heuristics, or a cheaper judge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rung {
    /// Squared correlation with the strong judge's score within one target.
    pub rho2: f64,
    /// Its price per call over the strong judge's; 0 for heuristics.
    pub price_ratio: f64,
}

/// What an interval of equal width takes with a rung, relative to the strong judge alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mix {
    /// Cheap calls per strong one, those on the same answers included; at least 1.
    pub cheap_per_strong: f64,
    /// Strong judgements per one of the strong judge alone, in (0, 1].
    pub strong: f64,
    /// Dollars per dollar of the strong judge alone; above 1 the rung does not pay.
    pub cost: f64,
}

/// The cheapest way to an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice {
    /// No rung is cheaper at equal width.
    StrongAlone,
    /// The rung at this place of the list, mixed so.
    Rung(usize, Mix),
}

impl Choice {
    /// What fraction of the strong judge's cost alone it costs.
    pub fn cost(&self) -> f64 {
        match self {
            Self::StrongAlone => 1.0,
            Self::Rung(_, mix) => mix.cost,
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StrongAlone => f.write_str("strong judge alone"),
            Self::Rung(_, mix) => write!(
                f,
                "{:.0}% of the strong judgements with {:.1} cheap calls each: {:.0}% of the cost",
                100.0 * mix.strong,
                mix.cheap_per_strong,
                100.0 * mix.cost
            ),
        }
    }
}

/// How many judgements of the strong judge alone give an interval of this half width, by the normal approximation.
/// `None` unless both numbers are positive and finite.
pub fn judgements_alone(half_width: f64, sd: f64, alpha: f64) -> Option<f64> {
    let usable = half_width > 0.0 && half_width.is_finite() && sd > 0.0 && sd.is_finite();
    let z = normal_quantile(1.0 - 0.5 * alpha.clamp(1e-12, 0.5));
    usable.then(|| (z * sd / half_width).powi(2).max(1.0))
}

impl Rung {
    /// What equal width takes at this many cheap calls per strong one. `None` for a correlation outside [0, 1], a
    /// negative price or fewer than one call: no plan is made of numbers that cannot be.
    pub fn mixed(self, cheap_per_strong: f64) -> Option<Mix> {
        let valid = self.is_valid() && cheap_per_strong >= 1.0 && cheap_per_strong.is_finite();
        valid.then(|| {
            let strong = 1.0 - self.rho2 * (1.0 - 1.0 / cheap_per_strong);
            Mix { cheap_per_strong, strong, cost: strong * (1.0 + cheap_per_strong * self.price_ratio) }
        })
    }

    /// The cheapest mix for a window with this much traffic in which the strong judge alone would need
    /// `judgements_alone`. `None` where no number is usable, and where the guard of the estimator would ignore the
    /// predictor: fewer than 30 judgements left, or rho^2 <= 2 / (n - 2).
    pub fn best(self, judgements_alone: f64, traffic: f64) -> Option<Mix> {
        if !(self.is_valid() && judgements_alone >= 1.0 && traffic >= judgements_alone) {
            return None;
        }
        let unexplained = 1.0 - self.rho2;
        // k n(k) cheap calls must find an answer each: k n(k) = judgements_alone ((1 - rho^2) k + rho^2) <= traffic.
        let most = (traffic / judgements_alone - self.rho2) / unexplained;
        let most = if most < 1e9 { most.max(1.0) } else { 1e9 };
        let wanted = (self.rho2 / (unexplained * self.price_ratio)).sqrt();
        let wanted = if wanted.is_nan() { 1.0 } else { wanted };
        let mix = self.mixed(wanted.clamp(1.0, most))?;
        let judged = judgements_alone * mix.strong;
        (judged >= MIN_JUDGED_FOR_PROXY && self.rho2 > 2.0 / (judged - 2.0)).then_some(mix)
    }

    fn is_valid(self) -> bool {
        (0.0..=1.0).contains(&self.rho2) && self.price_ratio >= 0.0 && self.price_ratio.is_finite()
    }
}

/// The cheapest of the rungs and the strong judge alone, for a window with `traffic` answers in which the strong judge
/// alone would need `judgements_alone` of them (see [`judgements_alone`]).
pub fn choose(rungs: &[Rung], judgements_alone: f64, traffic: f64) -> Choice {
    let mixes = rungs.iter().enumerate();
    mixes
        .filter_map(|(at, rung)| rung.best(judgements_alone, traffic).map(|mix| Choice::Rung(at, mix)))
        .filter(|choice| choice.cost() < 1.0)
        .min_by(|a, b| a.cost().total_cmp(&b.cost()))
        .unwrap_or(Choice::StrongAlone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(rho2: f64, price_ratio: f64) -> Rung {
        Rung { rho2, price_ratio }
    }

    /// The arithmetic of the measured ladder: 65% saved strong calls, 10 cheap calls per strong one.
    #[test]
    fn the_dollars_of_a_fixed_mix() {
        let cost = |ratio: f64| rung(0.65 / 0.9, ratio).mixed(10.0).unwrap().cost;
        assert!((cost(0.1) - 0.70).abs() < 1e-12, "saves 30%");
        assert!((cost(1.0 / 3.0) - 0.35 * (1.0 + 10.0 / 3.0)).abs() < 1e-12, "costs 52% more");
        // With N = 10 n answers that only the cheap judge saw, rho^2 / (1 + n/N) is saved.
        assert!((rung(0.7, 0.0).mixed(11.0).unwrap().strong - (1.0 - 0.7 / 1.1)).abs() < 1e-12);
    }

    #[test]
    fn the_best_mix_is_the_least_of_all_mixes() {
        for (rho2, ratio) in [(0.67, 0.1), (0.67, 0.01), (0.8, 1.0 / 3.0), (0.25, 0.001), (0.97, 0.3)] {
            let best = rung(rho2, ratio).best(2_000.0, 1e9).unwrap();
            let least = (0..20_000)
                .filter_map(|i| rung(rho2, ratio).mixed(1.0 + 0.01 * f64::from(i)))
                .map(|mix| mix.cost)
                .fold(f64::INFINITY, f64::min);
            assert!(
                best.cost <= least + 1e-12 && best.cost > least - 1e-4,
                "{rho2} {ratio}: {best:?} {least}"
            );
            let closed = ((1.0 - rho2).sqrt() + (rho2 * ratio).sqrt()).powi(2);
            assert!((best.cost - closed).abs() < 1e-12);
        }
    }

    #[test]
    fn the_strong_judge_alone_wins_where_it_is_cheaper() {
        assert_eq!(choose(&[rung(0.67, 0.5)], 500.0, 1e6), Choice::StrongAlone);
        assert_eq!(choose(&[], 500.0, 1e6), Choice::StrongAlone);
        assert_eq!(Choice::StrongAlone.to_string(), "strong judge alone");
        let paid = choose(&[rung(0.03, 0.0), rung(0.67, 0.1), rung(0.67, 0.5)], 500.0, 1e6);
        assert!(matches!(paid, Choice::Rung(1, mix) if mix.cost < 0.75), "{paid}");
        // Free heuristics that tell next to nothing still pay, but only as much as they tell.
        let free = choose(&[rung(0.03, 0.0)], 500.0, 1e6);
        assert!(matches!(free, Choice::Rung(0, mix) if mix.cost > 0.969 && mix.cost < 1.0), "{free}");
    }

    #[test]
    fn traffic_and_guard_bound_the_mix() {
        // 1,000 answers for 500 judgements: each cheap call needs an answer of its own.
        let mix = rung(0.67, 0.01).best(500.0, 1_000.0).unwrap();
        assert!((500.0 * mix.strong * mix.cheap_per_strong - 1_000.0).abs() < 1e-6, "{mix:?}");
        assert_eq!(rung(0.67, 0.01).best(500.0, 400.0), None, "the strong judge alone lacks answers too");
        assert_eq!(rung(0.67, 0.01).best(40.0, 1e6), None, "fewer than 30 would be left");
        assert_eq!(rung(0.01, 0.0).best(150.0, 1e6), None, "0.01 < 2 / 146");
    }

    #[test]
    fn numbers_that_cannot_be_make_no_plan() {
        for bad in
            [rung(f64::NAN, 0.1), rung(1.1, 0.1), rung(-0.1, 0.1), rung(0.5, -1.0), rung(0.5, f64::NAN)]
        {
            assert_eq!(bad.mixed(10.0), None);
            assert_eq!(choose(&[bad], 500.0, 1e6), Choice::StrongAlone);
        }
        assert_eq!(rung(0.5, 0.1).mixed(f64::NAN), None);
        assert_eq!(rung(0.5, 0.1).best(f64::NAN, 1e6), None);
        assert_eq!(
            choose(&[rung(1.0, 0.0)], 500.0, 1e6),
            Choice::StrongAlone,
            "a copy leaves nothing to judge"
        );
        for (half_width, sd) in [(0.0, 0.2), (f64::NAN, 0.2), (0.02, 0.0), (0.02, f64::INFINITY)] {
            assert_eq!(judgements_alone(half_width, sd, 0.05), None);
        }
        assert!((judgements_alone(0.02, 0.18, 0.05).unwrap() - 311.2).abs() < 0.1);
    }
}
