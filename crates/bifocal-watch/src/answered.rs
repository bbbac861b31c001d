//! What was asked of few samples before. Their intervals come from betting, by bisection, and cost more than all the rest of a
//! look at a target; from one look to the next most streams have no new sample. The same samples and strata have the same
//! estimate: only its window is another.
//!
//! Invariant: an answer from here is the one that would be made anew, to the last bit. Nothing of it is saved.

use std::cell::RefCell;
use std::collections::VecDeque;

use bifocal_model::{Estimate, Window};
use bifocal_stats::design::{Judged, Stratum, shown};

use crate::limits::{ANSWERED_MAX, ANSWERED_SAMPLES_MAX};

/// The newest questions with their answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered {
    newest: RefCell<VecDeque<Answer>>,
}

#[derive(Clone, Debug)]
struct Answer {
    samples: Vec<Judged>,
    strata: Vec<Stratum>,
    alpha: f64,
    estimate: Option<Estimate>,
}

impl Answered {
    /// As [`shown`].
    pub(crate) fn shown(
        &self,
        samples: Vec<Judged>,
        strata: &[Stratum],
        window: Window,
        alpha: f64,
    ) -> Option<Estimate> {
        let make = |samples: &[Judged]| shown(samples, strata, window, alpha).ok();
        if samples.len() > ANSWERED_SAMPLES_MAX {
            return make(&samples);
        }
        let mut newest = self.newest.borrow_mut();
        let is_same =
            |answer: &&Answer| answer.alpha == alpha && answer.samples == samples && answer.strata == strata;
        if let Some(known) = newest.iter().find(is_same) {
            return known.estimate.map(|estimate| Estimate { window, ..estimate });
        }
        let estimate = make(&samples);
        newest.truncate(ANSWERED_MAX - 1);
        newest.push_front(Answer { samples, strata: strata.to_vec(), alpha, estimate });
        estimate
    }
}

/// What was asked is no state.
impl PartialEq for Answered {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::{Probability, Span, Timestamp};

    use super::*;

    fn window(secs: i64) -> Window {
        Window::ending_at(Timestamp::from_secs(secs), Span::from_mins(60))
    }

    fn samples(values: &[f64]) -> Vec<Judged> {
        let one =
            |value: &f64| Judged { value: *value, probability: Probability::ONE, stratum: 0, proxy: None };
        values.iter().map(one).collect()
    }

    /// limit answered, answered_samples
    #[test]
    fn an_answer_is_the_one_that_would_be_made_and_few_are_kept() {
        let answered = Answered::default();
        let values: Vec<Vec<f64>> =
            (0..6).map(|i| (0..30 + i).map(|j| f64::from(j % 7) / 7.0).collect()).collect();
        for round in 0..3 {
            for (i, values) in values.iter().enumerate() {
                let total = if round == 2 { 90.0 } else { 60.0 };
                let strata = [Stratum { total, ..Stratum::default() }];
                let window = window(4_000 + round * 10 + i as i64);
                let said = answered.shown(samples(values), &strata, window, 0.05);
                assert_eq!(said, shown(&samples(values), &strata, window, 0.05).ok(), "{round} {i}");
                assert!(answered.newest.borrow().len() <= ANSWERED_MAX);
            }
        }
        // The same again is found, whatever its window; another total is another question.
        let asked = |total: f64, secs: i64| {
            let strata = [Stratum { total, ..Stratum::default() }];
            answered.shown(samples(&values[5]), &strata, window(secs), 0.05).unwrap().window.end
        };
        let before = answered.newest.borrow().len();
        assert_eq!(asked(90.0, 9_000), Timestamp::from_secs(9_000));
        assert_eq!(answered.newest.borrow().len(), before);
        let front = || answered.newest.borrow()[0].strata[0].total;
        asked(91.0, 9_000);
        assert_eq!(front(), 91.0);
        let many = vec![0.5; ANSWERED_SAMPLES_MAX + 1];
        answered.shown(samples(&many), &[Stratum { total: 2e3, ..Stratum::default() }], window(1), 0.05);
        assert_eq!(front(), 91.0, "many are not kept");
    }
}
