//! The baseline of a mix: what is normal depends on what is asked and when, and neither is the model's doing.
//!
//! From the reference scores each stratum gets an effect, its mean minus the overall mean m0, shrunken as if by 20
//! scores without effect: (n_h mean_h + 20 m0) / (n_h + 20) - m0. Where the reference spans a day, each hour of the day
//! gets the effect that is left of it, shrunken likewise. A later score y in stratum h and hour t is watched as
//! x = y - effect_h - effect_t, so that a change of the mix or of the hour alone leaves its mean at m0.
//!
//! Assumes that strata are properties of the question (topic, template, tenant, language), never of the answer: a
//! stratum "truncated" would explain a model's failures away. Effects of stratum and hour are taken to add up. Broken
//! by a mix that moves within a stratum, and by strata that the reference hardly saw (their effect is near 0, which the
//! conditions of the budget say). x has the bounds [0 - largest effect, 1 - least effect], which the bets are made for:
//! cutting x, as for predictions, would move its mean when the mix changes.

use std::collections::BTreeMap;

use bifocal_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::limits::STRATA_MAX;

/// Scores without effect that each stratum and hour is shrunken by.
const SHRINKAGE: f64 = 20.0;
const HOURS: usize = 24;

/// A score, with the values that stand for its stratum and hour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Cell {
    stratum: Option<u8>,
    hour: u8,
}

/// The strata and hours of the reference scores, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cells {
    names: Vec<String>,
    cells: Vec<Cell>,
}

/// The effects of strata and hours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// By name: the effect and how many reference scores it rests on.
    strata: BTreeMap<String, (f64, u64)>,
    /// By hour of the day (UTC), or empty.
    hours: Vec<f64>,
}

impl Cells {
    /// Notes the cell of the next score. From the 51st stratum on, strata are not told apart.
    pub(crate) fn push(&mut self, stratum: Option<&str>, time: Timestamp) {
        let stratum = stratum.and_then(|name| {
            let known = self.names.iter().position(|other| other == name);
            let index = known.or_else(|| {
                let room = (self.names.len() as u64) < STRATA_MAX;
                room.then(|| {
                    self.names.push(name.to_owned());
                    self.names.len() - 1
                })
            })?;
            u8::try_from(index).ok()
        });
        self.cells.push(Cell { stratum, hour: hour_of(time) });
    }

    /// The effects in `scores`, which came in the order of the cells; `None` when there is nothing to adjust for.
    pub(crate) fn fit(&self, scores: &[f64], mean: f64, with_hours: bool) -> Option<Mix> {
        let mut sums = vec![(0.0, 0u64); self.names.len()];
        let cells = || self.cells.iter().zip(scores);
        for (cell, score) in cells() {
            if let Some((sum, n)) = cell.stratum.and_then(|index| sums.get_mut(usize::from(index))) {
                *sum += score - mean;
                *n += 1;
            }
        }
        let effects: Vec<f64> = sums.iter().map(|(sum, n)| sum / (*n as f64 + SHRINKAGE)).collect();
        let mut hours = Vec::new();
        if with_hours {
            let mut sums = [(0.0, 0.0); HOURS];
            for (cell, score) in cells() {
                let effect = cell.stratum.and_then(|index| effects.get(usize::from(index)));
                if let Some((sum, n)) = sums.get_mut(usize::from(cell.hour)) {
                    *sum += score - mean - effect.unwrap_or(&0.0);
                    *n += 1.0;
                }
            }
            hours = sums.iter().map(|(sum, n)| sum / (n + SHRINKAGE)).collect();
        }
        // One stratum for all is no mix.
        let strata: BTreeMap<_, _> = if self.names.len() > 1 {
            let of = effects.iter().zip(&sums).map(|(effect, (_, n))| (*effect, *n));
            self.names.iter().cloned().zip(of).collect()
        } else {
            BTreeMap::new()
        };
        (!strata.is_empty() || !hours.is_empty()).then_some(Mix { strata, hours })
    }

    /// The adjusted scores.
    pub(crate) fn adjusted<'a>(&'a self, scores: &'a [f64], mix: &'a Mix) -> impl Iterator<Item = f64> + 'a {
        self.cells.iter().zip(scores).map(|(cell, score)| {
            let name = cell.stratum.and_then(|index| self.names.get(usize::from(index)));
            score - mix.effect(name.map(String::as_str), cell.hour)
        })
    }
}

impl Mix {
    /// The score without the effects of its stratum and hour.
    pub fn adjust(&self, score: f64, stratum: Option<&str>, time: Timestamp) -> f64 {
        score - self.effect(stratum, hour_of(time))
    }

    /// Whether there are strata to adjust for, and the reference saw this one.
    pub fn knows(&self, stratum: Option<&str>) -> bool {
        stratum.is_some_and(|name| self.strata.contains_key(name))
    }

    /// How many strata are adjusted for.
    pub fn strata(&self) -> usize {
        self.strata.len()
    }

    /// Whether the hour of the day is adjusted for.
    pub fn has_hours(&self) -> bool {
        !self.hours.is_empty()
    }

    /// Each stratum's effect and how many reference scores it rests on.
    pub fn effects(&self) -> impl Iterator<Item = (&str, f64, u64)> {
        self.strata.iter().map(|(name, (effect, n))| (name.as_str(), *effect, *n))
    }

    /// The least and the largest value that an adjusted score in [0, 1] can have.
    pub fn bounds(&self) -> (f64, f64) {
        let (low_stratum, high_stratum) = extremes(self.strata.values().map(|(effect, _)| *effect));
        let (low_hour, high_hour) = extremes(self.hours.iter().copied());
        (-high_stratum - high_hour, 1.0 - low_stratum - low_hour)
    }

    fn effect(&self, stratum: Option<&str>, hour: u8) -> f64 {
        let of_stratum = stratum.and_then(|name| self.strata.get(name)).map_or(0.0, |(effect, _)| *effect);
        of_stratum + self.hours.get(usize::from(hour)).copied().unwrap_or(0.0)
    }
}

/// The least and the largest effect, 0 among them: a score may be in no stratum.
fn extremes(effects: impl Iterator<Item = f64>) -> (f64, f64) {
    effects.fold((0.0f64, 0.0f64), |(low, high), effect| (low.min(effect), high.max(effect)))
}

/// The hour of the day in UTC.
fn hour_of(time: Timestamp) -> u8 {
    let hour = time.as_nanos().div_euclid(3_600_000_000_000).rem_euclid(24);
    u8::try_from(hour).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_secs(hour * 3_600)
    }

    fn fit(scores: &[(f64, &str, i64)], with_hours: bool) -> Option<Mix> {
        let mut cells = Cells::default();
        scores.iter().for_each(|(_, name, at)| cells.push(Some(name), hour(*at)));
        let values: Vec<f64> = scores.iter().map(|(score, _, _)| *score).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let mix = cells.fit(&values, mean, with_hours)?;
        let adjusted: Vec<f64> = cells.adjusted(&values, &mix).collect();
        for ((score, name, at), x) in scores.iter().zip(adjusted) {
            assert_eq!(mix.adjust(*score, Some(name), hour(*at)), x);
        }
        Some(mix)
    }

    #[test]
    fn effects_are_shrunken_by_twenty() {
        let scores: Vec<_> =
            (0..80).map(|i| if i % 4 == 0 { (0.5, "b", 3) } else { (0.9, "a", 9) }).collect();
        let mix = fit(&scores, false).unwrap();
        // The mean is 0.8: 60 scores lie 0.1 above it, 20 lie 0.3 below.
        let effects: Vec<_> = mix.effects().collect();
        assert!((effects[0].1 - 60.0 * 0.1 / 80.0).abs() < 1e-12 && effects[0].2 == 60, "{effects:?}");
        assert!((effects[1].1 + 20.0 * 0.3 / 40.0).abs() < 1e-12 && effects[1].2 == 20, "{effects:?}");
        let (low, high) = mix.bounds();
        assert!((low + 0.075).abs() < 1e-12 && (high - 1.15).abs() < 1e-12);
        assert!(mix.knows(Some("a")) && !mix.knows(Some("c")) && !mix.knows(None) && !mix.has_hours());
        assert_eq!(mix.adjust(0.7, Some("c"), hour(3)), 0.7);
    }

    #[test]
    fn hours_get_what_strata_leave() {
        let scores: Vec<_> = (0..960).map(|i| (if i % 24 < 12 { 0.6 } else { 0.8 }, "a", i)).collect();
        let mix = fit(&scores, true).unwrap();
        assert_eq!(mix.strata(), 0, "one stratum is no mix");
        // Each hour has 40 scores, 0.1 from the mean.
        assert!((mix.adjust(0.6, None, hour(-23)) - (0.6 + 40.0 * 0.1 / 60.0)).abs() < 1e-12);
        let (low, high) = mix.bounds();
        assert!((high - 1.0 - 4.0 / 60.0).abs() < 1e-12 && (low + 4.0 / 60.0).abs() < 1e-12);
    }

    #[test]
    fn the_51st_stratum_is_not_told_apart_at_the_limit_strata() {
        let names: Vec<String> = (0..60).map(|i| format!("s{i}")).collect();
        let scores: Vec<_> = names.iter().map(|name| (0.5, name.as_str(), 0)).collect();
        let mut cells = Cells::default();
        scores.iter().for_each(|(_, name, _)| cells.push(Some(name), hour(0)));
        let mix = cells.fit(&[0.5; 60], 0.5, false).unwrap();
        assert_eq!(mix.strata() as u64, STRATA_MAX);
        assert!(mix.knows(Some("s49")) && !mix.knows(Some("s50")));
    }

    #[test]
    fn nothing_to_adjust_for() {
        assert_eq!(fit(&[(0.5, "a", 0), (0.7, "a", 1)], false), None);
        assert_eq!(Cells::default().fit(&[], 0.0, false), None);
    }
}
