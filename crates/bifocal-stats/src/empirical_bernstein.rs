//! Empirical-Bernstein confidence sequence: closed form, O(1) per value and 56 bytes of state, where the betting
//! sequence costs a grid.
//!
//! Theorem (WSR, theorem 2): for values in [0, 1] with one conditional mean, sum(lam_i x_i) / sum(lam_i) +-
//! (log(2 / alpha) + sum (x_i - mu_{i-1})^2 psi(lam_i)) / sum(lam_i) with psi(l) = -log(1 - l) - l holds at all times
//! at once, for any lam_i in (0, 1) that depend on the past only. Broken by values outside of [0, 1] (they are cut)
//! and by a mean that changes.

use serde::{Deserialize, Serialize};

use crate::betting::Plugin;
use crate::estimate::Interval;

const MAX_BET: f64 = 0.5;

/// An empirical-Bernstein confidence sequence in progress.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BernsteinSequence {
    alpha: f64,
    plugin: Plugin,
    bets: f64,
    bet_values: f64,
    penalty: f64,
}

impl BernsteinSequence {
    /// At level 1 - alpha.
    pub fn new(alpha: f64) -> Self {
        let alpha = alpha.clamp(1e-12, 0.5);
        Self { alpha, plugin: Plugin::default(), bets: 0.0, bet_values: 0.0, penalty: 0.0 }
    }

    /// Takes a value, cut to [0, 1]; NaN is left out.
    pub fn update(&mut self, x: f64) {
        if x.is_nan() {
            return;
        }
        let x = x.clamp(0.0, 1.0);
        let bet = self.plugin.sequence_bet(self.alpha).min(MAX_BET);
        let psi = -(-bet).ln_1p() - bet;
        self.bets += bet;
        self.bet_values += bet * x;
        self.penalty += (x - self.plugin.mean()).powi(2) * psi;
        self.plugin.add(x);
    }

    /// How many values it took.
    pub fn n(&self) -> u64 {
        self.plugin.n()
    }

    /// The interval now; all of [0, 1] before the first value.
    pub fn interval(&self) -> Interval {
        if self.bets <= 0.0 {
            return Interval::UNIT;
        }
        let centre = self.bet_values / self.bets;
        let margin = ((2.0 / self.alpha).ln() + self.penalty) / self.bets;
        Interval::new(centre - margin, centre + margin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    #[test]
    fn it_misses_at_most_alpha_at_any_time_and_narrows() {
        let runs = 1_000u32;
        let mut random = Random::new(5);
        let mut misses = 0;
        let mut width = 0.0;
        for _ in 0..runs {
            let mut sequence = BernsteinSequence::new(0.05);
            let mut missed = false;
            for _ in 0..3_000 {
                sequence.update(random.power(0.25));
                missed |= !sequence.interval().contains(0.2);
            }
            misses += u32::from(missed);
            width = sequence.interval().width();
        }
        let allowed = 0.05 + 2.0 * (0.05f64 * 0.95 / f64::from(runs)).sqrt();
        assert!(f64::from(misses) / f64::from(runs) <= allowed, "{misses}");
        assert!(width < 0.08, "{width}");
    }

    #[test]
    fn a_sequence_read_back_goes_on_bit_for_bit() {
        let mut random = Random::new(6);
        let mut sequence = BernsteinSequence::new(0.05);
        for _ in 0..100 {
            sequence.update(random.power(0.3));
        }
        let json = serde_json::to_string(&sequence).unwrap();
        let mut copy: BernsteinSequence = serde_json::from_str(&json).unwrap();
        for _ in 0..100 {
            let x = random.power(0.3);
            sequence.update(x);
            copy.update(x);
        }
        assert_eq!(copy, sequence);
    }

    #[test]
    fn nothing_seen() {
        let mut sequence = BernsteinSequence::new(0.05);
        sequence.update(f64::NAN);
        assert_eq!((sequence.n(), sequence.interval()), (0, Interval::UNIT));
    }
}
