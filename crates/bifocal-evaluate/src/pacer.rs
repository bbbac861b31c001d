//! The pace of judging: which share of the answers is judged now, so that the day's budget lasts for the day.
//!
//! Life: every few minutes [`Pacer::turn`] looks at what was seen, chosen, paid and scored so far, and at how many answers are
//! still to come, and settles one rate for all and one for each stratum (see [`bifocal_stats::rates`]); until the next turn
//! [`Pacer::chance`] gives each answer its own. [`Pacer::see`] takes what is durable, in its order.
//!
//! Invariants: a chance is settled before its answer comes, from the past only, and is recorded with the answer, so that
//! estimates stay unbiased whatever the forecast was worth; the cap itself is held by [`Budget`](crate::judge::Budget), to
//! which a pace is only a plan.

mod forecast;
mod stratum;
mod view;

use std::collections::VecDeque;

use bifocal_model::{
    Cost, EvaluatorKind, InferenceId, Probability, Score, Selection, Shed, Span, TargetKey, Timestamp,
    stratum as facets,
};
use bifocal_redact::Redacted;
use bifocal_stats::rates::{Rates, rates};
use bifocal_store::Record;
use serde::{Deserialize, Serialize};

use crate::judge::{Cap, JUDGEMENT_TOKENS, JudgeConfig};
use crate::limits::{PACED_PENDING, STRATA};
use forecast::{Forecast, day_of, hour_of, midnight};
use stratum::Stratum;

pub use view::{Pace, StratumPace};

const HOURS: usize = 24;
const HOUR_NANOS: i64 = 3_600 * 1_000_000_000;
const DAY_NANOS: i64 = 24 * HOUR_NANOS;
/// Between two looks, once a day is under way.
const PERIOD: Span = Span::from_mins(5);
/// In the first hours after a first start looks are more frequent: a quarter of what was seen.
const FIRST: Span = Span::from_secs(2);
/// Part of the cap that is planned for: calls are reserved at what they may cost at most, and the last must fit.
const PLANNED: f64 = 0.97;
/// Part of the first day's cap that the first answers of all are judged from as rules say, whatever the traffic will be: who
/// tries it sees scores at once.
const FIRST_LOOK: f64 = 0.1;
/// Part of what is left that answers of strata that a plan did not foresee may take beyond the rate of all, until the next.
const UNFORESEEN: f64 = 0.02;
/// A chance that is none: the budget is spent.
const LEAST: f64 = 1e-9;

/// What a rule says of the answers that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// The share that is judged at most, in (0, 1].
    pub rate: f64,
    /// How many times as likely answers are judged that ended badly or were slow.
    pub oversample: f64,
    /// Judgements of each stratum a day.
    pub floor: u64,
}

/// The chance of one answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chances {
    /// To be judged.
    pub inclusion: Probability,
    /// To be judged as one of the sample that holds for all.
    pub base: Probability,
}

/// The pace.
#[derive(Clone, Debug)]
pub struct Pacer {
    cap: Cap,
    hourly: Option<f64>,
    guess: f64,
    state: State,
    plan: Plan,
}

/// What outlives the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    now: Timestamp,
    /// Whether costs are in dollars; else in tokens.
    is_usd: Option<bool>,
    began: Option<Timestamp>,
    forecast: Forecast,
    /// The first look is over.
    looked: bool,
    strata: Vec<Stratum>,
    spent_today: f64,
    spent_this_hour: f64,
    /// Chosen, and neither scored nor given up yet.
    pending: VecDeque<InferenceId>,
}

/// What holds until the next look.
#[derive(Clone, Debug, Default)]
struct Plan {
    made: Option<Timestamp>,
    rates: Rates,
    /// What the day will have cost.
    forecast: f64,
    /// What is left of the first look.
    first_look: Option<f64>,
    /// What is left for strata that were not foreseen.
    unforeseen: f64,
}

impl Pacer {
    /// For the budget of a judge, with the state that [`Self::save`] gave. State that cannot be read is none: the pace is
    /// learnt anew. Costs in another unit than the cap's are forgotten.
    pub fn new(config: &JudgeConfig, saved: Option<&[u8]>) -> Self {
        let [input, output] = JUDGEMENT_TOKENS;
        let dimensions = config.dimensions.len().max(1) as f64;
        let cost = Cost { usd: None, input_tokens: input, output_tokens: output };
        let cap = config.cap();
        let mut state: State = saved.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
        state.use_unit(matches!(cap, Cap::Usd { .. }));
        let hourly = config.hourly_cap();
        Self { cap, hourly, guess: dimensions * in_unit(cap, &cost), state, plan: Plan::default() }
    }

    /// What is to outlive the process.
    pub fn save(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&self.state)
    }

    /// Settles the rates anew where it is time. Call it before answers are looked at.
    pub fn turn(&mut self, now: Timestamp) {
        let now = self.advance(now);
        let seen_for = now.since(self.state.began.unwrap_or(now));
        let period = Span::from_secs_f64(seen_for.as_secs_f64() / 4.0).max(FIRST).min(PERIOD);
        let same_hour = |made: Timestamp| hour_of(made) == hour_of(now) && day_of(made) == day_of(now);
        if self.plan.made.is_some_and(|made| now.since(made) < period && same_hour(made)) {
            return;
        }
        self.plan = self.planned(now);
    }

    /// Time passes without a look: what is read back after a restart.
    pub fn pass(&mut self, to: Timestamp) {
        self.advance(to);
    }

    /// The chance of an answer of this target and stratum under a rule, now.
    pub fn chance(&mut self, target: &TargetKey, stratum: &str, terms: &Terms) -> Chances {
        let class = facets::class(stratum);
        let boost = boost(&class, terms);
        if let Some(left) = self.plan.first_look {
            let cost = self.usual_cost() * (terms.rate * boost).min(1.0);
            self.plan.first_look = Some(left - cost).filter(|left| *left > 0.0);
            if self.plan.first_look.is_none() {
                self.state.looked = true;
                self.plan = self.planned(self.state.now);
            }
        }
        let at = self.find(target, &class);
        let known = at.and_then(|at| self.plan.rates.inclusion.get(at).copied());
        let inclusion = known.unwrap_or_else(|| {
            let has_place = at.is_some() || self.state.strata.len() < STRATA;
            self.unforeseen(terms, boost, has_place)
        });
        let base = self.plan.rates.core.min(terms.rate).min(inclusion);
        let of = |p: f64| Probability::new(p.max(LEAST)).unwrap_or(Probability::ONE);
        Chances { inclusion: of(inclusion.min(1.0)), base: of(base) }
    }

    /// The chance in a stratum that the plan does not know: as if it had a score of answers a day, as long as what is set aside
    /// for such strata lasts; then, and where there is no place for one more stratum, the rate of all.
    fn unforeseen(&mut self, terms: &Terms, boost: f64, has_place: bool) -> f64 {
        let cost = self.usual_cost();
        let Plan { rates, unforeseen, .. } = &mut self.plan;
        let most = (terms.rate * boost).min(1.0);
        let all = rates.core.min(most);
        let floor = rates.floors * terms.floor as f64 / 20.0;
        let wanted = (rates.factor * boost).max(floor).min(most).max(all);
        let beyond = cost * (wanted - all);
        if !has_place || beyond > *unforeseen {
            return all;
        }
        *unforeseen -= beyond;
        wanted
    }

    /// Takes a durable record: an answer that could be judged, a selection, a score.
    pub fn see(
        &mut self,
        record: &Record,
        terms: impl FnOnce(&bifocal_model::Inference<Redacted>) -> Option<Terms>,
    ) {
        match record {
            Record::Inference(call) => {
                let Some(chance) = &call.chance else { return };
                let Some(terms) = terms(call) else { return };
                self.state.began.get_or_insert(self.state.now);
                let now = self.state.now;
                self.state.forecast.count(now);
                let class = facets::class(&chance.stratum);
                if let Some(stratum) = self.stratum_mut(&call.target, &class) {
                    stratum.count(terms);
                }
            }
            Record::Selection(selection) => self.take_selection(selection),
            Record::Score(score) => self.take_score(score),
            Record::Anchor(anchor) => self.pay(&anchor.cost),
            _ => {}
        }
    }

    fn take_selection(&mut self, selection: &Selection) {
        let class = facets::class(&selection.stratum);
        let at = self.find(&selection.target, &class);
        let stratum = at.and_then(|at| self.state.strata.get_mut(at));
        match selection.shed {
            None => {
                if let Some(stratum) = stratum {
                    stratum.chosen += 1;
                }
                if self.state.pending.len() >= PACED_PENDING {
                    self.state.pending.pop_front();
                }
                self.state.pending.push_back(selection.inference);
            }
            // It was never to be judged.
            Some(Shed::SuspectedInjection) => {}
            Some(_) => {
                // What was chosen yesterday is none of today's.
                let waits = self.state.pending.iter().position(|id| *id == selection.inference);
                let Some(waits) = waits else { return };
                self.state.pending.remove(waits);
                if let Some(stratum) = stratum {
                    stratum.shed += 1;
                }
            }
        }
    }

    fn take_score(&mut self, score: &Score<Redacted>) {
        let kinds = [EvaluatorKind::Judge, EvaluatorKind::Confirmation, EvaluatorKind::Cheap];
        if !kinds.contains(&score.kind) {
            return;
        }
        self.pay(&score.cost);
        let cost = in_unit(self.cap, &score.cost);
        if score.kind == EvaluatorKind::Cheap {
            // Part of what a judgement costs, and no judgement.
            let at = self.find(&score.target, &facets::class(&score.stratum));
            if let Some(stratum) = at.and_then(|at| self.state.strata.get_mut(at)) {
                stratum.take(None, cost, false);
            }
            return;
        }
        let waits = self.state.pending.iter().position(|id| *id == score.inference);
        let is_first = waits.and_then(|at| self.state.pending.remove(at)).is_some();
        let at = self.find(&score.target, &facets::class(&score.stratum));
        if let Some(stratum) = at.and_then(|at| self.state.strata.get_mut(at)) {
            stratum.take(score.value().map(bifocal_model::Unit::get), cost, is_first);
        }
    }

    fn pay(&mut self, cost: &Cost) {
        let cost = in_unit(self.cap, cost);
        self.state.spent_today += cost;
        self.state.spent_this_hour += cost;
    }

    /// Moves on to a moment, never back: a new hour and a new day begin with nothing spent.
    fn advance(&mut self, now: Timestamp) -> Timestamp {
        let before = self.state.now;
        let now = now.max(before);
        if day_of(now) > day_of(before) || hour_of(now) != hour_of(before) {
            self.state.spent_this_hour = 0.0;
        }
        if day_of(now) > day_of(before) {
            if self.state.began.is_some() {
                self.state.forecast.turn(day_of(before));
            }
            self.state.spent_today = 0.0;
            self.state.strata.iter_mut().for_each(Stratum::turn);
            self.state.strata.retain(Stratum::is_alive);
            // What was left waiting is yesterday's, and places of strata are others now.
            self.state.pending.clear();
            self.plan = Plan::default();
        }
        self.state.now = now;
        now
    }

    fn planned(&self, now: Timestamp) -> Plan {
        let midnight_to_come = midnight(now) + Span::from_nanos(DAY_NANOS);
        let hour_ends = Timestamp::from_nanos((now.as_nanos().div_euclid(HOUR_NANOS) + 1) * HOUR_NANOS);
        let rest_of_day = self.state.forecast.expected(now, midnight_to_come);
        let rest_of_hour = self.state.forecast.expected(now, hour_ends);
        let all: f64 = self.state.strata.iter().map(Stratum::weight).sum();
        let share = |stratum: &Stratum| if all > 0.0 { stratum.weight() / all } else { 0.0 };
        let cost = self.usual_cost();
        let waiting = self.state.pending.len() as f64 * cost;
        let left = |cap: f64, spent: f64| (PLANNED * cap - spent - waiting).max(0.0);
        let mut budget = left(self.cap_in_unit(), self.state.spent_today);
        if let Some(hourly) = self.hourly {
            // The rate that this hour can pay, as if it held to the end of the day.
            let of_hour = left(hourly, self.state.spent_this_hour);
            budget = budget.min(of_hour * (rest_of_day / rest_of_hour.max(1e-9)).max(1.0));
        }
        let expected: Vec<f64> =
            self.state.strata.iter().map(|stratum| rest_of_day * share(stratum)).collect();
        let strata: Vec<_> = self
            .state
            .strata
            .iter()
            .zip(&expected)
            .map(|(stratum, answers)| stratum.expected(*answers, cost))
            .collect();
        let first_look = FIRST_LOOK * self.cap_in_unit() - self.state.spent_today - waiting;
        let first_look = (!self.state.looked && !self.state.forecast.knows_a_day() && first_look > 0.0)
            .then_some(first_look);
        let rates = if first_look.is_some() {
            let inclusion = strata.iter().map(|stratum| stratum.most).collect();
            Rates { core: 1.0, factor: 1.0, floors: 1.0, inclusion }
        } else if strata.is_empty() {
            // Nothing was seen yet: what is guessed of the traffic, all alike.
            let core = (budget / (rest_of_day * cost).max(1e-9)).min(1.0);
            Rates { core, factor: core, floors: 1.0, inclusion: Vec::new() }
        } else {
            rates(&strata, budget)
        };
        let to_come: f64 = strata
            .iter()
            .zip(&rates.inclusion)
            .map(|(stratum, pi)| stratum.answers * stratum.cost * pi)
            .sum();
        let forecast = self.state.spent_today + waiting + to_come;
        // In the first look the day's cost is not foretold: the rates are not those of the day.
        let forecast = if first_look.is_some() { forecast.min(self.cap_in_unit()) } else { forecast };
        let unforeseen = UNFORESEEN * budget;
        Plan { made: Some(now), rates, forecast, first_look, unforeseen }
    }

    /// What judging one answer costs, over all strata.
    fn usual_cost(&self) -> f64 {
        let (n, sum) = self.state.strata.iter().fold((0.0, 0.0), |(n, sum), s| (n + s.paid, sum + s.cost));
        (sum + 5.0 * self.guess) / (n + 5.0)
    }

    fn cap_in_unit(&self) -> f64 {
        match self.cap {
            Cap::Tokens(tokens) => tokens as f64,
            Cap::Usd { usd, .. } => usd,
        }
    }

    fn find(&self, target: &TargetKey, class: &str) -> Option<usize> {
        self.state.strata.iter().position(|stratum| stratum.is(target, class))
    }

    /// The stratum, made where there is room; those beyond share one.
    fn stratum_mut(&mut self, target: &TargetKey, class: &str) -> Option<&mut Stratum> {
        let at = match self.find(target, class) {
            Some(at) => at,
            None if self.state.strata.len() < STRATA => {
                self.state.strata.push(Stratum::new(target, class));
                self.state.strata.len() - 1
            }
            None => return None,
        };
        self.state.strata.get_mut(at)
    }
}

impl State {
    /// Costs of another unit say nothing: they are forgotten, those of judgements and what was spent.
    fn use_unit(&mut self, is_usd: bool) {
        if self.is_usd == Some(is_usd) {
            return;
        }
        self.is_usd = Some(is_usd);
        (self.spent_today, self.spent_this_hour) = (0.0, 0.0);
        self.strata.iter_mut().for_each(Stratum::forget_costs);
    }
}

/// How many times as likely: answers that ended badly, or were slow.
fn boost(class: &str, terms: &Terms) -> f64 {
    let ended = facets::facet(class, facets::END);
    let badly = matches!(ended, Some("truncated" | "filtered" | "empty"));
    if badly || facets::facet(class, facets::PACE).is_some() { terms.oversample } else { 1.0 }
}

/// A cost in the unit of a cap.
fn in_unit(cap: Cap, cost: &Cost) -> f64 {
    match cap {
        Cap::Tokens(_) => f64::from(cost.input_tokens) + f64::from(cost.output_tokens),
        Cap::Usd { prices, .. } => {
            cost.usd.unwrap_or_else(|| prices.usd(cost.input_tokens, cost.output_tokens))
        }
    }
}

#[cfg(test)]
mod tests;
