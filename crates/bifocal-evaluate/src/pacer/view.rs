//! What is shown of the pace.

use bifocal_model::{TargetKey, Timestamp};
use serde::Serialize;

use super::Pacer;
use crate::judge::Cap;

/// The pace now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pace {
    /// When the rates were settled.
    pub settled: Option<Timestamp>,
    /// The share of all answers that is judged now, at least.
    pub core: f64,
    /// What the day will have cost at this pace, dollars; `None` where the cap is in tokens.
    pub forecast_usd: Option<f64>,
    /// The same in tokens, where the cap is.
    pub forecast_tokens: Option<f64>,
    /// Strata whose floor today's budget does not reach: it does not pay for all floors, and these had fewer judgements so far
    /// than theirs asks for, of the answers that there were.
    pub below_floor: u64,
    /// The same of yesterday, when it was over.
    pub below_floor_yesterday: u64,
    /// Strata, those with most answers first.
    pub strata: Vec<StratumPace>,
}

/// One stratum today.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StratumPace {
    /// Whose answers.
    pub target: TargetKey,
    /// Which.
    pub stratum: String,
    /// Answers that could be judged.
    pub answers: u64,
    /// Of those, chosen.
    pub chosen: u64,
    /// Of the chosen, answered by the judge.
    pub judged: u64,
    /// Of the chosen, given up.
    pub shed: u64,
    /// With which probability one is chosen now.
    pub inclusion: f64,
    /// Judgements a day that are asked for.
    pub floor: u64,
    /// How many the floor lacks today, of the answers that there were.
    pub lacks: u64,
    /// How many it lacked yesterday.
    pub lacked_yesterday: u64,
}

impl Pacer {
    /// What is shown.
    pub fn view(&self) -> Pace {
        let strata = self.state.strata.iter().enumerate().map(|(at, stratum)| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let answers = stratum.today as u64;
            StratumPace {
                target: stratum.target.clone(),
                stratum: stratum.class.clone(),
                answers,
                chosen: stratum.chosen,
                judged: stratum.judged,
                shed: stratum.shed,
                inclusion: self.plan.rates.inclusion.get(at).copied().unwrap_or(self.plan.rates.core),
                floor: stratum.floor(),
                lacks: stratum.unmet(),
                lacked_yesterday: stratum.lacked_yesterday,
            }
        });
        let mut strata: Vec<StratumPace> = strata.collect();
        strata.sort_by(|a, b| (b.answers, &a.stratum).cmp(&(a.answers, &b.stratum)));
        let is_usd = matches!(self.cap, Cap::Usd { .. });
        // The plan is a while old, and what was spent since is spent.
        let forecast = self.plan.forecast.max(self.state.spent_today);
        Pace {
            settled: self.plan.made,
            core: self.plan.rates.core,
            forecast_usd: is_usd.then_some(forecast),
            forecast_tokens: (!is_usd).then_some(forecast),
            below_floor: if self.plan.rates.floors < 1.0 {
                strata.iter().filter(|stratum| stratum.lacks > 0).count() as u64
            } else {
                // What is lacking still comes: a floor is filled over the day.
                0
            },
            below_floor_yesterday: strata.iter().filter(|stratum| stratum.lacked_yesterday > 0).count()
                as u64,
            strata,
        }
    }
}
