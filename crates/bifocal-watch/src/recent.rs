//! The newest judged values of a stream: what estimates and onset ranges are made of.

use std::collections::VecDeque;

use bifocal_model::{Estimate, Fingerprint, Probability, Span, Timestamp, Window};
use bifocal_stats::design::{Judged as Sampled, Stratum};
use bifocal_stats::{Moments, PairSums};
use serde::{Deserialize, Serialize};

use crate::answered::Answered;
use crate::ladder::Ladder;
use crate::limits::RECENT_MAX;
use crate::traffic::Traffic;

/// A run of samples is taken as one regime of capture while its probabilities stay within this factor.
const REGIME_FACTOR: f64 = 3.0;
/// A regime speaks for itself from this many samples on.
const REGIME_MIN: usize = 100;
/// Share of a class's judged answers without a cheap score above which the cheap judge is not used for it.
const MISSING: f64 = 0.05;
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
    /// What the cheap judge said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cheap: Option<f64>,
}

fn certain() -> Probability {
    Probability::ONE
}

/// The newest judged values, oldest first by arrival.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recent {
    values: VecDeque<Judged>,
    #[serde(skip)]
    answered: Answered,
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

    /// The cheap judge's word on the newest of them.
    pub(crate) fn set_cheap(&mut self, cheap: Option<f64>) {
        if let Some(judged) = self.values.back_mut() {
            judged.cheap = cheap;
        }
    }

    /// Scores of the judge and of the cheap judge on the same answers.
    pub(crate) fn pairs(&self) -> PairSums {
        let mut sums = PairSums::default();
        for judged in &self.values {
            if let Some(cheap) = judged.cheap {
                sums.add(judged.value, cheap, 1.0);
            }
        }
        sums
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
        ladder: &Ladder,
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
        let cheap = ladder.by_class(window.start, window.end, totals.len());
        // Of a class with a few answers that the cheap judge has failed on those count as middling ones.
        let foretold: Vec<Option<f64>> = (0..totals.len())
            .map(|class| {
                let own = || chosen.iter().filter(|judged| usize::from(judged.class) == class);
                let (all, missing) = (own().count(), own().filter(|judged| judged.cheap.is_none()).count());
                let mean = cheap.get(class).and_then(Moments::mean);
                mean.filter(|_| missing as f64 <= MISSING * all as f64)
            })
            .collect();
        for judged in chosen {
            if let Some(sum) = said.get_mut(usize::from(judged.class)) {
                *sum += inclusion(judged).weight();
            }
        }
        let strata = totals.iter().zip(&said).zip(cheap).map(|((total, said), proxies)| Stratum {
            total: if *total > 0.0 { *total } else { *said },
            proxies,
        });
        let strata: Vec<Stratum> = strata.collect();
        let of = |value: fn(&Judged) -> f64| {
            let samples: Vec<Sampled> = chosen
                .iter()
                .map(|judged| Sampled {
                    value: value(judged),
                    probability: inclusion(judged),
                    stratum: usize::from(judged.class),
                    proxy: foretold
                        .get(usize::from(judged.class))
                        .copied()
                        .flatten()
                        .map(|middling| judged.cheap.unwrap_or(middling)),
                })
                .collect();
            self.answered.shown(samples, &strata, window, ALPHA)
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
        ladder: &Ladder,
    ) -> Option<Estimate> {
        self.estimates(now, now.since(after), judge, traffic, ladder).map(|(mean, _)| mean)
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
            cheap: None,
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
        let mixed = recent
            .estimates(now, Span::from_mins(60), JUDGE, &Traffic::default(), &Ladder::default())
            .unwrap()
            .0;
        assert_eq!(mixed.n_judged, 130);
        for i in 130..200 {
            recent.push(judged(i, 0.9, 0.5));
        }
        let (mean, passing) = recent
            .estimates(
                Timestamp::from_secs(200),
                Span::from_mins(60),
                JUDGE,
                &Traffic::default(),
                &Ladder::default(),
            )
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
                .estimates(
                    Timestamp::from_secs(9),
                    Span::from_mins(1),
                    JUDGE,
                    &Traffic::default(),
                    &Ladder::default()
                )
                .is_none()
        );
    }
}
