//! Reads files into the store, in batches that end with a checkpoint.
//!
//! One thread reads, parses and redacts; the caller's task submits. While a batch becomes durable the thread
//! works on the next two.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bifocal_model::{LedgerOutcome, Loss, Probability, Source, TargetKey, Timestamp};
use bifocal_redact::redact_inference;
use bifocal_store::{Arrival, Checkpoint, Door, Intake, Record};
use bifocal_telemetry::{Clock, TaskGroup};
use bifocal_wire::Fields;
use bifocal_wire::data_capture::parse_line_with;
use tokio::sync::mpsc;

use crate::data_capture::attribution::{Attribution, By};
use crate::data_capture::files;
use crate::data_capture::lines::{Line, Lines};
use crate::data_capture::place::Place;
use crate::data_capture::record::Common;
use crate::error::Error;
use crate::limits::{BACKFILL_BATCH, BACKFILL_BATCH_BYTES};

/// Batches that wait for the journal.
const BATCHES_AHEAD: usize = 2;

/// What to read and whose it is.
#[derive(Clone, Debug)]
pub struct BackfillOptions {
    /// Files, and folders that are searched for `*.jsonl`.
    pub paths: Vec<PathBuf>,
    /// `sagemaker/<account>/<region>`, or any name.
    pub origin: String,
    /// The endpoint of files whose path does not name one; the origin where it is left out.
    pub endpoint: Option<String>,
    /// Data Capture's `InitialSamplingPercentage` as a probability; every count divides by it.
    pub capture_probability: Probability,
    /// What is known of the endpoint's components.
    pub attribution: Attribution,
    /// Fields of requests that hold what their answers are to be made from.
    pub fields: Fields,
}

/// A backfill that has not begun.
pub struct Backfill {
    options: BackfillOptions,
    intake: Intake,
    checkpoints: Lookup,
    clock: Arc<dyn Clock>,
}

/// The store's checkpoint of a file, by the file's fingerprint.
pub(crate) type Lookup = Box<dyn Fn(&str) -> Option<Checkpoint> + Send + Sync>;

/// How far it is. received = stored + duplicates + rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Files to read.
    pub files: u64,
    /// Files done, those included that an earlier run had read.
    pub files_done: u64,
    /// Files that an earlier run had read to their end.
    pub files_known: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes read, or passed over because an earlier run had read them.
    pub bytes_done: u64,
    /// Lines read by this run.
    pub received: u64,
    /// New inferences.
    pub stored: u64,
    /// Inferences that were there already.
    pub duplicates: u64,
    /// Lines that could not be read, by reason.
    pub rejected: BTreeMap<String, u64>,
}

/// Records that become durable together.
#[derive(Debug)]
pub(crate) struct Step {
    path: PathBuf,
    /// Where the batch begins in the file.
    from: u64,
    pub(crate) records: Vec<Record>,
    /// One for each line.
    pub(crate) arrival: Arrival,
    pub(crate) received: u64,
    pub(crate) rejected: BTreeMap<&'static str, u64>,
    /// By what the calls were attributed.
    pub(crate) by: BTreeMap<By, u64>,
    bytes_done: u64,
    file_ends: FileEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileEnd {
    NotYet,
    Read,
    Known,
}

impl Backfill {
    /// Reads on from the checkpoints that the store has; the intake takes the records.
    pub fn new(
        options: BackfillOptions,
        intake: Intake,
        checkpoints: impl Fn(&str) -> Option<Checkpoint> + Send + Sync + 'static,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { options, intake, checkpoints: Box::new(checkpoints), clock }
    }

    /// Reads everything. `progress` is called after each batch that became durable. An error leaves what was
    /// acknowledged in the store; the next run goes on behind it.
    pub async fn run(self, mut progress: impl FnMut(&Progress)) -> Result<Progress, Error> {
        let Self { options, intake, checkpoints, clock } = self;
        let found = files::find(&options.paths)?;
        let mut so_far = Progress { files: found.len() as u64, ..Progress::default() };
        for path in &found {
            so_far.bytes += length(path)?;
        }
        progress(&so_far);

        let tasks = TaskGroup::new();
        let (send, mut steps) = mpsc::channel(BATCHES_AHEAD);
        let door = intake.door(Source::DataCapture);
        let now = clock.now();
        let reader = Reader { options, checkpoints, this_run: HashMap::new(), now, door, steps: send };
        tasks.spawn_blocking("backfill reader", move || reader.read_all(&found));
        while let Some(step) = steps.recv().await {
            let Step { path, from, records, arrival, received, rejected, bytes_done, file_ends, by: _ } =
                step?;
            if !records.is_empty() {
                let submitted = intake.submit_arrived(records, vec![arrival]).await;
                let acknowledged = submitted.map_err(|_| Error::JournalClosed { path, offset: from })?;
                so_far.stored += acknowledged.stored;
                so_far.duplicates += acknowledged.duplicates;
            }
            so_far.received += received;
            for (reason, count) in rejected {
                *so_far.rejected.entry(reason.to_owned()).or_default() += count;
            }
            so_far.bytes_done += bytes_done;
            so_far.files_done += u64::from(file_ends != FileEnd::NotYet);
            so_far.files_known += u64::from(file_ends == FileEnd::Known);
            progress(&so_far);
        }
        Ok(so_far)
    }
}

impl fmt::Debug for Backfill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backfill").field("options", &self.options).finish_non_exhaustive()
    }
}

struct Reader {
    options: BackfillOptions,
    checkpoints: Lookup,
    /// A copy of a file in the same run is the same file.
    this_run: HashMap<String, Checkpoint>,
    now: Timestamp,
    door: Door,
    steps: mpsc::Sender<Result<Step, Error>>,
}

impl Reader {
    fn read_all(mut self, files: &[PathBuf]) {
        for path in files {
            match self.read_file(path) {
                Ok(true) => {}
                // The other end is gone.
                Ok(false) => return,
                Err(error) => {
                    let _ = self.steps.blocking_send(Err(error));
                    return;
                }
            }
        }
    }

    /// `false` when nobody takes the batches any more.
    fn read_file(&mut self, path: &Path) -> Result<bool, Error> {
        let read = |err| Error::Read { path: path.to_owned(), err };
        let fingerprint = files::fingerprint(path)?;
        let size = length(path)?;
        let before = || (self.checkpoints)(&fingerprint);
        let known = self.this_run.get(&fingerprint).cloned().or_else(before);
        if known.as_ref().is_some_and(|checkpoint| checkpoint.finished_at.is_some_and(|at| at >= size)) {
            let mut step = Step::new(path, size, &self.door);
            (step.bytes_done, step.file_ends) = (size, FileEnd::Known);
            return Ok(self.steps.blocking_send(Ok(step)).is_ok());
        }
        let from = known.map_or(0, |checkpoint| checkpoint.offset).min(size);
        let common = self.common(path, &fingerprint);
        let mut file = File::open(path).map_err(read)?;
        file.seek(SeekFrom::Start(from)).map_err(read)?;
        let mut lines = Lines::new(file, from);
        let mut batch = Batch::begin(path, from, &self.door);
        // What an earlier run has read counts as done.
        batch.step.bytes_done = from;
        loop {
            let start = lines.offset();
            let line = lines.next().map_err(read)?;
            let Some(line) = line else { break };
            batch.take(&common, start, &line);
            let end = lines.offset();
            batch.step.bytes_done += end - start;
            if batch.is_full() {
                let next = Batch { resume_at: batch.resume_at, ..Batch::begin(path, end, &self.door) };
                let full = std::mem::replace(&mut batch, next);
                if !self.send(full, &common, None) {
                    return Ok(false);
                }
            }
        }
        let finished_at = lines.offset();
        batch.step.file_ends = FileEnd::Read;
        Ok(self.send(batch, &common, Some(finished_at)))
    }

    fn send(&mut self, batch: Batch, common: &Common, finished_at: Option<u64>) -> bool {
        let (step, checkpoint) = batch.close(common, self.now, finished_at);
        self.this_run.insert(checkpoint.file.clone(), checkpoint);
        self.steps.blocking_send(Ok(step)).is_ok()
    }

    fn common(&self, path: &Path, fingerprint: &str) -> Common {
        let place = Place::of(path);
        let fallback = || self.options.endpoint.clone().unwrap_or_else(|| self.options.origin.clone());
        let (endpoint, variant) =
            place.map_or_else(|| (fallback(), String::new()), |place| (place.endpoint, place.variant));
        Common {
            origin: self.options.origin.clone(),
            endpoint,
            variant,
            capture_probability: self.options.capture_probability,
            fingerprint: fingerprint.to_owned(),
            attribution: self.options.attribution.clone(),
            fields: self.options.fields.clone(),
        }
    }
}

pub(crate) struct Batch {
    step: Step,
    bytes: usize,
    /// Where a later run goes on: behind the last line that was whole.
    resume_at: u64,
    /// Of the last call.
    target: Option<TargetKey>,
}

impl Batch {
    /// A batch that begins here.
    pub(crate) fn begin(path: &Path, from: u64, door: &Door) -> Self {
        Self { step: Step::new(path, from, door), bytes: 0, resume_at: from, target: None }
    }

    /// Where a later run goes on.
    pub(crate) fn resume_at(&self) -> u64 {
        self.resume_at
    }

    /// Ends the batch with its losses and the checkpoint that vouches for it.
    pub(crate) fn close(
        self,
        common: &Common,
        now: Timestamp,
        finished_at: Option<u64>,
    ) -> (Step, Checkpoint) {
        let Self { mut step, resume_at, .. } = self;
        for (reason, count) in &step.rejected {
            step.records.push(Record::Loss(Loss {
                source: Source::DataCapture,
                target: Some(common.nobody()),
                time: now,
                outcome: LedgerOutcome::Rejected,
                reason: (*reason).to_owned(),
                count: *count,
            }));
        }
        let checkpoint = Checkpoint { file: common.fingerprint.clone(), offset: resume_at, finished_at };
        step.records.push(Record::Checkpoint(checkpoint.clone()));
        (step, checkpoint)
    }

    pub(crate) fn take(&mut self, common: &Common, start: u64, line: &Line<'_>) {
        let (bytes, terminated, end) = match *line {
            Line::TooLong { end } => {
                self.arrive();
                self.reject("too_long");
                self.resume_at = end;
                return;
            }
            Line::Whole { bytes, terminated, end } => (bytes, terminated, end),
        };
        if bytes.trim_ascii().is_empty() {
            self.resume_at = end;
            return;
        }
        self.arrive();
        match parse_line_with(bytes, &common.fields) {
            Ok(call) => {
                let (inference, by) = common.inference(call, start, &mut self.target);
                *self.step.by.entry(by).or_default() += 1;
                let inference = redact_inference(inference);
                self.step.records.push(Record::Inference(Arc::new(inference)));
                self.bytes += bytes.len();
                self.resume_at = end;
            }
            Err(error) => {
                self.reject(error.reason());
                // A last line without an end may be one that is still being written: a later run that finds the
                // file longer reads it again.
                self.resume_at = if terminated { end } else { start };
            }
        }
    }

    fn arrive(&mut self) {
        self.step.received += 1;
        self.step.arrival.more(1);
    }

    fn reject(&mut self, reason: &'static str) {
        *self.step.rejected.entry(reason).or_default() += 1;
    }

    pub(crate) fn is_full(&self) -> bool {
        self.step.received >= BACKFILL_BATCH as u64 || self.bytes >= BACKFILL_BATCH_BYTES
    }
}

impl Step {
    fn new(path: &Path, from: u64, door: &Door) -> Self {
        Self {
            path: path.to_owned(),
            from,
            records: Vec::new(),
            arrival: door.enter(0),
            received: 0,
            rejected: BTreeMap::new(),
            by: BTreeMap::new(),
            bytes_done: 0,
            file_ends: FileEnd::NotYet,
        }
    }
}

fn length(path: &Path) -> Result<u64, Error> {
    let read = |err| Error::Read { path: path.to_owned(), err };
    Ok(std::fs::metadata(path).map_err(read)?.len())
}
