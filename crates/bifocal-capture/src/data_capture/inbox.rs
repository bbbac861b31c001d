//! Notifications of capture files in a queue of SQS: the quick way to find them. Listing stays as the way that misses
//! nothing, at a longer period.
//!
//! Life of a message: taken, it is hidden from others for [`HIDDEN_SECONDS`]; its files are read when they have settled;
//! when the journal's group commit holds all of them it is deleted, and never before. A process that dies leaves it to
//! the next. The queue is Bifocal's own: what tells of other objects is deleted too. A message that is no notification is
//! left where it is, for the queue's dead letters. So is one of which a file could not be read in [`NOTICE_TRIES`] tries;
//! it holds up no other one meanwhile.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use bifocal_aws::{Aws, MESSAGES_PER_CALL, Message, Queue, Taking};
use bifocal_model::{Span, Timestamp};
use bifocal_telemetry::{Clock, Metric, Telemetry, sleep};
use bifocal_wire::s3_notice::{self, WrittenObject};

use crate::data_capture::bucket::{Bucket, Round, SETTLE, Took};
use crate::error::Error;
use crate::limits::{CAPTURE_OBJECTS_REFUSED, NOTICE_TRIES, NOTICES_WAITING};

/// Longer than files need to settle and to be read.
const HIDDEN_SECONDS: u32 = 900;
/// The longest wait that SQS takes: fewer calls.
const WAIT_SECONDS: i64 = 20;
/// Until a file that was cut off on the way or may not be read is tried again.
const TRY_AGAIN: Span = Span::from_secs(60);

/// A queue and what was taken from it.
pub struct Inbox {
    aws: Aws,
    queue: Queue,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
    /// Messages whose files are still to be read, in the order in which they were taken.
    waiting: VecDeque<Waiting>,
    pub(crate) waiting_max: usize,
    /// Receipt handles of messages that nothing is waited for any more.
    finished: Vec<String>,
}

struct Waiting {
    id: String,
    handle: String,
    files: Vec<WrittenObject>,
    /// When all of them have settled.
    due: Timestamp,
    /// How often one of them could not be read.
    tries: u32,
}

/// What a turn did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Messages that were taken.
    pub received: u64,
    /// Messages that tell of no capture file of these endpoints.
    pub others: u64,
    /// Messages that are no notifications.
    pub unreadable: u64,
    /// Messages that were deleted.
    pub deleted: u64,
    /// Messages that are waited for no longer, since a file could not be read; the queue has them still.
    pub let_go: u64,
    /// What reading the files did.
    pub round: Round,
}

impl Inbox {
    /// Nothing is taken yet. A queue of another region is asked there.
    pub fn new(aws: &Aws, queue: Queue, clock: Arc<dyn Clock>, telemetry: Telemetry) -> Self {
        let aws = match &queue.region {
            Some(region) if region != aws.region() => aws.in_region(region),
            _ => aws.clone(),
        };
        Self {
            aws,
            queue,
            clock,
            telemetry,
            waiting: VecDeque::new(),
            waiting_max: NOTICES_WAITING,
            finished: Vec::new(),
        }
    }

    /// Takes what is there, waiting up to 20 seconds for the first, reads the files that have settled into their
    /// endpoint's bucket, and deletes what is durable. The first error is told when the others were read; after an error
    /// the next turn goes on.
    pub async fn turn(&mut self, buckets: &mut [&mut Bucket]) -> Result<Turn, Error> {
        let mut turn = Turn::default();
        self.take(&mut turn).await?;
        let read = self.read(buckets, &mut turn).await;
        self.delete(&mut turn).await?;
        read.map(|()| turn)
    }

    /// Whether a file that could not be read is waited for.
    pub fn is_in_trouble(&self) -> bool {
        self.waiting.iter().any(|waiting| waiting.tries > 0)
    }

    async fn take(&mut self, turn: &mut Turn) -> Result<(), Error> {
        let first_due = self.waiting.iter().map(|waiting| waiting.due).min();
        let until_due = first_due.map(|due| due.since(self.clock.now()).as_secs_f64().ceil());
        // Those that could not be deleted yet take room too.
        if self.waiting.len() + self.finished.len() >= self.waiting_max {
            self.telemetry.limit_hit("notices_waiting");
            let pause = Span::from_secs_f64(until_due.unwrap_or(0.0).clamp(0.0, WAIT_SECONDS as f64));
            sleep(&*self.clock, pause).await;
            return Ok(());
        }
        let wait_seconds =
            (0..=WAIT_SECONDS).rev().find(|wait| until_due.is_none_or(|due| *wait as f64 <= due));
        let taking = Taking {
            most: 10,
            wait_seconds: u8::try_from(wait_seconds.unwrap_or(0)).unwrap_or(0),
            hidden_seconds: HIDDEN_SECONDS,
        };
        let messages =
            self.aws.receive_messages(&self.queue, taking).await.map_err(|err| self.failed(err))?;
        turn.received += messages.len() as u64;
        self.count("received", messages.len() as u64);
        messages.into_iter().for_each(|message| self.put(message, turn));
        Ok(())
    }

    fn put(&mut self, message: Message, turn: &mut Turn) {
        let Message { message_id: id, receipt_handle: handle, body } = message;
        // Its time was over before its files were read: only the newest handle deletes it.
        if let Some(known) = self.waiting.iter_mut().find(|waiting| waiting.id == id) {
            known.handle = handle;
            self.count("again", 1);
            return;
        }
        match s3_notice::parse(body.as_bytes()) {
            Ok(notice) if notice.written.is_empty() => {
                turn.others += 1;
                self.count("other", 1);
                self.finished.push(handle);
            }
            Ok(notice) => {
                let newest = notice.written.iter().map(|file| file.time).max().unwrap_or_default();
                let due = newest + SETTLE;
                self.waiting.push_back(Waiting { id, handle, files: notice.written, due, tries: 0 });
            }
            Err(err) => {
                turn.unreadable += 1;
                self.count("unreadable", 1);
                tracing::warn!(message = id, queue = self.queue.name, %err, "a message is no notification of S3");
            }
        }
    }

    /// Reads the files of the messages that are due. A message whose files are not all done waits on, behind the others.
    async fn read(&mut self, buckets: &mut [&mut Bucket], turn: &mut Turn) -> Result<(), Error> {
        let mut first_error = None;
        let mut refused = 0;
        for _ in 0..self.waiting.len() {
            let Some(mut waiting) = self.waiting.pop_front() else { break };
            let now = self.clock.now();
            if waiting.due > now {
                self.waiting.push_back(waiting);
                continue;
            }
            let outcome = match read_files(&waiting.files, buckets, turn).await {
                Ok(files) => files,
                Err(err) => {
                    self.waiting.push_front(waiting);
                    return Err(err);
                }
            };
            let is_refused = outcome.error.is_some();
            if first_error.is_none() {
                first_error = outcome.error;
            }
            if outcome.is_waiting {
                waiting.tries += 1;
                waiting.due = now + TRY_AGAIN;
                if waiting.tries < NOTICE_TRIES {
                    self.waiting.push_back(waiting);
                } else {
                    // Not deleted: what it names is not durable. The queue gives it again, or to its dead letters.
                    self.telemetry.limit_hit("notice_tries");
                    turn.let_go += 1;
                    self.count("let_go", 1);
                    tracing::warn!(
                        message = waiting.id,
                        queue = self.queue.name,
                        "a file that a message names could not be read in {NOTICE_TRIES} tries; the message is left in the queue"
                    );
                }
            } else {
                turn.others += u64::from(!outcome.is_here);
                self.count(if outcome.is_here { "read" } else { "other" }, 1);
                self.finished.push(waiting.handle);
            }
            refused += u64::from(is_refused);
            if refused >= CAPTURE_OBJECTS_REFUSED {
                self.telemetry.limit_hit("capture_objects_refused");
                break;
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    async fn delete(&mut self, turn: &mut Turn) -> Result<(), Error> {
        while !self.finished.is_empty() {
            let most = self.finished.len().min(MESSAGES_PER_CALL);
            let handles: Vec<&str> = self.finished[..most].iter().map(String::as_str).collect();
            let failed = self.aws.delete_messages(&self.queue, &handles).await;
            let failed = failed.map_err(|err| self.failed(err))?;
            // Those come again, and what they name is known then.
            let deleted = (most - failed.len().min(most)) as u64;
            self.finished.drain(..most);
            self.count("deleted", deleted);
            turn.deleted += deleted;
        }
        Ok(())
    }

    fn count(&self, outcome: &str, n: u64) {
        self.telemetry.count(Metric::CaptureNotices, &[outcome], n);
    }

    fn failed(&self, err: bifocal_aws::Error) -> Error {
        Error::Queue { queue: self.queue.arn(self.aws.region()), err: Box::new(err) }
    }
}

/// What became of a message's files.
#[derive(Debug, Default)]
struct Files {
    /// At least one is of these endpoints.
    is_here: bool,
    /// At least one is not done.
    is_waiting: bool,
    /// Why the first that could not be read could not.
    error: Option<Error>,
}

/// One that cannot be read holds up no other one. An error is that the journal is closed.
async fn read_files(
    files: &[WrittenObject],
    buckets: &mut [&mut Bucket],
    turn: &mut Turn,
) -> Result<Files, Error> {
    let mut became = Files::default();
    for file in files {
        for bucket in buckets.iter_mut() {
            match bucket.read_written(file, &mut turn.round).await {
                Ok(Took::Elsewhere) => continue,
                Ok(Took::Done) => {}
                Ok(Took::NotYet) => became.is_waiting = true,
                Err(err @ Error::Bucket { .. }) => {
                    turn.round.failed += 1;
                    turn.round.refused += 1;
                    became.is_waiting = true;
                    became.error.get_or_insert(err);
                }
                Err(err) => return Err(err),
            }
            became.is_here = true;
            break;
        }
    }
    Ok(became)
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("queue", &self.queue)
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}
