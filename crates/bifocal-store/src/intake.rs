//! The way in: a bounded queue of batches in front of the one thread that owns the journal.
//!
//! Sources that must never wait (the proxy) use [`Intake::try_offer`]: a full queue is told to the caller, who
//! counts the drop. Sources that can wait and must know (backfill) use [`Intake::submit`]: its future ends when
//! the batch is durable.

use tokio::sync::{mpsc, oneshot};

use crate::record::Record;

/// The sending side. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Intake {
    queue: mpsc::Sender<Batch>,
}

/// Records that become durable together, in this order.
#[derive(Debug)]
pub struct Batch {
    /// The records.
    pub records: Vec<Record>,
    /// Told when they are durable and applied.
    pub acknowledge: Option<oneshot::Sender<Acknowledged>>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Inferences that were new.
    pub stored: u64,
    /// Inferences that were there already.
    pub duplicates: u64,
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

/// A queue of at most `batches` batches.
pub fn intake(batches: usize) -> (Intake, mpsc::Receiver<Batch>) {
    let (send, receive) = mpsc::channel(batches);
    (Intake { queue: send }, receive)
}

impl Intake {
    /// Hands over records without waiting and without knowing when they are durable.
    pub fn try_offer(&self, records: Vec<Record>) -> Result<(), Refused> {
        self.queue.try_send(Batch { records, acknowledge: None }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(batch) => Refused::Full(batch.records),
            mpsc::error::TrySendError::Closed(batch) => Refused::Closed(batch.records),
        })
    }

    /// Hands over records, waits for room, and ends when they are durable. An error means that nobody vouches
    /// for the records: send them again after a restart.
    pub async fn submit(&self, records: Vec<Record>) -> Result<Acknowledged, Refused> {
        let (acknowledge, acknowledged) = oneshot::channel();
        let batch = Batch { records, acknowledge: Some(acknowledge) };
        self.queue.send(batch).await.map_err(|error| Refused::Closed(error.0.records))?;
        acknowledged.await.map_err(|_| Refused::Closed(Vec::new()))
    }

    /// Batches that fit now.
    pub fn room(&self) -> usize {
        self.queue.capacity()
    }
}
