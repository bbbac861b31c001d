//! Population stability index: by how much the shares of the reference's deciles have moved.
//!
//! The usual marks of 0.1 and 0.25 mean little, for without any change its expectation is about 9 (1/n + 1/m): 0.1 at two
//! samples of 180. The p-value of a bootstrap says what the number alone does not.

use crate::error::Error;

use super::bootstrap;
use super::histogram::Histogram;

const DECILES: u32 = 10;
/// Added to each count, so that an empty decile is a large number and not an infinite one.
const SMOOTHING: f64 = 0.5;

/// The index and how likely it is without a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StabilityIndex {
    /// Sum over deciles of (q - p) ln(q / p), natural logarithm.
    pub psi: f64,
    /// Share of redrawn pairs of samples with an index at least as large.
    pub p_value: f64,
    /// Deciles that are apart: fewer than ten where values are tied. One means that the reference is a constant, and only
    /// values beside it are counted.
    pub bins: usize,
}

/// The index of `window` against the deciles of `reference`, with `rounds` bootstrap rounds from `seed`.
///
/// # Errors
/// [`Error::EmptySample`] when one of the two is empty.
pub fn psi(
    reference: &Histogram,
    window: &Histogram,
    rounds: u32,
    seed: u64,
) -> Result<StabilityIndex, Error> {
    if reference.is_empty() || window.is_empty() {
        return Err(Error::EmptySample);
    }
    let (reference, window) = (&reference.as_coarse_as(window), &window.as_coarse_as(reference));
    let (bounds, bins) = deciles(reference);
    let (p, q) = (counts(reference, &bounds), counts(window, &bounds));
    let p_value = bootstrap::p_value(&p, &q, rounds, seed, index);
    Ok(StabilityIndex { psi: index(&p, &q), p_value, bins })
}

pub(super) fn index(p: &[u64], q: &[u64]) -> f64 {
    let total = |counts: &[u64]| counts.iter().sum::<u64>() as f64 + SMOOTHING * counts.len() as f64;
    let (n, m) = (total(p), total(q));
    let term = |(p, q): (&u64, &u64)| {
        let (p, q) = ((*p as f64 + SMOOTHING) / n, (*q as f64 + SMOOTHING) / m);
        (q - p) * (q / p).ln()
    };
    p.iter().zip(q).map(term).sum::<f64>().max(0.0)
}

/// Upper bounds of all deciles but the last, and how many deciles there are. A bin that holds less than a decile is cut where
/// the decile ends, its mass spread evenly; one that holds more is likely one value, and stays whole. A reference of one
/// value gets a bound on each side of it.
fn deciles(reference: &Histogram) -> (Vec<f64>, usize) {
    let decile = reference.count() as f64 / f64::from(DECILES);
    let mut bounds: Vec<f64> = Vec::new();
    let (mut before, mut next, mut least) = (0.0, 1, None);
    let mut greatest = f64::NEG_INFINITY;
    for (bin, count) in reference.bins() {
        let (lower, upper) = reference.edges(bin);
        let count = count as f64;
        least = least.or(Some(lower));
        greatest = upper;
        while next < DECILES && before + count >= decile * f64::from(next) {
            let share = (decile * f64::from(next) - before) / count;
            let bound = if count < decile {
                lower + (upper - lower) * share
            } else if share <= 0.5 && before > 0.0 {
                lower
            } else {
                upper
            };
            if bounds.last() != Some(&bound) {
                bounds.push(bound);
            }
            next += 1;
        }
        before += count;
    }
    if bounds.last() == Some(&greatest) && bounds.len() > 1 {
        bounds.pop();
    }
    let bins = if bounds.last() == Some(&greatest) { 1 } else { bounds.len() + 1 };
    if bins == 1 {
        bounds = least.into_iter().map(|least| least.next_down()).chain([greatest]).collect();
    }
    (bounds, bins)
}

/// Counts of the pieces that the bounds cut out, to the nearest whole: a bin that is cut gives each piece its share.
fn counts(histogram: &Histogram, bounds: &[f64]) -> Vec<u64> {
    let mut pieces = vec![0.0; bounds.len() + 1];
    for (bin, count) in histogram.bins() {
        let (lower, upper) = histogram.edges(bin);
        let (first, last) =
            (bounds.partition_point(|bound| *bound <= lower), bounds.partition_point(|bound| *bound < upper));
        let mut from = lower;
        for (at, bound) in bounds.iter().enumerate().take(last).skip(first) {
            pieces[at] += count as f64 * (bound - from) / (upper - lower);
            from = *bound;
        }
        let rest = if last > first { (upper - from) / (upper - lower) } else { 1.0 };
        pieces[last] += count as f64 * rest;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole numbers from 0 to the number of values"
    )]
    let whole = pieces.into_iter().map(|piece: f64| piece.round() as u64).collect();
    whole
}
