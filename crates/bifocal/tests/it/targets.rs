//! More names than there may be targets: the rest is one target `other`, in the store, in the watch and over a restart.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bifocal::config::{ConfigFile, Resolved};
use bifocal::pipeline::Pipeline;
use bifocal::running::open_pipeline;
use bifocal_capture::proxy::{Decoder, Ended, Exchange};
use bifocal_model::{Probability, Span, TargetKey, Timestamp, Window};
use bifocal_redact::redact_inference;
use bifocal_store::Record;
use bifocal_telemetry::{Clock, ManualClock, Metric, Telemetry};

const NOW: Timestamp = Timestamp::from_secs(1_795_512_000);
const LIMIT: u64 = 256;

/// Calls of made-up names that the upstream answers.
fn calls(names: std::ops::Range<u64>) -> Vec<Record> {
    let decoder = Decoder::new("llm-prod", BTreeMap::new(), Telemetry::new());
    let call = |n: u64| {
        let request =
            format!("{{\"model\":\"made-up-{n}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hi\"}}]}}");
        let answer =
            "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"Hello.\"},\"finish_reason\":\"stop\"}]}";
        let mut id = [0; 10];
        // The first bytes share theirs with the version of the id.
        id[8..].copy_from_slice(&u16::try_from(n).unwrap().to_le_bytes());
        let exchange = Exchange {
            id,
            capture_probability: Probability::ONE,
            path: "/v1/chat/completions".to_owned(),
            tenant: None,
            component: None,
            sagemaker: None,
            request_body: request.into(),
            request_truncated: false,
            status: Some(200),
            content_type: Some("application/json".to_owned()),
            content_encoding: None,
            chunks: vec![(NOW, answer.into())],
            answer_truncated: false,
            started: NOW,
            ended: NOW,
            ending: Ended::Complete,
        };
        Record::Inference(Arc::new(redact_inference(decoder.decode(&exchange))))
    };
    names.map(call).collect()
}

fn open(folder: &Path, telemetry: &Telemetry) -> Pipeline {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(NOW));
    let mut file = ConfigFile::default();
    file.server.data = Some(folder.to_owned());
    open_pipeline(&Resolved::of(file).unwrap(), &clock, None, telemetry).unwrap()
}

/// Calls of `other` as the store counts them and as the watch shows them, and how many targets each has.
fn counted(pipeline: &mut Pipeline) -> (f64, usize, usize) {
    pipeline.tick(NOW).unwrap();
    let (reader, snapshot) = (pipeline.reader(), pipeline.snapshot().load_full());
    let other = TargetKey::other("llm-prod");
    let window = Window::ending_at(NOW + Span::from_mins(1), Span::from_mins(2));
    let calls = reader.total(&other, window).unwrap().requests;
    assert_eq!(snapshot.targets.iter().filter(|target| target.key == other).count(), 1);
    (calls, reader.targets().len(), snapshot.targets.len())
}

#[test]
fn a_flood_of_names_is_one_target_other_everywhere_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = Telemetry::new();
    let mut pipeline = open(folder.path(), &telemetry);
    pipeline.ingest(vec![calls(0..LIMIT + 40)], NOW).unwrap();
    let all = usize::try_from(LIMIT).unwrap() + 1;
    assert_eq!(counted(&mut pipeline), (40.0, all, all));
    assert_eq!(telemetry.value(Metric::LimitHits, &["targets"]), 40);
    pipeline.close().unwrap();

    let mut pipeline = open(folder.path(), &telemetry);
    pipeline.ingest(vec![calls(LIMIT + 100..LIMIT + 105)], NOW).unwrap();
    assert_eq!(counted(&mut pipeline), (45.0, all, all), "the names of the store are remembered");
    for limit in ["watch_targets", "store_targets"] {
        assert_eq!(telemetry.value(Metric::LimitHits, &[limit]), 0, "{limit}: nothing gets so far");
    }
    pipeline.close().unwrap();
}
