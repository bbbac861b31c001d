//! Evaluators of the configuration's own: counted on every answer, shown, alerted on, the same after a restart.

use std::path::Path;
use std::sync::Arc;

use bifocal::config::{Resolved, parse};
use bifocal::pipeline::Pipeline;
use bifocal::running::open_pipeline;
use bifocal_model::{Inference, Span, Timestamp};
use bifocal_redact::Redacted;
use bifocal_store::Record;
use bifocal_telemetry::{Clock, ManualClock, Telemetry};

use crate::harness;

const START: Timestamp = Timestamp::from_secs(1_795_528_260);

const CONFIG: &str = r#"
[[evaluator]]
name = "no_links"
pattern = "https?://"

[[evaluator]]
name = "brief"
kind = "cel"
target = "another"
passes_when = "value('answer_words') < 3"

[[alert]]
name = "links"
when = "upper('no_links') < 0.9 && n('no_links') > 20.0"
"#;

fn open(folder: &Path, clock: &Arc<dyn Clock>) -> Pipeline {
    let mut file = parse(CONFIG, "test").unwrap();
    file.server.data = Some(folder.to_owned());
    open_pipeline(&Resolved::of(file).unwrap(), clock, Some([7; 16]), &Telemetry::new()).unwrap()
}

fn call(i: i64) -> Inference<Redacted> {
    let answer = if i % 2 == 0 { "In the drawer." } else { "See https://example.com/manual." };
    harness::call(&format!("call-{i}"), START + Span::from_secs(i), "Where is the manual?", answer)
}

/// Share of failures of the evaluator, and whether the rule fires.
fn shown(pipeline: &Pipeline) -> (f64, u64, bool) {
    let snapshot = pipeline.snapshot().load_full();
    let failures = &snapshot.targets[0].failures;
    assert!(failures.iter().all(|failure| failure.dimension.as_str() != "brief"), "it is another target's");
    let share = failures.iter().find(|failure| failure.dimension.as_str() == "no_links").unwrap().share;
    (share.value, share.n_judged, snapshot.alerts.iter().any(|alert| alert.rule == "links"))
}

#[test]
fn an_evaluator_of_one_s_own_is_counted_shown_and_alerted_on() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(START));
    let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let mut pipeline = open(folder.path(), &shared);
    let records = (0..40).map(|i| Record::Inference(Arc::new(call(i)))).collect();
    pipeline.ingest(vec![records], START).unwrap();
    clock.advance(Span::from_secs(40));
    pipeline.tick(shared.now()).unwrap();
    assert_eq!(shown(&pipeline), (0.5, 40, true));
    let scores = pipeline.reader().scores_of(&[Arc::new(call(1))]).unwrap();
    let own: Vec<&str> = scores[0].iter().map(|score| score.evaluator.as_str()).collect();
    assert!(own.contains(&"custom:no_links"), "{own:?}");
    let state = pipeline.watch_state().unwrap();
    drop(pipeline);
    let mut again = open(folder.path(), &shared);
    assert_eq!(again.watch_state().unwrap(), state, "a crash changes nothing");
    again.tick(shared.now()).unwrap();
    assert_eq!(shown(&again), (0.5, 40, true));
    again.close().unwrap();
    let sealed = open(folder.path(), &shared);
    assert_eq!(shown(&sealed), (0.5, 40, true));
}

#[test]
fn an_evaluator_that_cannot_be_used_ends_the_start_with_its_name() {
    let wrong = |text: &str| Resolved::of(parse(text, "test").unwrap()).unwrap_err();
    let err = wrong("[[evaluator]]\nname = \"x\"\npattern = \"(\"\n");
    assert!(err.message.contains("evaluator `x`") && err.hint.is_some(), "{err}");
    let err = wrong("[[evaluator]]\nname = \"refusal\"\npattern = \"a\"\n");
    assert!(err.message.contains("taken"), "{err}");
}
