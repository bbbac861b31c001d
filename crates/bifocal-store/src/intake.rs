//! The way in: a bounded queue of batches in front of the one thread that owns the journal.
//!
//! Sources that must never wait (the proxy) use [`Intake::try_offer`]: a full queue is told to the caller, who
//! counts the drop. Sources that can wait and must know (backfill) use [`Intake::submit`]: its future ends when
//! the batch is durable.

use bifocal_model::Source;
use tokio::sync::{mpsc, oneshot};

use crate::arrivals::{Arrival, Arrivals, Door};
use crate::record::Record;

/// The sending side. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Intake {
    queue: mpsc::Sender<Batch>,
    arrivals: Arrivals,
}

/// Records that become durable together, in this order.
#[derive(Debug)]
pub struct Batch {
    /// The records.
    pub records: Vec<Record>,
    /// The arrivals of these records.
    pub arrivals: Vec<Arrival>,
    /// Told when they are durable and applied.
    pub acknowledge: Option<oneshot::Sender<Acknowledged>>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acknowledged {
    /// Inferences that were new.
    pub stored: u64,
    /// Inferences that were there already.
    pub duplicates: u64,
    /// Labels that said something new.
    pub labels: u64,
    /// Labels that were there already, word for word.
    pub labels_known: u64,
}

/// The batch was not taken; it comes back whole.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The queue is full: the journal is slower than the sources.
    #[error("queue {} records: the journal's queue is full", .0.len())]
    Full(Vec<Record>),
    /// The journal has ended (shutdown, or a disk that refused to write).
    #[error("queue {} records: the journal is closed", .0.len())]
    Closed(Vec<Record>),
}

/// A queue of at most `batches` batches into the store that these arrivals are of.
pub fn intake(batches: usize, arrivals: Arrivals) -> (Intake, mpsc::Receiver<Batch>) {
    let (send, receive) = mpsc::channel(batches);
    (Intake { queue: send, arrivals }, receive)
}

impl Intake {
    /// Where the items of a source arrive.
    pub fn door(&self, source: Source) -> Door {
        self.arrivals.door(source)
    }

    /// Hands over records without waiting and without knowing when they are durable. They arrive here.
    pub fn try_offer(&self, records: Vec<Record>) -> Result<(), Refused> {
        let arrivals = self.arrivals.of_records(&records);
        self.queue.try_send(Batch { records, arrivals, acknowledge: None }).map_err(|error| {
            let (refused, batch): (fn(_) -> _, _) = match error {
                mpsc::error::TrySendError::Full(batch) => (Refused::Full, batch),
                mpsc::error::TrySendError::Closed(batch) => (Refused::Closed, batch),
            };
            batch.arrivals.into_iter().for_each(Arrival::withdraw);
            refused(batch.records)
        })
    }

    /// Hands over records that arrived before. What is not taken comes back with its arrivals.
    pub fn try_pass_on(&self, records: Vec<Record>, arrivals: Vec<Arrival>) -> Result<(), Batch> {
        let batch = Batch { records, arrivals, acknowledge: None };
        self.queue.try_send(batch).map_err(mpsc::error::TrySendError::into_inner)
    }

    /// Hands over records, waits for room, and ends when they are durable. An error means that nobody vouches
    /// for the records: send them again after a restart.
    pub async fn submit(&self, records: Vec<Record>) -> Result<Acknowledged, Refused> {
        let arrivals = self.arrivals.of_records(&records);
        self.submit_arrived(records, arrivals).await
    }

    /// As [`Self::submit`], for records that arrived before.
    pub async fn submit_arrived(
        &self,
        records: Vec<Record>,
        arrivals: Vec<Arrival>,
    ) -> Result<Acknowledged, Refused> {
        let (acknowledge, acknowledged) = oneshot::channel();
        let batch = Batch { records, arrivals, acknowledge: Some(acknowledge) };
        self.queue.send(batch).await.map_err(|error| Refused::Closed(error.0.records))?;
        acknowledged.await.map_err(|_| Refused::Closed(Vec::new()))
    }

    /// Batches that fit now.
    pub fn room(&self) -> usize {
        self.queue.capacity()
    }
}
