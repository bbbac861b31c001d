//! Re-scores of frozen answers: what they say of a judge over a history.

use std::collections::{BTreeMap, HashMap};

use bifocal_model::Timestamp;
use bifocal_stats::attribution::{AnchorWatch, Rescore};

use super::line::AnchorLine;
use super::report::JudgeMoveReport;
use super::track::Track;

/// Re-scores of anchors, by judge and dimension.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    all: Vec<Anchor>,
    /// The first re-score of each, where no frozen score is given.
    frozen: HashMap<[String; 4], f64>,
}

#[derive(Debug)]
struct Anchor {
    target: Option<String>,
    dimension: String,
    judge: String,
    id: String,
    time: Timestamp,
    frozen: f64,
    value: f64,
}

impl Anchors {
    /// Takes a line; beyond `most` re-scores it is left out, and `false`.
    pub(super) fn take(&mut self, line: &AnchorLine<'_>, most: usize) -> bool {
        if self.all.len() >= most {
            return false;
        }
        let judge = line.judge.as_deref().unwrap_or_default().to_owned();
        let target = line.target.as_deref().unwrap_or_default().to_owned();
        let key = [target, judge.clone(), line.dimension.to_string(), line.anchor.to_string()];
        let (frozen, is_first) = match (line.frozen, self.frozen.get(&key)) {
            (Some(frozen), _) => (frozen, false),
            (None, Some(first)) => (*first, false),
            (None, None) => (line.score, true),
        };
        if is_first {
            // It is the reference, and not a re-score.
            self.frozen.insert(key, line.score);
            return true;
        }
        self.all.push(Anchor {
            target: line.target.as_deref().map(str::to_owned),
            dimension: line.dimension.to_string(),
            judge,
            id: line.anchor.to_string(),
            time: line.time,
            frozen,
            value: line.score,
        });
        true
    }

    /// Those that speak of a stream's judge, in the order of time: those beside its own target where there are any, else
    /// all of its judge and dimension, for a judge is one instrument.
    pub(super) fn of(&self, track: &Track) -> Vec<Rescore<'_>> {
        let judge = track.judge.as_deref().unwrap_or_default();
        let same = |anchor: &&Anchor| anchor.judge == judge && anchor.dimension == track.dimension;
        let own = |anchor: &&Anchor| anchor.target.as_deref() == Some(track.target.as_str());
        let any_own = self.all.iter().filter(same).any(|anchor| own(&anchor));
        let mine = self.all.iter().filter(same).filter(|anchor| !any_own || own(anchor));
        let mut rescores: Vec<Rescore<'_>> = mine.map(Anchor::rescore).collect();
        rescores.sort_by_key(|rescore| rescore.time);
        rescores
    }

    /// How many re-scores there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Times at which a judge was seen to score differently, by judge, dimension and target that the anchors name.
    pub(super) fn moves(&self, threshold: f64) -> Vec<JudgeMoveReport> {
        let mut groups: BTreeMap<(&str, &str, &str), Vec<&Anchor>> = BTreeMap::new();
        for anchor in &self.all {
            let target = anchor.target.as_deref().unwrap_or_default();
            groups.entry((&anchor.judge, &anchor.dimension, target)).or_default().push(anchor);
        }
        let mut moves = Vec::new();
        for ((judge, dimension, target), mut anchors) in groups {
            anchors.sort_by_key(|anchor| anchor.time);
            let mut watch = AnchorWatch::default();
            for anchor in anchors {
                watch.take(&anchor.rescore());
                moves.extend(watch.moved(threshold).map(|moved| JudgeMoveReport {
                    judge: judge.to_owned(),
                    dimension: dimension.to_owned(),
                    target: target.to_owned(),
                    t: moved.time,
                    fell: moved.fell,
                    evidence: moved.evidence,
                }));
            }
        }
        moves.sort_by_key(|moved| moved.t);
        moves
    }

    /// Whether a stream's judge scores as before: `None` where no anchor speaks of it.
    pub(super) fn as_before(&self, track: &Track, moves: &[JudgeMoveReport]) -> Option<bool> {
        let judge = track.judge.as_deref().unwrap_or_default();
        let same = |anchor: &Anchor| anchor.judge == judge && anchor.dimension == track.dimension;
        let own = |target: &str| target == track.target;
        let any_own = self.all.iter().any(|a| same(a) && a.target.as_deref().is_some_and(own));
        let of_it = |moved: &JudgeMoveReport| {
            moved.judge == judge && moved.dimension == track.dimension && (!any_own || own(&moved.target))
        };
        self.all.iter().any(same).then(|| !moves.iter().any(of_it))
    }
}

impl Anchor {
    fn rescore(&self) -> Rescore<'_> {
        Rescore { anchor: &self.id, time: self.time, frozen: self.frozen, value: self.value }
    }
}
