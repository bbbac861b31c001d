//! Where in the traffic the fall is: slices that fell more than the rest, and how much of the whole they make.
//!
//! Slices are sets of facets, one or two deep, with at least 30 judged after the alarm. For each, the samples after the
//! alarm are paired in their order, one inside with one outside, and a bettor bets that inside fell more:
//! `D = (m_in - y_in) - (m_out - y_out)` with the means before the change; the null is E[D] <= eps, eps a 99% allowance
//! for the error of those means, and the mean wealth of five bets is an e-value. e-BH at 0.10 over all slices that were
//! tried says which to believe. Assumes exchangeable samples after the alarm, as in the rest of the inquiry.
//!
//! The share of a slice is w' fall / sum over inside and outside of w' fall, with a 99% interval after Fieller: it is
//! the set of shares that the two falls do not refute.

use bifocal_model::{Slice, stratum};

use super::ebh::e_bh;
use super::reference::Strata;
use crate::limits::{SLICES_SHOWN, SLICES_TRIED};
use crate::moments::Moments;

const JUDGED_MIN: u64 = 30;
const REFERENCE_MIN: u64 = 10;
const LEVEL: f64 = 0.10;
const BETS: [f64; 5] = [0.05, 0.15, 0.3, 0.5, 0.8];
const Z_ALLOWANCE: f64 = 2.326_347_874_040_841;
const Z_SHARE: f64 = 2.575_829_303_548_901;
const SHARE_STEPS: u32 = 200;

/// A sample after the alarm: its stratum by number, its value and weight.
pub(super) type After = (usize, f64, f64);

struct Candidate<'a> {
    facets: Vec<(&'a str, &'a str)>,
    e_value: f64,
    slice: Slice,
}

/// The slices to show, largest share first. `after` names its strata by `names`.
pub(super) fn search(before: &Strata, names: &Strata, after: &[After]) -> Vec<Slice> {
    let candidates = candidates(before, names, after);
    let e_values: Vec<f64> = candidates.iter().map(|candidate| candidate.e_value).collect();
    let mut believed: Vec<&Candidate<'_>> =
        e_bh(&e_values, LEVEL).into_iter().filter_map(|i| candidates.get(i)).collect();
    believed.sort_by(|a, b| {
        middle(&b.slice).total_cmp(&middle(&a.slice)).then(a.facets.len().cmp(&b.facets.len()))
    });
    let mut shown: Vec<&Candidate<'_>> = Vec::new();
    for candidate in believed {
        // A part of a slice that is shown, or one that a shown slice is a part of, tells nothing new.
        let nested = |other: &&Candidate<'_>| {
            candidate.facets.iter().all(|facet| other.facets.contains(facet))
                || other.facets.iter().all(|facet| candidate.facets.contains(facet))
        };
        if !shown.iter().any(nested) && shown.len() < SLICES_SHOWN {
            shown.push(candidate);
        }
    }
    shown.into_iter().map(|candidate| candidate.slice.clone()).collect()
}

/// The slices that are large enough, tried one by one.
fn candidates<'a>(before: &Strata, names: &'a Strata, after: &[After]) -> Vec<Candidate<'a>> {
    let sets = facet_sets(names).into_iter();
    sets.filter_map(|facets| try_out(facets, before, names, after)).take(SLICES_TRIED).collect()
}

fn middle(slice: &Slice) -> f64 {
    slice.share_lower + slice.share_upper
}

/// Every facet of the strata, and every two facets that occur together.
fn facet_sets(names: &Strata) -> Vec<Vec<(&str, &str)>> {
    let mut sets: Vec<Vec<(&str, &str)>> = Vec::new();
    for (name, _) in names.iter() {
        let facets: Vec<(&str, &str)> = stratum::facets(name).collect();
        for (i, first) in facets.iter().enumerate() {
            push_new(&mut sets, vec![*first]);
            for second in facets.iter().skip(i + 1) {
                push_new(&mut sets, vec![*first, *second]);
            }
        }
    }
    sets.sort_by_key(Vec::len);
    sets
}

fn push_new<'a>(sets: &mut Vec<Vec<(&'a str, &'a str)>>, set: Vec<(&'a str, &'a str)>) {
    if !sets.contains(&set) {
        sets.push(set);
    }
}

fn try_out<'a>(
    facets: Vec<(&'a str, &'a str)>,
    before: &Strata,
    names: &Strata,
    after: &[After],
) -> Option<Candidate<'a>> {
    let fits = |name: &str| facets.iter().all(|(key, value)| stratum::facet(name, key) == Some(*value));
    let (inside, outside) = (before.of(fits), before.of(|name| !fits(name)));
    if inside.n < REFERENCE_MIN || outside.n < REFERENCE_MIN {
        return None;
    }
    let (mut now_inside, mut now_outside) = (Moments::default(), Moments::default());
    let (mut pairs_inside, mut pairs_outside) = (Vec::new(), Vec::new());
    let (mean_inside, mean_outside) = (inside.mean()?, outside.mean()?);
    for (at, value, weight) in after {
        if fits(names.name(*at)) {
            now_inside.add(*value, *weight);
            pairs_inside.push(mean_inside - value);
        } else {
            now_outside.add(*value, *weight);
            pairs_outside.push(mean_outside - value);
        }
    }
    if now_inside.n < JUDGED_MIN || now_outside.n < JUDGED_MIN {
        return None;
    }
    let allowance = Z_ALLOWANCE * inside.standard_error()?.hypot(outside.standard_error()?);
    // The least that D can be, beyond the allowance: what a bet may lose.
    let loss = 1.0 + (mean_outside - mean_inside).abs() + allowance;
    let pairs = pairs_inside.iter().zip(&pairs_outside).map(|(a, b)| (a - b - allowance) / loss);
    let e_value = wealth(pairs);
    let traffic = now_inside.w + now_outside.w;
    let traffic_share = now_inside.w / traffic;
    let falls =
        [fall(&inside, &now_inside, traffic_share)?, fall(&outside, &now_outside, 1.0 - traffic_share)?];
    let (share_lower, share_upper) = shares(falls)?;
    let name = stratum::joined(facets.iter().copied());
    let slice = Slice {
        name,
        n_after: now_inside.n,
        traffic_share,
        fall: mean_inside - now_inside.mean()?,
        share_lower,
        share_upper,
        e_value,
    };
    Some(Candidate { facets, e_value, slice })
}

/// The mean wealth of the bets, each win in units of what a bet may lose at most.
fn wealth(wins: impl Iterator<Item = f64> + Clone) -> f64 {
    let of = |bet: &f64| wins.clone().map(|win| (bet * win.max(-1.0)).ln_1p()).sum::<f64>().min(600.0).exp();
    BETS.iter().map(of).sum::<f64>() / BETS.len() as f64
}

/// What a part of the traffic contributes to the fall, and the variance of that.
fn fall(before: &Moments, after: &Moments, share: f64) -> Option<(f64, f64)> {
    let fall = before.mean()? - after.mean()?;
    let of_means = before.standard_error()?.powi(2) + after.standard_error()?.powi(2);
    // The variance of a share s of n is s (1 - s) / n, and the slice's own count is s n.
    let of_share = share * share * (1.0 - share) / after.effective_n().max(1.0);
    Some((share * fall, share * share * of_means + fall * fall * of_share))
}

/// The shares a / (a + b) that the two parts do not refute; `None` when they refute every one.
fn shares([(a, var_a), (b, var_b)]: [(f64, f64); 2]) -> Option<(f64, f64)> {
    let fits = |step: &u32| {
        let share = f64::from(*step) / f64::from(SHARE_STEPS);
        let (left, right) = (1.0 - share, share);
        let distance = left * a - right * b;
        distance * distance <= Z_SHARE * Z_SHARE * (left * left * var_a + right * right * var_b)
    };
    let (first, last) = ((0..=SHARE_STEPS).find(fits)?, (0..=SHARE_STEPS).rev().find(fits)?);
    let of = |step: u32| f64::from(step) / f64::from(SHARE_STEPS);
    Some((of(first), of(last)))
}

#[cfg(test)]
mod tests;
