//! Calls and their scores: from memory when they are new, else from segments.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bifocal_model::{Dimension, Inference, InferenceId, Score, Span, TargetKey, Timestamp};
use bifocal_redact::Redacted;

use super::Reader;
use super::cold::{self, Scan};
use crate::hot::Place;
use crate::segment::{Segment, Table, Wanted, read_inferences, read_scores};
use crate::{Error, limits};

/// Which calls or scores, newest first.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Of one target only.
    pub target: Option<TargetKey>,
    /// About one dimension only (scores).
    pub dimension: Option<Dimension>,
    /// Not older than this.
    pub from: Option<Timestamp>,
    /// Older than this.
    pub to: Option<Timestamp>,
    /// Older than the last item of an earlier page.
    pub after: Option<Cursor>,
    /// How many at most; at most `page_items` of the limits.
    pub limit: usize,
}

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The time of its last item.
    pub time: Timestamp,
    /// The call of its last item.
    pub id: InferenceId,
}

/// Some items and where the next page begins.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Pass it as `after`; `None` when there is nothing more.
    pub next: Option<Cursor>,
}

/// A call from the store.
pub type Call = Arc<Inference<Redacted>>;
/// A score from the store.
pub type Scored = Arc<Score<Redacted>>;

const LOWEST: [u8; 16] = [0; 16];
const HIGHEST: [u8; 16] = [0xff; 16];

struct Bounds {
    from: Timestamp,
    before: Place,
    target_id: Option<String>,
    limit: usize,
}

impl Query {
    fn bounds(&self) -> Bounds {
        let from = self.from.unwrap_or(Timestamp::from_nanos(i64::MIN));
        let lowest = InferenceId::from_bytes(LOWEST);
        let highest = (Timestamp::from_nanos(i64::MAX), InferenceId::from_bytes(HIGHEST));
        let before = self.to.map_or(highest, |to| (to, lowest));
        let before = self.after.map_or(before, |after| before.min((after.time, after.id)));
        let limit = self.limit.clamp(1, usize::try_from(limits::PAGE_ITEMS).unwrap_or(usize::MAX));
        Bounds { from, before, target_id: self.target.as_ref().map(|t| t.id().to_string()), limit }
    }
}

/// A call's time as its id tells it, give or take: ids are made with the call's time.
fn about_when(id: InferenceId) -> Timestamp {
    let mut millis = [0; 8];
    millis[2..].copy_from_slice(&id.as_bytes()[..6]);
    Timestamp::from_nanos(i64::from_be_bytes(millis).saturating_mul(1_000_000))
}

impl Reader {
    /// Calls, newest first.
    pub fn inferences(&self, query: &Query) -> Result<Page<Call>, Error> {
        let bounds = query.bounds();
        let lowest = (bounds.from, InferenceId::from_bytes(LOWEST));
        let mut found: BTreeMap<Place, Call> = BTreeMap::new();
        let (complete_from, segments) = {
            let hot = self.hot();
            if lowest < bounds.before {
                let range = hot.inferences.range(lowest..bounds.before).rev();
                let fits =
                    range.filter(|(_, i)| query.target.as_ref().is_none_or(|target| i.target == *target));
                found.extend(fits.take(bounds.limit + 1).map(|(place, call)| (*place, Arc::clone(call))));
            }
            (hot.complete_from, hot.segments.clone())
        };
        // Memory answers alone when it gave enough and all of it lies where memory is complete.
        let enough =
            found.len() > bounds.limit && found.first_key_value().is_some_and(|(p, _)| p.0 >= complete_from);
        if !enough && bounds.from < complete_from {
            let segments = cold::newest_first(&segments, Table::Inferences);
            let before = bounds.before.min((complete_from, InferenceId::from_bytes(LOWEST)));
            let scan = Scan {
                table: Table::Inferences,
                wanted: Wanted { target_id: bounds.target_id.as_deref(), dimension: None },
                from: bounds.from,
                before,
                calls: bounds.limit + 1,
            };
            let hits = cold::find(self.dir(), &segments, scan)?;
            for call in cold::fetch(self.dir(), &segments, &hits, read_inferences)? {
                found.entry((call.time, call.id)).or_insert_with(|| Arc::new(call));
            }
        }
        let more = found.len() > bounds.limit;
        let items: Vec<Call> = found.into_values().rev().take(bounds.limit).collect();
        let last = items.last().map(|call| Cursor { time: call.time, id: call.id });
        Ok(Page { next: last.filter(|_| more), items })
    }

    /// The call with this id.
    pub fn inference(&self, id: InferenceId) -> Result<Option<Call>, Error> {
        let segments = {
            let hot = self.hot();
            if let Some(call) = hot.times.get(&id).and_then(|time| hot.inferences.get(&(*time, id))) {
                return Ok(Some(Arc::clone(call)));
            }
            hot.segments.clone()
        };
        let around = Span::from_secs(2);
        let (from, to) = (about_when(id) - around, about_when(id) + around);
        let scan = |segment: &Arc<Segment>| segment.overlaps(from, to);
        let segments: Vec<_> =
            cold::newest_first(&segments, Table::Inferences).into_iter().filter(scan).collect();
        let scan = Scan {
            table: Table::Inferences,
            wanted: Wanted::default(),
            from,
            before: (to, id),
            calls: usize::MAX,
        };
        let mut hits = cold::find(self.dir(), &segments, scan)?;
        hits.retain(|hit| hit.place.1 == id);
        hits.truncate(1);
        let found = cold::fetch(self.dir(), &segments, &hits, read_inferences)?;
        Ok(found.into_iter().next().map(Arc::new))
    }

    /// The scores of some calls, in the order of the calls; each call's scores in the order of their making.
    pub fn scores_of(&self, calls: &[Call]) -> Result<Vec<Vec<Scored>>, Error> {
        let mut found: BTreeMap<Place, Vec<Scored>> = BTreeMap::new();
        let (complete_from, segments) = {
            let hot = self.hot();
            for call in calls {
                let place = (call.time, call.id);
                found.insert(place, hot.scores.get(&place).cloned().unwrap_or_default());
            }
            (hot.complete_from, hot.segments.clone())
        };
        let sealed: Vec<Place> = found.keys().filter(|place| place.0 < complete_from).copied().collect();
        if let (Some(first), Some(last)) = (sealed.first(), sealed.last()) {
            let wanted: HashSet<Place> = sealed.iter().copied().collect();
            let covers = |segment: &Arc<Segment>| {
                let from = sealed.partition_point(|place| place.0 < segment.min_time);
                sealed.get(from).is_some_and(|place| place.0 <= segment.max_time)
            };
            let segments: Vec<_> =
                cold::newest_first(&segments, Table::Scores).into_iter().filter(covers).collect();
            let scan = Scan {
                table: Table::Scores,
                wanted: Wanted::default(),
                from: first.0,
                before: (last.0 + Span::from_nanos(1), InferenceId::from_bytes(LOWEST)),
                calls: usize::MAX,
            };
            let mut hits = cold::find(self.dir(), &segments, scan)?;
            hits.retain(|hit| wanted.contains(&hit.place));
            for score in cold::fetch(self.dir(), &segments, &hits, read_scores)? {
                add_score(found.entry((score.time, score.inference)).or_default(), Arc::new(score));
            }
        }
        let mut ordered = Vec::with_capacity(calls.len());
        for call in calls {
            let mut scores = found.get(&(call.time, call.id)).cloned().unwrap_or_default();
            scores.extend(call.findings.scores(call).into_iter().map(Arc::new));
            scores.sort_by(|a, b| (a.scored_at, &a.dimension).cmp(&(b.scored_at, &b.dimension)));
            ordered.push(scores);
        }
        Ok(ordered)
    }

    /// Scores, those of the newest call first. What evaluators found good has no score of its own and is not among them; the
    /// scores of a call ([`Self::scores_of`]) and the sums of a window hold it.
    ///
    /// A page holds whole calls, so it may be a little longer than asked.
    pub fn scores(&self, query: &Query) -> Result<Page<Scored>, Error> {
        let bounds = query.bounds();
        self.scores_within(query, bounds)
    }

    /// The calls of a window whose score of a dimension is lowest, worst first, among the newest scored ones.
    pub fn worst(&self, query: &Query, dimension: &Dimension) -> Result<Vec<Call>, Error> {
        let query = Query { dimension: Some(dimension.clone()), after: None, ..query.clone() };
        let mut bounds = query.bounds();
        let limit = bounds.limit;
        bounds.limit = usize::try_from(limits::WORST_SCAN_ROWS).unwrap_or(usize::MAX);
        let mut scored: Vec<(f64, Scored)> = Vec::new();
        for score in self.scores_within(&query, bounds)?.items {
            scored.extend(score.value().map(|value| (value.get(), score)));
        }
        scored.sort_by(|(a, x), (b, y)| a.total_cmp(b).then(y.time.cmp(&x.time)));
        let mut seen = HashSet::new();
        let mut worst = Vec::new();
        for (_, score) in scored {
            if worst.len() == limit {
                break;
            }
            if seen.insert(score.inference) {
                worst.extend(self.inference(score.inference)?);
            }
        }
        Ok(worst)
    }

    fn scores_within(&self, query: &Query, bounds: Bounds) -> Result<Page<Scored>, Error> {
        let lowest = (bounds.from, InferenceId::from_bytes(LOWEST));
        let fits = |score: &Scored| {
            query.target.as_ref().is_none_or(|target| score.target == *target)
                && query.dimension.as_ref().is_none_or(|dimension| score.dimension == *dimension)
        };
        let mut found: BTreeMap<Place, Vec<Scored>> = BTreeMap::new();
        let (complete_from, segments) = {
            let hot = self.hot();
            if lowest < bounds.before {
                let mut count = 0;
                for (place, scores) in hot.scores.range(lowest..bounds.before).rev() {
                    let scores: Vec<Scored> = scores.iter().filter(|score| fits(score)).cloned().collect();
                    if scores.is_empty() {
                        continue;
                    }
                    count += scores.len();
                    found.insert(*place, scores);
                    if count > bounds.limit {
                        break;
                    }
                }
            }
            (hot.complete_from, hot.segments.clone())
        };
        let count: usize = found.values().map(Vec::len).sum();
        let enough =
            count > bounds.limit && found.first_key_value().is_some_and(|(p, _)| p.0 >= complete_from);
        if !enough && bounds.from < complete_from {
            let segments = cold::newest_first(&segments, Table::Scores);
            let scan = Scan {
                table: Table::Scores,
                wanted: Wanted {
                    target_id: bounds.target_id.as_deref(),
                    dimension: query.dimension.as_ref().map(Dimension::as_str),
                },
                from: bounds.from,
                before: bounds.before.min((complete_from, InferenceId::from_bytes(LOWEST))),
                calls: bounds.limit + 1,
            };
            let hits = cold::find(self.dir(), &segments, scan)?;
            for score in cold::fetch(self.dir(), &segments, &hits, read_scores)? {
                add_score(found.entry((score.time, score.inference)).or_default(), Arc::new(score));
            }
        }
        let mut items = Vec::new();
        let mut next = None;
        for (place, scores) in found.into_iter().rev() {
            if items.len() >= bounds.limit {
                next = items.last().map(|score: &Scored| Cursor { time: score.time, id: score.inference });
                break;
            }
            let _ = place;
            items.extend(scores);
        }
        Ok(Page { items, next })
    }
}

/// A score that is in memory and in a segment (a seal ended between the two looks) counts once.
fn add_score(scores: &mut Vec<Scored>, score: Scored) {
    let same = |other: &Scored| other.fingerprint == score.fingerprint && other.dimension == score.dimension;
    if !scores.iter().any(same) {
        scores.push(score);
    }
}
