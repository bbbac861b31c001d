//! Evaluators behind HTTP at work: a bounded queue that nobody waits for, workers that ask, and a circuit for each evaluator that is
//! away. What is not asked about is counted and leaves no record: shares are over what was answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bifocal_model::{Failure, Inference, Timestamp, Verdict};
use bifocal_redact::Redacted;
use bifocal_stats::SampleKey;
use bifocal_store::{Intake, Record};
use bifocal_telemetry::{Clock, Drain, Metric, TaskGroup, Telemetry};
use tokio::sync::mpsc;

use super::Remote;
use crate::judge::{Breaker, Permit, Reply, Transport, TransportError, is_away};
use crate::limits::REMOTE_QUEUE;

/// Calls at the same time.
const AT_ONCE: usize = 8;

/// What the service is made of.
#[derive(Debug)]
pub struct RemoteParts {
    /// The evaluators, each with the way to it.
    pub remotes: Vec<(Remote, Arc<dyn Transport>)>,
    /// Where scores go.
    pub intake: Intake,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub telemetry: Telemetry,
    /// Draws what is asked about, where a rate says so.
    pub secret: [u8; 16],
    /// Calls of evaluators, by their names, on a day before a restart.
    pub spent: Calls,
}

/// The UTC day, from 1970 on, and how many calls were made on it, by the evaluator's name.
pub type Calls = BTreeMap<String, (i64, u64)>;

/// The sending side. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RemoteQueue {
    jobs: mpsc::Sender<(usize, Arc<Inference<Redacted>>)>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    remotes: Vec<One>,
    intake: Intake,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
    key: SampleKey,
}

#[derive(Debug)]
struct One {
    remote: Remote,
    transport: Arc<dyn Transport>,
    breaker: Breaker,
    /// The day, and calls of it.
    calls: Mutex<(i64, u64)>,
}

/// Starts workers; `None` where there is no evaluator to ask.
pub fn start(parts: RemoteParts, tasks: &TaskGroup) -> Option<RemoteQueue> {
    if parts.remotes.is_empty() {
        return None;
    }
    let RemoteParts { intake, clock, telemetry, secret, spent, .. } = parts;
    let one = |(remote, transport): (Remote, _)| {
        let calls = Mutex::new(spent.get(&remote.name).copied().unwrap_or_default());
        One { remote, transport, breaker: Breaker::default(), calls }
    };
    let remotes = parts.remotes.into_iter().map(one).collect();
    let shared = Arc::new(Shared { remotes, intake, clock, telemetry, key: SampleKey::new(secret) });
    let (jobs, receive) = mpsc::channel(REMOTE_QUEUE);
    let receive = Arc::new(tokio::sync::Mutex::new(receive));
    for _ in 0..AT_ONCE {
        tasks.spawn("http evaluators", Arc::clone(&shared).work(Arc::clone(&receive), tasks.drain()));
    }
    Some(RemoteQueue { jobs, shared })
}

impl RemoteQueue {
    /// Hands over a new answer. Never waits: what does not fit is counted and not asked about.
    pub fn offer(&self, call: &Arc<Inference<Redacted>>) {
        for (at, one) in self.shared.remotes.iter().enumerate() {
            if !one.remote.wants(call, &self.shared.key) {
                continue;
            }
            if let Err(mpsc::error::TrySendError::Full(_)) = self.jobs.try_send((at, Arc::clone(call))) {
                self.shared.telemetry.limit_hit("remote_queue");
                self.shared.count("queue_full");
            }
        }
    }
}

impl RemoteQueue {
    /// What was called today, or on the last day on which one was; to be kept over a restart.
    pub fn calls(&self) -> Calls {
        let of = |one: &One| {
            let calls = *one.calls.lock().unwrap_or_else(PoisonError::into_inner);
            (one.remote.name.clone(), calls)
        };
        self.shared.remotes.iter().map(of).collect()
    }
}

type Jobs = mpsc::Receiver<(usize, Arc<Inference<Redacted>>)>;

impl Shared {
    async fn work(self: Arc<Self>, jobs: Arc<tokio::sync::Mutex<Jobs>>, mut drain: Drain) {
        loop {
            let next = async { jobs.lock().await.recv().await };
            let job = tokio::select! {
                biased;
                () = drain.requested() => return,
                job = next => job,
            };
            let Some((at, call)) = job else { return };
            let Some(one) = self.remotes.get(at) else { continue };
            if !self.ask(one, &call).await {
                return;
            }
        }
    }

    /// One call; false when nothing can be written any more.
    async fn ask(&self, one: &One, call: &Inference<Redacted>) -> bool {
        let asked = self.clock.now();
        if matches!(one.breaker.permit(asked), Permit::Wait(_)) {
            self.count("away");
            return true;
        }
        if !one.take_call(asked) {
            one.breaker.not_tried(asked);
            self.telemetry.limit_hit("remote_calls");
            self.count("budget");
            return true;
        }
        let body = one.remote.body(call);
        let timeout = Duration::from_secs_f64(one.remote.timeout_seconds);
        let posted = one.transport.post("", body, &[("content-type", "application/json")]);
        let answer = tokio::time::timeout(timeout, posted).await.unwrap_or(Err(TransportError::Timeout));
        let now = self.clock.now();
        let failed = |failure, detail: &str| Verdict::Failed { failure, detail: detail.to_owned() };
        let verdict = match &answer {
            Ok(Reply { status, body }) => one.remote.read(*status, body),
            Err(TransportError::Timeout) => failed(Failure::Timeout, "the evaluator did not answer in time"),
            Err(TransportError::Unreachable) => {
                failed(Failure::Unreachable, "the evaluator could not be reached")
            }
        };
        match &verdict {
            Verdict::Failed { failure, .. } if is_away(&answer) => {
                if one.breaker.failed(now, *failure) {
                    tracing::warn!(
                        evaluator = one.remote.name,
                        failure = failure.name(),
                        "an evaluator is away"
                    );
                }
            }
            _ => one.breaker.answered(now),
        }
        self.count(match &verdict {
            Verdict::Scored { .. } => "scored",
            Verdict::Failed { failure, .. } => failure.name(),
        });
        let score = one.remote.score(call, verdict, now, now.since(asked).as_secs_f64());
        match self.intake.submit(vec![Record::Score(Arc::new(score))]).await {
            Ok(_) => true,
            Err(refused) => {
                tracing::warn!(error = %refused, "an evaluator's score was not written");
                false
            }
        }
    }

    fn count(&self, outcome: &str) {
        self.telemetry.count(Metric::EvaluatorCalls, &[outcome], 1);
    }
}

impl One {
    /// Takes one call of today's, where there is one left.
    fn take_call(&self, now: Timestamp) -> bool {
        let day = now.as_nanos().div_euclid(86_400 * 1_000_000_000);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.0 != day {
            *calls = (day, 0);
        }
        let is_left = calls.1 < self.remote.calls_per_day;
        calls.1 += u64::from(is_left);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::{Score, Span};
    use bifocal_store::{Acknowledged, intake};
    use bifocal_telemetry::ManualClock;

    use super::*;
    use crate::custom::{CustomConfig, Customs};
    use crate::judge::BoxFuture;
    use crate::sample::inference;

    #[derive(Debug)]
    struct Says(Mutex<Result<Reply, TransportError>>);

    impl Transport for Says {
        fn post<'a>(
            &'a self,
            _: &'a str,
            _: Vec<u8>,
            _: &'a [(&'a str, &'a str)],
        ) -> BoxFuture<'a, Result<Reply, TransportError>> {
            let said = self.0.lock().unwrap().clone();
            Box::pin(async move { said })
        }
    }

    struct Bench {
        queue: RemoteQueue,
        says: Arc<Says>,
        clock: Arc<ManualClock>,
        telemetry: Telemetry,
        tasks: TaskGroup,
        stores: TaskGroup,
        scores: Arc<Mutex<Vec<Score<Redacted>>>>,
    }

    fn bench(more: &str) -> Bench {
        bench_after(more, Calls::new())
    }

    fn bench_after(more: &str, spent: Calls) -> Bench {
        let text = format!("name = \"tone\"\nkind = \"http\"\nurl = \"http://127.0.0.1:9/\"\n{more}");
        let config: CustomConfig = toml::from_str(&text).unwrap();
        let remote = Customs::compile(&[config]).unwrap().remotes().next().unwrap().clone();
        let good = Reply { status: 200, body: br#"{"value": 0.25}"#.to_vec() };
        let says = Arc::new(Says(Mutex::new(Ok(good))));
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_795_528_300)));
        let telemetry = Telemetry::new();
        let (intake, mut receive) = intake(64, bifocal_store::Arrivals::default());
        let scores: Arc<Mutex<Vec<Score<Redacted>>>> = Arc::default();
        let kept = Arc::clone(&scores);
        let (tasks, stores) = (TaskGroup::new(), TaskGroup::new());
        stores.spawn("store", async move {
            while let Some(batch) = receive.recv().await {
                for record in batch.records {
                    if let Record::Score(score) = record {
                        kept.lock().unwrap().push((*score).clone());
                    }
                }
                if let Some(acknowledge) = batch.acknowledge {
                    let _ = acknowledge.send(Acknowledged::default());
                }
            }
        });
        let parts = RemoteParts {
            remotes: vec![(remote, Arc::clone(&says) as Arc<dyn Transport>)],
            intake,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            telemetry: telemetry.clone(),
            secret: [3; 16],
            spent,
        };
        let queue = start(parts, &tasks).unwrap();
        Bench { queue, says, clock, telemetry, tasks, stores, scores }
    }

    impl Bench {
        /// Offers answers one by one, each when the one before has come to something.
        async fn offer(&self, ids: std::ops::Range<u32>) {
            for i in ids {
                let before = self.outcomes();
                self.queue.offer(&Arc::new(inference(i, "why?", "because")));
                while self.outcomes() == before {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }

        fn outcomes(&self) -> u64 {
            let names = ["scored", "provider", "away", "budget", "timeout"];
            names.iter().map(|name| self.telemetry.value(Metric::EvaluatorCalls, &[name])).sum()
        }

        async fn end(self) -> Vec<Score<Redacted>> {
            self.tasks.stop_and_join().await;
            drop(self.queue);
            self.stores.stop_and_join().await;
            self.scores.lock().unwrap().clone()
        }
    }

    #[tokio::test]
    async fn answers_are_asked_about_within_the_budget_of_a_day() {
        let bench = bench("calls_per_day = 3");
        bench.offer(0..5).await;
        assert_eq!(bench.telemetry.value(Metric::EvaluatorCalls, &["budget"]), 2, "limit remote_calls");
        assert_eq!(bench.telemetry.value(Metric::LimitHits, &["remote_calls"]), 2);
        bench.clock.advance(Span::from_secs(86_400));
        bench.offer(5..6).await;
        let scores = bench.end().await;
        assert_eq!(scores.len(), 4);
        assert!(scores.iter().all(|score| score.passed() == Some(false) && score.evaluator == "http:tone"));
    }

    #[tokio::test]
    async fn a_restart_brings_no_second_budget_and_another_day_does() {
        let before = bench("calls_per_day = 3");
        before.offer(0..2).await;
        let spent = before.queue.calls();
        assert_eq!(spent["tone"].1, 2);
        before.end().await;
        let after = bench_after("calls_per_day = 3", spent);
        after.offer(2..5).await;
        assert_eq!(after.telemetry.value(Metric::EvaluatorCalls, &["scored"]), 1);
        assert_eq!(after.telemetry.value(Metric::EvaluatorCalls, &["budget"]), 2);
        let spent = after.queue.calls();
        assert_eq!(spent["tone"].1, 3, "what was refused is no call");
        after.end().await;
        let next = bench_after("calls_per_day = 3", spent);
        next.clock.advance(Span::from_secs(86_400));
        next.offer(5..6).await;
        assert_eq!(next.end().await.len(), 1);
    }

    #[tokio::test]
    async fn an_evaluator_that_is_away_is_left_alone() {
        let bench = bench("");
        let good = bench.says.0.lock().unwrap().clone();
        *bench.says.0.lock().unwrap() = Ok(Reply { status: 503, body: Vec::new() });
        bench.offer(0..9).await;
        assert_eq!(bench.telemetry.value(Metric::EvaluatorCalls, &["provider"]), 5);
        assert_eq!(bench.telemetry.value(Metric::EvaluatorCalls, &["away"]), 4);
        *bench.says.0.lock().unwrap() = good;
        bench.clock.advance(Span::from_secs(6));
        bench.offer(9..11).await;
        let scores = bench.end().await;
        assert_eq!(scores.iter().filter(|score| score.value().is_some()).count(), 2);
        assert_eq!(scores.len(), 7, "failures are typed, and what was not asked about leaves no record");
    }

    #[tokio::test]
    async fn a_full_queue_is_counted_and_nobody_waits() {
        let bench = bench("");
        // The runtime has one thread and nobody awaits: no worker runs.
        for i in 0..u32::try_from(REMOTE_QUEUE).unwrap() + 2 {
            bench.queue.offer(&Arc::new(inference(i, "why?", "because")));
        }
        assert_eq!(bench.telemetry.value(Metric::LimitHits, &["remote_queue"]), 2);
        bench.end().await;
    }
}
