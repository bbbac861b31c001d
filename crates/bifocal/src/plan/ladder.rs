//! Which judge to pay for: the strong one alone, or fewer of its judgements with many of a cheap one, at equal width.

use bifocal_stats::planner::{Choice, Rung, choose, judgements_alone};
use serde::Serialize;

use super::Known;

/// Half of the width of the daily interval that judges are compared at.
const HALF_WIDTH: f64 = 0.02;
const ALPHA: f64 = 0.05;
/// Price of a cheap judgement over that of a strong one.
const PRICE_RATIOS: [(&str, f64); 3] = [("1/3", 1.0 / 3.0), ("1/10", 0.1), ("1/100", 0.01)];

/// The comparison of judges for one stream and day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ladder {
    /// Half of the width of the interval.
    pub half_width: f64,
    /// Judgements of the strong judge alone that it takes.
    pub strong_alone: f64,
    /// What they cost, dollars; `null` where the price is not known.
    pub strong_alone_usd: Option<f64>,
    /// Squared correlation of cheap and strong scores.
    pub rho2: Known,
    /// By price ratio.
    pub steps: Vec<Step>,
}

/// The advice at one price ratio.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Price of a cheap judgement over that of a strong one.
    pub price_ratio: String,
    /// In words; `strong judge alone` where that wins.
    pub advice: String,
    /// What fraction of the strong judge's cost alone it costs.
    pub cost: f64,
    /// Dollars for the same interval; `null` where the price is not known.
    pub usd: Option<f64>,
}

impl Ladder {
    /// For scores with this spread on a target with this many requests a day. `None` of the steps pays where the traffic
    /// is too thin for the interval.
    /// `cheap`: the price of the cheap judge that is configured, over the judge's.
    pub(super) fn of(
        sd: f64,
        rho2: Known,
        requests_per_day: f64,
        usd: Option<f64>,
        cheap: Option<f64>,
    ) -> Self {
        let alone = judgements_alone(HALF_WIDTH, sd, ALPHA).unwrap_or(1.0);
        let alone_usd = usd.map(|usd| usd * alone);
        let step = |(name, price_ratio): (String, f64)| {
            let choice = choose(&[Rung { rho2: rho2.value, price_ratio }], alone, requests_per_day);
            let advice = match choice {
                Choice::StrongAlone => choice.to_string(),
                Choice::Rung(..) => format!("a cheap judge beside it: {choice}"),
            };
            let cost = choice.cost();
            Step { price_ratio: name, advice, cost, usd: alone_usd.map(|usd| usd * cost) }
        };
        let guessed = PRICE_RATIOS.into_iter().map(|(name, ratio)| (name.to_owned(), ratio));
        let own = cheap.map(|ratio| (format!("{ratio:.3} (that of [judge.cheap])"), ratio));
        let steps = own.into_iter().chain(guessed).map(step).collect();
        Self { half_width: HALF_WIDTH, strong_alone: alone, strong_alone_usd: alone_usd, rho2, steps }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Basis;
    use super::*;

    #[test]
    fn a_dear_cheap_judge_loses_and_a_cheap_one_wins() {
        let rho2 = Known { value: 0.57, basis: Basis::Assumed };
        let ladder = Ladder::of(0.18, rho2, 20_000.0, Some(0.01), None);
        // (1.96 x 0.18 / 0.02)^2
        assert!((ladder.strong_alone - 311.2).abs() < 0.5 && ladder.strong_alone_usd < Some(3.2));
        let advice: Vec<&str> = ladder.steps.iter().map(|step| step.advice.as_str()).collect();
        assert_eq!(advice[0], "strong judge alone", "{advice:?}");
        assert!(advice[2].starts_with("a cheap judge beside it: "), "{advice:?}");
        let costs: Vec<f64> = ladder.steps.iter().map(|step| step.cost).collect();
        assert!(costs[0] == 1.0 && costs[1] > costs[2] && costs[2] < 0.6, "{costs:?}");
        let thin = Ladder::of(0.18, rho2, 100.0, None, Some(0.05));
        assert!(thin.steps.iter().all(|step| step.advice == "strong judge alone" && step.usd.is_none()));
    }
}
