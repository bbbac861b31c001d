//! The judge at work: workers that take chosen inferences from the queue, ask the judge and write what it says.
//!
//! The life of one inference: chosen and recorded so with itself, queued, paid for from the budget, asked about once
//! per dimension (with up to two more tries where the failure may pass), scored, joined into a composite, recorded.
//! Every way out that is not a score is a typed failure or a selection with the reason why it was shed. While the judge is
//! away nothing is asked but for one try now and then: what is in hand goes back, what waits goes on waiting, and that time
//! ends nobody's patience.

mod anchors;
mod asking;
mod cheap;
mod second;

use std::collections::VecDeque;
use std::hash::Hasher as _;
use std::sync::{Arc, PoisonError};

use bifocal_model::{Cost, Dimension, EvaluatorKind, InferenceId, Score, Shed, Span};
use bifocal_redact::{Redacted, redact_score};
use bifocal_store::{Intake, Record};
use bifocal_telemetry::{Clock, Drain, Metric, TaskGroup, Telemetry};
use siphasher::sip::SipHasher13;
use tokio::sync::{Mutex, mpsc};

use super::breaker::Breaker;
use super::budget::Spent;
use super::queue::{Job, JudgeQueue, Shared};
use super::transport::Transport;
use super::way::Way;
use super::{AnchorDesk, Anchors, Confirmer, Judge};
use crate::limits::{CIRCUIT_TRIES, WAIT_SECONDS};
use crate::{Composite, Error};
use asking::Asked;

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    /// The judge.
    pub judge: Judge,
    /// The way to it.
    pub transport: Arc<dyn Transport>,
    /// Where records go.
    pub intake: Intake,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub telemetry: Telemetry,
    /// Makes nonces that no caller can know.
    pub secret: [u8; 16],
    /// What was spent before a restart.
    pub spent: Spent,
    /// Frozen answers to be scored again and again.
    pub anchors: Option<Anchors>,
    /// Who confirms what the judge calls clearly harmful; `None` where safety is not judged.
    pub second: Option<Second>,
    /// Who scores many answers for less.
    pub cheap: Option<Cheap>,
}

/// The cheap judge, and the way there.
#[derive(Debug)]
pub struct Cheap {
    /// Who.
    pub judge: Judge,
    /// The way.
    pub transport: Arc<dyn Transport>,
}

/// Who gives the second word, and the way there.
#[derive(Debug)]
pub struct Second {
    /// Who.
    pub confirmer: Confirmer,
    /// The way.
    pub transport: Arc<dyn Transport>,
}

/// The workers.
#[derive(Debug)]
pub struct JudgeService {
    worker: Arc<Worker>,
    concurrency: usize,
}

#[derive(Debug)]
struct Worker {
    shared: Arc<Shared>,
    jobs: Mutex<mpsc::Receiver<Job>>,
    intake: Intake,
    composite: Composite,
    second: Option<Confirmer>,
    cheap: Option<Judge>,
    secret: [u8; 16],
    concurrency: usize,
}

/// Anchors that are scored at the same time: traffic goes first.
const ANCHORS_AT_ONCE: usize = 4;

impl JudgeService {
    /// The service and the queue in front of it.
    pub fn new(parts: Parts) -> Result<(Self, JudgeQueue), Error> {
        let config = parts.judge.config();
        let composite = Composite::new(&config.weights(), config.composite_pass_mark)?;
        let concurrency = config.concurrency;
        let desk = parts.anchors.map(|anchors| {
            let dimensions = parts.judge.dimensions().map(|(dimension, _)| dimension);
            AnchorDesk::new(anchors, dimensions, parts.judge.config().anchor_share)
        });
        let way = |judge: &Judge, role, way| Way::new(judge, role, way, &parts.clock, &parts.telemetry);
        let first = way(&parts.judge, "first", (parts.transport, Arc::new(Breaker::default())));
        let (second_way, second) = match parts.second {
            Some(Second { confirmer, transport }) => {
                // A second call of the same judge goes the way of the first.
                let other = confirmer.is_other().then(|| (transport, Arc::new(Breaker::default())));
                (other.map(|other| Arc::new(way(confirmer.judge(), "second", other))), Some(confirmer))
            }
            None => (None, None),
        };
        let (cheap_way, cheap) = match parts.cheap {
            Some(Cheap { judge, transport }) => {
                let to = (transport, Arc::new(Breaker::default()));
                (Some(Arc::new(way(&judge, "cheap", to))), Some(judge))
            }
            None => (None, None),
        };
        let (clock, telemetry) = (Arc::clone(&parts.clock), parts.telemetry.clone());
        let (queue, jobs) =
            JudgeQueue::new(parts.judge, clock, telemetry, parts.spent, desk, (first, second_way, cheap_way));
        let worker = Worker {
            shared: Arc::clone(&queue.shared),
            jobs: Mutex::new(jobs),
            intake: parts.intake,
            composite,
            second,
            cheap,
            secret: parts.secret,
            concurrency,
        };
        Ok((Self { worker: Arc::new(worker), concurrency }, queue))
    }

    /// Starts as many workers as calls may run at the same time, and the one that writes what was shed. Stop the
    /// sources first: what is offered after the workers have ended is shed without a record.
    pub fn start(self, tasks: &TaskGroup) {
        for _ in 0..self.concurrency {
            tasks.spawn("judge", Arc::clone(&self.worker).work(tasks.drain()));
        }
        for _ in 0..self.concurrency.min(ANCHORS_AT_ONCE) {
            tasks.spawn("judge anchors", Arc::clone(&self.worker).score_anchors(tasks.drain()));
        }
        tasks.spawn("judge sheds", self.worker.watch_sheds(tasks.drain()));
    }
}

impl Worker {
    /// Takes one job after the other. Told to end, it finishes the one it has; the selections of what still waits are in
    /// the journal, and the next start judges them.
    async fn work(self: Arc<Self>, mut drain: Drain) {
        loop {
            let job = tokio::select! {
                biased;
                () = drain.requested() => break,
                job = self.next() => job,
            };
            let Some(job) = job else { break };
            if !job.is_chosen {
                // The judge is not asked: whether it is away does not matter.
                let scores = self.ask_cheap(&job).await;
                if !self.write_scores(scores).await {
                    break;
                }
                self.shared.cheap_waits.done(job.inference.id);
                continue;
            }
            if !self.shared.way.open(&mut drain).await || !self.judge(job).await {
                break;
            }
        }
        self.jobs.lock().await.close();
        self.write_sheds().await;
    }

    /// What was given back comes first; while the judge is away others are tried too, for it may be the question.
    async fn next(&self) -> Option<Job> {
        let is_away = !self.shared.way.breaker.is_closed();
        let most = self.concurrency.max(2);
        if is_away
            && self.shared.returned(|jobs| jobs.len()) < most
            && let Ok(mut jobs) = self.jobs.try_lock()
            && let Ok(job) = jobs.try_recv()
        {
            return Some(job);
        }
        if let Some(job) = self.shared.returned(VecDeque::pop_front) {
            return Some(job);
        }
        let mut jobs = self.jobs.lock().await;
        let job = jobs.recv().await;
        self.shared.telemetry.gauge(Metric::JudgeQueue, &[]).set(jobs.len() as u64);
        job
    }

    /// Writes what was shed until the end; the workers write what the end itself sheds.
    async fn watch_sheds(self: Arc<Self>, mut drain: Drain) {
        loop {
            tokio::select! {
                biased;
                () = drain.requested() => return,
                () = self.shared.shed_waits.notified() => {}
            }
            if !self.write_sheds().await {
                return;
            }
        }
    }

    async fn write_sheds(&self) -> bool {
        let sheds = self.shared.take_sheds();
        sheds.is_empty() || self.write(sheds.into_iter().map(Record::Selection).collect()).await
    }

    /// Judges one inference; false when nothing can be written any more.
    async fn judge(&self, mut job: Job) -> bool {
        let now = self.shared.clock.now();
        let breaker = &self.shared.way.breaker;
        // While the judge was away nothing waited for us.
        if now.since(job.queued) + job.away > Span::from_secs(WAIT_SECONDS) + breaker.away(now) {
            breaker.not_tried(now);
            self.shared.shed(&job, Shed::Expired);
            return true;
        }
        let judge = &self.shared.judge;
        let is_done = |dimension: &Dimension| {
            job.done.iter().any(|score| score.kind == EvaluatorKind::Judge && score.dimension == *dimension)
        };
        let is_asked = |dimension: &Dimension| job.choice.is_on(dimension) && !is_done(dimension);
        let mut requests = Vec::new();
        for (dimension, _) in judge.dimensions().filter(|(dimension, _)| is_asked(dimension)) {
            let nonce = self.nonce(job.inference.id, &dimension);
            match judge.request(&job.inference, &job.choice, &dimension, nonce) {
                Ok(request) => requests.push(request),
                Err(err) => {
                    // The templates are compiled in and were tried when the judge was made.
                    tracing::error!(error = %err, "a request to the judge could not be built");
                    breaker.not_tried(now);
                    self.shared.shed(&job, Shed::Expired);
                    return true;
                }
            }
        }
        let mut reserved: u64 = requests.iter().map(|request| request.estimated_tokens).sum();
        if !self.budget(|budget| budget.try_reserve(now, reserved)) {
            breaker.not_tried(now);
            self.shared.telemetry.limit_hit("judge_budget");
            self.shared.shed(&job, Shed::Budget);
            return true;
        }
        // The cheap judge first: what is foretold is known when the judge's own word comes.
        if job.cheap.is_some() {
            job.done.extend(self.ask_cheap(&job).await);
            job.cheap = None;
        }
        for request in &requests {
            let Asked { score, spent, is_away } = self.ask_of(judge, &self.shared.way, request).await;
            let now = self.shared.clock.now();
            self.budget(|budget| budget.settle(now, request.estimated_tokens, &spent));
            reserved -= request.estimated_tokens;
            self.earn_anchors(&score.cost);
            if is_away && self.may_wait(&mut job) {
                self.budget(|budget| budget.settle(now, reserved, &Cost::default()));
                self.shared.returned(|jobs| jobs.push_back(job));
                return true;
            }
            job.done.push(redact_score(score));
        }
        let mut scores = std::mem::take(&mut job.done);
        scores.extend(self.composite.score(&scores, self.shared.clock.now()));
        let confirmation = self.confirm(&job, &scores).await;
        scores.extend(confirmation);
        let is_written = self.write_scores(scores).await;
        if is_written {
            self.shared.cheap_waits.done(job.inference.id);
        }
        is_written
    }

    async fn write_scores(&self, scores: Vec<Score<Redacted>>) -> bool {
        let records: Vec<Record> = scores.into_iter().map(|score| Record::Score(Arc::new(score))).collect();
        records.is_empty() || self.write(records).await
    }

    /// Whether a job that the judge was away for is asked about again: not when the judge has answered others since, for
    /// then it is the question, and not for ever.
    fn may_wait(&self, job: &mut Job) -> bool {
        let closed = self.shared.way.breaker.times_closed();
        let first = *job.failed_at.get_or_insert(closed);
        job.failures += 1;
        if job.failures >= CIRCUIT_TRIES {
            self.shared.telemetry.limit_hit("judge_circuit_tries");
        }
        first == closed && job.failures < CIRCUIT_TRIES
    }

    /// The nonce of one question: the same for every try of it, and unknown to who does not know the secret.
    fn nonce(&self, inference: InferenceId, dimension: &Dimension) -> [u8; 16] {
        let half = |which: &[u8]| self.hash(&[which, inference.as_bytes(), dimension.as_str().as_bytes()]);
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&half(b"a").to_le_bytes());
        nonce[8..].copy_from_slice(&half(b"b").to_le_bytes());
        nonce
    }

    fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.secret);
        parts.iter().for_each(|part| hasher.write(part));
        hasher.finish()
    }

    fn budget<T>(&self, work: impl FnOnce(&mut super::Budget) -> T) -> T {
        work(&mut self.shared.budget.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until the records are durable; false when the journal is closed.
    async fn write(&self, records: Vec<Record>) -> bool {
        match self.intake.submit(records).await {
            Ok(_) => true,
            Err(refused) => {
                tracing::warn!(error = %refused, "the judge's records were not written");
                false
            }
        }
    }
}

fn add(sum: &mut Cost, cost: &Cost) {
    sum.input_tokens = sum.input_tokens.saturating_add(cost.input_tokens);
    sum.output_tokens = sum.output_tokens.saturating_add(cost.output_tokens);
    sum.usd = match (sum.usd, cost.usd) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0)),
    };
}

#[cfg(test)]
mod tests;
