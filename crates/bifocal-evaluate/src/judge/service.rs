//! The judge at work: workers that take chosen inferences from the queue, ask the judge and write what it says.
//!
//! The life of one inference: chosen and recorded so with itself, queued, paid for from the budget, asked about once
//! per dimension (with up to two more tries where the failure may pass), scored, joined into a composite, recorded.
//! Every way out that is not a score is a typed failure or a selection with the reason why it was shed.

mod anchors;
mod second;

use std::hash::Hasher as _;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bifocal_model::{Cost, Dimension, InferenceId, Score, Shed, Span, Verdict};
use bifocal_redact::{Redacted, redact_score};
use bifocal_store::{Intake, Record};
use bifocal_telemetry::{Clock, Drain, Metric, TaskGroup, Telemetry};
use siphasher::sip::SipHasher13;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{sleep, timeout};

use super::budget::Spent;
use super::queue::{Job, JudgeQueue, Shared};
use super::transport::{PATH, Reply, Transport, TransportError};
use super::{AnchorDesk, Anchors, Confirmer, Judge, JudgeRequest, Taken};
use crate::limits::{ATTEMPTS, WAIT_SECONDS};
use crate::{Composite, Error};

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
    transport: Arc<dyn Transport>,
    intake: Intake,
    composite: Composite,
    second: Option<Second>,
    secret: [u8; 16],
    timeout: Duration,
}

/// Anchors that are scored at the same time: traffic goes first.
const ANCHORS_AT_ONCE: usize = 4;

impl JudgeService {
    /// The service and the queue in front of it.
    pub fn new(parts: Parts) -> Result<(Self, JudgeQueue), Error> {
        let config = parts.judge.config();
        let composite = Composite::new(&config.weights(), config.composite_pass_mark)?;
        let concurrency = config.concurrency;
        let timeout = Duration::from_secs_f64(config.timeout_seconds);
        let desk = parts.anchors.map(|anchors| {
            let dimensions = parts.judge.dimensions().map(|(dimension, _)| dimension);
            AnchorDesk::new(anchors, dimensions, parts.judge.config().anchor_share)
        });
        let (queue, jobs) = JudgeQueue::new(parts.judge, parts.clock, parts.telemetry, parts.spent, desk);
        let worker = Worker {
            shared: Arc::clone(&queue.shared),
            jobs: Mutex::new(jobs),
            transport: parts.transport,
            intake: parts.intake,
            composite,
            second: parts.second,
            secret: parts.secret,
            timeout,
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
            if !self.judge(job).await {
                break;
            }
        }
        self.jobs.lock().await.close();
        self.write_sheds().await;
    }

    async fn next(&self) -> Option<Job> {
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
    async fn judge(&self, job: Job) -> bool {
        let now = self.shared.clock.now();
        if now.since(job.queued) > Span::from_secs(WAIT_SECONDS) {
            self.shared.shed(&job, Shed::Expired);
            return true;
        }
        let judge = &self.shared.judge;
        let mut requests = Vec::new();
        for (dimension, _) in judge.dimensions().filter(|(dimension, _)| job.choice.is_on(dimension)) {
            let nonce = self.nonce(job.inference.id, &dimension);
            match judge.request(&job.inference, &job.choice, &dimension, nonce) {
                Ok(request) => requests.push(request),
                Err(err) => {
                    // The templates are compiled in and were tried when the judge was made.
                    tracing::error!(error = %err, "a request to the judge could not be built");
                    self.shared.shed(&job, Shed::Expired);
                    return true;
                }
            }
        }
        let reserved: u64 = requests.iter().map(|request| request.estimated_tokens).sum();
        if !self.budget(|budget| budget.try_reserve(now, reserved)) {
            self.shared.telemetry.limit_hit("judge_budget");
            self.shared.shed(&job, Shed::Budget);
            return true;
        }
        let mut scores: Vec<Score<Redacted>> = Vec::new();
        for request in &requests {
            let (score, spent) = self.ask(request).await;
            self.budget(|budget| budget.settle(self.shared.clock.now(), request.estimated_tokens, &spent));
            self.earn_anchors(&spent);
            scores.push(redact_score(score));
        }
        scores.extend(self.composite.score(&scores, self.shared.clock.now()));
        let confirmation = self.confirm(&job, &scores).await;
        scores.extend(confirmation);
        self.write(scores.into_iter().map(|score| Record::Score(Arc::new(score))).collect()).await
    }

    /// One question, asked again where the failure may pass. The second value is what all tries together cost.
    async fn ask(&self, request: &JudgeRequest) -> (Score<String>, Cost) {
        self.ask_of(&self.shared.judge, &*self.transport, request).await
    }

    /// The same of any judge.
    async fn ask_of(
        &self,
        judge: &Judge,
        transport: &dyn Transport,
        request: &JudgeRequest,
    ) -> (Score<String>, Cost) {
        let clock = &self.shared.clock;
        let mut spent = Cost::default();
        let mut attempt = 1;
        loop {
            let asked = clock.now();
            let call = transport.post(PATH, request.body.clone(), &[("content-type", "application/json")]);
            let answer = timeout(self.timeout, call).await.unwrap_or(Err(TransportError::Timeout));
            let now = clock.now();
            let taken = Taken { now, latency_seconds: now.since(asked).as_secs_f64() };
            let may_pass = match &answer {
                Ok(Reply { status, .. }) => matches!(status, 408 | 429 | 500..),
                Err(_) => true,
            };
            let mut score = match &answer {
                Ok(Reply { status, body }) => judge.read(request, *status, body, taken),
                Err(error) => judge.unanswered(request, *error, taken),
            };
            if answer == Err(TransportError::Timeout) {
                // The judge may have read it all and charge for it.
                let tokens = u32::try_from(request.body.len() / 4).unwrap_or(u32::MAX);
                score.cost.input_tokens = tokens;
                score.cost.usd = judge.prices().map(|prices| prices.usd(tokens, 0));
            }
            add(&mut spent, &score.cost);
            self.count(&score);
            if !may_pass || attempt >= ATTEMPTS {
                score.cost = spent;
                return (score, spent);
            }
            sleep(self.pause(request, attempt)).await;
            attempt += 1;
        }
    }

    /// 0.25 s, then 0.5 s, each between half and all of it: workers that failed together do not come back together.
    fn pause(&self, request: &JudgeRequest, attempt: u32) -> Duration {
        let jitter = self.hash(&[request.subject.inference.as_bytes(), &attempt.to_le_bytes()]) % 1_000;
        let full = 0.25 * f64::from(1u32 << (attempt - 1).min(6));
        Duration::from_secs_f64(full * (0.5 + jitter as f64 / 2_000.0))
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

    fn count(&self, score: &Score<String>) {
        let outcome = match &score.verdict {
            Verdict::Scored { .. } => "scored",
            Verdict::Failed { failure, .. } => failure.name(),
        };
        let telemetry = &self.shared.telemetry;
        telemetry.count(Metric::JudgeCalls, &[outcome], 1);
        telemetry.count(Metric::JudgeTokens, &["input"], u64::from(score.cost.input_tokens));
        telemetry.count(Metric::JudgeTokens, &["output"], u64::from(score.cost.output_tokens));
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
