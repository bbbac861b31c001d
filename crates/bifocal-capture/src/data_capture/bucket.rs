//! The capture files of one endpoint in S3, read as they are delivered.
//!
//! Files lie under `PREFIX/ENDPOINT/VARIANT/yyyy/mm/dd/hh/` by the hour of the call and are delivered minutes later,
//! not in the order of their names: each round lists the hours from two before the newest on again, and reads what it
//! does not know. A file's checkpoint is in the journal frame of its records, and is the same for a copy on disk.
//!
//! A notification ([`super::inbox`]) names a file before the next listing does: it is read the same way, and counts once.
//!
//! Files younger than [`SETTLE`] wait, so that the proxy's view of a call is stored before the one here joins it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bifocal_aws::{Aws, Kind, Object};
use bifocal_model::{Probability, Source, Span, Timestamp};
use bifocal_store::{Checkpoint, Intake};
use bifocal_telemetry::{Clock, Metric, Telemetry};
use bifocal_wire::Fields;
use bifocal_wire::s3_notice::WrittenObject;

use crate::data_capture::attribution::Attribution;
use crate::data_capture::backfill::{Batch, Lookup};
use crate::data_capture::files::fingerprint_of;
use crate::data_capture::hours::{HOUR, Hour, Hours, Tally};
use crate::data_capture::lines::Lines;
use crate::data_capture::place::{Place, stable_end};
use crate::data_capture::record::Common;
use crate::error::Error;
use crate::limits::{CAPTURE_OBJECT_BYTES, CAPTURE_OBJECTS_KNOWN, CAPTURE_OBJECTS_REFUSED};

/// A call of a container takes up to a minute: by then the proxy has stored its view.
pub(super) const SETTLE: Span = Span::from_secs(120);
/// Hours before the newest that are listed again.
const HOURS_AGAIN: i64 = 2;
/// Hours in which a file that may not be read is looked for again: whoever forgot the permission sees it in a day.
const HOURS_REFUSED: i64 = 24;

/// Where the files of an endpoint lie and whose calls are in them.
#[derive(Clone, Debug, PartialEq)]
pub struct BucketOptions {
    /// `sagemaker/<account>/<region>`.
    pub origin: String,
    /// The endpoint.
    pub endpoint: String,
    /// Its production variants.
    pub variants: Vec<String>,
    /// The bucket.
    pub bucket: String,
    /// What stands before the endpoint's name, without a slash at its end.
    pub prefix: String,
    /// `InitialSamplingPercentage` as a probability.
    pub capture_probability: Probability,
    /// What is known of the endpoint's components.
    pub attribution: Attribution,
    /// Fields of requests that hold what their answers are to be made from.
    pub fields: Fields,
}

/// The files of an endpoint.
pub struct Bucket {
    options: BucketOptions,
    aws: Aws,
    intake: Intake,
    checkpoints: Lookup,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
    /// Objects read to their end by this process, with their ETags; the oldest hours are forgotten.
    known: HashMap<String, String>,
    pub(crate) objects_known_max: usize,
    pub(crate) object_bytes_max: usize,
    /// Calls of earlier hours are in no tally: their files may have been read by another process.
    first: Timestamp,
    /// The hour from which on the next round lists.
    from: Timestamp,
    /// When the last round began that went through to its end.
    listed: Option<Timestamp>,
    hours: Hours,
    /// Why files could not be read that others went past: the first of a round.
    trouble: Option<Error>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Took {
    /// It is none of this endpoint.
    Elsewhere,
    /// What it holds is durable, or it cannot be read, now or later.
    Done,
    /// It is too young or was cut off on the way.
    NotYet,
}

/// What a round did. received = stored + duplicates + rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Objects that were listed.
    pub listed: u64,
    /// Objects that were read.
    pub read: u64,
    /// Objects that are too young.
    pub waiting: u64,
    /// Objects that were gone, cut off, too large or refused; all but those gone are tried again.
    pub failed: u64,
    /// Those of them that may not be read, or whose reading S3 did not answer. The first has its error in
    /// [`Bucket::take_trouble`].
    pub refused: u64,
    /// Lines.
    pub received: u64,
    /// New calls.
    pub stored: u64,
    /// Calls that were there already, joined ones included.
    pub duplicates: u64,
    /// Lines that could not be read, by reason.
    pub rejected: BTreeMap<String, u64>,
}

impl BucketOptions {
    /// From the destination and the percentage of an endpoint that captures; `None` where nothing can be found: at 0%
    /// nothing is captured, and no count can divide by it.
    pub fn at(
        origin: &str,
        endpoint: &str,
        variants: Vec<String>,
        destination: &str,
        percent: Option<f64>,
        attribution: Attribution,
    ) -> Option<Self> {
        let place = destination.strip_prefix("s3://")?;
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        Some(Self {
            origin: origin.to_owned(),
            endpoint: endpoint.to_owned(),
            variants,
            bucket: bucket.to_owned(),
            prefix: prefix.trim_end_matches('/').to_owned(),
            capture_probability: Probability::new(percent.unwrap_or(100.0) / 100.0)
                .filter(|p| p.get() > 0.0)?,
            attribution,
            fields: Fields::default(),
        })
    }

    /// The place of an hour's files of a variant.
    pub(super) fn folder(&self, variant: &str, hour: Timestamp) -> String {
        let (date, hour) = hour.date_and_hour();
        let start = if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) };
        format!("{start}{}/{variant}/{}/{hour:02}/", self.endpoint, date.replace('-', "/"))
    }
}

impl Bucket {
    /// Reads files of calls from `from` on.
    pub fn new(
        options: BucketOptions,
        aws: Aws,
        intake: Intake,
        checkpoints: impl Fn(&str) -> Option<Checkpoint> + Send + Sync + 'static,
        from: Timestamp,
        clock: Arc<dyn Clock>,
        telemetry: Telemetry,
    ) -> Self {
        Self {
            options,
            aws,
            intake,
            checkpoints: Box::new(checkpoints),
            clock,
            telemetry,
            known: HashMap::new(),
            objects_known_max: CAPTURE_OBJECTS_KNOWN,
            object_bytes_max: CAPTURE_OBJECT_BYTES,
            first: from.floor_to(HOUR),
            from,
            listed: None,
            hours: Hours::default(),
            trouble: None,
        }
    }

    /// What is known of the endpoint now: its components come and go, its files stay where they are.
    pub fn describe(&mut self, options: BucketOptions) {
        self.options = options;
    }

    /// Where the files are.
    pub fn options(&self) -> &BucketOptions {
        &self.options
    }

    /// The hours of which all files were counted since the last time that this was asked.
    pub fn delivered(&mut self) -> Vec<Hour> {
        // An hour that could not be listed since holds files that nobody counted.
        self.listed.map(|listed| self.hours.delivered(listed)).unwrap_or_default()
    }

    /// Why files of the last round could not be read that the others went past: the first error.
    pub fn take_trouble(&mut self) -> Option<Error> {
        self.trouble.take()
    }

    /// Lists and reads what is new. A file that may not be read holds up no other one, and is looked for again for a day.
    /// After an error what was acknowledged is stored; the next round goes on.
    pub async fn round(&mut self) -> Result<Round, Error> {
        self.trouble = None;
        let now = self.clock.now();
        let newest = now.floor_to(HOUR);
        let mut round = Round::default();
        let mut hour = self.from.floor_to(HOUR);
        let mut oldest_refused = None;
        while hour <= newest {
            let refused = round.refused;
            for variant in self.options.variants.clone() {
                self.read_folder(&variant, hour, now, &mut round).await?;
            }
            if round.refused > refused {
                oldest_refused = oldest_refused.or(Some(hour));
            }
            hour = hour + HOUR;
        }
        let before = |hours: i64| newest - Span::from_mins(60 * hours);
        let again = oldest_refused.map_or(newest, |hour| hour.max(before(HOURS_REFUSED)));
        self.from = self.from.max(before(HOURS_AGAIN).min(again));
        self.listed = Some(now);
        Ok(round)
    }

    /// Reads a file that a notification names.
    pub(super) async fn read_written(
        &mut self,
        written: &WrittenObject,
        round: &mut Round,
    ) -> Result<Took, Error> {
        let Some((variant, hour)) = self.holds(written) else { return Ok(Took::Elsewhere) };
        let object = Object {
            key: written.key.clone(),
            etag: written.etag.clone().unwrap_or_default(),
            modified: Some(written.time),
            size: 0,
        };
        let now = self.clock.now();
        self.read_object((&variant, hour), &object, now, round).await
    }

    /// The variant and the hour of an object that is a file of this endpoint.
    fn holds(&self, written: &WrittenObject) -> Option<(String, Timestamp)> {
        let place = Place::of(Path::new(&written.key))?;
        let (folder, _) = written.key.rsplit_once('/')?;
        let is_here = self.options.bucket == written.bucket
            && self.options.folder(&place.variant, place.hour?) == format!("{folder}/");
        is_here.then_some((place.variant, place.hour?))
    }

    /// The tally of an hour, where all of its files are counted by this process.
    fn tally(&mut self, hour: Timestamp) -> Option<&mut Tally> {
        if hour < self.first { None } else { self.hours.at(hour) }
    }

    async fn read_folder(
        &mut self,
        variant: &str,
        hour: Timestamp,
        now: Timestamp,
        round: &mut Round,
    ) -> Result<(), Error> {
        let folder = self.options.folder(variant, hour);
        self.tally(hour);
        let mut page: Option<String> = None;
        loop {
            let listed = self.aws.list_objects(&self.options.bucket, &folder, None, page.as_deref()).await;
            let listed = listed.map_err(|err| self.failed(&folder, err))?;
            for object in &listed.objects {
                match self.read_object((variant, hour), object, now, round).await {
                    Ok(_) => {}
                    Err(err @ Error::Bucket { .. }) => self.refused(err, round)?,
                    Err(err) => return Err(err),
                }
            }
            page = listed.next;
            if page.is_none() {
                return Ok(());
            }
        }
    }

    async fn read_object(
        &mut self,
        folder: (&str, Timestamp),
        object: &Object,
        now: Timestamp,
        round: &mut Round,
    ) -> Result<Took, Error> {
        if !object.key.ends_with(".jsonl") {
            return Ok(Took::Elsewhere);
        }
        round.listed += 1;
        if self.known.get(&object.key) == Some(&object.etag) {
            return Ok(Took::Done);
        }
        if object.modified.is_some_and(|modified| now.since(modified) < SETTLE) {
            round.waiting += 1;
            return Ok(Took::NotYet);
        }
        let opened = self.aws.get_object(&self.options.bucket, &object.key, self.object_bytes_max).await;
        let read = match opened {
            Ok(body) => {
                let etag = body.etag().map(str::to_owned);
                body.read().await.map(|bytes| (etag, bytes))
            }
            Err(err) => Err(err),
        };
        let (etag, body) = match read {
            Ok(read) => read,
            // Gone, cut off on the way, or too large: the others go on, and the next round tries again.
            Err(err @ bifocal_aws::Error::Unreachable { .. }) => {
                self.passed_over(object, folder.1, &err, round);
                return Ok(Took::NotYet);
            }
            Err(err)
                if matches!(err, bifocal_aws::Error::TooLarge { .. }) || err.kind() == Kind::NotFound =>
            {
                self.passed_over(object, folder.1, &err, round);
                return Ok(Took::Done);
            }
            Err(err) => {
                if let Some(tally) = self.tally(folder.1) {
                    tally.is_partial = true;
                }
                return Err(self.failed(&object.key, err));
            }
        };
        self.read_body(folder, &object.key, &body, round).await?;
        round.read += 1;
        if self.known.len() >= self.objects_known_max {
            // They are known to the journal; reading them once more finds their checkpoints.
            self.telemetry.limit_hit("capture_objects_known");
            self.known.clear();
        }
        // What was read may be newer than what was listed or told.
        self.known.insert(object.key.clone(), etag.unwrap_or_else(|| object.etag.clone()));
        Ok(Took::Done)
    }

    /// Goes past a file of a round, unless that are too many.
    fn refused(&mut self, err: Error, round: &mut Round) -> Result<(), Error> {
        round.failed += 1;
        round.refused += 1;
        if round.refused >= CAPTURE_OBJECTS_REFUSED {
            self.telemetry.limit_hit("capture_objects_refused");
            return Err(self.trouble.take().unwrap_or(err));
        }
        self.trouble.get_or_insert(err);
        Ok(())
    }

    fn passed_over(&mut self, object: &Object, hour: Timestamp, err: &bifocal_aws::Error, round: &mut Round) {
        tracing::warn!(key = object.key, %err, "a capture file was passed over");
        if let bifocal_aws::Error::TooLarge { .. } = err {
            self.telemetry.limit_hit("capture_object_bytes");
        }
        round.failed += 1;
        if let Some(tally) = self.tally(hour) {
            tally.is_partial = true;
        }
    }

    async fn read_body(
        &mut self,
        (variant, hour): (&str, Timestamp),
        key: &str,
        body: &[u8],
        round: &mut Round,
    ) -> Result<(), Error> {
        let path = Path::new(key);
        let fingerprint = fingerprint_of(&stable_end(path), body);
        let size = body.len() as u64;
        let known = (self.checkpoints)(&fingerprint);
        // What another process has read of it is in no tally.
        let is_of_others = known.is_some() && !self.known.contains_key(key);
        if let Some(tally) = self.tally(hour).filter(|_| is_of_others) {
            tally.is_partial = true;
        }
        if known.as_ref().is_some_and(|known| known.finished_at.is_some_and(|at| at >= size)) {
            return Ok(());
        }
        let from = known.map_or(0, |known| known.offset).min(size);
        let common = Common {
            origin: self.options.origin.clone(),
            endpoint: self.options.endpoint.clone(),
            variant: variant.to_owned(),
            capture_probability: self.options.capture_probability,
            fingerprint,
            attribution: self.options.attribution.clone(),
            fields: self.options.fields.clone(),
        };
        let rest = usize::try_from(from).ok().and_then(|from| body.get(from..)).unwrap_or_default();
        let door = self.intake.door(Source::DataCapture);
        let mut lines = Lines::new(rest, from);
        let mut batch = Batch::begin(path, from, &door);
        let unreadable = |err| Error::Read { path: path.to_owned(), err };
        loop {
            let start = lines.offset();
            let Some(line) = lines.next().map_err(unreadable)? else { break };
            batch.take(&common, start, &line);
            if batch.is_full() {
                let next = Batch::begin(path, batch.resume_at(), &door);
                self.submit(std::mem::replace(&mut batch, next), &common, (hour, None), round).await?;
            }
        }
        self.submit(batch, &common, (hour, Some(size)), round).await
    }

    async fn submit(
        &mut self,
        batch: Batch,
        common: &Common,
        (hour, finished_at): (Timestamp, Option<u64>),
        round: &mut Round,
    ) -> Result<(), Error> {
        let offset = batch.resume_at();
        let (step, checkpoint) = batch.close(common, self.clock.now(), finished_at);
        round.received += step.received;
        if let Some(tally) = self.tally(hour) {
            tally.add(&step.by, step.rejected.values().sum());
        }
        for (by, count) in &step.by {
            self.telemetry.count(Metric::CaptureCalls, &[by.name()], *count);
        }
        for (reason, count) in &step.rejected {
            *round.rejected.entry((*reason).to_owned()).or_default() += count;
        }
        let submitted = self.intake.submit_arrived(step.records, vec![step.arrival]).await;
        let acknowledged =
            submitted.map_err(|_| Error::JournalClosed { path: checkpoint.file.into(), offset })?;
        round.stored += acknowledged.stored;
        round.duplicates += acknowledged.duplicates;
        Ok(())
    }

    fn failed(&self, key: &str, err: bifocal_aws::Error) -> Error {
        Error::Bucket { place: format!("s3://{}/{key}", self.options.bucket), err: Box::new(err) }
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket")
            .field("options", &self.options)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}
