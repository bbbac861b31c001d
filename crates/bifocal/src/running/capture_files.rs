//! The answers of SageMaker endpoints from their Data Capture files, and how much of the calls they show.
//!
//! Life of the data: the watcher of endpoints says where files lie and whose calls are in them, each endpoint's bucket is
//! listed and read once a minute, or, where a queue tells of files, read as they are told of and listed every 15 minutes as
//! a safety net. When all files of an hour are there, they are held against the calls that CloudWatch counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bifocal_aws::Aws;
use bifocal_capture::data_capture::{Bucket, BucketOptions, Hour, Inbox, Round, Shares};
use bifocal_infra::cloudwatch::calls;
use bifocal_model::{Reading, ReadingSubject, Source, Span, TargetKey, Timestamp};
use bifocal_store::{Intake, Reader, Record};
use bifocal_telemetry::{Clock, Drain, Metric, Telemetry, sleep};
use tokio::sync::watch;

use crate::config::SageMakerTarget;
use crate::sagemaker::sight;

/// Between two looks at a bucket: a listing of three hours for each variant.
const EVERY: Span = Span::from_mins(1);
/// Between two listings where a queue tells of files.
const LIST_EVERY: Span = Span::from_mins(15);
/// After an error of the queue.
const RETRY: Span = Span::from_secs(15);
/// Files of calls so old are read when an endpoint is seen for the first time.
const CATCH_UP: Span = Span::from_secs(24 * 3600);

/// Where answers lie.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) aws: Aws,
    pub(super) buckets: Vec<BucketOptions>,
    /// Log groups of the containers of each target.
    pub(super) log_groups: Vec<(TargetKey, Vec<String>)>,
}

/// Reads the files of one target's endpoints.
pub(super) struct CaptureFiles {
    target: SageMakerTarget,
    found: watch::Receiver<Option<Found>>,
    intake: Intake,
    reader: Reader,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
    endpoints: BTreeMap<String, Captured>,
    /// Notifications of files, once it is known who calls.
    inbox: Option<Inbox>,
    /// Problems that were logged and have not gone away.
    told: BTreeSet<String>,
    /// The same of the queue.
    queue_trouble: Option<String>,
}

struct Captured {
    bucket: Bucket,
    /// When it was listed last without an error.
    listed: Option<Timestamp>,
    /// The newest hour that is still to be held against the calls.
    hour: Option<Hour>,
    /// What the last of them showed.
    shares: Option<Shares>,
}

impl CaptureFiles {
    pub(super) fn new(
        target: &SageMakerTarget,
        found: watch::Receiver<Option<Found>>,
        intake: &Intake,
        reader: &Reader,
        clock: &Arc<dyn Clock>,
        telemetry: &Telemetry,
    ) -> Self {
        Self {
            target: target.clone(),
            found,
            intake: intake.clone(),
            reader: reader.clone(),
            clock: Arc::clone(clock),
            telemetry: telemetry.clone(),
            endpoints: BTreeMap::new(),
            inbox: None,
            told: BTreeSet::new(),
            queue_trouble: None,
        }
    }

    pub(super) async fn run(mut self, mut drain: Drain) {
        // The first look of the watcher, or its end.
        tokio::select! {
            () = drain.requested() => return,
            found = self.found.wait_for(Option::is_some) => if found.is_err() { return },
        }
        while !drain.is_requested() {
            tokio::select! {
                () = drain.requested() => return,
                () = self.turn() => {}
            }
            let until = self.clock.now() + EVERY;
            tokio::select! {
                () = drain.requested() => return,
                () = self.wait(until) => {}
            }
        }
    }

    /// Reads what is told of until then.
    async fn wait(&mut self, until: Timestamp) {
        loop {
            let left = until.since(self.clock.now());
            if left == Span::ZERO {
                return;
            }
            // Without endpoints every notification would be of others, and be deleted.
            let Some(inbox) = self.inbox.as_mut().filter(|_| !self.endpoints.is_empty()) else {
                return sleep(&*self.clock, left).await;
            };
            let mut buckets: Vec<&mut Bucket> =
                self.endpoints.values_mut().map(|captured| &mut captured.bucket).collect();
            let turn = inbox.turn(&mut buckets).await;
            let is_in_trouble = inbox.is_in_trouble();
            match turn {
                Ok(turn) => {
                    self.count(&turn.round);
                    if !is_in_trouble {
                        self.queue_trouble = None;
                    }
                }
                Err(err) => {
                    let is_of_a_file = matches!(err, bifocal_capture::Error::Bucket { .. });
                    let causes = format!("{:#}", anyhow::Error::from(err));
                    if self.queue_trouble.as_ref() != Some(&causes) {
                        let then = if is_of_a_file {
                            "it is tried again every minute, others are read"
                        } else {
                            "until then files are found by listing, every 15 minutes"
                        };
                        tracing::warn!(target = self.target.pattern, "{causes}; {then}");
                    }
                    self.queue_trouble = Some(causes);
                    if !is_of_a_file {
                        sleep(&*self.clock, RETRY).await;
                    }
                }
            }
        }
    }

    async fn turn(&mut self) {
        let Some(Found { aws, buckets, .. }) = self.found.borrow_and_update().clone() else { return };
        self.follow(&aws, buckets);
        if let (None, Some(queue)) = (&self.inbox, &self.target.queue) {
            let (clock, telemetry) = (Arc::clone(&self.clock), self.telemetry.clone());
            self.inbox = Some(Inbox::new(&aws, queue.clone(), clock, telemetry));
        }
        let list_every = if self.inbox.is_some() { LIST_EVERY } else { Span::ZERO };
        let mut problems = BTreeSet::new();
        let mut endpoints = std::mem::take(&mut self.endpoints);
        for (endpoint, captured) in &mut endpoints {
            let now = self.clock.now();
            let is_due = captured.listed.is_none_or(|listed| now.since(listed) >= list_every);
            let listed = if is_due { Some(captured.bucket.round().await) } else { None };
            match listed {
                None => {}
                Some(Ok(round)) => {
                    // A file that failed is looked for again at the next turn; a young one is told of.
                    captured.listed = (round.failed == 0).then_some(now);
                    self.count(&round);
                    if let Some(err) = captured.bucket.take_trouble() {
                        let (causes, n) = (anyhow::Error::from(err), round.refused);
                        problems.insert(format!(
                            "`{endpoint}`: {causes:#}; {n} files could not be read, the first of them this one; others were"
                        ));
                    }
                }
                Some(Err(err)) => {
                    let causes = anyhow::Error::from(err);
                    problems
                        .insert(format!("`{endpoint}`: {causes:#}; its captured answers wait until then"));
                }
            }
            let delivered = captured.bucket.delivered();
            if let Some(hour) = delivered.into_iter().rfind(|hour| !hour.tally.is_partial) {
                captured.hour = Some(hour);
            }
            if let Err(err) = self.compare(&aws, captured).await {
                let lost = "the share of the calls that Data Capture shows";
                problems.insert(format!(
                    "`{endpoint}`: failed to {err}; unknown until then: {lost}; {}",
                    err.advice()
                ));
            }
            self.tell(captured).await;
        }
        self.endpoints = endpoints;
        for problem in problems.difference(&self.told) {
            tracing::warn!(target = self.target.pattern, "{problem}");
        }
        self.told = problems;
    }

    /// Takes up new endpoints, learns of changes, forgets those that capture no more.
    fn follow(&mut self, aws: &Aws, buckets: Vec<BucketOptions>) {
        let mut before = std::mem::take(&mut self.endpoints);
        for options in buckets {
            let name = options.endpoint.clone();
            let same = before.remove(&name).filter(|captured| {
                let old = captured.bucket.options();
                (&old.bucket, &old.prefix) == (&options.bucket, &options.prefix)
            });
            let captured = match same {
                Some(mut captured) => {
                    captured.bucket.describe(options);
                    captured
                }
                None => Captured { bucket: self.open(aws, options), listed: None, hour: None, shares: None },
            };
            self.endpoints.insert(name, captured);
        }
    }

    fn open(&self, aws: &Aws, options: BucketOptions) -> Bucket {
        let reader = self.reader.clone();
        let known = move |file: &str| reader.checkpoint(file);
        let from = self.clock.now() - CATCH_UP;
        let (intake, clock) = (self.intake.clone(), Arc::clone(&self.clock));
        Bucket::new(options, aws.clone(), intake, known, from, clock, self.telemetry.clone())
    }

    /// Holds the last hour that is delivered against the calls of it.
    async fn compare(&self, aws: &Aws, captured: &mut Captured) -> Result<(), bifocal_aws::Error> {
        let Some(hour) = &captured.hour else { return Ok(()) };
        let options = captured.bucket.options();
        let counted = calls(aws, &options.endpoint, &options.variants, hour.window).await?;
        captured.shares =
            counted.and_then(|counted| sight(&self.target, options, &hour.tally, counted).shares());
        captured.hour = None;
        Ok(())
    }

    /// Says again what the last hour showed: it stands until the next one is over.
    async fn tell(&self, captured: &Captured) {
        let Some(shares) = captured.shares else { return };
        let options = captured.bucket.options();
        let known = [
            ("capture_attributed_ratio", Some(shares.attributed)),
            ("capture_unattributed_ratio", Some(shares.unattributed)),
            ("capture_invisible_ratio", Some(shares.invisible)),
            // Chance lifts it above 1, which says no more than 1 does.
            ("capture_coverage_ratio", shares.coverage.map(|share| share.min(1.0))),
            ("capture_coverage_upper_ratio", shares.coverage_upper.map(|share| share.min(1.0))),
        ];
        let reading = |(signal, value): (&str, Option<f64>)| {
            Some(Record::Reading(Reading {
                signal: signal.to_owned(),
                subject: ReadingSubject::Origin(options.origin.clone()),
                part: options.endpoint.clone(),
                time: self.clock.now(),
                value: value?,
                source: Source::SageMaker,
            }))
        };
        let readings = known.into_iter().filter_map(reading).collect();
        if self.intake.submit(readings).await.is_err() {
            tracing::debug!("the store is closed: shares of captured calls are not kept");
        }
    }

    fn count(&self, round: &Round) {
        for (outcome, count) in [("read", round.read), ("waiting", round.waiting), ("failed", round.failed)] {
            self.telemetry.count(Metric::CaptureFiles, &[outcome], count);
        }
    }
}
