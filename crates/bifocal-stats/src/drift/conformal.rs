//! The alarm on all inferences: a bettor for each column who bets that new values no longer rank evenly among those of a
//! reference.
//!
//! A value's rank p among the n rows of the reference is uniform while nothing changes. The bets are lines on its place and
//! its spread, s in {2p - 1, 1 - 2p, 4|p - 1/2| - 1, 1 - 4|p - 1/2|}, with a share g of what would risk ruin. As in
//! [`Detector`](crate::Detector), evidence grows as M <- (M + 1) L, and the mean over columns and bets is compared with a threshold A
//! (conformal betting: Vovk, arXiv 2006.05329 and the references there; Shiryaev-Roberts mixture: arXiv 2203.03532).
//!
//! The reference is finite, and a bettor who knew in which direction it errs would win without any change. Given the
//! reference, the mean of s is sum_i D_i s_i, where s_i is the mean of s on the i-th of N = n + 1 equal cells of [0, 1] and the D_i
//! are the spacings of n uniform numbers: an exact law for every distribution of values. As D_i = E_i / sum E with exponential E_i, the
//! sub-gamma bound gives
//!
//! P(sum_i D_i s_i > d) <= exp(-l)   when   N d = sqrt(2 l N (1/3 + d^2)) + l.
//!
//! With l = ln(4 columns / alpha), all columns and bets are covered at once, with probability 1 - alpha over the draw of the
//! reference. So L = 1 + g (s - d) has a mean of at most 1, M_t - t is a supermartingale, and **with probability 1 - alpha over the
//! reference the mean number of inferences to a false alarm is at least A, and a false alarm within T inferences has probability at most
//! T / A**. This allowance is 1.4 times smaller than the one from the Dvoretzky-Kiefer-Wolfowitz inequality with the same
//! union over columns.
//!
//! Assumes that reference and later values are independent draws of one distribution. Broken by a reference that does not
//! cover what is normal (hours of the day, weekdays, tenants), and by values in bursts (many turns of one conversation).

use serde::{Deserialize, Serialize};

use crate::error::Error;

use super::reference::Reference;
use super::seeded::Seeded;

/// Shares of what would risk ruin.
const SHARES: [f64; 2] = [0.45, 0.9];
/// Two shares on each of four lines.
const BETS: usize = 8;
/// Cut where every threshold was passed long ago; cutting downward keeps the theorem.
const EVIDENCE_MAX: f64 = 1e290;
/// Starts that would have left the richest bet within this factor say where the change may have begun.
const ONSET_FACTOR: f64 = 20.0;
/// Least rows of a reference: with fewer the allowance eats what a bet could win.
const ROWS_MIN: usize = 500;

/// The detector in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftDetector {
    reference: Reference,
    allowance: f64,
    n: u64,
    columns: Vec<Bets>,
}

/// How much evidence a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColumnEvidence {
    /// Of which column.
    pub column: usize,
    /// Its evidence; the detector's is the mean over columns.
    pub evidence: f64,
    /// Which way its richest bet says that values went.
    pub direction: Direction,
}

/// How values moved against the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// They became larger.
    Higher,
    /// They became smaller.
    Lower,
    /// There are more at both ends.
    Wider,
    /// There are more in the middle.
    Narrower,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Bets {
    evidence: [f64; BETS],
    cusum: [f64; BETS],
    onset: [u64; BETS],
}

const NO_BETS: Bets = Bets { evidence: [0.0; BETS], cusum: [0.0; BETS], onset: [0; BETS] };

impl DriftDetector {
    /// Against a reference, with probability `alpha` that the reference misleads it.
    ///
    /// # Errors
    /// [`Error::TooFew`] when the reference has fewer than 500 rows (2,000 are advised), or no column.
    pub fn new(reference: Reference, alpha: f64) -> Result<Self, Error> {
        let have = usize::try_from(reference.rows()).unwrap_or(usize::MAX);
        if have < ROWS_MIN {
            return Err(Error::TooFew { have, need: ROWS_MIN });
        }
        let columns = reference.columns().len();
        if columns == 0 {
            return Err(Error::TooFew { have: 0, need: 1 });
        }
        let allowance = allowance(reference.rows(), columns, alpha);
        Ok(Self { reference, allowance, n: 0, columns: vec![NO_BETS; columns] })
    }

    /// Takes a row and gives the evidence, finite and at least 0. A missing value is NaN. `seed` breaks ties: anything that
    /// does not depend on the row's values, such as a hash of the inference's id.
    pub fn observe(&mut self, row: &[f64], seed: u64) -> f64 {
        let mut random = Seeded::new(seed);
        for (i, (column, bets)) in self.reference.columns().iter().zip(&mut self.columns).enumerate() {
            let rank = column.rank(row.get(i).copied().unwrap_or(f64::NAN), random.uniform());
            bets.take(rank, self.allowance, self.n);
        }
        self.n += 1;
        self.evidence()
    }

    /// The evidence that something changed: the mean over columns.
    pub fn evidence(&self) -> f64 {
        let total: f64 = self.columns.iter().map(|bets| bets.mean() / self.columns.len() as f64).sum();
        total.min(EVIDENCE_MAX)
    }

    /// The evidence of each column, largest first.
    pub fn by_column(&self) -> Vec<ColumnEvidence> {
        let of = |(column, bets): (usize, &Bets)| ColumnEvidence {
            column,
            evidence: bets.mean(),
            direction: bets.direction(),
        };
        let mut columns: Vec<_> = self.columns.iter().enumerate().map(of).collect();
        columns.sort_by(|a, b| b.evidence.total_cmp(&a.evidence));
        columns
    }

    /// Between which rows the change most likely began: indices of rows since it was made or reset, from 0. `None` while no bet is
    /// ahead.
    ///
    /// A bet last started over at its own best guess. Its wealth if it had started s rows later is smaller by what it won
    /// in them, and s rows earlier by what it lost in them; its range holds the starts that would have left it within a
    /// factor of 20, at the rate at which it won since, and at the rate that it loses without a change. The range is that
    /// of all bets within a factor of 20 of the richest. An approximation, not a confidence interval.
    pub fn onset(&self) -> Option<(u64, u64)> {
        let bets = || {
            self.columns.iter().flat_map(|bets| (0..BETS).map(move |at| (bets.cusum[at], bets.onset[at], at)))
        };
        let richest = bets().map(|(wealth, ..)| wealth).fold(1.0, f64::max);
        let ahead = bets().filter(|(wealth, ..)| *wealth > 1.0 && *wealth * ONSET_FACTOR >= richest);
        ahead
            .map(|(wealth, onset, at)| self.range(wealth, onset, SHARES[at % SHARES.len()]))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    fn range(&self, wealth: f64, onset: u64, share: f64) -> (u64, u64) {
        let loses = share * share / 6.0 + share * self.allowance;
        let wins = wealth.ln() / self.n.saturating_sub(onset).max(1) as f64;
        let rows = |rate: f64| {
            let rows = (ONSET_FACTOR.ln() / rate).ceil().clamp(0.0, 1e15);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number in [0, 1e15]"
            )]
            let rows = rows as u64;
            rows
        };
        (onset.saturating_sub(rows(loses)), (onset + rows(wins)).min(self.n))
    }

    /// Rows since it was made or reset.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// What it bets against.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// How far the mean of a line may lie from 0 by an accident of the reference.
    pub fn allowance(&self) -> f64 {
        self.allowance
    }

    /// Starts over against the same reference.
    pub fn reset(&mut self) {
        self.n = 0;
        self.columns.fill(NO_BETS);
    }
}

impl Bets {
    #[inline]
    fn take(&mut self, rank: f64, allowance: f64, index: u64) {
        let (place, spread) = (2.0 * rank - 1.0, 4.0 * (rank - 0.5).abs() - 1.0);
        let lines = [place, -place, spread, -spread];
        for (i, line) in lines.into_iter().enumerate() {
            for (j, share) in SHARES.into_iter().enumerate() {
                let at = i * SHARES.len() + j;
                // At an allowance that large nothing can be won, but no bet may go below zero.
                let factor = (1.0 + share * (line - allowance)).max(0.0);
                self.evidence[at] = ((self.evidence[at] + 1.0) * factor).min(EVIDENCE_MAX);
                if self.cusum[at] <= 1.0 {
                    (self.cusum[at], self.onset[at]) = (1.0, index);
                }
                self.cusum[at] = (self.cusum[at] * factor).min(EVIDENCE_MAX);
            }
        }
    }

    fn mean(&self) -> f64 {
        self.evidence.iter().sum::<f64>() / BETS as f64
    }

    fn direction(&self) -> Direction {
        let richest = self.evidence.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
        match richest.map_or(0, |(at, _)| at / SHARES.len()) {
            0 => Direction::Higher,
            1 => Direction::Lower,
            2 => Direction::Wider,
            _ => Direction::Narrower,
        }
    }
}

/// d of N d = sqrt(2 l N (1/3 + d^2)) + l, by iteration from 0, which converges from below in a few steps; rounded up at the end.
fn allowance(rows: u64, columns: usize, alpha: f64) -> f64 {
    let alpha = if alpha > 0.0 && alpha < 1.0 { alpha } else { 0.05 };
    let n = rows as f64 + 1.0;
    let l = (4.0 * columns as f64 / alpha).ln();
    let mut d = 0.0;
    for _ in 0..60 {
        d = (2.0 * l * n * (1.0 / 3.0 + d * d)).sqrt() / n + l / n;
    }
    d * (1.0 + 1e-9)
}

#[cfg(test)]
mod tests;
