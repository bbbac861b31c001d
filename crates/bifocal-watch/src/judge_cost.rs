//! What each judge costs: dollars and tokens of today and of this month, and of one answer that it judged.
//!
//! A function of the journal's records in their order, so that a restart arrives at the same sums. What is asked from the command line
//! (bridges, pairs) leaves no record and is not among it.

use std::collections::VecDeque;

use bifocal_model::{AnchorScore, Cost, EvaluatorKind, InferenceId, Score, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::COSTED_JUDGES;
use crate::snapshot::{CostView, JudgeCostView};

/// Days that are kept: the longest month.
const DAYS: usize = 31;
const SECONDS_PER_DAY: i64 = 86_400;

/// One line for each judge in each of its parts, in the order in which they were first heard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JudgeCosts {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    evaluator: String,
    role: Role,
    days: VecDeque<(i64, Sum)>,
    /// The newest answer that was counted: a judge's scores of one answer come together.
    newest: Option<InferenceId>,
}

/// Which part a judge plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Role {
    Judge,
    Cheap,
    Second,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sum {
    /// Of all calls with a price, dollars.
    usd: f64,
    /// Of all calls.
    tokens: u64,
    /// Whether a call had tokens and no price.
    is_unpriced: bool,
    /// Dollars and tokens of these that went to anchors.
    anchor_usd: f64,
    anchor_tokens: u64,
    /// Answers with a score.
    answers: u64,
}

impl Role {
    const fn of(kind: EvaluatorKind) -> Option<Self> {
        match kind {
            EvaluatorKind::Judge => Some(Self::Judge),
            EvaluatorKind::Cheap => Some(Self::Cheap),
            EvaluatorKind::Confirmation => Some(Self::Second),
            EvaluatorKind::Heuristic | EvaluatorKind::Composite | EvaluatorKind::Reference => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Judge => "judge",
            Self::Cheap => "cheap",
            Self::Second => "second",
        }
    }
}

impl JudgeCosts {
    /// Takes a score of a judge; whether a judge had to leave for want of room.
    pub(crate) fn take_score<T>(&mut self, score: &Score<T>) -> bool {
        let Some(role) = Role::of(score.kind) else { return false };
        let (line, is_full) = self.line(&score.evaluator, role);
        let is_another =
            score.value().is_some() && line.newest.replace(score.inference) != Some(score.inference);
        if let Some(sum) = line.day(score.scored_at) {
            sum.add(&score.cost);
            sum.answers += u64::from(is_another);
        }
        is_full
    }

    /// Takes a re-score of an anchor; whether a judge had to leave for want of room.
    pub(crate) fn take_anchor(&mut self, anchor: &AnchorScore) -> bool {
        let (line, is_full) = self.line(&anchor.evaluator, Role::Judge);
        if let Some(sum) = line.day(anchor.time) {
            sum.add(&anchor.cost);
            sum.anchor_usd += anchor.cost.usd.unwrap_or_default();
            sum.anchor_tokens += tokens(&anchor.cost);
        }
        is_full
    }

    /// What those cost that were asked this month.
    pub(crate) fn views(&self, now: Timestamp) -> Vec<JudgeCostView> {
        self.lines.iter().filter_map(|line| line.view(now)).collect()
    }

    fn line(&mut self, evaluator: &str, role: Role) -> (&mut Line, bool) {
        let same = |line: &Line| line.role == role && line.evaluator == evaluator;
        let found = self.lines.iter().position(same);
        let is_full = found.is_none() && self.lines.len() == COSTED_JUDGES;
        if is_full {
            // The one that was asked least lately.
            let oldest =
                self.lines.iter().enumerate().min_by_key(|(_, line)| line.days.back().map(|(day, _)| *day));
            if let Some((at, _)) = oldest {
                self.lines.remove(at);
            }
        }
        let at = found.unwrap_or_else(|| {
            let (evaluator, days) = (evaluator.to_owned(), VecDeque::new());
            self.lines.push(Line { evaluator, role, days, newest: None });
            self.lines.len() - 1
        });
        let line = &mut self.lines[at];
        (line, is_full)
    }
}

impl Line {
    /// The sum of the day of this moment; `None` for one that is older than all that are kept.
    fn day(&mut self, time: Timestamp) -> Option<&mut Sum> {
        let day = day_of(time);
        let at = self.days.partition_point(|(other, _)| *other < day);
        if self.days.get(at).is_none_or(|(other, _)| *other != day) {
            if at == 0 && self.days.len() == DAYS {
                return None;
            }
            self.days.insert(at, (day, Sum::default()));
        }
        let left = self.days.len() > DAYS;
        if left {
            self.days.pop_front();
        }
        self.days.get_mut(at - usize::from(left)).map(|(_, sum)| sum)
    }

    fn view(&self, now: Timestamp) -> Option<JudgeCostView> {
        let (today, this_month) = (day_of(now), month_of(day_of(now)));
        let total = |is_in: &dyn Fn(i64) -> bool| {
            self.days
                .iter()
                .filter(|(day, _)| is_in(*day))
                .fold(Sum::default(), |sum, (_, more)| sum.with(more))
        };
        let month = total(&|day| day <= today && month_of(day) == this_month);
        if month == Sum::default() {
            return None;
        }
        let per_answer = (month.answers > 0).then(|| {
            let n = month.answers as f64;
            CostView {
                usd: month.dollars().map(|usd| (usd - month.anchor_usd) / n),
                tokens: (month.tokens - month.anchor_tokens) as f64 / n,
            }
        });
        Some(JudgeCostView {
            evaluator: self.evaluator.clone(),
            role: self.role.name(),
            today: total(&|day| day == today).view(),
            month: month.view(),
            anchors: CostView {
                usd: month.dollars().map(|_| month.anchor_usd),
                tokens: month.anchor_tokens as f64,
            },
            answers: month.answers,
            per_answer,
        })
    }
}

impl Sum {
    fn add(&mut self, cost: &Cost) {
        self.tokens += tokens(cost);
        self.usd += cost.usd.unwrap_or_default();
        self.is_unpriced |= cost.usd.is_none() && tokens(cost) > 0;
    }

    fn with(self, more: &Self) -> Self {
        Self {
            usd: self.usd + more.usd,
            tokens: self.tokens + more.tokens,
            is_unpriced: self.is_unpriced || more.is_unpriced,
            anchor_usd: self.anchor_usd + more.anchor_usd,
            anchor_tokens: self.anchor_tokens + more.anchor_tokens,
            answers: self.answers + more.answers,
        }
    }

    /// An amount of which a part is not known is not known.
    fn dollars(&self) -> Option<f64> {
        (!self.is_unpriced).then_some(self.usd)
    }

    fn view(&self) -> CostView {
        CostView { usd: self.dollars(), tokens: self.tokens as f64 }
    }
}

fn tokens(cost: &Cost) -> u64 {
    u64::from(cost.input_tokens) + u64::from(cost.output_tokens)
}

/// The UTC day, from 1970 on.
fn day_of(time: Timestamp) -> i64 {
    time.as_nanos().div_euclid(SECONDS_PER_DAY * 1_000_000_000)
}

/// `2026-11`.
fn month_of(day: i64) -> String {
    let (mut date, _) = Timestamp::from_secs(day.saturating_mul(SECONDS_PER_DAY)).date_and_hour();
    date.truncate(7);
    date
}

#[cfg(test)]
mod tests {
    use bifocal_model::{
        Dimension, Fingerprint, Identity, Probability, Source, Span, TargetKey, Unit, Verdict,
    };

    use super::*;

    const fn days(n: i64) -> Span {
        Span::from_mins(24 * 60 * n)
    }

    fn noon() -> Timestamp {
        "2026-11-26T12:00:00Z".parse().unwrap()
    }

    fn score(id: u64, kind: EvaluatorKind, usd: Option<f64>, time: Timestamp) -> Score<String> {
        let identity = Identity { source: Source::Proxy, key: id.to_string() };
        Score {
            inference: InferenceId::of_identity(&identity, time),
            target: TargetKey::of_model("local", "m"),
            evaluator: "judge:a".to_owned(),
            fingerprint: Fingerprint(1),
            kind,
            dimension: Dimension::new("relevance"),
            verdict: Verdict::Scored { value: Unit::ONE, pass: true, label: None, explanation: None },
            inclusion: Probability::ONE,
            capture: Probability::ONE,
            stratum: String::new(),
            time,
            scored_at: time,
            latency_seconds: 0.1,
            cost: Cost { usd, input_tokens: 900, output_tokens: 100 },
        }
    }

    fn anchor(usd: Option<f64>, time: Timestamp) -> AnchorScore {
        AnchorScore {
            anchor: "a1".to_owned(),
            evaluator: "judge:a".to_owned(),
            fingerprint: Fingerprint(1),
            dimension: Dimension::new("relevance"),
            frozen: Unit::ONE,
            value: Unit::ONE,
            time,
            cost: Cost { usd, input_tokens: 400, output_tokens: 100 },
        }
    }

    #[test]
    fn today_this_month_and_one_answer_of_each_judge() {
        let mut costs = JudgeCosts::default();
        let (judge, cheap) = (EvaluatorKind::Judge, EvaluatorKind::Cheap);
        // Two dimensions of one answer, then one of another; one of last month and one of the day before.
        for (id, time) in
            [(1, noon()), (1, noon()), (2, noon()), (3, noon() - days(1)), (4, noon() - days(26))]
        {
            costs.take_score(&score(id, judge, Some(0.01), time));
            costs.take_score(&score(id, cheap, Some(0.001), time));
        }
        costs.take_score(&score(5, EvaluatorKind::Composite, None, noon()));
        costs.take_anchor(&anchor(Some(0.02), noon()));
        let views = costs.views(noon());
        let rows: Vec<_> = views.iter().map(|view| (view.role, view.answers)).collect();
        assert_eq!(rows, [("judge", 3), ("cheap", 3)]);
        let near =
            |found: Option<f64>, wanted: f64| assert!((found.unwrap() - wanted).abs() < 1e-12, "{found:?}");
        near(views[0].today.usd, 0.05);
        near(views[0].month.usd, 0.06);
        near(views[0].anchors.usd, 0.02);
        near(views[0].per_answer.unwrap().usd, 0.04 / 3.0);
        near(views[1].per_answer.unwrap().usd, 0.004 / 3.0);
        assert_eq!((views[0].month.tokens, views[0].per_answer.unwrap().tokens), (4_500.0, 4_000.0 / 3.0));
        let next_month = costs.views(noon() + days(5));
        assert!(next_month.is_empty(), "{next_month:?}");
    }

    #[test]
    fn an_amount_of_which_a_part_is_unknown_is_not_known() {
        let mut costs = JudgeCosts::default();
        costs.take_score(&score(1, EvaluatorKind::Judge, Some(0.01), noon()));
        costs.take_score(&score(2, EvaluatorKind::Judge, None, noon()));
        let view = costs.views(noon()).remove(0);
        assert_eq!((view.today.usd, view.month.usd, view.per_answer.unwrap().usd), (None, None, None));
        assert_eq!(view.today.tokens, 2_000.0);
    }

    #[test]
    fn limit_costed_judges_and_days() {
        let mut costs = JudgeCosts::default();
        for i in 0..COSTED_JUDGES {
            let time = noon() - days(1) + Span::from_secs(i64::try_from(i).unwrap());
            let one = Score { evaluator: format!("judge:{i}"), ..score(1, EvaluatorKind::Judge, None, time) };
            assert!(!costs.take_score(&one));
        }
        assert!(costs.take_score(&score(9, EvaluatorKind::Judge, None, noon())), "the oldest leaves");
        assert_eq!(costs.views(noon()).len(), COSTED_JUDGES);
        let mut long = JudgeCosts::default();
        for day in 0..70_i64 {
            long.take_score(&score(day.unsigned_abs(), EvaluatorKind::Judge, None, noon() + days(day)));
        }
        assert_eq!(long.lines[0].days.len(), DAYS);
        long.take_score(&score(99, EvaluatorKind::Judge, None, noon()));
        assert_eq!(long.lines[0].days.len(), DAYS, "what is too old is counted nowhere");
    }
}
