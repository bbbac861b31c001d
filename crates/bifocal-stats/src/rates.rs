//! Inclusion probabilities for the rest of a period: what a budget pays for, over strata, from the past only.
//!
//! Poisson sampling with a core and extras. The core is one rate for every answer, for [`CORE`] of the budget: its sample is the
//! traffic as it is, whatever the extras do, which is what a detector must see. The extras go to floors first (so many
//! judgements of each stratum), then by preference: Neyman's allocation with cost (Neyman 1934; StratPPI, arXiv 2406.04291),
//! mixed half and half with the share of the traffic, which bounds the harm of a wrong sd, times a factor for strata that are
//! worth a look.
//!
//! With N_h answers expected, cost c_h, preference m_h and floor rate f_h, the inclusion is
//! pi_h = min(most_h, max(core, f_h, x m_h)), and x is chosen so that sum N_h c_h pi_h is the budget. Estimates weighed by
//! 1/pi are unbiased whatever the forecasts are worth: pi is settled before the answer comes, and is recorded with it. A
//! wrong forecast costs width, or money that is left over.

/// Part of the budget that buys the same chance for every answer.
pub const CORE: f64 = 0.7;
/// Part of a stratum's preference that goes by the share of traffic alone.
const PROPORTIONAL: f64 = 0.5;
/// Steps of a bisection: the inclusion is then exact to a part in 2^40.
const STEPS: u32 = 40;

/// A stratum as it is expected in the rest of the period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Answers still to come.
    pub answers: f64,
    /// Standard deviation of the score; NaN where it is not known, which counts as the largest of the others.
    pub sd: f64,
    /// Cost of a judgement, in the unit of the budget; positive.
    pub cost: f64,
    /// How much more than others it is worth a look; 1 for no more.
    pub boost: f64,
    /// Judgements that its floor still lacks.
    pub lacks: f64,
    /// The highest inclusion that a rule allows, but for the floor.
    pub most: f64,
}

/// Inclusion probabilities.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rates {
    /// Of every answer, at least (but for a stratum whose rule allows less).
    pub core: f64,
    /// Of each stratum, in their order.
    pub inclusion: Vec<f64>,
    /// The factor x of the preferences: a stratum that is not in the list gets this much times its boost.
    pub factor: f64,
    /// Share of what the floors ask for that the budget pays, in [0, 1]. The budget beats the floor.
    pub floors: f64,
}

/// The rates that spend a budget on the rest of a period.
pub fn rates(strata: &[Expected], budget: f64) -> Rates {
    let total: f64 = strata.iter().map(|stratum| stratum.answers).sum();
    let all_cost: f64 = strata.iter().map(|stratum| stratum.answers * stratum.cost).sum();
    if budget.is_nan() || budget <= 0.0 {
        return Rates { inclusion: vec![0.0; strata.len()], ..Rates::default() };
    }
    if total <= 0.0 || all_cost <= 0.0 {
        // Nothing is expected: whatever comes can be paid for.
        let inclusion = strata.iter().map(|stratum| stratum.most).collect();
        return Rates { core: 1.0, inclusion, factor: 1.0, floors: 1.0 };
    }
    let preferences = preferences(strata, total);
    let core = (CORE * budget / all_cost).min(1.0);
    let spend = |share_of_floor: f64, factor: f64| -> f64 {
        let each = strata.iter().zip(&preferences);
        each.map(|(stratum, preference)| {
            stratum.answers * stratum.cost * stratum.inclusion(core, share_of_floor, factor * preference)
        })
        .sum()
    };
    let floors =
        if spend(1.0, 0.0) <= budget { 1.0 } else { largest(1.0, |share| spend(share, 0.0) <= budget) };
    // From this factor on every stratum has the most that its rule allows.
    let least = preferences.iter().copied().fold(f64::INFINITY, f64::min).max(1e-6);
    let factor = largest(1.0 / least, |factor| spend(floors, factor) <= budget);
    let each = strata.iter().zip(&preferences);
    let inclusion = each.map(|(stratum, m)| stratum.inclusion(core, floors, factor * m)).collect();
    Rates { core, inclusion, factor, floors }
}

impl Expected {
    fn inclusion(&self, core: f64, share_of_floor: f64, preferred: f64) -> f64 {
        let floor = if self.answers > 0.0 { share_of_floor * self.lacks / self.answers } else { 0.0 };
        core.max(preferred).min(self.most).max(floor).min(1.0)
    }
}

/// Half by traffic, half by spread and cost, times the boost; 1 on average but for the boosts.
fn preferences(strata: &[Expected], total: f64) -> Vec<f64> {
    let known = |sd: f64| sd.is_finite() && sd >= 0.0;
    let largest_sd = strata.iter().map(|s| s.sd).filter(|sd| known(*sd)).fold(0.0, f64::max);
    let spread: Vec<f64> = strata
        .iter()
        .map(|s| if known(s.sd) { s.sd } else { largest_sd } / s.cost.max(f64::MIN_POSITIVE).sqrt())
        .collect();
    let mean = strata.iter().zip(&spread).map(|(s, spread)| s.answers / total * spread).sum::<f64>();
    let each = strata.iter().zip(&spread);
    each.map(|(s, spread)| {
        let relative = if mean > 0.0 { spread / mean } else { 1.0 };
        s.boost * (PROPORTIONAL + (1.0 - PROPORTIONAL) * relative)
    })
    .collect()
}

/// The largest number in [0, `most`] that fits, for a condition that larger numbers break.
fn largest(most: f64, fits: impl Fn(f64) -> bool) -> f64 {
    if fits(most) {
        return most;
    }
    let (mut low, mut high) = (0.0, most);
    for _ in 0..STEPS {
        let middle = 0.5 * (low + high);
        if fits(middle) { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stratum(answers: f64) -> Expected {
        Expected { answers, sd: 0.2, cost: 1.0, boost: 1.0, lacks: 0.0, most: 1.0 }
    }

    fn spent(strata: &[Expected], rates: &Rates) -> f64 {
        strata.iter().zip(&rates.inclusion).map(|(s, pi)| s.answers * s.cost * pi).sum()
    }

    #[test]
    fn strata_alike_share_by_traffic_and_the_budget_is_spent() {
        let strata = [stratum(3_000.0), stratum(1_000.0)];
        let rates = rates(&strata, 400.0);
        assert!(rates.inclusion.iter().all(|pi| (pi - 0.1).abs() < 1e-6), "{rates:?}");
        assert!((rates.core - 0.07).abs() < 1e-9 && rates.floors == 1.0);
    }

    #[test]
    fn floors_come_before_preferences_and_the_budget_before_floors() {
        let rare = Expected { lacks: 5.0, ..stratum(10.0) };
        let strata = [stratum(10_000.0), rare];
        let enough = rates(&strata, 100.0);
        assert!((enough.inclusion[1] - 0.5).abs() < 1e-9 && enough.floors == 1.0, "{enough:?}");
        assert!((spent(&strata, &enough) - 100.0).abs() < 1e-3);
        // Four judgements in all: seven tenths for everybody's chance, the rest for half of what the floor lacks.
        let poor = rates(&strata, 4.0);
        assert!(poor.floors < 0.3 && poor.floors > 0.2, "{poor:?}");
        assert!((spent(&strata, &poor) - 4.0).abs() < 1e-3);
    }

    #[test]
    fn what_is_worth_a_look_is_looked_at_more() {
        let strata = [stratum(9_000.0), Expected { boost: 3.0, ..stratum(1_000.0) }];
        let rates = rates(&strata, 500.0);
        let [usual, looked] = rates.inclusion[..] else { panic!() };
        assert!(looked > 2.0 * usual && usual >= rates.core, "{rates:?}");
        assert!((spent(&strata, &rates) - 500.0).abs() < 1e-3);
        let spread = [stratum(5_000.0), Expected { sd: 0.6, ..stratum(5_000.0) }];
        let rates = self::rates(&spread, 500.0);
        assert!(rates.inclusion[1] > 1.3 * rates.inclusion[0], "{rates:?}");
    }

    #[test]
    fn no_rule_is_passed_but_by_a_floor() {
        let strata = [
            Expected { most: 0.05, ..stratum(1_000.0) },
            Expected { most: 0.05, lacks: 5.0, ..stratum(10.0) },
        ];
        let rich = rates(&strata, 1e9);
        assert_eq!(rich.inclusion, [0.05, 0.5]);
    }

    #[test]
    fn nothing_to_spend_nothing_expected() {
        assert_eq!(rates(&[stratum(10.0)], 0.0).inclusion, [0.0]);
        assert_eq!(rates(&[stratum(10.0)], f64::NAN).inclusion, [0.0]);
        let quiet = rates(&[Expected { most: 0.3, ..stratum(0.0) }], 5.0);
        assert_eq!((quiet.inclusion, quiet.core), (vec![0.3], 1.0));
        let unknown = rates(&[Expected { sd: f64::NAN, ..stratum(100.0) }], 10.0);
        assert!((unknown.inclusion[0] - 0.1).abs() < 1e-6, "{unknown:?}");
    }

    proptest! {
        #[test]
        fn what_is_expected_to_be_spent_is_the_budget_or_all_that_rules_allow(
            strata in prop::collection::vec(
                (0.0..5_000.0f64, 0.0..0.5f64, 0.2..4.0f64, 1.0..4.0f64, 0.0..5.0f64, 0.01..1.0f64), 1..12),
            budget in 0.1..3_000.0f64,
        ) {
            let strata: Vec<Expected> = strata
                .into_iter()
                .map(|(answers, sd, cost, boost, lacks, most)| Expected { answers, sd, cost, boost, lacks, most })
                .collect();
            let rates = rates(&strata, budget);
            prop_assert!(rates.inclusion.iter().all(|pi| (0.0..=1.0).contains(pi)));
            let spent = spent(&strata, &rates);
            prop_assert!(spent <= budget * (1.0 + 1e-6) + 1e-9, "{spent} of {budget}");
            let all = strata.iter().zip(&rates.inclusion).all(|(s, pi)| *pi >= s.most - 1e-9 || s.answers == 0.0);
            prop_assert!(all || spent >= budget * 0.999, "{spent} of {budget}: {rates:?}");
            prop_assert!(strata.iter().zip(&rates.inclusion).all(|(s, pi)| *pi >= rates.core.min(s.most) - 1e-12));
        }
    }
}
