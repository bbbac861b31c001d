//! What the cheap judge was drawn for, over a restart.

use bifocal_model::{EvaluatorKind, Probability};

use super::*;
use crate::judge::{CheapJudge, CheapWait};

fn config() -> JudgeConfig {
    let cheap = CheapJudge { model: "cheap".to_owned(), ..CheapJudge::default() };
    let dimensions = vec!["relevance".to_owned()];
    JudgeConfig { cheap: Some(cheap), dimensions, concurrency: 1, ..JudgeConfig::default() }
}

fn good() -> Vec<Step> {
    vec![Step::Reply(200, reply(r#"{"reason": "x", "score": 4}"#))]
}

#[tokio::test]
async fn what_the_cheap_judge_was_drawn_for_is_known_until_it_has_said_something() {
    let half = Probability::new(0.5).unwrap();
    let (alone, both) = (inference(1, "why?", "because"), inference(2, "why?", "so"));
    let drawn = choice(&both);
    let mut not_drawn = choice(&alone);
    not_drawn.draw.included = false;

    // The process ends before anything is asked: the text of what is kept is what a restart reads.
    let before = bench(config(), good(), false);
    before.queue.offer_with(Arc::new(alone.clone()), not_drawn.clone(), Some(half));
    before.queue.offer_with(Arc::new(both.clone()), drawn.clone(), Some(half));
    before.queue.offer(Arc::new(inference(3, "why?", "no")), drawn.clone());
    let kept = serde_json::to_vec(&before.queue.cheap_waits()).unwrap();

    let waits: Vec<CheapWait> = serde_json::from_slice(&kept).unwrap();
    let of = |id| waits.iter().find(|wait| wait.inference == id).unwrap();
    assert_eq!(waits.len(), 2, "the third is the judge's alone");
    assert_eq!((of(alone.id).choice(), of(alone.id).inclusion), (Some(not_drawn.clone()), half));
    assert_eq!(of(both.id).choice(), None, "that one is in the journal");

    let after = bench(config(), good(), true);
    assert!(after.queue.has_cheap());
    after.queue.offer_with(Arc::new(alone.clone()), not_drawn, Some(half));
    after.queue.offer_with(Arc::new(both), drawn, Some(half));
    let cheap = |written: &[Record]| -> Vec<_> {
        let scores = written.iter().filter_map(|record| match record {
            Record::Score(score) if score.kind == EvaluatorKind::Cheap => {
                Some((score.inference, score.inclusion))
            }
            _ => None,
        });
        scores.collect()
    };
    while cheap(&after.written.lock().unwrap()).len() < 2 || !after.queue.cheap_waits().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(cheap(&after.written.lock().unwrap())[0], (alone.id, half));
    after.tasks.stop_and_join().await;
}
