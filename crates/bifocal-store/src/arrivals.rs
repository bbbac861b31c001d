//! What arrived, counted at the door and apart from the journal: the other leg of the ledger.
//!
//! A source takes an [`Arrival`] for each item as soon as it has it, and the arrival travels with the item until the
//! journal says what became of it. The line of the ledger then has two counts that know nothing of each other: the
//! arrivals that have been let go of, and the records of the journal. Where they differ something went missing (or was
//! counted twice) on the way, and the line does not balance.
//!
//! Arrivals live as long as the process. A line begins with what the journal holds at the start; what an unclean stop
//! took with it is told as the window of that stop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bifocal_model::{Source, TargetKey};

use crate::Record;
use crate::ledger::Ledger;

/// A line of the ledger: how it arrived, and whose it is where that is known.
pub type Line = (Source, Option<TargetKey>);

/// The arrivals of all sources. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    lines: Arc<Mutex<BTreeMap<Line, Arc<Counts>>>>,
}

/// Where the items of one source arrive, while nobody knows whose they are. Counts without a lock.
#[derive(Clone, Debug)]
pub struct Door {
    counts: Arc<Counts>,
}

/// Items on their way to the journal. Letting go of it says that they have an end there: that is checked.
#[derive(Debug)]
#[must_use = "an arrival travels with its item"]
pub struct Arrival {
    counts: Arc<Counts>,
    count: u64,
}

/// The counts of one line at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// Everything that came in.
    pub received: u64,
    /// Arrivals that nobody has let go of.
    pub in_flight: u64,
}

#[derive(Debug)]
struct Counts {
    line: Line,
    received: AtomicU64,
    settled: AtomicU64,
}

impl Arrivals {
    /// The door of a source.
    pub fn door(&self, source: Source) -> Door {
        Door { counts: self.counts((source, None)) }
    }

    /// Arrivals for records that no source has counted.
    pub fn of_records<'a>(&self, records: impl IntoIterator<Item = &'a Record>) -> Vec<Arrival> {
        let lines = lines_of(records).into_iter();
        lines
            .map(|((source, target), count)| Arrival::new(self.counts((source, target.cloned())), count))
            .collect()
    }

    /// Gives arrivals of which it was not known whose they are to the lines of these records. Each line gets no more
    /// than its records; what is left over stays where it is.
    pub(crate) fn assign<'a>(
        &self,
        arrivals: &mut Vec<Arrival>,
        records: impl IntoIterator<Item = &'a Record>,
    ) {
        for ((source, target), count) in lines_of(records) {
            let of_line = |arrival: &&Arrival| {
                arrival.counts.line.0 == source && arrival.counts.line.1.as_ref() == target
            };
            let has: u64 = arrivals.iter().filter(of_line).map(|arrival| arrival.count).sum();
            let mut missing = count.saturating_sub(has);
            if target.is_none() || missing == 0 {
                continue;
            }
            let counts = self.counts((source, target.cloned()));
            let mut own = Arrival { counts: Arc::clone(&counts), count: 0 };
            for arrival in arrivals.iter_mut().filter(|arrival| arrival.counts.line == (source, None)) {
                let taken = missing.min(arrival.count);
                own.take_from(arrival, taken);
                missing -= taken;
                if missing == 0 {
                    break;
                }
            }
            arrivals.push(own);
        }
        arrivals.retain(|arrival| arrival.count > 0);
    }

    /// Begins every line with what the journal holds.
    pub(crate) fn begin(&self, ledger: &Ledger) {
        for (line, received) in &ledger.received {
            let counts = self.counts(line.clone());
            counts.received.store(received.total(), Ordering::SeqCst);
            counts.settled.store(received.total(), Ordering::SeqCst);
        }
    }

    /// The counts of every line. The caller holds the lock under which arrivals of durable records are let go of.
    pub(crate) fn now(&self) -> BTreeMap<Line, Arrived> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |counts: &Counts| {
            // In this order, or an item that arrives in between would be settled before it was received.
            let settled = counts.settled.load(Ordering::SeqCst);
            let received = counts.received.load(Ordering::SeqCst);
            Arrived { received, in_flight: received.saturating_sub(settled) }
        };
        let all = lines.iter().map(|(line, counts)| (line.clone(), of(counts)));
        all.filter(|(_, arrived)| arrived.received > 0).collect()
    }

    fn counts(&self, line: Line) -> Arc<Counts> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counts) = lines.get(&line) {
            return Arc::clone(counts);
        }
        let counts = Counts { line: line.clone(), received: AtomicU64::new(0), settled: AtomicU64::new(0) };
        Arc::clone(lines.entry(line).or_insert_with(|| Arc::new(counts)))
    }
}

impl Door {
    /// So many items are here now.
    pub fn enter(&self, count: u64) -> Arrival {
        Arrival::new(Arc::clone(&self.counts), count)
    }
}

impl Arrival {
    fn new(counts: Arc<Counts>, count: u64) -> Self {
        counts.received.fetch_add(count, Ordering::SeqCst);
        Self { counts, count }
    }

    /// So many more of the same are here now.
    pub fn more(&mut self, count: u64) {
        self.counts.received.fetch_add(count, Ordering::SeqCst);
        self.count += count;
    }

    /// Both as one; the other comes back where it is of another line.
    pub fn join(&mut self, mut other: Self) -> Option<Self> {
        if !Arc::ptr_eq(&self.counts, &other.counts) {
            return Some(other);
        }
        self.count += std::mem::take(&mut other.count);
        None
    }

    /// How many items.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// They were not there after all: the source has them still, and brings them again or never.
    pub fn withdraw(mut self) {
        self.counts.received.fetch_sub(std::mem::take(&mut self.count), Ordering::SeqCst);
    }

    fn take_from(&mut self, other: &mut Self, count: u64) {
        self.more(count);
        other.count -= count;
        other.counts.received.fetch_sub(count, Ordering::SeqCst);
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.counts.settled.fetch_add(self.count, Ordering::SeqCst);
    }
}

/// How many items of each line these records are.
fn lines_of<'a>(
    records: impl IntoIterator<Item = &'a Record>,
) -> BTreeMap<(Source, Option<&'a TargetKey>), u64> {
    let mut lines = BTreeMap::new();
    for record in records {
        if let Some((line, count)) = record.of_line() {
            *lines.entry(line).or_default() += count;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{inference, target};

    fn call(n: u64) -> Record {
        Record::Inference(Arc::new(inference(n, 10)))
    }

    fn counts(arrivals: &Arrivals, line: &Line) -> (u64, u64) {
        let arrived = arrivals.now().get(line).copied().unwrap_or_default();
        (arrived.received, arrived.in_flight)
    }

    #[test]
    fn an_arrival_is_in_flight_until_it_is_let_go_of() {
        let arrivals = Arrivals::default();
        let nobodys = (Source::Proxy, None);
        let door = arrivals.door(Source::Proxy);
        let mut first = door.enter(1);
        assert!(first.join(door.enter(2)).is_none());
        let other = arrivals.door(Source::DataCapture).enter(1);
        let other = first.join(other).expect("of another line");
        assert_eq!((first.count(), other.count()), (3, 1));
        assert_eq!(counts(&arrivals, &nobodys), (3, 3));
        drop(first);
        assert_eq!(counts(&arrivals, &nobodys), (3, 0));
        other.withdraw();
        assert_eq!(counts(&arrivals, &(Source::DataCapture, None)), (0, 0));
    }

    #[test]
    fn arrivals_go_to_the_lines_of_their_records_and_no_further() {
        let arrivals = Arrivals::default();
        let records = [call(1), call(2), call(4)];
        let line = records[0].of_line().map(|((source, target), _)| (source, target.cloned())).unwrap();
        assert_eq!(line.1, Some(target("small")));
        let mut all = vec![arrivals.door(line.0).enter(5)];
        arrivals.assign(&mut all, &records);
        // A group that was refused is given again: nothing moves.
        arrivals.assign(&mut all, &records);
        assert_eq!(counts(&arrivals, &line), (3, 3));
        assert_eq!(counts(&arrivals, &(line.0, None)), (2, 2), "two have no record");
        all.clear();
        assert_eq!(counts(&arrivals, &line), (3, 0));
    }
}
