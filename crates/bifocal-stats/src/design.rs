//! The shown estimate of any design: judged answers with their inclusion probabilities, in strata of known size, with
//! or without a cheap prediction of every answer's score.
//!
//! The estimate is sum_h W_h est_h, with W_h the stratum's share of the traffic and est_h the weighted mean of its
//! judged scores, or where that is better their prediction-powered mean ([`powered`](crate::prediction::powered),
//! lambda per stratum: StratPPI, arXiv 2406.04291). The interval follows the rule of [`estimate`](crate::estimate):
//!
//! 1. where n and the tails allow, Student's t with the standard error sqrt(sum_h W_h^2 se_h^2) and Satterthwaite's
//!    degrees of freedom;
//! 2. else the betting interval on the pooled judged scores, each times n v_i, where v_i = W_h / pi_i / (sum of 1 / pi
//!    in the stratum) is its weight in the estimate. In any order and for any strata, the mean of these products over
//!    the sample is the mean of the traffic, and for constant bets E[prod(1 + lambda (Z_i - m))] <= 1 by the
//!    inequality of the means. For bets that adapt it holds in simulation. Bounds per stratum at alpha / strata would
//!    be 3.5 to 4.4 times as wide. Predictions are not used there;
//! 3. where the largest n v_i exceeds 3, the asymptotic sequence, as there.
//!
//! A prediction is used in a stratum only if its residuals are not the work of a few answers, (sum |r|)^2 / sum r^2 >=
//! 15: a predictor that is right but for rare large errors shows none of them in most samples, and its interval would
//! be a point. A stratum with fewer than 2 judged answers is taken together with the largest one, where 1/pi keeps the
//! estimate unbiased.
//!
//! Assumes what the parts assume, and that the strata's totals count the same traffic that was sampled.

use bifocal_model::{Estimate, Method, Probability, Window};

use crate::distribution::student_t_quantile;
use crate::estimate::{Interval, allows_t, skewed};
use crate::moments::Moments;
use crate::pairs::PairSums;
use crate::prediction::{Powered, powered, powered_with};

/// Least (sum |r|)^2 / sum r^2 of the residuals of a prediction that is used.
const MIN_RESIDUALS: f64 = 15.0;

/// What no inclusion probability in use comes near.
const MAX_WEIGHT: f64 = 1e100;

/// A judged answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// The score in [0, 1], or 1 for passed and 0 for not. Cut to [0, 1]; one with NaN is left out.
    pub value: f64,
    /// Inclusion probability, capture and judge sampling together.
    pub probability: Probability,
    /// Its place in the list of strata.
    pub stratum: usize,
    /// What a cheap predictor said of it, if there is one.
    pub proxy: Option<f64>,
}

/// A stratum of the traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stratum {
    /// How many answers there were to judge. Fewer than were judged is not believed.
    pub total: f64,
    /// The predictions of all its answers, judged or not; empty without a predictor.
    pub proxies: Moments,
}

/// Why there is no estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEstimate {
    /// No judged answer has a score.
    #[error("estimate a mean of nothing judged")]
    NothingJudged,
    /// A judged answer names a stratum that is not in the list.
    #[error("find stratum {0} of a judged answer")]
    UnknownStratum(usize),
}

/// The estimate of the traffic's mean score with its interval at level 1 - alpha. Judged answers come in the order of
/// their arrival.
pub fn shown(
    judged: &[Judged],
    strata: &[Stratum],
    window: Window,
    alpha: f64,
) -> Result<Estimate, NoEstimate> {
    if let Some(lost) = judged.iter().find(|item| item.stratum >= strata.len()) {
        return Err(NoEstimate::UnknownStratum(lost.stratum));
    }
    let judged: Vec<Judged> = judged
        .iter()
        .filter(|item| !item.value.is_nan())
        .map(|item| Judged { value: item.value.clamp(0.0, 1.0), ..*item })
        .collect();
    if judged.is_empty() {
        return Err(NoEstimate::NothingJudged);
    }
    let alpha = alpha.clamp(1e-12, 0.5);
    let groups = Groups::new(&judged, strata);
    let weighed: Vec<(f64, f64)> = judged.iter().map(|item| (item.value, groups.weight(item))).collect();
    let plain = groups.combined(|group| powered_with(&group.pairs, &Moments::default(), 0.0));
    let mean = groups.mean();
    let effective_n = 1.0 / weighed.iter().map(|(_, weight)| weight * weight).sum::<f64>();
    let of_t = |combined: Powered| {
        let margin = student_t_quantile(1.0 - 0.5 * alpha, combined.degrees) * combined.standard_error;
        (combined.value.clamp(0.0, 1.0), Interval::new(combined.value - margin, combined.value + margin))
    };
    let (value, interval, method) = match plain {
        Some(plain) if allows_t(mean, effective_n) && plain.standard_error > 1e-8 => {
            let powered = groups.combined(Group::best);
            let best = powered.filter(|powered| powered.standard_error > 0.0).unwrap_or(plain);
            let (value, interval) = of_t(best);
            (value, interval, Method::StudentT)
        }
        _ => {
            let standard_error = plain.map(|plain| plain.standard_error);
            let (interval, method) = skewed(&weighed, mean, standard_error, alpha);
            (mean.clamp(0.0, 1.0), interval, method)
        }
    };
    let Interval { lower, upper } = interval.holding(value);
    let n_judged = judged.len() as u64;
    Ok(Estimate { value, lower, upper, n_judged, n_total: groups.total, method, window })
}

/// 1/pi, cut where its square would no longer be a number.
fn weight(item: &Judged) -> f64 {
    item.probability.weight().min(MAX_WEIGHT)
}

/// One stratum, or several that had too few judged answers to stand alone.
struct Group {
    total: f64,
    pairs: PairSums,
    proxies: Moments,
    has_proxy: bool,
    /// Scores and predictions of the judged.
    values: Vec<(f64, f64)>,
}

struct Groups {
    groups: Vec<Group>,
    /// Which group a stratum went into.
    of_stratum: Vec<usize>,
    total: f64,
}

impl Groups {
    fn new(judged: &[Judged], strata: &[Stratum]) -> Self {
        let mut counts = vec![0u32; strata.len()];
        for item in judged {
            if let Some(count) = counts.get_mut(item.stratum) {
                *count += 1;
            }
        }
        let total = |at: usize| {
            let seen = f64::from(counts.get(at).copied().unwrap_or(0));
            let said = strata.get(at).map_or(0.0, |stratum| stratum.total);
            if said.is_finite() { said.max(seen) } else { seen }
        };
        // The largest of those that can stand alone takes in those that cannot.
        let largest = (0..strata.len())
            .filter(|at| counts.get(*at).is_some_and(|count| *count > 1))
            .max_by(|a, b| total(*a).total_cmp(&total(*b)))
            .unwrap_or(0);
        let alone = |at: usize| counts.get(at).is_some_and(|count| *count > 1);
        let of_stratum: Vec<usize> =
            (0..strata.len()).map(|at| if alone(at) { at } else { largest }).collect();
        let mut groups: Vec<Group> = (0..strata.len()).map(|_| Group::empty()).collect();
        for (at, stratum) in strata.iter().enumerate() {
            if let Some(group) = of_stratum.get(at).and_then(|to| groups.get_mut(*to)) {
                group.total += total(at);
                group.proxies.merge(&stratum.proxies);
            }
        }
        for item in judged {
            if let Some(group) = of_stratum.get(item.stratum).and_then(|to| groups.get_mut(*to)) {
                group.add(item);
            }
        }
        let total = groups.iter().map(|group| group.total).sum();
        Self { groups, of_stratum, total }
    }

    /// The weight of a judged answer in the estimate; all of them add up to 1 but for rounding.
    fn weight(&self, item: &Judged) -> f64 {
        let group = self.of_stratum.get(item.stratum).and_then(|to| self.groups.get(*to));
        group.map_or(0.0, |group| group.total / self.total * weight(item) / group.pairs.weight())
    }

    /// sum W_h times the weighted mean of the judged scores of h.
    fn mean(&self) -> f64 {
        let parts =
            self.groups.iter().filter_map(|group| Some((group.total / self.total, group.pairs.means()?.0)));
        parts.map(|(share, mean)| share * mean).sum()
    }

    /// sum W_h est_h with Satterthwaite's degrees of freedom; `None` where a stratum with traffic has no estimate.
    fn combined(&self, estimate: impl Fn(&Group) -> Option<Powered>) -> Option<Powered> {
        let (mut value, mut variance, mut uncertainty, mut lambda) = (0.0, 0.0, 0.0, 0.0);
        for group in self.groups.iter().filter(|group| group.total > 0.0) {
            let part = estimate(group)?;
            let share = group.total / self.total;
            let own = (share * part.standard_error).powi(2);
            value += share * part.value;
            lambda += share * part.lambda;
            variance += own;
            uncertainty += own * own / part.degrees;
        }
        let degrees = if uncertainty > 0.0 { variance * variance / uncertainty } else { 1.0 };
        Some(Powered { value, standard_error: variance.sqrt(), lambda, degrees: degrees.max(1.0) })
    }
}

impl Group {
    fn empty() -> Self {
        Self {
            total: 0.0,
            pairs: PairSums::default(),
            proxies: Moments::default(),
            has_proxy: true,
            values: Vec::new(),
        }
    }

    fn add(&mut self, item: &Judged) {
        let proxy = item.proxy.filter(|proxy| proxy.is_finite());
        self.has_proxy &= proxy.is_some();
        let proxy = proxy.unwrap_or(0.0);
        self.pairs.add(item.value, proxy, weight(item));
        self.values.push((item.value, proxy));
    }

    /// With the prediction where it may be used and narrows, else without.
    fn best(&self) -> Option<Powered> {
        let plain = powered_with(&self.pairs, &Moments::default(), 0.0);
        if !self.has_proxy {
            return plain;
        }
        match powered(&self.pairs, &self.proxies) {
            Some(powered) if powered.lambda > 0.0 && self.has_spread_residuals(powered.lambda) => {
                Some(powered)
            }
            _ => plain,
        }
    }

    fn has_spread_residuals(&self, lambda: f64) -> bool {
        let Some(mean) = self.pairs.mean_residual(lambda) else { return false };
        let residuals = self.values.iter().map(|(value, proxy)| (value - lambda * proxy - mean).abs());
        let (sum, squares) = residuals.fold((0.0, 0.0), |(sum, squares), r| (sum + r, squares + r * r));
        squares > 0.0 && sum * sum / squares >= MIN_RESIDUALS
    }
}

#[cfg(test)]
mod tests;
