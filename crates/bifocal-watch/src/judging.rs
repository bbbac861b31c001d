//! What became of the answers that were chosen for a judge: how many have a verdict, and for how many the day's budget was spent.
//!
//! A rule may ask for some dimensions only, so that an answer counts from its first verdict on any of them. Verdicts on one
//! answer stand side by side in the journal.

use std::collections::VecDeque;

use bifocal_model::{InferenceId, Selection, Shed, Span, Timestamp};
use serde::{Deserialize, Serialize};

const MINUTE: Span = Span::from_mins(1);
/// What is told is of so long.
const WINDOW: Span = Span::from_mins(60);
/// A judge may take so long: whoever was chosen later may still wait, and is left out.
const GRACE: Span = Span::from_mins(16);
/// Minutes that are kept: window and grace, with room for calls that come late.
const MINUTES: usize = 80;
/// With fewer chosen nothing is said.
const CHOSEN_MIN: u64 = 10;

/// Chosen answers of one target, by the minute in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Judging {
    minutes: VecDeque<Minute>,
    /// The answer of the newest verdict.
    #[serde(default)]
    last: Option<InferenceId>,
}

/// Start, chosen, with a verdict, given up because the budget was spent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Minute(Timestamp, u64, u64, u64);

/// What it comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct JudgingView {
    /// The share of chosen answers that have a verdict; `None`: fewer than ten were chosen.
    pub coverage: Option<f64>,
    /// The share of chosen answers that the day's budget had no room for.
    pub over_budget: Option<f64>,
}

impl Judging {
    /// An answer was chosen, or what was chosen was given up.
    pub(crate) fn select(&mut self, selection: &Selection) {
        let Some(minute) = self.minute_mut(selection.time) else { return };
        match selection.shed {
            None => minute.1 += 1,
            Some(Shed::Budget) => minute.3 += 1,
            Some(Shed::QueueFull | Shed::Expired | Shed::SuspectedInjection) => {}
        }
    }

    /// An answer that was given at a time has a verdict: its first counts.
    pub(crate) fn judge(&mut self, answer: InferenceId, time: Timestamp) {
        if self.last.replace(answer) == Some(answer) {
            return;
        }
        if let Some(minute) = self.minute_mut(time) {
            minute.2 += 1;
        }
    }

    pub(crate) fn view(&self, now: Timestamp) -> JudgingView {
        let share = |until: Timestamp, of: fn(&Minute) -> u64| {
            let inside =
                self.minutes.iter().filter(|minute| minute.0 >= until - WINDOW && minute.0 + MINUTE <= until);
            let (part, chosen) = inside.fold((0, 0), |(part, chosen), m| (part + of(m), chosen + m.1));
            (chosen >= CHOSEN_MIN).then(|| (part as f64 / chosen as f64).min(1.0))
        };
        JudgingView {
            coverage: share(now - GRACE, |minute| minute.2),
            // What is given up for the budget is given up soon.
            over_budget: share(now + MINUTE, |minute| minute.3),
        }
    }

    fn minute_mut(&mut self, time: Timestamp) -> Option<&mut Minute> {
        let start = time.floor_to(MINUTE);
        let at = self.minutes.partition_point(|minute| minute.0 < start);
        if self.minutes.get(at).is_none_or(|minute| minute.0 != start) {
            if self.minutes.len() == MINUTES && at == 0 {
                return None;
            }
            self.minutes.insert(at, Minute(start, 0, 0, 0));
            if self.minutes.len() > MINUTES {
                self.minutes.pop_front();
                return self.minutes.get_mut(at - 1);
            }
        }
        self.minutes.get_mut(at)
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::{Identity, Probability, Source, TargetKey};

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + 60 * minute)
    }

    fn selection(minute: i64, shed: Option<Shed>) -> Selection {
        let identity = Identity { source: Source::Proxy, key: format!("i{minute}") };
        Selection {
            inference: InferenceId::of_identity(&identity, at(minute)),
            target: TargetKey::of_model("local", "m"),
            time: at(minute),
            judges: Vec::new(),
            inclusion: Probability::ONE,
            stratum: String::new(),
            draw: 0.0,
            shed,
        }
    }

    #[test]
    fn coverage_is_of_those_that_had_their_time_and_the_budget_of_all() {
        let mut judging = Judging::default();
        assert_eq!(judging.view(at(0)), JudgingView::default(), "nothing is not zero");
        for minute in 0..60 {
            judging.select(&selection(minute, None));
            // From minute 30 on the budget is spent.
            if minute < 30 {
                let id = selection(minute, None).inference;
                // On three dimensions.
                (0..3).for_each(|_| judging.judge(id, at(minute)));
            } else {
                judging.select(&selection(minute, Some(Shed::Budget)));
            }
        }
        let view = judging.view(at(60));
        // Chosen before minute 44: 44, of which 30 have a verdict.
        assert!((view.coverage.unwrap() - 30.0 / 44.0).abs() < 1e-12, "{view:?}");
        assert!((view.over_budget.unwrap() - 30.0 / 60.0).abs() < 0.01, "{view:?}");
        assert_eq!(judging.view(at(180)), JudgingView::default(), "an hour of nothing says nothing");
    }

    #[test]
    fn what_is_suspected_was_never_for_the_judge() {
        let mut judging = Judging::default();
        (0..20).for_each(|minute| judging.select(&selection(minute, Some(Shed::SuspectedInjection))));
        assert_eq!(judging.view(at(20)).coverage, None);
    }

    #[test]
    fn eighty_minutes_are_kept() {
        let mut judging = Judging::default();
        (0..200).for_each(|minute| judging.select(&selection(minute, None)));
        judging.judge(selection(0, None).inference, at(0));
        assert_eq!(judging.minutes.len(), MINUTES);
        assert!(judging.minutes.iter().all(|minute| minute.2 == 0));
    }
}
