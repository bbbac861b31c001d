//! Lines of labels as people write them: whatever the bytes, nothing panics, and what is refused says why.

use std::sync::Arc;

use bifocal::config::{ConfigFile, Resolved};
use bifocal::running::open_pipeline;
use bifocal_api::labels::Given;
use bifocal_model::Timestamp;
use bifocal_store::Record;
use bifocal_telemetry::{Clock, ManualClock, Telemetry};

use super::harness::{self, Random};

const NOW: Timestamp = Timestamp::from_secs(1_795_528_260);

#[test]
fn no_label_panics() {
    let folder = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(NOW));
    let mut file = ConfigFile::default();
    file.server.data = Some(folder.path().to_owned());
    let config = Resolved::of(file).unwrap();
    let mut pipeline = open_pipeline(&config, &clock, None, &Telemetry::new()).unwrap();
    let call = harness::call("one", NOW, "When does it close?", "At seven.");
    let id = call.id;
    pipeline.ingest(vec![vec![Record::Inference(Arc::new(call))]], NOW).unwrap();
    let reader = pipeline.reader();
    let line = format!(
        "{{\"inference\":\"{id}\",\"who\":\"ann\",\"dimension\":\"relevance\",\"grade\":4,\"correction\":\"At six.\"}}"
    );
    assert!(Given::from_line(&line).unwrap().resolve(&reader, NOW).is_ok());
    let mut random = Random::new(harness::seed());
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut bytes = line.clone().into_bytes();
        for _ in 0..=random.below(6) {
            let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
            match random.below(4) {
                0 => bytes[at] = random.below(256).to_le_bytes()[0],
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, b"\"{}[],:0-9ue\\"[usize::try_from(random.below(13)).unwrap()]),
                _ => {
                    bytes.remove(at);
                    bytes.push(b' ');
                }
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        match Given::from_line(&text).and_then(|given| given.resolve(&reader, NOW)) {
            Ok(label) => {
                taken += 1;
                assert!(label.inference == id && !label.who.is_empty());
            }
            Err(wrong) => {
                refused += 1;
                assert!(!wrong.to_string().is_empty());
            }
        }
    }
    assert!(taken > 100 && refused > 10_000, "{taken} taken, {refused} refused");
}
