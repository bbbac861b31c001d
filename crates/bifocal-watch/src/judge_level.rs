//! How the judge stands to its anchors now, for page, API and `judge_drifted()`: the level of the newest sweep, and whether
//! the judge moved and has not come back. Whether it moved is decided by the detectors of [`crate::attribution`].

use std::collections::{BTreeMap, VecDeque};

use bifocal_model::{AnchorScore, Dimension, Fingerprint, Probability, Timestamp, Window};
use bifocal_stats::attribution::{AnchorWatch, JudgeMove};
use bifocal_stats::estimate::{Interval, Weighted, interval};
use bifocal_stats::repeatability::{Repeats, repeatability};
use serde::{Deserialize, Serialize};

use crate::limits::{JUDGES_MAX, REPEATED_ANCHORS};
use crate::snapshot::{DriftView, JudgeView, RepeatsView};

/// Re-scores from which a level is told: a sweep of 100 anchors.
const SWEEP: usize = 100;
/// Level of the shown interval.
const ALPHA: f64 = 0.05;
/// Anchors that were scored again, from which on it is told how a judge repeats itself.
const REPEATED_MIN: u64 = 20;
/// A level within this of the frozen scores is theirs, on [0, 1].
const SAME_LEVEL: f64 = 0.02;

/// One level per fingerprint and dimension.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JudgeLevels {
    levels: Vec<Level>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Level {
    fingerprint: Fingerprint,
    dimension: Dimension,
    evaluator: String,
    last: Timestamp,
    /// The newest differences to the frozen scores.
    newest: VecDeque<f64>,
    drift: Option<DriftView>,
    /// Re-scores since it moved.
    since_move: usize,
    /// The repeats of each anchor since it moved.
    #[serde(default)]
    repeats: BTreeMap<String, Repeats>,
}

impl JudgeLevels {
    /// Takes a re-score, and the move that the detector made of it; whether there was no room to compare it with its repeats.
    pub(crate) fn take(&mut self, score: &AnchorScore, moved: Option<&JudgeMove>) -> bool {
        let at = self.levels.iter().position(|level| level.is_of(score.fingerprint, &score.dimension));
        let at = at.unwrap_or_else(|| {
            // A judge that is no longer in use makes room.
            if self.levels.len() == JUDGES_MAX {
                self.levels.remove(0);
            }
            self.levels.push(Level::new(score));
            self.levels.len() - 1
        });
        self.levels.get_mut(at).is_some_and(|level| {
            level.take(score, moved);
            level.repeat(score)
        })
    }

    /// Whether a judge moved and scores otherwise than when its anchors were frozen.
    pub(crate) fn drifted(&self, fingerprint: Fingerprint, dimension: &Dimension) -> bool {
        self.levels.iter().any(|level| level.is_of(fingerprint, dimension) && level.drift.is_some())
    }

    /// The judges; `of` gives the detector of one, and its threshold.
    pub(crate) fn views<'a>(
        &self,
        of: impl Fn(Fingerprint, &Dimension) -> (&'a AnchorWatch, f64),
    ) -> Vec<JudgeView> {
        let view = |level: &Level| {
            let (watch, threshold) = of(level.fingerprint, &level.dimension);
            let range = level.range();
            JudgeView {
                evaluator: level.evaluator.clone(),
                fingerprint: level.fingerprint,
                dimension: level.dimension.clone(),
                anchors: watch.anchors() as u64,
                rescored: watch.n(),
                last: Some(level.last),
                difference: Some(level.mean()),
                difference_lower: Some(range.lower),
                difference_upper: Some(range.upper),
                evidence: Some(watch.evidence()),
                threshold: Some(threshold),
                drift: level.drift,
                repeats: level.repeats(),
                agreement: None,
            }
        };
        self.levels.iter().map(view).collect()
    }
}

impl Level {
    fn new(score: &AnchorScore) -> Self {
        Self {
            fingerprint: score.fingerprint,
            dimension: score.dimension.clone(),
            evaluator: score.evaluator.clone(),
            last: score.time,
            newest: VecDeque::new(),
            drift: None,
            since_move: 0,
            repeats: BTreeMap::new(),
        }
    }

    fn is_of(&self, fingerprint: Fingerprint, dimension: &Dimension) -> bool {
        self.fingerprint == fingerprint && self.dimension == *dimension
    }

    fn take(&mut self, score: &AnchorScore, moved: Option<&JudgeMove>) {
        self.last = self.last.max(score.time);
        if self.newest.len() == SWEEP {
            self.newest.pop_front();
        }
        self.newest.push_back(score.difference());
        self.since_move += 1;
        if let Some(moved) = moved {
            self.drift = Some(DriftView { time: moved.time, evidence: moved.evidence, fell: moved.fell });
            self.since_move = 0;
            // A repeat on either side of a move tells of the move.
            self.repeats.clear();
        } else if self.since_move >= SWEEP && self.mean().abs() <= SAME_LEVEL {
            self.drift = None;
        }
    }

    /// Whether there was no room for the anchor.
    fn repeat(&mut self, score: &AnchorScore) -> bool {
        if self.repeats.len() >= REPEATED_ANCHORS && !self.repeats.contains_key(&score.anchor) {
            return true;
        }
        self.repeats.entry(score.anchor.clone()).or_default().take(score.value.get());
        false
    }

    fn repeats(&self) -> Option<RepeatsView> {
        let told = repeatability(self.repeats.values(), ALPHA).filter(|told| told.n >= REPEATED_MIN)?;
        Some(RepeatsView {
            n: told.n,
            same: told.same,
            same_lower: told.interval.lower,
            same_upper: told.interval.upper,
        })
    }

    fn mean(&self) -> f64 {
        self.newest.iter().sum::<f64>() / (self.newest.len() as f64).max(1.0)
    }

    /// The interval of the mean difference: that of scores, on [-1, 1].
    fn range(&self) -> Interval {
        let unit =
            |difference: &f64| Weighted { value: 0.5 * (difference + 1.0), probability: Probability::ONE };
        let samples: Vec<Weighted> = self.newest.iter().map(unit).collect();
        let window = Window { start: self.last, end: self.last };
        let shown = interval(&samples, samples.len() as f64, window, ALPHA);
        let wide = |end: f64| 2.0 * end - 1.0;
        shown.map_or(Interval { lower: -1.0, upper: 1.0 }, |shown| Interval {
            lower: wide(shown.lower),
            upper: wide(shown.upper),
        })
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::{Cost, Unit};
    use bifocal_stats::attribution::Rescore;

    use super::*;

    const THRESHOLD: f64 = 10_000.0;

    fn score(i: i64, difference: f64) -> AnchorScore {
        // Two of five answers get a quarter less, as from a stricter judge.
        let value = 0.75 + if i % 5 < 2 { difference } else { 0.0 };
        AnchorScore {
            anchor: format!("a{}", i % 100),
            evaluator: "judge:j".to_owned(),
            fingerprint: Fingerprint(1),
            dimension: Dimension::new("relevance"),
            frozen: Unit::new(0.75).unwrap(),
            value: Unit::new(value).unwrap(),
            time: Timestamp::from_secs(i),
            cost: Cost::default(),
        }
    }

    #[test]
    fn a_judge_that_moves_is_drifted_until_it_scores_as_it_did() {
        let (mut levels, mut watch) = (JudgeLevels::default(), AnchorWatch::default());
        let relevance = Dimension::new("relevance");
        let mut run = |levels: &mut JudgeLevels, range: std::ops::Range<i64>, difference: f64| {
            range.for_each(|i| {
                let score = score(i, difference);
                let (frozen, value) = (score.frozen.get(), score.value.get());
                watch.take(&Rescore { anchor: &score.anchor, time: score.time, frozen, value });
                levels.take(&score, watch.moved(THRESHOLD).as_ref());
            });
            levels.views(|_, _| (&watch, THRESHOLD))[0].clone()
        };
        let quiet = run(&mut levels, 0..500, 0.0);
        assert_eq!((quiet.drift, quiet.difference, quiet.anchors), (None, Some(0.0), 100));
        assert!(!levels.drifted(Fingerprint(1), &relevance));
        let repeats = quiet.repeats.as_ref().unwrap();
        assert_eq!((repeats.n, repeats.same), (100, 1.0), "the same each time");
        let moved = run(&mut levels, 500..900, -0.25);
        assert!(moved.drift.is_some_and(|drift| drift.fell && drift.evidence >= THRESHOLD));
        let numbers = |view: &JudgeView| {
            (view.difference_lower.unwrap(), view.difference.unwrap(), view.difference_upper.unwrap())
        };
        let (lower, mean, upper) = numbers(&moved);
        assert!((mean + 0.1).abs() < 0.02 && lower < mean && upper < -0.05, "{moved:?}");
        let (lower, _, upper) = numbers(&quiet);
        assert!(lower < 0.0 && upper > 0.0, "{quiet:?}");
        assert!(levels.drifted(Fingerprint(1), &relevance) && !levels.drifted(Fingerprint(2), &relevance));
        let back = run(&mut levels, 900..1_600, 0.0);
        assert_eq!(back.drift, None, "the frozen scores are reached again");
        assert_eq!(moved.repeats.unwrap().same, 1.0, "what lies before the move is no repeat");
    }
    #[test]
    fn a_judge_that_wavers_is_told_with_its_interval() {
        let (mut levels, watch) = (JudgeLevels::default(), AnchorWatch::default());
        let take = |levels: &mut JudgeLevels, i: i64, value: f64| {
            let score = AnchorScore { value: Unit::new(value).unwrap(), ..score(i, 0.0) };
            levels.take(&score, None)
        };
        let view = |levels: &JudgeLevels| levels.views(|_, _| (&watch, THRESHOLD))[0].repeats.clone();
        (0..119).for_each(|i| assert!(!take(&mut levels, i, 0.5)));
        assert_eq!(view(&levels), None, "19 were scored again");
        // Every second anchor goes a grade up the second time.
        (119..200).for_each(|i| {
            take(&mut levels, i, if i % 2 == 0 { 0.75 } else { 0.5 });
        });
        let told = view(&levels).unwrap();
        // Of the first 19 none was changed.
        assert!(
            (0.5..0.65).contains(&told.same) && told.same_lower < told.same && told.same < told.same_upper
        );
        let full = |i: usize| AnchorScore { anchor: format!("b{i}"), ..score(0, 0.0) };
        let left_out = (0..REPEATED_ANCHORS).filter(|i| levels.take(&full(*i), None)).count();
        assert_eq!(left_out, 100, "limit watch_repeated_anchors");
    }
}
