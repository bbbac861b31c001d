//! The ledger's two legs: arrivals counted at the door, and the journal. A leak between them is seen.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bifocal::config::{ConfigFile, Resolved};
use bifocal::pipeline::Pipeline;
use bifocal::running::open_pipeline;
use bifocal_api::rows::{LedgerView, SourceRow};
use bifocal_capture::proxy::{Proxy, ProxyOptions, Sink};
use bifocal_model::{Inference, Loss, Source};
use bifocal_redact::Redacted;
use bifocal_store::{Arrival, Door, Record};
use bifocal_telemetry::{Clock, SystemClock, TaskGroup, Telemetry};

use crate::harness::{Upstream, ask, client};

const CALLS: u64 = 9;

/// Keeps what it is given, but for every call of this number: that one is gone, and nobody is told.
struct Leaky {
    door: Door,
    leaks_every: Option<u64>,
    taken: AtomicU64,
    kept: Mutex<(Vec<Record>, Vec<Arrival>)>,
}

impl Sink for Leaky {
    fn door(&self) -> Door {
        self.door.clone()
    }

    fn take(&self, inferences: Vec<Inference<Redacted>>, losses: Vec<Loss>, arrival: Arrival) {
        let is_kept = |_: &Inference<Redacted>| {
            let number = self.taken.fetch_add(1, Ordering::SeqCst);
            self.leaks_every.is_none_or(|every| !number.is_multiple_of(every))
        };
        let kept = inferences.into_iter().filter(is_kept).map(|call| Record::Inference(Arc::new(call)));
        let mut all = self.kept.lock().unwrap();
        all.0.extend(kept.chain(losses.into_iter().map(Record::Loss)));
        all.1.push(arrival);
    }
}

fn pipeline(folder: &std::path::Path, clock: &Arc<dyn Clock>) -> Pipeline {
    let mut file = ConfigFile::default();
    file.server.data = Some(folder.to_owned());
    open_pipeline(&Resolved::of(file).unwrap(), clock, None, &Telemetry::new()).unwrap()
}

fn rows(pipeline: &Pipeline) -> Vec<SourceRow> {
    let reader = pipeline.reader();
    LedgerView::of(&reader.ledger(), reader.disk()).sources
}

/// Calls through a proxy, their rows while they wait for the journal, and the rows when they are in it.
async fn calls(folder: &std::path::Path, leaks_every: Option<u64>) -> (Vec<SourceRow>, Vec<SourceRow>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut pipeline = pipeline(folder, &clock);
    let (upstreams, tasks) = (TaskGroup::new(), TaskGroup::new());
    let upstream = Upstream::start(&upstreams).await;
    let sink = Arc::new(Leaky {
        door: pipeline.arrivals().door(Source::Proxy),
        leaks_every,
        taken: AtomicU64::new(0),
        kept: Mutex::default(),
    });
    let options =
        ProxyOptions::new("127.0.0.1:0".parse().unwrap(), format!("http://{}", upstream.address), "llm-prod");
    let shared = Arc::<Leaky>::clone(&sink);
    let (proxy, recorder) =
        Proxy::bind(&options, shared, Arc::clone(&clock), &Telemetry::new()).await.unwrap();
    let address = format!("http://{}", proxy.address());
    tasks.spawn("proxy", proxy.run(tasks.drain()));
    tasks.spawn_blocking("recorder", move || recorder.run());
    let client = client();
    for n in 0..CALLS {
        ask(&client, &address, &format!("What is {n}?"), n % 2 == 0).await.unwrap();
    }
    drop(client);
    tasks.stop_and_join().await;
    let waiting = rows(&pipeline);
    let (records, mut arrivals) = std::mem::take(&mut *sink.kept.lock().unwrap());
    pipeline.ingest_arrived(vec![records], &mut arrivals, clock.now()).unwrap();
    let durable = rows(&pipeline);
    pipeline.close().unwrap();
    (waiting, durable)
}

#[tokio::test]
async fn what_arrives_is_in_flight_and_then_stored_over_a_restart_too() {
    let folder = tempfile::tempdir().unwrap();
    let (waiting, durable) = calls(folder.path(), None).await;
    let [row] = &waiting[..] else { panic!("{waiting:?}") };
    assert_eq!((row.source, row.received, row.in_flight, row.stored), ("proxy", CALLS, CALLS, 0));
    assert!(row.target.is_none() && row.balanced, "whose they are is known in the journal: {row:?}");
    let [row] = &durable[..] else { panic!("{durable:?}") };
    assert_eq!((row.received, row.in_flight, row.stored, row.balanced), (CALLS, 0, CALLS, true));
    assert_eq!(row.target_name.as_deref(), Some("m"));

    let (_, again) = calls(folder.path(), None).await;
    let [row] = &again[..] else { panic!("{again:?}") };
    assert_eq!((row.received, row.stored, row.balanced), (2 * CALLS, 2 * CALLS, true));
}

#[tokio::test]
async fn a_leak_between_arrival_and_journal_does_not_balance() {
    let folder = tempfile::tempdir().unwrap();
    let (_, durable) = calls(folder.path(), Some(4)).await;
    // Of nine calls the first, fifth and ninth are gone.
    let row = |name: Option<&str>| durable.iter().find(|row| row.target_name.as_deref() == name).unwrap();
    assert_eq!((row(Some("m")).received, row(Some("m")).stored, row(Some("m")).balanced), (6, 6, true));
    let leak = row(None);
    assert_eq!((leak.received, leak.stored, leak.in_flight, leak.balanced), (3, 0, 0, false), "{leak:?}");
}
