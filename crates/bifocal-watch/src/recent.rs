//! The newest judged values of a stream: what estimates and onset ranges are made of.

use std::collections::VecDeque;

use bifocal_model::{Estimate, Fingerprint, Probability, Span, Timestamp, Window};
use bifocal_stats::design::{Judged as Sampled, Stratum, shown};
use serde::{Deserialize, Serialize};

use crate::limits::RECENT_MAX;
use crate::traffic::Traffic;

/// A run of samples is taken as one regime of capture while its probabilities stay within this factor.
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
    /// What the detector took for the value: adjusted for the stratum of the question and the hour. `None`: it did not see it.
    #[serde(default)]
    pub(crate) adjusted: Option<f64>,
    pub(crate) pass: bool,
    /// Captured and chosen.
    pub(crate) probability: Probability,
    /// Captured.
    #[serde(default = "certain")]
    pub(crate) capture: Probability,
    /// The class of the answer, see [`Traffic`].
    #[serde(default)]
    pub(crate) class: u16,
}

fn certain() -> Probability {
    Probability::ONE
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

    /// Mean score and pass rate over the window that ends now, of all the traffic of that window: classes weigh what they are of
    /// it, and what was judged stands for what was chosen around the same time and given up. The window is narrowed to the newest sampling
    /// regime once that has 100 judged: where the capture probability jumped a thousandfold (thinned history,
    /// then live traffic), one old sample would outweigh a thousand new ones and tell of the past alone.
    pub(crate) fn estimates(
        &self,
        now: Timestamp,
        length: Span,
        judge: Fingerprint,
        traffic: &Traffic,
    ) -> Option<(Estimate, Estimate)> {
        let in_window = self.values.iter().filter(|judged| judged.time > now - length && judged.time <= now);
        let in_window: Vec<&Judged> = in_window.collect();
        let chosen = newest_regime(&in_window);
        let first = chosen.iter().map(|judged| judged.time).min()?;
        // A window that is not narrowed keeps its nominal start.
        let start = if chosen.len() < self.values.len() { first } else { first.max(now - length) };
        let window = Window { start, end: now };
        let times: Vec<Timestamp> = chosen.iter().map(|judged| judged.time).collect();
        // Of a window that is not narrowed all the traffic counts, judged or not.
        let counted =
            if chosen.len() < in_window.len() { window } else { Window { start: now - length, end: now } };
        let responses = traffic.responses(judge, &times, counted);
        let inclusion = |judged: &Judged| {
            let p = judged.probability.get() * responses.share_at(judged.time);
            Probability::new(p).unwrap_or(judged.probability)
        };
        let mut totals = traffic.totals(counted);
        let classes = chosen.iter().map(|judged| usize::from(judged.class) + 1).max().unwrap_or(1);
        totals.resize(totals.len().max(classes), 0.0);
        // What nobody counted (scores of an older journal) weighs what its sample says.
        let mut said = vec![0.0; totals.len()];
        for judged in chosen {
            if let Some(sum) = said.get_mut(usize::from(judged.class)) {
                *sum += inclusion(judged).weight();
            }
        }
        let strata = totals.iter().zip(&said).map(|(total, said)| Stratum {
            total: if *total > 0.0 { *total } else { *said },
            ..Stratum::default()
        });
        let strata: Vec<Stratum> = strata.collect();
        let of = |value: fn(&Judged) -> f64| {
            let samples: Vec<Sampled> = chosen
                .iter()
                .map(|judged| Sampled {
                    value: value(judged),
                    probability: inclusion(judged),
                    stratum: usize::from(judged.class),
                    proxy: None,
                })
                .collect();
            shown(&samples, &strata, window, ALPHA).ok()
        };
        Some((of(|judged| judged.value)?, of(|judged| if judged.pass { 1.0 } else { 0.0 })?))
    }

    /// The estimate over the samples that arrived after a moment: the size of a change is measured after its
    /// alarm, for the samples that raised the alarm are selected to be bad.
    pub(crate) fn estimate_after(
        &self,
        after: Timestamp,
        now: Timestamp,
        judge: Fingerprint,
        traffic: &Traffic,
    ) -> Option<Estimate> {
        self.estimates(now, now.since(after), judge, traffic).map(|(mean, _)| mean)
    }
}

/// The newest samples whose probabilities of capture lie within a factor of each other, when there are enough of them; else
/// all. How they were chosen for the judge makes no regime: strata are chosen differently at the same time.
fn newest_regime<'a, 'b>(chosen: &'a [&'b Judged]) -> &'a [&'b Judged] {
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    let same_regime = chosen.iter().rev().take_while(|judged| {
        let p = judged.capture.get();
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
            adjusted: Some(value),
            pass: value >= 0.75,
            probability: Probability::new(p).unwrap(),
            capture: Probability::new(p).unwrap(),
            class: 0,
        }
    }

    const JUDGE: Fingerprint = Fingerprint(1);

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
        let mixed = recent.estimates(now, Span::from_mins(60), JUDGE, &Traffic::default()).unwrap().0;
        assert_eq!(mixed.n_judged, 130);
        for i in 130..200 {
            recent.push(judged(i, 0.9, 0.5));
        }
        let (mean, passing) = recent
            .estimates(Timestamp::from_secs(200), Span::from_mins(60), JUDGE, &Traffic::default())
            .unwrap();
        assert_eq!(mean.n_judged, 140);
        assert!((mean.value - 0.9).abs() < 1e-9, "{mean:?}");
        assert_eq!(mean.window.start, Timestamp::from_secs(60));
        assert!((passing.value - 1.0).abs() < 1e-9 && passing.lower < 1.0, "{passing:?}");
    }

    #[test]
    fn nothing_judged_is_no_estimate() {
        assert!(
            Recent::default()
                .estimates(Timestamp::from_secs(9), Span::from_mins(1), JUDGE, &Traffic::default())
                .is_none()
        );
    }
}
