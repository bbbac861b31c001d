//! The judge as an instrument: what it says of frozen answers, and whether that has moved.
//!
//! Only the judge can move the score of a text that does not change (arXiv 2606.15474), so the differences
//! D = score now - score frozen, in [-1, 1], are a stream about the judge alone. Two e-detectors watch it, for a fall
//! and for a rise beyond a tolerance; their mean evidence has the guarantee of one ([`crate::edetector`]). After a move
//! the present level is learnt anew from the next re-scores, and the watch goes on against that.
//!
//! The move between two times is measured anchor by anchor: the mean of an anchor's re-scores after against the mean of
//! those before, or against its frozen score where there are fewer before than after. The anchor is the unit of the interval, for
//! re-scores of one text are not independent. Where most differences are exactly 0 (a judge that repeats itself) the
//! interval comes from betting on the falls and on the rises apart, which needs no spread.
//!
//! Assumes that the frozen score is as the judge scored then (best the mean of several scorings: the error of a single
//! one looks like a drift of test-retest size until there are re-scores from before), and that anchors are scored in
//! the same way as traffic. Broken by anchors that are edited.

use std::collections::{BTreeMap, VecDeque};

use bifocal_model::{Difference, Timestamp};
use serde::{Deserialize, Serialize};

use super::effect::{ALPHA_LOOK, Z_LOOK};
use crate::betting;
use crate::distribution::student_t_quantile;
use crate::edetector::Detector;
use crate::limits::{ANCHORS, RESCORES};

/// Moves of the mean below this are no drift: 1% of the scale.
const TOLERANCE: f64 = 0.01;
/// Re-scores that the level after a move is learnt from: one sweep of 100 anchors.
const RELEARN: u64 = 100;
/// Anchors, and anchors that moved at all, from which a t interval is believed.
const T_MIN_ANCHORS: usize = 50;
const T_MIN_MOVED: usize = 20;
/// Moves whose levels are kept: more than re-scores are kept for.
const LEVELS_KEPT: usize = 8;

/// One anchor scored again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rescore<'a> {
    /// The anchor's id.
    pub anchor: &'a str,
    /// When.
    pub time: Timestamp,
    /// The score that was frozen with the text.
    pub frozen: f64,
    /// The score now.
    pub value: f64,
}

/// What is known of one judge on one dimension from its anchors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnchorWatch {
    anchors: Vec<String>,
    /// The newest re-scores, in the order of arrival.
    rescores: VecDeque<Kept>,
    phase: Phase,
    /// The moves so far, oldest first, each with the mean difference that was learnt after it.
    levels: Vec<(Timestamp, f64)>,
    /// Re-scores so far.
    n: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    anchor: usize,
    time: Timestamp,
    difference: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Phase {
    Watching { fall: Box<Detector>, rise: Box<Detector> },
    Relearning { n: u64, sum: f64, squares: f64 },
}

/// The judge moved: the evidence crossed its threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgeMove {
    /// When (time of the re-score).
    pub time: Timestamp,
    /// Whether its scores fell.
    pub fell: bool,
    /// The evidence. A sum over possible beginnings, no e-value.
    pub evidence: f64,
}

impl Default for AnchorWatch {
    fn default() -> Self {
        Self {
            anchors: Vec::new(),
            rescores: VecDeque::new(),
            levels: Vec::new(),
            phase: Phase::against(0.0, 0.0),
            n: 0,
        }
    }
}

impl Phase {
    /// Watching against a level that is known to lie between two ends.
    fn against(lower: f64, upper: f64) -> Self {
        Self::Watching {
            fall: Box::new(Detector::degradation(lower - TOLERANCE, 1.0)),
            rise: Box::new(Detector::improvement(upper + TOLERANCE, -1.0)),
        }
    }
}

impl AnchorWatch {
    /// Takes a re-score. `false` when it is left out: a score that is no number, the same re-score again, or an anchor
    /// beyond the 512 that are watched.
    pub fn take(&mut self, rescore: &Rescore<'_>) -> bool {
        let difference = rescore.value.clamp(0.0, 1.0) - rescore.frozen.clamp(0.0, 1.0);
        let Some(anchor) = self.index(rescore.anchor) else { return false };
        let again = |kept: &Kept| kept.anchor == anchor && kept.time == rescore.time;
        if difference.is_nan() || self.rescores.iter().any(again) {
            return false;
        }
        if self.rescores.len() as u64 == RESCORES {
            self.rescores.pop_front();
        }
        self.rescores.push_back(Kept { anchor, time: rescore.time, difference });
        self.n += 1;
        match &mut self.phase {
            Phase::Watching { fall, rise } => {
                fall.update(difference);
                rise.update(difference);
            }
            Phase::Relearning { n, sum, squares } => {
                (*n, *sum, *squares) = (*n + 1, *sum + difference, *squares + difference * difference);
                if let Some((_, level)) = self.levels.last_mut() {
                    *level = *sum / *n as f64;
                }
                if *n >= RELEARN {
                    let (count, mean) = (*n as f64, *sum / *n as f64);
                    let margin = 1.96 * ((*squares / count - mean * mean).max(0.0) / count).sqrt();
                    self.phase = Phase::against(mean - margin, mean + margin);
                }
            }
        }
        true
    }

    /// Whether the evidence has reached the threshold; then the present level is learnt anew.
    pub fn moved(&mut self, threshold: f64) -> Option<JudgeMove> {
        let evidence = self.evidence();
        let (Phase::Watching { fall, rise }, Some(last)) = (&self.phase, self.rescores.back()) else {
            return None;
        };
        if evidence < threshold {
            return None;
        }
        let fell = fall.evidence() >= rise.evidence();
        let time = last.time;
        self.phase = Phase::Relearning { n: 0, sum: 0.0, squares: 0.0 };
        if self.levels.len() == LEVELS_KEPT {
            self.levels.remove(0);
        }
        self.levels.push((time, 0.0));
        Some(JudgeMove { time, fell, evidence })
    }

    /// The evidence that the judge moved; 0 while the level after a move is learnt.
    pub fn evidence(&self) -> f64 {
        match &self.phase {
            Phase::Watching { fall, rise } => 0.5 * (fall.evidence() + rise.evidence()),
            Phase::Relearning { .. } => 0.0,
        }
    }

    /// Re-scores so far.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Anchors so far.
    pub fn anchors(&self) -> usize {
        self.anchors.len()
    }

    /// Re-scores after a time, of those that are kept.
    pub fn since(&self, time: Timestamp) -> usize {
        self.rescores.iter().filter(|kept| kept.time > time).count()
    }

    /// How much the judge's scores of the same texts fell over the range `from`..`to` in which something began: before
    /// minus after, with its interval at 99%. `None` without a re-score after `to`.
    ///
    /// Re-scores within the range, and within as long a time before it, count on neither side: the range may miss the
    /// beginning, and a few re-scores of the new judge taken for old ones would hide the move.
    pub fn fall(&self, from: Timestamp, to: Timestamp) -> Option<Difference> {
        let before = from - to.since(from);
        let mut by_anchor: BTreeMap<usize, [(f64, u32); 2]> = BTreeMap::new();
        let (mut n_before, mut n_after) = (0, 0);
        for kept in &self.rescores {
            let side = match kept.time {
                time if time < before => 0,
                time if time > to => 1,
                _ => continue,
            };
            if side == 0 {
                n_before += 1;
            } else {
                n_after += 1;
            }
            let (sum, n) = &mut by_anchor.entry(kept.anchor).or_default()[side];
            (*sum, *n) = (*sum + kept.difference, *n + 1);
        }
        let mean = |(sum, n): (f64, u32)| sum / f64::from(n.max(1));
        // Where the judge stood before: as frozen, or as learnt after its last move before the range.
        let level = self.levels.iter().rev().find(|(time, _)| *time <= from).map_or(0.0, |(_, level)| *level);
        // Fewer re-scores before than after would add more noise than the frozen score has.
        let base =
            |before: (f64, u32), after: (f64, u32)| if before.1 >= after.1 { mean(before) } else { level };
        let falls: Vec<f64> = by_anchor
            .values()
            .filter(|[_, after]| after.1 > 0)
            .map(|[before, after]| base(*before, *after) - mean(*after))
            .collect();
        let (value, lower, upper) = mean_interval(&falls)?;
        Some(Difference { value, lower, upper, n_before, n_after })
    }

    fn index(&mut self, anchor: &str) -> Option<usize> {
        if let Some(at) = self.anchors.iter().position(|known| known == anchor) {
            return Some(at);
        }
        ((self.anchors.len() as u64) < ANCHORS).then(|| {
            self.anchors.push(anchor.to_owned());
            self.anchors.len() - 1
        })
    }
}

/// Mean and interval at 99% of values in [-1, 1]; `None` without values.
fn mean_interval(values: &[f64]) -> Option<(f64, f64, f64)> {
    let n = values.len() as f64;
    if values.is_empty() {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    let moved = values.iter().filter(|x| x.abs() > 1e-9).count();
    if values.len() >= T_MIN_ANCHORS && moved >= T_MIN_MOVED && squares > 1e-12 {
        let t = student_t_quantile(1.0 - 0.5 * ALPHA_LOOK, n - 1.0).max(Z_LOOK);
        let margin = t * (squares / (n - 1.0) / n).sqrt();
        return Some((mean, mean - margin, mean + margin));
    }
    // The mean of the falls minus the mean of the rises; each end uses one bound of each.
    let part = |sign: f64| -> Vec<f64> { values.iter().map(|x| (sign * x).max(0.0)).collect() };
    let bounds = |values: &[f64]| {
        if values.iter().all(|x| *x == 0.0) {
            // A lower end of 0 costs nothing: all of the error is spent on the upper one.
            let mirrored: Vec<f64> = values.iter().map(|x| 1.0 - x).collect();
            (0.0, 1.0 - betting::lower_bound(&mirrored, 0.25 * ALPHA_LOOK))
        } else {
            let interval = betting::interval(values, 0.5 * ALPHA_LOOK);
            (interval.lower, interval.upper)
        }
    };
    let (falls, rises) = (bounds(&part(1.0)), bounds(&part(-1.0)));
    Some((mean, (falls.0 - rises.1).min(mean), (falls.1 - rises.0).max(mean)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    /// Re-scores of 100 anchors in turn, with noise and a shift from re-score `from` on.
    fn watch(n: i64, from: i64, shift: f64, noise: f64, seed: u64) -> (AnchorWatch, Option<i64>) {
        let mut random = Random::new(seed);
        let (mut watch, mut moved) = (AnchorWatch::default(), None);
        for i in 0..n {
            let (anchor, shift) = (format!("a{}", i % 100), if i >= from { shift } else { 0.0 });
            let value = 0.6 - shift + noise * (random.uniform() - 0.5);
            watch.take(&Rescore { anchor: &anchor, time: at(i), frozen: 0.6, value });
            moved = moved.or_else(|| watch.moved(1_000.0).map(|_| i));
        }
        (watch, moved)
    }

    #[test]
    fn a_move_is_seen_measured_and_then_learnt() {
        let (mut watch, moved) = watch(700, 300, 0.07, 0.4, 1);
        assert!((310..450).contains(&moved.unwrap()), "{moved:?}");
        let fall = watch.fall(at(290), at(310)).unwrap();
        assert!(fall.lower < 0.07 && 0.07 < fall.upper && fall.lower > 0.03, "{fall:?}");
        assert_eq!(watch.moved(1_000.0), None, "the new level is normal now: {}", watch.evidence());
        let later = watch.fall(at(620), at(640)).unwrap();
        assert!(
            later.lower < 0.0 && later.upper > 0.0 && later.value.abs() < 0.05,
            "no second fall: {later:?}"
        );
    }

    #[test]
    fn a_judge_that_repeats_itself_is_bounded_by_how_often_it_did() {
        let (watch, moved) = watch(300, 300, 0.0, 0.0, 1);
        assert_eq!(moved, None);
        let fall = watch.fall(at(-10), at(-5)).unwrap();
        assert_eq!((fall.value, fall.n_before, fall.n_after), (0.0, 0, 300));
        assert!(fall.upper > 0.02 && fall.upper < 0.08, "100 texts rule out no move of 1%: {fall:?}");
        assert_eq!(watch.fall(at(290), at(300)), None, "nothing was scored again since");
    }

    #[test]
    fn duplicates_numbers_that_are_none_and_too_many_are_left_out() {
        let mut watch = AnchorWatch::default();
        let rescore = Rescore { anchor: "a", time: at(1), frozen: 0.5, value: 0.25 };
        assert!(watch.take(&rescore));
        assert!(!watch.take(&rescore), "the same again");
        assert!(!watch.take(&Rescore { value: f64::NAN, time: at(2), ..rescore }));
        for i in 0..ANCHORS + 5 {
            let name = format!("b{i}");
            let taken = watch.take(&Rescore { anchor: &name, ..rescore });
            assert_eq!(taken, i + 1 < ANCHORS, "limit anchors: {i}");
        }
        for i in 0..2_000 {
            watch.take(&Rescore { time: at(10 + i), ..rescore });
        }
        assert_eq!(watch.rescores.len() as u64, RESCORES, "limit rescores");
    }

    /// Quiet judges at a threshold of 1,000 over 500 re-scores: at most half are called moved. (The control of the
    /// detector itself is in its own tests.)
    #[test]
    fn a_quiet_judge_is_called_moved_within_the_bound() {
        let false_moves = (0..300).filter(|seed| watch(500, 500, 0.0, 0.6, 100 + seed).1.is_some()).count();
        assert!(false_moves <= 150, "{false_moves}");
        assert!(false_moves <= 15, "with the tolerance far fewer: {false_moves}");
    }
}
