//! Which of the messages that are due go together, and which wait for others: 500 alerts in a minute are not 500 messages.
//!
//! The first alert of a rule goes at once. Those that follow within the channel's wait go together when it is over. A
//! parcel that failed is tried again as it was, so that its key is the same: the outbox says which parcel a message was in.

use std::collections::HashMap;

use bifocal_model::{Span, Timestamp};
use bifocal_publish::GROUP_ALERTS_MAX;
use bifocal_publish::notify::Gathering;
use bifocal_store::Outgoing;
use serde::Deserialize;

/// Rule, status, attempts, and the parcel in which it was sent before.
type Kind = (String, String, u32, Option<String>);

/// Sorts what is due into parcels.
#[derive(Debug)]
pub(super) struct Gatherer {
    gathering: Gathering,
    /// When the last message of a rule and status left, for as long as others wait for that.
    left: HashMap<(String, String), Timestamp>,
    /// The clock's seconds in a second of the wall.
    speed: f64,
}

impl Gatherer {
    pub(super) fn new(gathering: Gathering, speed: f64) -> Self {
        Self { gathering, left: HashMap::new(), speed }
    }

    /// The parcels that go now, the one with the oldest message first. What waits for others is left out.
    pub(super) fn gather(&mut self, due: Vec<Outgoing>, now: Timestamp) -> Vec<Vec<Outgoing>> {
        match self.gathering {
            Gathering::Single => due.into_iter().map(|outgoing| vec![outgoing]).collect(),
            Gathering::Batch => in_parcels(sorted(due, |outgoing| Some(outgoing.attempts))),
            Gathering::Group(wait) => {
                let wait = Span::from_secs_f64(wait.as_secs_f64() * self.speed);
                self.left.retain(|_, left| now.since(*left) < wait);
                let mut kinds = sorted(due, kind_of);
                kinds.retain(|(kind, _)| match kind {
                    Some((rule, status, 0, _)) => !self.left.contains_key(&(rule.clone(), status.clone())),
                    _ => true,
                });
                for (rule, status, ..) in kinds.iter().filter_map(|(kind, _)| kind.clone()) {
                    self.left.insert((rule, status), now);
                }
                in_parcels(kinds)
            }
        }
    }
}

/// Rule and status of a message, with its attempts; `None` for one that cannot be read, which goes by itself and fails.
fn kind_of(outgoing: &Outgoing) -> Option<Kind> {
    #[derive(Deserialize)]
    struct Of {
        rule: String,
        status: String,
    }
    let of: Of = serde_json::from_slice(&outgoing.payload).ok()?;
    Some((of.rule, of.status, outgoing.attempts, outgoing.parcel.clone()))
}

/// By kind, in the order of the first of each; what has no kind stands alone.
fn sorted<K: PartialEq>(
    due: Vec<Outgoing>,
    kind: impl Fn(&Outgoing) -> Option<K>,
) -> Vec<(Option<K>, Vec<Outgoing>)> {
    let mut kinds: Vec<(Option<K>, Vec<Outgoing>)> = Vec::new();
    for outgoing in due {
        let kind = kind(&outgoing);
        match kinds.iter_mut().find(|(known, _)| known.is_some() && *known == kind) {
            Some((_, alike)) => alike.push(outgoing),
            None => kinds.push((kind, vec![outgoing])),
        }
    }
    kinds
}

fn in_parcels<K>(kinds: Vec<(K, Vec<Outgoing>)>) -> Vec<Vec<Outgoing>> {
    let mut parcels = Vec::new();
    for (_, mut alike) in kinds {
        while alike.len() > GROUP_ALERTS_MAX {
            let rest = alike.split_off(GROUP_ALERTS_MAX);
            parcels.push(std::mem::replace(&mut alike, rest));
        }
        parcels.push(alike);
    }
    parcels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(second)
    }

    fn due(rule: &str, from: usize, count: usize) -> Vec<Outgoing> {
        let one = |i: usize| Outgoing {
            key: format!("{rule}-{i}"),
            channel: "sre".into(),
            payload: format!(r#"{{"alert_id": "{i}", "rule": "{rule}", "status": "firing"}}"#).into_bytes(),
            created: at(0),
            attempts: 0,
            unanswered: 0,
            parcel: None,
            next_time: at(0),
            done_at: None,
            outcome: None,
        };
        (from..from + count).map(one).collect()
    }

    fn sizes(parcels: &[Vec<Outgoing>]) -> Vec<usize> {
        parcels.iter().map(Vec::len).collect()
    }

    #[test]
    fn the_first_goes_at_once_and_those_that_follow_go_together() {
        let mut gatherer = Gatherer::new(Gathering::Group(Span::from_secs(10)), 1.0);
        assert_eq!(sizes(&gatherer.gather(due("a", 0, 1), at(0))), [1]);
        assert!(gatherer.gather(due("a", 1, 5), at(1)).is_empty(), "they wait");
        let both: Vec<_> = due("a", 1, 7).into_iter().chain(due("b", 0, 1)).collect();
        assert_eq!(gatherer.gather(both, at(2))[0][0].key, "b-0", "another rule does not");
        assert_eq!(sizes(&gatherer.gather(due("a", 1, 9), at(10))), [9]);
        assert!(gatherer.gather(due("a", 10, 1), at(19)).is_empty(), "the wait begins anew");
        assert_eq!(sizes(&gatherer.gather(due("a", 10, 1), at(20))), [1]);
    }

    #[test]
    fn what_is_there_at_once_goes_at_once_in_parcels_of_the_limit_group_alerts() {
        let mut gatherer = Gatherer::new(Gathering::Group(Span::from_secs(10)), 1.0);
        assert_eq!(sizes(&gatherer.gather(due("a", 0, 250), at(0))), [100, 100, 50]);
    }

    #[test]
    fn a_parcel_that_failed_is_tried_again_as_it_was() {
        let mut gatherer = Gatherer::new(Gathering::Group(Span::from_secs(10)), 1.0);
        let mut failed = gatherer.gather(due("a", 0, 3), at(0)).remove(0);
        failed.iter_mut().for_each(|outgoing| outgoing.attempts = 1);
        let again: Vec<_> = failed.into_iter().chain(due("a", 3, 4)).collect();
        let parcels = gatherer.gather(again.clone(), at(2));
        assert_eq!(sizes(&parcels), [3], "at its time, not at that of the group, and without the new ones");
        assert_eq!(sizes(&gatherer.gather(again, at(12))), [3, 4]);
    }

    #[test]
    fn parcels_that_failed_alike_stay_apart() {
        let mut gatherer = Gatherer::new(Gathering::Group(Span::from_secs(10)), 1.0);
        let mut again = due("a", 0, 3);
        for (i, outgoing) in again.iter_mut().enumerate() {
            (outgoing.attempts, outgoing.unanswered) = (1, 1);
            outgoing.parcel = Some(if i == 0 { "a-0" } else { "a-1" }.to_owned());
        }
        assert_eq!(
            sizes(&gatherer.gather(again, at(0))),
            [1, 2],
            "each has a key that the receiver may know"
        );
    }

    #[test]
    fn keys_of_their_own_go_one_by_one_and_a_list_at_once() {
        assert_eq!(sizes(&Gatherer::new(Gathering::Single, 1.0).gather(due("a", 0, 3), at(0))), [1, 1, 1]);
        let mixed: Vec<_> = due("a", 0, 3).into_iter().chain(due("b", 0, 2)).collect();
        assert_eq!(sizes(&Gatherer::new(Gathering::Batch, 1.0).gather(mixed, at(0))), [5]);
        let mut unreadable = due("a", 0, 2);
        unreadable.iter_mut().for_each(|outgoing| outgoing.payload = b"{".to_vec());
        let group = Gathering::Group(Span::from_secs(10));
        assert_eq!(sizes(&Gatherer::new(group, 1.0).gather(unreadable, at(0))), [1, 1]);
    }

    #[test]
    fn a_fast_clock_waits_as_long_on_the_wall() {
        let mut gatherer = Gatherer::new(Gathering::Group(Span::from_secs(10)), 20.0);
        gatherer.gather(due("a", 0, 1), at(0));
        assert!(gatherer.gather(due("a", 1, 1), at(199)).is_empty());
        assert_eq!(sizes(&gatherer.gather(due("a", 1, 1), at(200))), [1]);
    }
}
