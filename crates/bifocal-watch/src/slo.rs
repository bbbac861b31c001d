//! Objectives over weeks: which share of requests or answers must be good, how much of the error budget is left, and how
//! fast it burns.
//!
//! Counts are rolled up as records arrive (`rollup`), saved with the watch's state, and so a function of the journal like all
//! of it. Availability and goodput count every captured call by its capture probability. A good-answer objective counts what
//! was judged by its inclusion probability, and there the lower bound of the burn rate decides, not the estimate.

mod rollup;

pub(crate) use rollup::Rollup;

use bifocal_model::{Inference, Score, Span, Timestamp};
use bifocal_stats::burn;
use serde::{Deserialize, Serialize};

use crate::alert::{Escalation, Hold, RuleConfig, Severity, runbook_of};
use crate::limits::{SLO_NAME_CHARS, SLO_PERIOD_DAYS_MAX, SLOS_MAX};

/// The windows of burn rates: name, length, and the long window of the pair that it is the short one of (else its own), which
/// says whether enough was seen.
pub(crate) const WINDOWS: [(&str, Span, usize); 5] = [
    ("5m", Span::from_mins(5), 2),
    ("30m", Span::from_mins(30), 3),
    ("1h", Span::from_mins(60), 2),
    ("6h", Span::from_mins(360), 4),
    ("3d", Span::from_mins(3 * 24 * 60), 4),
];
/// How long must have been looked, for each window: the short one of its pair. The first error of the first minute spends no tenth of a
/// budget of thirty days.
const LOOKED_MIN: [Span; 5] =
    [Span::from_mins(5), Span::from_mins(30), Span::from_mins(5), Span::from_mins(30), Span::from_mins(360)];
/// With fewer seen in the long window of a pair nothing is said.
const SEEN_MIN: u64 = 30;
/// One-sided error of the bound that decides for sampled answers.
const ALPHA: f64 = 0.05;

/// What is counted as good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Indicator {
    /// Requests that do not fail through the service's fault.
    Availability,
    /// Requests that do not fail and meet every latency objective.
    Goodput,
    /// Judged answers that pass.
    GoodAnswers,
}

/// `[[slo]]`: a share that must be good over a period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SloConfig {
    /// Its name, which `burn_rate('name', '1h')` uses.
    pub name: String,
    /// What is counted as good: `availability`, `goodput` or `good_answers`.
    pub good: Indicator,
    /// The share that must be good, above 0 and below 1: 0.99.
    pub objective: f64,
    /// For `good_answers`: the judged dimension; default `composite`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<String>,
    /// Days that the error budget is for, 1 to 30; default 30.
    #[serde(default = "thirty")]
    pub period_days: u32,
}

fn thirty() -> u32 {
    30
}

impl SloConfig {
    /// Of thirty days.
    pub fn new(name: &str, good: Indicator, objective: f64) -> Self {
        Self { name: name.to_owned(), good, objective, dimension: None, period_days: thirty() }
    }

    /// The judged dimension that is counted; `None`: calls are.
    pub(crate) fn judged(&self) -> Option<&str> {
        (self.good == Indicator::GoodAnswers).then(|| self.dimension.as_deref().unwrap_or("composite"))
    }
}

/// The objectives that are there without any configuration: of requests only, for what a good answer is nobody else can say.
pub fn shipped_slos() -> Vec<SloConfig> {
    vec![
        SloConfig::new("availability", Indicator::Availability, 0.99),
        SloConfig::new("goodput", Indicator::Goodput, 0.9),
    ]
}

/// Whether the objectives can be meant; else what is wrong.
pub(crate) fn check(slos: &[SloConfig], dimensions: &[String]) -> Result<(), String> {
    if slos.len() > SLOS_MAX {
        return Err(format!(
            "there are {} objectives, `availability` and `goodput` among them; {SLOS_MAX} are the most",
            slos.len()
        ));
    }
    for (i, slo) in slos.iter().enumerate() {
        let name = &slo.name;
        let wrong = |what: String| Err(format!("[[slo]] `{name}`: {what}"));
        let plain = |c: char| c.is_ascii_alphanumeric() || " -_.:".contains(c);
        if !(1..=SLO_NAME_CHARS).contains(&name.len()) || !name.chars().all(plain) {
            return wrong(format!("a name has 1 to {SLO_NAME_CHARS} letters, digits, blanks or any of -_.:"));
        }
        if slos[..i].iter().any(|other| other.name == *name) {
            return wrong("it is there twice".to_owned());
        }
        if !(slo.objective > 0.0 && slo.objective < 1.0) {
            return wrong(format!(
                "objective = {}: above 0 and below 1 can be meant, such as 0.99",
                slo.objective
            ));
        }
        if !(1..=SLO_PERIOD_DAYS_MAX).contains(&slo.period_days) {
            return wrong(format!("period_days = {}: from 1 to {SLO_PERIOD_DAYS_MAX}", slo.period_days));
        }
        match (&slo.dimension, slo.good) {
            (Some(_), Indicator::Availability | Indicator::Goodput) => {
                return wrong("`dimension` goes with good = \"good_answers\" only".to_owned());
            }
            (Some(dimension), _) if !dimensions.contains(dimension) => {
                let near = bifocal_expr::nearest(dimension, dimensions.iter().map(String::as_str));
                let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                return wrong(format!("there is no dimension `{dimension}`{near}"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The shipped rule over these objectives: a page where a fiftieth of thirty days' budget goes in an hour or a twentieth in six,
/// a ticket where it goes faster than it comes; each over a long window, so that it matters, and a short one, so that it
/// still does. Pairs that an objective can never burn at are left out. `None` without objectives.
pub fn burn_rule(slos: &[SloConfig]) -> Option<RuleConfig> {
    let of = |pairs: &[(f64, &str, &str)]| {
        let all = slos.iter().flat_map(|slo| {
            let reached = pairs.iter().filter(|(factor, ..)| *factor < burn::most(slo.objective));
            reached.map(move |(factor, long, short)| {
                let name = &slo.name;
                format!("burn_rate('{name}', '{long}') > {factor:?} && burn_rate('{name}', '{short}') > {factor:?}")
            })
        });
        all.collect::<Vec<_>>().join(" || ")
    };
    let ticket = of(&[(1.0, "3d", "6h")]);
    let page = of(&[(14.4, "1h", "5m"), (6.0, "6h", "30m")]);
    if ticket.is_empty() {
        return None;
    }
    let escalate = (!page.is_empty()).then(|| Escalation {
        severity: Severity::Critical,
        when: page,
        hold: Hold::default(),
    });
    Some(RuleConfig {
        severity: Severity::Warning,
        escalate: escalate.into_iter().collect(),
        runbook: Some(runbook_of("slo burn")),
        ..RuleConfig::new("slo burn", &ticket)
    })
}

/// One objective of one target at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SloView {
    /// Its name.
    pub name: String,
    /// What is counted as good.
    pub good: Indicator,
    /// The judged dimension, where answers are counted.
    pub dimension: Option<String>,
    /// The share that must be good.
    pub objective: f64,
    /// Days that the budget is for.
    pub period_days: u32,
    /// The share that was good over the period so far; `None`: nothing was seen.
    pub good_share: Option<f64>,
    /// The share of the period's budget that is left; below zero where it is overdrawn.
    pub budget_left: Option<f64>,
    /// Requests or judged answers of the period.
    pub n: u64,
    /// How fast the budget burns, by window.
    pub burns: Vec<BurnView>,
}

/// How fast a budget burns over one window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BurnView {
    /// `5m`, `30m`, `1h`, `6h`, `3d`.
    pub window: &'static str,
    /// The estimate.
    pub rate: Option<f64>,
    /// What rules compare: the estimate, or its lower bound where answers are sampled; `None` while fewer than 30 were seen in the
    /// long window of the pair, or none was seen as long ago as its short window.
    pub decides: Option<f64>,
    /// Requests or judged answers of the window.
    pub n: u64,
}

impl SloView {
    /// The objective over what was counted.
    pub(crate) fn of(config: &SloConfig, counted: Option<&Rollup>, now: Timestamp) -> Self {
        let none = Rollup::default();
        let counted = counted.unwrap_or(&none);
        let tallies = WINDOWS.map(|(_, length, _)| counted.over(length, now));
        let looked = counted.first().map(|first| now.since(first)).unwrap_or_default();
        let burns =
            WINDOWS.iter().zip(LOOKED_MIN).zip(tallies).map(|((&(window, _, long), least), tally)| {
                let rate = tally.bad_share().map(|share| burn::rate(share, config.objective));
                let is_enough = tallies[long].n >= SEEN_MIN && looked >= least;
                let decides = match config.judged() {
                    Some(_) if tally.n > 0 => {
                        Some(burn::rate(tally.bad_share_lower(ALPHA), config.objective))
                    }
                    Some(_) => None,
                    None => rate,
                };
                BurnView { window, rate, decides: decides.filter(|_| is_enough), n: tally.n }
            });
        let period = counted.over(Span::from_mins(i64::from(config.period_days) * 24 * 60), now);
        Self {
            name: config.name.clone(),
            good: config.good,
            dimension: config.judged().map(str::to_owned),
            objective: config.objective,
            period_days: config.period_days,
            good_share: period.bad_share().map(|bad| 1.0 - bad),
            budget_left: burn::budget_left(&period, config.objective),
            n: period.n,
            burns: burns.collect(),
        }
    }

    /// What `burn_rate('name', 'window')` is; `None` for a window that is none. Where too little was seen nothing burns: no traffic
    /// spends no budget, and a rule over several objectives must end though nothing is seen of one of them.
    pub(crate) fn burn(&self, window: &str) -> Option<f64> {
        Some(self.burns.iter().find(|burn| burn.window == window)?.decides.unwrap_or(0.0))
    }
}

/// Calls of one target, as objectives count them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calls {
    availability: Rollup,
    goodput: Rollup,
}

impl Calls {
    /// Takes a call that succeeded or not, within the objectives or not.
    pub(crate) fn take<T>(&mut self, call: &Inference<T>, met: bool) {
        let weight = call.capture_probability.weight();
        self.availability.add(call.time, weight, !call.succeeded());
        self.goodput.add(call.time, weight, !met);
    }

    /// What an objective counts.
    pub(crate) fn of(&self, indicator: Indicator) -> Option<&Rollup> {
        match indicator {
            Indicator::Availability => Some(&self.availability),
            Indicator::Goodput => Some(&self.goodput),
            Indicator::GoodAnswers => None,
        }
    }
}

/// Takes a score into what a good-answer objective counts.
pub(crate) fn take_score<T>(rollup: &mut Rollup, score: &Score<T>) {
    if let Some(pass) = score.passed() {
        rollup.add(score.time, score.probability().weight(), !pass);
    }
}

#[cfg(test)]
mod tests;
