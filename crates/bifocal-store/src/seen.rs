//! What was there already. Identities are kept as 128-bit hashes with the hour of their event.
//!
//! Everything within the horizon of event time is known. Older ones are known too as long as there is room, so
//! that two backfills of old files that overlap recognise each other. The set is rebuilt from segments and journal
//! at start; it never takes part in a replay, because the journal holds no duplicates.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use bifocal_model::{Dimension, Fingerprint, Identity, InferenceId, Selection, Timestamp};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::limits::{IDENTITIES, IDENTITIES_SOFT, IDENTITY_HORIZON_HOURS, SCORE_HORIZON_HOURS};

const NANOS_PER_HOUR: i64 = 3_600_000_000_000;

/// A set of identities that forgets the oldest.
#[derive(Debug)]
pub(crate) struct Seen {
    hours: HashMap<u128, i64>,
    by_hour: BTreeMap<i64, Vec<u128>>,
    horizon_hours: i64,
    soft: usize,
    hard: usize,
}

fn hour_of(time: Timestamp) -> i64 {
    time.as_nanos().div_euclid(NANOS_PER_HOUR)
}

fn hash(value: impl Hash) -> u128 {
    let mut hasher = SipHasher13::new();
    value.hash(&mut hasher);
    hasher.finish128().as_u128()
}

pub(crate) fn of_identity(identity: &Identity) -> u128 {
    hash(("inference", identity.source, &identity.key))
}

pub(crate) fn of_score(inference: InferenceId, fingerprint: Fingerprint, dimension: &Dimension) -> u128 {
    hash(("score", inference, fingerprint, dimension))
}

pub(crate) fn of_selection(selection: &Selection) -> u128 {
    hash(("selection", selection.inference, &selection.judges, selection.shed))
}

impl Seen {
    /// For inferences.
    pub(crate) fn of_inferences() -> Self {
        Self::new(IDENTITY_HORIZON_HOURS, IDENTITIES_SOFT, IDENTITIES)
    }

    /// For scores and selections.
    pub(crate) fn of_scores() -> Self {
        Self::new(SCORE_HORIZON_HOURS, IDENTITIES_SOFT, IDENTITIES)
    }

    pub(crate) fn new(horizon_hours: u64, soft: u64, hard: u64) -> Self {
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        Self {
            hours: HashMap::new(),
            by_hour: BTreeMap::new(),
            horizon_hours: i64::try_from(horizon_hours).unwrap_or(i64::MAX),
            soft: count(soft),
            hard: count(hard),
        }
    }

    /// `true` when it is new.
    pub(crate) fn insert(&mut self, key: u128, time: Timestamp) -> bool {
        let hour = hour_of(time);
        if self.hours.contains_key(&key) {
            return false;
        }
        self.hours.insert(key, hour);
        self.by_hour.entry(hour).or_default().push(key);
        true
    }

    pub(crate) fn contains(&self, key: u128) -> bool {
        self.hours.contains_key(&key)
    }

    pub(crate) fn remove(&mut self, key: u128) {
        let Some(hour) = self.hours.remove(&key) else { return };
        if let Some(keys) = self.by_hour.get_mut(&hour) {
            // What is taken back was put in last.
            if let Some(at) = keys.iter().rposition(|&other| other == key) {
                keys.swap_remove(at);
            }
        }
    }

    /// Forgets what there is no room for. `true` when something within the horizon had to go.
    pub(crate) fn forget(&mut self, newest: Timestamp) -> bool {
        let horizon = hour_of(newest) - self.horizon_hours;
        let mut within = false;
        while self.hours.len() > self.soft {
            let Some(oldest) = self.by_hour.first_entry() else { break };
            let is_old = *oldest.key() < horizon;
            if !is_old && self.hours.len() <= self.hard {
                break;
            }
            within |= !is_old;
            for key in oldest.remove() {
                self.hours.remove(&key);
            }
        }
        within
    }

    pub(crate) fn len(&self) -> usize {
        self.hours.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    #[test]
    fn limit_identities() {
        let mut seen = Seen::new(72, 10, 20);
        for (i, hour) in (0..15_u128).zip(0..) {
            assert!(seen.insert(i, Timestamp::from_secs(hour * HOUR)));
        }
        // All within the horizon of hour 80 but hours 0 to 7: those go as long as there are more than 10.
        assert!(!seen.forget(Timestamp::from_secs(80 * HOUR)));
        assert_eq!(seen.len(), 10);
        assert!(!seen.contains(4) && seen.contains(5) && !seen.insert(5, Timestamp::from_secs(0)));
        for i in 100..115_u128 {
            seen.insert(i, Timestamp::from_secs(80 * HOUR));
        }
        assert!(seen.forget(Timestamp::from_secs(80 * HOUR)), "25 > 20: some within the horizon go");
        assert!(seen.len() <= 20 && seen.contains(114));
    }

    #[test]
    fn limit_horizons() {
        let limits = |seen: Seen| (seen.horizon_hours, seen.soft as u64, seen.hard as u64);
        for (horizon, seen) in
            [(IDENTITY_HORIZON_HOURS, Seen::of_inferences()), (SCORE_HORIZON_HOURS, Seen::of_scores())]
        {
            assert_eq!(limits(seen), (horizon.cast_signed(), IDENTITIES_SOFT, IDENTITIES));
            // The same horizon with little room: the hour at its end stays, the hour before goes.
            let mut small = Seen::new(horizon, 1, 3);
            small.insert(1, Timestamp::from_secs(0));
            small.insert(2, Timestamp::from_secs(HOUR));
            small.insert(3, Timestamp::from_secs(HOUR));
            assert!(!small.forget(Timestamp::from_secs((horizon.cast_signed() + 1) * HOUR)));
            assert_eq!([1, 2, 3].map(|key| small.contains(key)), [false, true, true]);
        }
    }

    #[test]
    fn what_is_taken_back_is_new_again() {
        let mut seen = Seen::new(72, 10, 20);
        seen.insert(1, Timestamp::from_secs(0));
        seen.remove(1);
        assert!(seen.insert(1, Timestamp::from_secs(0)));
    }
}
