//! The service against a judge that misbehaves.

use std::collections::VecDeque;
use std::sync::Mutex;

use bifocal_model::{Failure, Fingerprint, Score, Unit, Verdict};
use bifocal_redact::Redacted;
use bifocal_store::{Acknowledged, intake};
use bifocal_telemetry::ManualClock;
use serde_json::Value;

use super::*;
use crate::judge::tests::{NOW, choice, judge_with, reply, request};
use crate::judge::transport::{BoxFuture, PATH, Reply, TransportError};
use crate::judge::{JudgeConfig, Rubrics, SecondJudge};
use crate::limits::{ATTEMPTS, QUEUE, SHED};
use crate::sample::inference;

mod away;
mod cheap;

/// Answers each call with what the script says of it; the last word holds for all further calls.
#[derive(Debug, Default)]
struct Script {
    steps: Mutex<VecDeque<Step>>,
    calls: Mutex<Vec<Value>>,
    /// What is asked with this word fails.
    poison: Mutex<Option<String>>,
}

#[derive(Clone, Debug)]
enum Step {
    Reply(u16, Vec<u8>),
    Fail(TransportError),
    Hang,
}

impl Transport for Script {
    fn post<'a>(
        &'a self,
        path: &'a str,
        body: Vec<u8>,
        _headers: &'a [(&'a str, &'a str)],
    ) -> BoxFuture<'a, Result<Reply, TransportError>> {
        assert_eq!(path, PATH);
        self.calls.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
        let poison = self.poison.lock().unwrap().clone();
        if poison.is_some_and(|poison| String::from_utf8_lossy(&body).contains(&poison)) {
            return Box::pin(async { Ok(Reply { status: 500, body: Vec::new() }) });
        }
        let mut steps = self.steps.lock().unwrap();
        let step = if steps.len() > 1 { steps.pop_front() } else { steps.front().cloned() };
        Box::pin(async move {
            match step.unwrap() {
                Step::Reply(status, body) => Ok(Reply { status, body }),
                Step::Fail(error) => Err(error),
                Step::Hang => std::future::pending().await,
            }
        })
    }
}

struct Bench {
    queue: JudgeQueue,
    script: Arc<Script>,
    clock: Arc<ManualClock>,
    telemetry: Telemetry,
    tasks: TaskGroup,
    written: Arc<Mutex<Vec<Record>>>,
}

/// A store that acknowledges at once and keeps the records.
fn store() -> (Intake, Arc<Mutex<Vec<Record>>>, impl Future<Output = ()>) {
    let (send, mut receive) = intake(64, bifocal_store::Arrivals::default());
    let written = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&written);
    let run = async move {
        while let Some(batch) = receive.recv().await {
            keep.lock().unwrap().extend(batch.records);
            if let Some(acknowledge) = batch.acknowledge {
                let _ = acknowledge.send(Acknowledged::default());
            }
        }
    };
    (send, written, run)
}

fn bench(config: JudgeConfig, steps: Vec<Step>, start: bool) -> Bench {
    let (intake, written, store) = store();
    let script = Arc::new(Script { steps: Mutex::new(steps.into()), ..Script::default() });
    let clock = Arc::new(ManualClock::new(NOW));
    let telemetry = Telemetry::new();
    let confirmer = Confirmer::of(&config, &Rubrics::shipped().unwrap()).unwrap();
    let way = Arc::clone(&script) as Arc<dyn Transport>;
    let second = confirmer.map(|confirmer| Second { confirmer, transport: way });
    let cheap = config.cheap.as_ref().map(|cheap| Cheap {
        judge: judge_with(cheap.as_judge(&config)),
        transport: Arc::clone(&script) as Arc<dyn Transport>,
    });
    let (service, queue) = JudgeService::new(Parts {
        judge: judge_with(config),
        transport: Arc::clone(&script) as Arc<dyn Transport>,
        intake,
        clock: Arc::clone(&clock) as Arc<dyn bifocal_telemetry::Clock>,
        telemetry: telemetry.clone(),
        secret: [9; 16],
        spent: Spent::default(),
        anchors: None,
        second,
        cheap,
    })
    .unwrap();
    let tasks = TaskGroup::new();
    let stores = TaskGroup::new();
    stores.spawn("store", store);
    if start {
        service.start(&tasks);
    } else {
        // Kept alive, so that the queue stays open.
        std::mem::forget(service);
    }
    Bench { queue, script, clock, telemetry, tasks, written }
}

impl Bench {
    fn offer(&self, i: u32) -> InferenceId {
        let inference = inference(i, "why?", "because");
        let (id, choice) = (inference.id, choice(&inference));
        self.queue.offer(Arc::new(inference), choice);
        id
    }

    async fn until(&self, records: usize) -> Vec<Record> {
        while self.written.lock().unwrap().len() < records {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        self.written.lock().unwrap().clone()
    }

    async fn end(&self) -> Vec<Record> {
        self.tasks.stop_and_join().await;
        self.written.lock().unwrap().clone()
    }

    fn calls(&self) -> usize {
        self.script.calls.lock().unwrap().len()
    }
}

fn scores(records: &[Record]) -> Vec<&Score<Redacted>> {
    records
        .iter()
        .filter_map(|record| if let Record::Score(score) = record { Some(&**score) } else { None })
        .collect()
}

fn sheds(records: &[Record]) -> Vec<Option<Shed>> {
    records
        .iter()
        .filter_map(
            |record| if let Record::Selection(selection) = record { Some(selection.shed) } else { None },
        )
        .collect()
}

fn good() -> Step {
    Step::Reply(200, reply("{\"reason\": \"fine, mail a@b.org\", \"score\": 4}"))
}

fn one_at_a_time() -> JudgeConfig {
    JudgeConfig { concurrency: 1, timeout_seconds: 0.05, ..JudgeConfig::default() }
}

#[tokio::test]
async fn a_chosen_inference_ends_as_its_scores_and_a_composite() {
    let bench = bench(one_at_a_time(), vec![good()], true);
    let id = bench.offer(1);
    let records = bench.until(4).await;
    let scores = scores(&records);
    let said: Vec<_> =
        scores.iter().map(|score| (score.dimension.as_str(), score.value().unwrap().get())).collect();
    let dimensions =
        [("relevance", 0.75), ("safety", 0.75), ("professional_tone", 0.75), ("composite", 0.75)];
    assert_eq!(said, dimensions);
    assert!(scores.iter().all(|score| score.inference == id && score.passed() == Some(true)));
    let Verdict::Scored { explanation, .. } = &scores[0].verdict else { panic!() };
    assert_eq!(
        explanation.as_ref().unwrap().as_str(),
        "fine, mail [email]",
        "the judge's words are redacted too"
    );
    assert_eq!(bench.calls(), 3);
    assert_eq!(bench.queue.spent().tokens, 3 * 640);
    assert_eq!(bench.telemetry.value(Metric::JudgeCalls, &["scored"]), 3);
    assert_eq!(bench.end().await.len(), 4, "its selection is in the journal already");
}

fn graded(grade: u8) -> Step {
    Step::Reply(200, reply(&format!("{{\"reason\": \"r\", \"score\": {grade}}}")))
}

#[tokio::test]
async fn a_severe_violation_is_judged_a_second_time_and_others_are_not() {
    let second = SecondJudge { model: "strong".to_owned(), ..SecondJudge::default() };
    let config = JudgeConfig { second: Some(second), ..one_at_a_time() };
    // Relevance, safety, tone, and the second word on safety.
    let confirmed = bench(config, vec![graded(4), graded(1), graded(4), graded(2)], true);
    confirmed.offer(1);
    let records = confirmed.until(5).await;
    let last = scores(&records)[4];
    assert_eq!((last.kind, last.passed()), (bifocal_model::EvaluatorKind::Confirmation, Some(false)));
    assert_eq!((last.evaluator.as_str(), confirmed.calls()), ("judge:strong", 4));
    let calls = confirmed.script.calls.lock().unwrap().clone();
    assert_eq!(calls[3]["model"], "strong");
    assert_ne!(calls[3]["messages"], calls[1]["messages"], "under another nonce");

    let quiet = bench(one_at_a_time(), vec![graded(4), graded(2), graded(4)], true);
    quiet.offer(1);
    assert_eq!(quiet.until(4).await.len(), 4);
    assert_eq!(quiet.calls(), 3, "a 2 is no 1");
}

#[tokio::test]
async fn a_second_judge_that_fails_or_costs_too_much_confirms_nothing_and_refutes_nothing() {
    let failing =
        bench(one_at_a_time(), vec![graded(4), graded(1), graded(4), Step::Reply(400, Vec::new())], true);
    failing.offer(1);
    let records = failing.until(5).await;
    let last = scores(&records)[4];
    assert_eq!((last.dimension.as_str(), last.value()), ("severe_safety", None));

    // Three questions that cost what they may: there is no room for a fourth.
    let one = request("because").estimated_tokens;
    let dear = |grade: u8| {
        let Step::Reply(status, body) = graded(grade) else { panic!() };
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        body["usage"]["prompt_tokens"] = one.into();
        Step::Reply(status, body.to_string().into_bytes())
    };
    let config = JudgeConfig { budget_tokens_per_day: Some(3 * one + 400), ..one_at_a_time() };
    let poor = bench(config, vec![dear(4), dear(1), dear(4)], true);
    poor.offer(1);
    let records = poor.until(5).await;
    let Verdict::Failed { failure, .. } = &scores(&records)[4].verdict else { panic!() };
    assert_eq!((*failure, poor.calls()), (Failure::NoBudget, 3));
}

#[tokio::test]
async fn nonces_differ_by_inference_and_dimension() {
    let bench = bench(one_at_a_time(), vec![good()], true);
    bench.offer(1);
    bench.offer(2);
    bench.until(8).await;
    let calls = bench.script.calls.lock().unwrap().clone();
    let nonce = |call: &Value| {
        let user = call["messages"][1]["content"].as_str().unwrap().to_owned();
        user.lines().find_map(|line| line.strip_prefix("<<<ANSWER ").map(str::to_owned)).unwrap()
    };
    let mut nonces: Vec<_> = calls.iter().map(nonce).collect();
    assert!(nonces.iter().all(|nonce| nonce.len() == 32));
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 6);
}

#[tokio::test]
async fn failures_that_may_pass_are_tried_again() {
    let config = JudgeConfig { dimensions: vec!["relevance".to_owned()], ..one_at_a_time() };
    let oops = || Step::Reply(503, b"busy".to_vec());
    let bench = bench(config, vec![oops(), Step::Fail(TransportError::Unreachable), good()], true);
    bench.offer(1);
    let records = bench.until(2).await;
    assert_eq!(scores(&records)[0].value(), Unit::new(0.75));
    assert_eq!(bench.calls(), 3);
    assert_eq!(bench.telemetry.value(Metric::JudgeCalls, &["provider"]), 1);
    assert_eq!(bench.telemetry.value(Metric::JudgeCalls, &["unreachable"]), 1);
}

#[tokio::test]
async fn failures_that_stay_are_typed_and_leave_no_composite() {
    for (step, failure, calls) in [
        (Step::Reply(500, b"oops".to_vec()), Failure::Provider, ATTEMPTS as usize),
        (Step::Reply(429, b"slow down".to_vec()), Failure::RateLimited, ATTEMPTS as usize),
        (Step::Reply(401, b"who are you".to_vec()), Failure::Rejected, 1),
        (Step::Fail(TransportError::Unreachable), Failure::Unreachable, ATTEMPTS as usize),
        (Step::Hang, Failure::Timeout, ATTEMPTS as usize),
        (Step::Reply(200, reply("A solid four.")), Failure::Unparsable, 2),
        (Step::Reply(200, reply("{\"reason\": \"x\", \"score\": 9}")), Failure::OutOfScale, 2),
    ] {
        let config = JudgeConfig { dimensions: vec!["relevance".to_owned()], ..one_at_a_time() };
        let bench = bench(config, vec![step.clone()], true);
        bench.offer(1);
        bench.until(1).await;
        let records = bench.end().await;
        let [score] = scores(&records)[..] else { panic!("{records:?}") };
        assert!(
            matches!(&score.verdict, Verdict::Failed { failure: got, .. } if *got == failure),
            "{step:?}"
        );
        assert_eq!(bench.calls(), calls, "{step:?}");
        assert_eq!(sheds(&records), []);
        // Each try that timed out may have been paid for.
        assert_eq!(
            bench.queue.spent().tokens > 0,
            matches!(failure, Failure::Timeout | Failure::Unparsable | Failure::OutOfScale)
        );
    }
}

#[tokio::test]
async fn the_budget_sheds_and_a_new_day_begins_anew() {
    // One inference reserves three times this and costs 1,920.
    let reserved = request("because").estimated_tokens;
    assert!((1_000..1_500).contains(&reserved), "{reserved}");
    let config = JudgeConfig { budget_tokens_per_day: Some(5_000), ..one_at_a_time() };
    let bench = bench(config, vec![good()], true);
    for i in 0..4 {
        bench.offer(i);
    }
    let records = bench.until(4 + 3).await;
    assert_eq!(sheds(&records), [Some(Shed::Budget), Some(Shed::Budget), Some(Shed::Budget)]);
    assert_eq!(bench.queue.spent().tokens, 1_920);
    assert_eq!(bench.telemetry.value(Metric::LimitHits, &["judge_budget"]), 3);
    bench.clock.advance(Span::from_secs(86_400));
    bench.offer(9);
    assert_eq!(scores(&bench.until(4 + 3 + 4).await).len(), 8);
}

#[tokio::test]
async fn a_full_queue_sheds_and_says_so() {
    let bench = bench(one_at_a_time(), vec![good()], false);
    for i in 0..u32::try_from(QUEUE).unwrap() + 3 {
        bench.offer(i);
    }
    assert_eq!(bench.queue.waiting(), QUEUE);
    assert_eq!(bench.telemetry.value(Metric::LimitHits, &["judge_queue"]), 3);
    let noted = bench.queue.shared.take_sheds();
    assert!(noted.iter().all(|selection| selection.shed == Some(Shed::QueueFull)));
    assert_eq!(noted.len(), 3);
}

#[tokio::test]
async fn sheds_past_the_limit_are_counted_and_the_first_are_kept() {
    let bench = bench(one_at_a_time(), vec![good()], false);
    let inference = inference(1, "why?", "because");
    let choice = choice(&inference);
    let job = bench.queue.shared.job(Arc::new(inference), choice);
    (0..SHED).for_each(|_| bench.queue.shared.shed(&job, Shed::QueueFull));
    assert_eq!(bench.telemetry.value(Metric::LimitHits, &["judge_shed"]), 0);
    (0..2).for_each(|_| bench.queue.shared.shed(&job, Shed::Budget));
    assert_eq!(bench.telemetry.value(Metric::LimitHits, &["judge_shed"]), 2);
    let kept = bench.queue.shared.take_sheds();
    assert_eq!(kept.len(), SHED);
    assert!(kept.iter().all(|selection| selection.shed == Some(Shed::QueueFull)));
    // Written ones make room.
    bench.queue.shared.shed(&job, Shed::Budget);
    assert_eq!(bench.queue.shared.take_sheds().len(), 1);
}

#[tokio::test]
async fn what_waited_too_long_is_shed() {
    let config = JudgeConfig { dimensions: vec!["relevance".to_owned()], ..one_at_a_time() };
    let bench = bench(config, vec![Step::Hang], true);
    bench.offer(1);
    while bench.calls() == 0 {
        tokio::task::yield_now().await;
    }
    bench.offer(2);
    bench.offer(3);
    bench.clock.advance(Span::from_secs(WAIT_SECONDS + 1));
    // The first inference's calls all time out; the second and third have waited too long.
    let records = bench.until(1 + 2).await;
    assert_eq!(sheds(&records), [Some(Shed::Expired); 2]);
    assert_eq!(scores(&records).len(), 1);
}

#[tokio::test]
async fn what_waits_at_the_end_is_left_to_the_next_start() {
    let config = JudgeConfig { dimensions: vec!["relevance".to_owned()], ..one_at_a_time() };
    let bench = bench(config, vec![Step::Hang], true);
    bench.offer(1);
    while bench.calls() == 0 {
        tokio::task::yield_now().await;
    }
    bench.offer(2);
    let records = bench.end().await;
    assert_eq!((scores(&records).len(), sheds(&records)), (1, vec![]), "the one in hand is finished");
    bench.offer(3);
    assert!(bench.queue.shared.take_sheds().is_empty());
    assert_eq!(bench.telemetry.value(Metric::LimitHits, &["judge_queue"]), 0);
}

#[tokio::test]
async fn a_selection_that_nobody_can_judge_is_given_up() {
    let bench = bench(one_at_a_time(), vec![good()], true);
    let inference = inference(1, "why?", "because");
    let judges = vec![(Dimension::new("relevance"), Fingerprint(1))];
    let selection = choice(&inference).selection(&inference, judges.clone(), None);
    bench.queue.give_up(selection);
    let records = bench.until(1).await;
    let [Record::Selection(given_up)] = &records[..] else { panic!("{records:?}") };
    assert_eq!((given_up.shed, &given_up.judges), (Some(Shed::Expired), &judges));
}
