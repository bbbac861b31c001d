//! Detection without a baseline: new values against reference values in pairs, each used once.
//!
//! D = new - reference has the mean 0 while both come from the same source, and lies in [-1, 1] for values in [0, 1].
//! Theorem: [`crate::edetector`] with the null E[D | past] = 0, exactly, with no learnt number in it. The price is the
//! variance of two values where a baseline has one, unless the pair shares its question (shadow traffic), where it is
//! less. Assumes that pairs are formed in the order of arrival, not by value.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::edetector::{Step, TwoSided};
use crate::limits::PAIRS_WAITING_MAX;

/// Two streams in pairs, in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TwoSample {
    detector: TwoSided,
    /// Values of one side that wait for the other: at most 1,000, after which the oldest leaves.
    references: VecDeque<f64>,
    news: VecDeque<f64>,
}

impl TwoSample {
    /// Looks for a difference of more than `min_effect` either way.
    pub fn new(min_effect: f64) -> Self {
        let effect = if min_effect.is_nan() { 0.0 } else { min_effect.clamp(0.0, 1.0) };
        let detector = TwoSided::between(-effect, effect, -1.0, 1.0);
        Self { detector, references: VecDeque::new(), news: VecDeque::new() }
    }

    /// Takes a reference value, cut to [0, 1]. Gives a step when it makes a pair; NaN is left out.
    pub fn reference(&mut self, x: f64, threshold: f64) -> Option<Step> {
        wait(&mut self.references, x);
        self.pair(threshold)
    }

    /// Takes a new value, likewise.
    pub fn new_value(&mut self, x: f64, threshold: f64) -> Option<Step> {
        wait(&mut self.news, x);
        self.pair(threshold)
    }

    /// The detector on the differences.
    pub fn detector(&self) -> &TwoSided {
        &self.detector
    }

    fn pair(&mut self, threshold: f64) -> Option<Step> {
        if self.references.is_empty() || self.news.is_empty() {
            return None;
        }
        let difference = self.news.pop_front()? - self.references.pop_front()?;
        let evidence = self.detector.update(difference);
        Some(Step { evidence, alarm: evidence >= threshold })
    }
}

fn wait(queue: &mut VecDeque<f64>, x: f64) {
    if x.is_nan() {
        return;
    }
    if queue.len() as u64 >= PAIRS_WAITING_MAX {
        queue.pop_front();
    }
    queue.push_back(x.clamp(0.0, 1.0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    #[test]
    fn pairs_keep_the_bound_and_see_a_fall() {
        let (runs, horizon, threshold) = (400u32, 1_000, 5_000.0);
        let mut random = Random::new(97);
        let (mut early, mut delay) = (0u32, 0u32);
        for _ in 0..runs {
            let mut pairs = TwoSample::new(0.0);
            let mut step = |fall: f64, random: &mut Random| {
                pairs.reference(random.power(3.0), threshold);
                let new = (random.power(3.0) - fall).max(0.0);
                pairs.new_value(new, threshold).unwrap().alarm
            };
            if (0..horizon).any(|_| step(0.0, &mut random)) {
                early += 1;
                continue;
            }
            delay += (1..5_000).find(|_| step(0.15, &mut random)).unwrap_or(5_000);
            assert!(pairs.detector().fell());
        }
        let share = f64::from(early) / f64::from(runs);
        assert!(share <= 0.2 + 2.0 * (0.2f64 * 0.8 / f64::from(runs)).sqrt(), "{share}");
        let delay = f64::from(delay) / f64::from(runs - early);
        assert!(delay < 150.0, "{delay}");
    }

    #[test]
    fn one_side_alone_waits_at_the_limit_pairs_waiting() {
        let mut pairs = TwoSample::new(0.0);
        assert_eq!(pairs.reference(f64::NAN, 1.0), None);
        for _ in 0..=PAIRS_WAITING_MAX {
            assert_eq!(pairs.reference(0.5, 1e3), None);
        }
        assert_eq!(pairs.references.len() as u64, PAIRS_WAITING_MAX);
        assert!(pairs.new_value(0.4, 1e3).is_some());
        assert!(pairs.detector().fell());
    }
}
