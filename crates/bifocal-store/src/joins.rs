//! Which views of several sources are one call. The proxy sees a call as it passes, Data Capture writes it down
//! minutes later; the inference id that the client sent joins the two. The view that came first is stored, and its
//! fields are its source's; a second view of another source counts as a duplicate, whatever its own identity.
//!
//! Clients use ids again, so an id alone joins nothing: the times must agree, each view joins one other, and of
//! several the nearest in time is taken. The views are rebuilt from segments and journal at start.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash as _;

use bifocal_model::{Inference, Source, Span, Timestamp};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::limits::{IDENTITY_HORIZON_HOURS, JOIN_VIEWS};

/// The label that holds the client's id.
pub(crate) const INFERENCE_ID: &str = "inference_id";
/// Data Capture's time has whole seconds, and may be that of the answer: a container has 60 s for one.
const TOLERANCE: Span = Span::from_secs(90);
const HOUR: Span = Span::from_mins(60);

/// The views of calls that carry an inference id.
#[derive(Debug)]
pub(crate) struct Joins {
    views: HashMap<u128, Vec<View>>,
    by_hour: BTreeMap<i64, Vec<u128>>,
    count: u64,
    views_max: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct View {
    source: Source,
    time: Timestamp,
    /// Whether a view of another source has joined it.
    joined: bool,
}

/// What a view did, to be taken back when it does not reach the journal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Noted {
    /// It is the first of its call.
    First(u128),
    /// It joined the view at this place.
    Second(u128, usize),
}

/// What joins the views of a call; `None` where nothing does.
pub(crate) fn key<T>(inference: &Inference<T>) -> Option<u128> {
    let id = inference.labels.get(INFERENCE_ID)?;
    key_of(inference.identity.source, &inference.target.endpoint, id)
}

pub(crate) fn key_of(source: Source, endpoint: &str, inference_id: &str) -> Option<u128> {
    if !matches!(source, Source::Proxy | Source::DataCapture) {
        return None;
    }
    let mut hasher = SipHasher13::new();
    ("join", endpoint, inference_id).hash(&mut hasher);
    Some(hasher.finish128().as_u128())
}

impl Joins {
    pub(crate) fn new() -> Self {
        Self { views: HashMap::new(), by_hour: BTreeMap::new(), count: 0, views_max: JOIN_VIEWS }
    }

    /// Takes a view that is new by its identity.
    pub(crate) fn take(&mut self, key: u128, source: Source, time: Timestamp) -> Noted {
        let views = self.views.entry(key).or_default();
        let apart = |view: &View| view.time.as_nanos().abs_diff(time.as_nanos());
        let near = |view: &View| apart(view) <= TOLERANCE.as_nanos().unsigned_abs();
        let free =
            views.iter().enumerate().filter(|(_, view)| !view.joined && view.source != source && near(view));
        if let Some(at) = free.min_by_key(|(_, view)| apart(view)).map(|(at, _)| at) {
            views[at].joined = true;
            return Noted::Second(key, at);
        }
        views.push(View { source, time, joined: false });
        self.by_hour.entry(hour_of(time)).or_default().push(key);
        self.count += 1;
        Noted::First(key)
    }

    /// Undoes the last thing that was noted of this kind.
    pub(crate) fn take_back(&mut self, noted: Noted) {
        match noted {
            Noted::Second(key, at) => {
                if let Some(view) = self.views.get_mut(&key).and_then(|views| views.get_mut(at)) {
                    view.joined = false;
                }
            }
            Noted::First(key) => {
                let Some(view) = self.views.get_mut(&key).and_then(Vec::pop) else { return };
                self.count -= 1;
                if let Some(keys) = self.by_hour.get_mut(&hour_of(view.time)) {
                    keys.pop();
                }
            }
        }
    }

    /// Forgets what is older than the horizon, and the oldest where there is no room. `true` when something within
    /// the horizon had to go.
    pub(crate) fn forget(&mut self, newest: Timestamp) -> bool {
        let horizon = hour_of(newest) - IDENTITY_HORIZON_HOURS.cast_signed();
        let mut within = false;
        while let Some(oldest) = self.by_hour.first_entry() {
            let hour = *oldest.key();
            if hour >= horizon && self.count <= self.views_max {
                break;
            }
            within |= hour >= horizon;
            for key in oldest.remove() {
                let Some(views) = self.views.get_mut(&key) else { continue };
                let before = views.len();
                views.retain(|view| hour_of(view.time) != hour);
                self.count -= (before - views.len()) as u64;
                if views.is_empty() {
                    self.views.remove(&key);
                }
            }
        }
        within
    }
}

fn hour_of(time: Timestamp) -> i64 {
    time.as_nanos().div_euclid(HOUR.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn is_second(joins: &mut Joins, source: Source, secs: i64) -> bool {
        matches!(joins.take(1, source, at(secs)), Noted::Second(..))
    }

    #[test]
    fn each_view_joins_one_of_another_source_that_is_near() {
        let mut joins = Joins::new();
        assert!(!is_second(&mut joins, Source::Proxy, 1_000));
        assert!(!is_second(&mut joins, Source::Proxy, 1_010), "the same source: the id is used again");
        assert!(!is_second(&mut joins, Source::DataCapture, 1_101), "91 s from the nearest");
        assert!(is_second(&mut joins, Source::DataCapture, 1_009));
        assert!(is_second(&mut joins, Source::DataCapture, 1_009), "the other of the two");
        assert!(!is_second(&mut joins, Source::DataCapture, 1_009), "none is left");
        assert!(is_second(&mut joins, Source::Proxy, 1_100), "in the other order too");
    }

    #[test]
    fn what_is_taken_back_can_be_joined_again() {
        let mut joins = Joins::new();
        let first = joins.take(1, Source::Proxy, at(0));
        let second = joins.take(1, Source::DataCapture, at(0));
        joins.take_back(second);
        assert!(is_second(&mut joins, Source::DataCapture, 0));
        joins.take_back(first);
        assert_eq!(joins.count, 0);
        assert!(!is_second(&mut joins, Source::DataCapture, 0));
    }

    #[test]
    fn limit_join_views() {
        assert_eq!(Joins::new().views_max, JOIN_VIEWS);
        let mut joins = Joins { views_max: 2, ..Joins::new() };
        for hour in 0..4 {
            joins.take(hour, Source::Proxy, at(i64::try_from(hour).unwrap() * 3_600));
        }
        assert!(joins.forget(at(3 * 3_600)), "within the horizon");
        assert_eq!((joins.count, joins.views.len()), (2, 2));
        assert!(!joins.forget(at(100 * 3_600)), "older than the horizon");
        assert_eq!((joins.count, joins.views.len()), (0, 0));
    }
}
