//! History of the store as lines: what judges said, oldest first.

use std::collections::HashMap;

use bifocal_model::{AnchorScore, EvaluatorKind, Fingerprint, Probability, Timestamp, Window};
use bifocal_store::{Cursor, Query, Reader};

use crate::limits::HISTORY_STORED;

use super::line::{AnchorLine, Judged, Line, ScoreLine};

const PAGE: usize = 500;

/// Judged scores of a store, compact: the store gives them newest first, and a replay needs them oldest first.
#[derive(Debug, Default)]
pub struct Stored {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    scores: Vec<Compact>,
    anchors: Vec<AnchorScore>,
    /// Older scores that are not replayed, for there are more than the limit.
    pub cut: bool,
}

#[derive(Debug)]
struct Compact {
    time: Timestamp,
    value: f64,
    probability: Probability,
    /// Numbers of names: target, dimension, judge, stratum.
    names: [u32; 4],
    usd: f64,
}

impl Stored {
    /// Reads a store: the newest scores, up to the limit. `told` is called now and then with how many there are so far.
    pub fn read(reader: &Reader, mut told: impl FnMut(usize)) -> Result<Self, bifocal_store::Error> {
        let always = Window { start: Timestamp::from_nanos(i64::MIN), end: Timestamp::from_nanos(i64::MAX) };
        let mut stored = Self { anchors: reader.anchor_scores(always), ..Self::default() };
        let mut after: Option<Cursor> = None;
        loop {
            let page = reader.scores(&Query { after, limit: PAGE, ..Query::default() })?;
            for score in &page.items {
                let Some(value) = score.value().filter(|_| score.kind == EvaluatorKind::Judge) else {
                    continue;
                };
                let names = [
                    stored.number(&score.target.to_string()),
                    stored.number(score.dimension.as_str()),
                    stored.number(&judge(&score.evaluator, score.fingerprint)),
                    stored.number(&score.stratum),
                ];
                stored.scores.push(Compact {
                    time: score.time,
                    value: value.get(),
                    probability: score.probability(),
                    names,
                    usd: score.cost.usd.unwrap_or(f64::NAN),
                });
            }
            told(stored.scores.len());
            after = page.next;
            stored.cut = after.is_some() && is_full(stored.scores.len());
            if after.is_none() || stored.cut {
                stored.scores.reverse();
                return Ok(stored);
            }
        }
    }

    /// How many scores there are.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// Gives them as lines: re-scores of anchors, then scores, each oldest first.
    pub fn replay(&self, mut each: impl FnMut(&Line<'_>)) {
        for anchor in &self.anchors {
            each(&Line::Anchor(AnchorLine {
                time: anchor.time,
                anchor: anchor.anchor.as_str().into(),
                target: None,
                dimension: anchor.dimension.as_str().into(),
                judge: Some(judge(&anchor.evaluator, anchor.fingerprint).into()),
                score: anchor.value.get(),
                frozen: Some(anchor.frozen.get()),
                cost_usd: anchor.cost.usd,
            }));
        }
        for score in &self.scores {
            let [target, dimension, judge, stratum] = score.names.map(|at| self.name(at));
            each(&Line::Score(ScoreLine {
                time: score.time,
                target: target.into(),
                dimension: dimension.into(),
                judge: Some(judge.into()),
                stratum: (!stratum.is_empty()).then(|| stratum.into()),
                proxy: None,
                judged: Some(Judged { score: score.value, pi: score.probability }),
                id: None,
                cost_usd: Some(score.usd).filter(|usd| usd.is_finite()),
            }));
        }
    }

    fn name(&self, at: u32) -> &str {
        self.names.get(at as usize).map_or("", String::as_str)
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

/// Whether no further page is read.
fn is_full(scores: usize) -> bool {
    scores >= HISTORY_STORED
}

/// A judge's name: for people, and for machines, for two fingerprints of one name are two judges.
fn judge(evaluator: &str, fingerprint: Fingerprint) -> String {
    format!("{evaluator}@{fingerprint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_ends_with_the_page_that_reaches_the_limit() {
        assert!(!is_full(HISTORY_STORED - 1));
        assert!(is_full(HISTORY_STORED) && is_full(HISTORY_STORED + PAGE - 1));
    }
}
