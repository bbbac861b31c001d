//! A judge that goes away, that takes no schema, and whose replies cannot be used.

use std::time::Duration;

use super::*;
use crate::judge::{Circuit, Standing};
use crate::limits::CIRCUIT_TRIES;

#[tokio::test]
async fn a_reply_that_cannot_be_used_is_repaired_once_and_paid_for() {
    let config = JudgeConfig { dimensions: vec!["relevance".to_owned()], ..one_at_a_time() };
    let bench = bench(config, vec![Step::Reply(200, reply("A solid four.")), good()], true);
    bench.offer(1);
    let records = bench.until(2).await;
    let score = scores(&records)[0];
    let Verdict::Scored { label, value, .. } = &score.verdict else { panic!("{score:?}") };
    assert_eq!((label.as_deref(), value.get()), (Some("repaired"), 0.75));
    assert_eq!((score.cost.input_tokens, score.cost.output_tokens), (1_200, 80), "both turns");
    assert_eq!((bench.calls(), bench.queue.spent().tokens), (2, 1_280));
    assert_eq!(bench.telemetry.value(Metric::JudgeRepairs, &["repaired"]), 1);
    assert_eq!(bench.telemetry.value(Metric::JudgeCalls, &["unparsable"]), 1);
    let calls = bench.script.calls.lock().unwrap().clone();
    assert_eq!(calls[1]["messages"][2], serde_json::json!({"role": "assistant", "content": "A solid four."}));
    assert_eq!(calls[1]["messages"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_repair_that_fails_leaves_the_first_failure_and_one_without_budget_is_not_tried() {
    let relevance = JudgeConfig { dimensions: vec!["relevance".to_owned()], ..one_at_a_time() };
    let steps = || vec![Step::Reply(200, reply("A solid four."))];
    let failing = bench(relevance.clone(), steps(), true);
    failing.offer(1);
    let records = failing.until(1).await;
    let score = scores(&records)[0];
    assert!(matches!(score.verdict, Verdict::Failed { failure: Failure::Unparsable, .. }));
    assert_eq!((failing.calls(), failing.queue.spent().tokens, score.cost.input_tokens), (2, 1_280, 1_200));
    assert_eq!(failing.telemetry.value(Metric::JudgeRepairs, &["failed"]), 1);

    let one = request("because").estimated_tokens;
    let poor = bench(JudgeConfig { budget_tokens_per_day: Some(one + 10), ..relevance }, steps(), true);
    poor.offer(1);
    poor.until(1).await;
    assert_eq!((poor.calls(), poor.queue.spent().tokens), (1, 640));
    assert_eq!(poor.telemetry.value(Metric::JudgeRepairs, &["no_budget"]), 1);
}

#[tokio::test]
async fn a_server_that_takes_no_schema_is_asked_without_from_then_on() {
    let config = JudgeConfig { dimensions: vec!["relevance".to_owned()], ..one_at_a_time() };
    let refuses = Step::Reply(400, b"response_format is not supported".to_vec());
    let bench = bench(config.clone(), vec![refuses.clone(), good()], true);
    bench.offer(1);
    bench.until(2).await;
    bench.offer(2);
    bench.until(4).await;
    let forms = |calls: Vec<Value>| -> Vec<bool> {
        calls.iter().map(|call| call.get("response_format").is_some()).collect()
    };
    assert_eq!(forms(bench.script.calls.lock().unwrap().clone()), [true, false, false]);
    assert!(bench.queue.states()[0].without_schema);

    // What is refused without a schema too is refused for what it asks.
    let refused = super::bench(config, vec![refuses], true);
    refused.offer(1);
    let records = refused.until(1).await;
    assert!(matches!(scores(&records)[0].verdict, Verdict::Failed { failure: Failure::Rejected, .. }));
    assert!(!refused.queue.states()[0].without_schema);
    assert_eq!(refused.calls(), 2);
}

#[tokio::test]
async fn an_hour_without_a_judge_loses_nothing_and_says_so() {
    for (away, name) in [
        (Step::Reply(429, b"slow down".to_vec()), "rate_limited"),
        (Step::Reply(500, b"oops".to_vec()), "provider"),
        (Step::Hang, "timeout"),
    ] {
        let config = JudgeConfig {
            dimensions: vec!["relevance".to_owned(), "safety".to_owned()],
            budget_tokens_per_day: Some(10_000_000),
            timeout_seconds: 0.02,
            concurrency: 4,
            ..JudgeConfig::default()
        };
        let bench = bench(config, vec![away.clone()], true);
        let mut offered: Vec<InferenceId> = (0..40).map(|i| bench.offer(i)).collect();
        let is_open = || bench.queue.states()[0].standing.circuit != Circuit::Closed;
        while !is_open() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // An hour passes, a minute at a time, with an answer chosen every minute.
        for minute in 0..60 {
            bench.clock.advance(Span::from_secs(60));
            offered.push(bench.offer(1_000 + minute));
            let before = bench.calls();
            let mut looks = 0;
            while bench.calls() == before && looks < 200 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                looks += 1;
            }
        }
        // The last try has ended.
        tokio::time::sleep(Duration::from_millis(60)).await;
        let state = bench.queue.states().remove(0);
        assert_eq!(state.standing.last_failure, Some(name));
        assert!(state.standing.away_since.is_some() && state.standing.next_try.is_some(), "{state:?}");
        assert_eq!(bench.telemetry.value(Metric::JudgeAway, &["first"]), 1);
        let tries = bench.calls();
        assert!((20..=90).contains(&tries), "one a minute and what came first: {tries}");
        assert!(bench.queue.waiting() <= 100 && bench.queue.waiting() >= 96, "{}", bench.queue.waiting());
        assert!(bench.written.lock().unwrap().is_empty(), "nothing was given up and nothing failed");

        *bench.script.steps.lock().unwrap() = vec![good()].into();
        bench.clock.advance(Span::from_secs(61));
        let records = bench.until(3 * offered.len()).await;
        let mut judged: Vec<InferenceId> = scores(&records).iter().map(|score| score.inference).collect();
        assert!(scores(&records).iter().all(|score| score.value().is_some()), "{name}");
        judged.sort();
        judged.dedup();
        offered.sort();
        assert_eq!(judged, offered, "{name}");
        assert_eq!(sheds(&records), []);
        assert_eq!(bench.queue.states()[0].standing, Standing::default());
        assert_eq!(bench.telemetry.value(Metric::JudgeAway, &["first"]), 0);
    }
}

#[tokio::test]
async fn a_question_that_a_judge_fails_on_does_not_keep_others_waiting() {
    let config = JudgeConfig { dimensions: vec!["relevance".to_owned()], ..one_at_a_time() };
    let bench = bench(config, vec![good()], true);
    bench.script.poison.lock().unwrap().replace("poison".to_owned());
    let bad = inference(1, "why?", "poison");
    let (id, choice) = (bad.id, choice(&bad));
    bench.queue.offer(Arc::new(bad), choice);
    while bench.queue.states()[0].standing.failures < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Alone it is a failure after three tries; beside others that are answered it stays one.
    let records = bench.until(1).await;
    assert_eq!((scores(&records)[0].inference, scores(&records)[0].value()), (id, None));
    let bad = inference(2, "why?", "poison");
    let choice = super::choice(&bad);
    bench.queue.offer(Arc::new(bad), choice);
    while bench.queue.states()[0].standing.circuit == Circuit::Closed {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let others: Vec<InferenceId> = (10..14).map(|i| bench.offer(i)).collect();
    while bench.written.lock().unwrap().len() < 1 + 2 * 4 + 1 {
        // Only while it is away: what waits for an answering judge has its patience.
        if bench.queue.states()[0].standing.circuit != Circuit::Closed {
            bench.clock.advance(Span::from_secs(10));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let records = bench.end().await;
    let failed: Vec<_> = scores(&records).into_iter().filter(|score| score.value().is_none()).collect();
    assert_eq!(failed.len(), 2, "{failed:?}");
    let judged = scores(&records).iter().filter(|score| others.contains(&score.inference)).count();
    assert_eq!(judged, 8);
}

#[tokio::test]
async fn calls_a_minute_are_counted_by_the_clock() {
    let config = JudgeConfig {
        dimensions: vec!["relevance".to_owned()],
        calls_per_minute: Some(600),
        ..JudgeConfig::default()
    };
    let judge = judge_with(config);
    let script = Arc::new(Script { steps: Mutex::new(vec![good()].into()), ..Script::default() });
    let clock: Arc<dyn bifocal_telemetry::Clock> = Arc::new(bifocal_telemetry::SystemClock::new());
    let way = (script as Arc<dyn Transport>, Arc::default());
    let way = Way::new(&judge, "first", way, &clock, &Telemetry::new());
    let began = clock.now();
    for _ in 0..4 {
        way.call(b"{}").await.unwrap();
    }
    let took = clock.now().since(began).as_secs_f64();
    assert!(took >= 0.29, "three times a tenth of a second: {took}");
}

#[tokio::test]
async fn limit_judge_circuit_tries() {
    let config = JudgeConfig { dimensions: vec!["relevance".to_owned()], ..one_at_a_time() };
    let bench = bench(config, vec![Step::Reply(500, b"oops".to_vec())], true);
    for id in 1..3 {
        bench.offer(id);
    }
    while bench.written.lock().unwrap().len() < 2 {
        if bench.queue.states()[0].standing.circuit == Circuit::Open {
            bench.clock.advance(Span::from_secs(61));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let hits = bench.telemetry.value(Metric::LimitHits, &["judge_circuit_tries"]);
    assert!(hits >= 1 && bench.calls() >= CIRCUIT_TRIES as usize, "{hits} {}", bench.calls());
    let records = bench.written.lock().unwrap().clone();
    assert!(scores(&records).iter().all(|score| score.value().is_none()));
}
