//! The newest judged values of a stream: what estimates and onset ranges are made of.

use std::collections::VecDeque;

use bifocal_model::{Estimate, Probability, Span, Timestamp, Window};
use bifocal_stats::estimate::{Weighted, interval};
use serde::{Deserialize, Serialize};

use crate::limits::RECENT_MAX;

/// A run of samples is taken as one sampling regime while its inclusion probabilities stay within this factor.
const REGIME_FACTOR: f64 = 3.0;
/// A regime speaks for itself from this many samples on.
const REGIME_MIN: usize = 100;
/// Two-sided error of the intervals that are shown.
const ALPHA: f64 = 0.05;

/// One judged value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Judged {
    pub(crate) time: Timestamp,
    pub(crate) value: f64,
    /// What the detector took for the value: adjusted for the stratum of the question and the hour.
    #[serde(default)]
    pub(crate) adjusted: f64,
    pub(crate) pass: bool,
    /// Captured and chosen.
    pub(crate) probability: Probability,
}

/// The newest judged values, oldest first by arrival.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recent {
    values: VecDeque<Judged>,
}

impl Recent {
    pub(crate) fn push(&mut self, judged: Judged) {
        if self.values.len() == RECENT_MAX {
            self.values.pop_front();
        }
        self.values.push_back(judged);
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Judged> + ExactSizeIterator {
        self.values.iter()
    }

    /// Mean score and pass rate over the window that ends now. The window is narrowed to the newest sampling
    /// regime once that has 100 judged: where the capture probability jumped a thousandfold (thinned history,
    /// then live traffic), one old sample would outweigh a thousand new ones and tell of the past alone.
    pub(crate) fn estimates(&self, now: Timestamp, length: Span) -> Option<(Estimate, Estimate)> {
        let in_window = self.values.iter().filter(|judged| judged.time > now - length && judged.time <= now);
        let chosen: Vec<&Judged> = in_window.collect();
        let chosen = newest_regime(&chosen);
        let first = chosen.iter().map(|judged| judged.time).min()?;
        // A window that is not narrowed keeps its nominal start.
        let start = if chosen.len() < self.values.len() { first } else { first.max(now - length) };
        let window = Window { start, end: now };
        let n_total: f64 = chosen.iter().map(|judged| judged.probability.weight()).sum();
        let of = |value: fn(&Judged) -> f64| {
            let samples: Vec<Weighted> = chosen
                .iter()
                .map(|judged| Weighted { value: value(judged), probability: judged.probability })
                .collect();
            interval(&samples, n_total, window, ALPHA)
        };
        Some((of(|judged| judged.value)?, of(|judged| if judged.pass { 1.0 } else { 0.0 })?))
    }

    /// The estimate over the samples that arrived after a moment: the size of a change is measured after its
    /// alarm, for the samples that raised the alarm are selected to be bad.
    pub(crate) fn estimate_after(&self, after: Timestamp, now: Timestamp) -> Option<Estimate> {
        self.estimates(now, now.since(after)).map(|(mean, _)| mean)
    }
}

/// The newest samples whose inclusion probabilities lie within a factor of each other, when there are enough of
/// them; else all.
fn newest_regime<'a, 'b>(chosen: &'a [&'b Judged]) -> &'a [&'b Judged] {
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    let same_regime = chosen.iter().rev().take_while(|judged| {
        let p = judged.probability.get();
        (low, high) = (low.min(p), high.max(p));
        high <= low * REGIME_FACTOR
    });
    let newest = same_regime.count();
    if newest >= REGIME_MIN { &chosen[chosen.len() - newest..] } else { chosen }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(secs: i64, value: f64, p: f64) -> Judged {
        Judged {
            time: Timestamp::from_secs(secs),
            value,
            adjusted: value,
            pass: value >= 0.75,
            probability: Probability::new(p).unwrap(),
        }
    }

    #[test]
    fn the_oldest_leave_at_the_limit_watch_recent() {
        let mut recent = Recent::default();
        for i in 0..=RECENT_MAX {
            recent.push(judged(i64::try_from(i).unwrap(), 0.5, 1.0));
        }
        assert_eq!(recent.iter().len(), RECENT_MAX);
        assert_eq!(recent.iter().next().unwrap().time, Timestamp::from_secs(1));
    }

    #[test]
    fn a_new_regime_speaks_for_itself_once_it_is_large_enough() {
        let mut recent = Recent::default();
        for i in 0..60 {
            recent.push(judged(i, 0.2, 0.001));
        }
        for i in 60..130 {
            recent.push(judged(i, 0.9, 0.5));
        }
        let now = Timestamp::from_secs(130);
        let mixed = recent.estimates(now, Span::from_mins(60)).unwrap().0;
        assert_eq!(mixed.n_judged, 130);
        for i in 130..200 {
            recent.push(judged(i, 0.9, 0.5));
        }
        let (mean, passing) = recent.estimates(Timestamp::from_secs(200), Span::from_mins(60)).unwrap();
        assert_eq!(mean.n_judged, 140);
        assert!((mean.value - 0.9).abs() < 1e-9, "{mean:?}");
        assert_eq!(mean.window.start, Timestamp::from_secs(60));
        assert!((passing.value - 1.0).abs() < 1e-9 && passing.lower < 1.0, "{passing:?}");
    }

    #[test]
    fn nothing_judged_is_no_estimate() {
        assert!(Recent::default().estimates(Timestamp::from_secs(9), Span::from_mins(1)).is_none());
    }
}
