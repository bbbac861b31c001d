//! Kills: `kill -9` and aborts inside append, seal, roll-up and SQLite commit, at random. Whatever was acknowledged
//! or shown is there afterwards, once, and the ledger balances. 20 kills here, 200 with `BIFOCAL_LONG=1`; over Data
//! Capture 50 faults and 500.

mod backfill;
mod capture;
mod load;
mod notifications;

use std::path::Path;
use std::sync::Arc;

use bifocal_store::{Options, Record, Recovered, Store};
use bifocal_telemetry::{SystemClock, Telemetry};
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use crate::harness::Random;

fn is_long() -> bool {
    std::env::var("BIFOCAL_LONG").is_ok_and(|long| long == "1")
}

/// Points in the store's code at which the process aborts, each as often as the others.
#[derive(Default)]
struct Failpoints(Vec<&'static str>);

impl Failpoints {
    /// The next point, and at which passing of it.
    fn draw(&mut self, random: &mut Random) -> String {
        if self.0.is_empty() {
            self.0 = bifocal_store::failpoint::POINTS.to_vec();
        }
        let at = random.below(self.0.len() as u64);
        let point = self.0.swap_remove(usize::try_from(at).unwrap());
        let most = match point {
            "append.before_sync" | "append.after_sync" => 30,
            "seal.after_temp" | "seal.after_rename" => 20,
            "rollup.written" => 6,
            _ => 3,
        };
        format!("{point}:{}", 1 + random.below(most))
    }
}

fn open(data: &Path) -> (Store, Recovered) {
    Store::open(Options::new(data, Arc::new(SystemClock::new())), Telemetry::new()).unwrap()
}

/// Inferences of the files of the lake. After an opening there are no files that the catalogue does not know.
fn sealed_inferences(data: &Path) -> u64 {
    let mut folders = vec![data.join("lake/inferences")];
    let mut rows = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                let file = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
                rows += u64::try_from(file.metadata().file_metadata().num_rows()).unwrap();
            }
        }
    }
    rows
}

/// Inferences of the journal that are not in the lake.
fn replayed_inferences(recovered: &Recovered) -> u64 {
    recovered.replay.iter().filter(|(_, record)| matches!(record, Record::Inference(_))).count() as u64
}

/// Calls that the roll-ups count, all targets and all time.
fn rolled_up(store: &Store) -> u64 {
    let reader = store.reader();
    let start = bifocal_model::Timestamp::from_secs(0);
    let whole = bifocal_model::Window { start, end: bifocal_model::Timestamp::from_secs(4_000_000_000) };
    reader.targets().keys().map(|key| reader.total(key, whole).unwrap().calls).sum()
}

/// Every inference through the reader, page by page; none may come twice.
fn listed(store: &Store) -> Vec<bifocal_store::Call> {
    let reader = store.reader();
    let mut query = bifocal_store::Query { limit: 1000, ..bifocal_store::Query::default() };
    let mut calls = Vec::new();
    let mut ids = std::collections::HashSet::new();
    loop {
        let page = reader.inferences(&query).unwrap();
        for call in page.items {
            assert!(ids.insert(call.id), "{} is listed twice", call.id);
            calls.push(call);
        }
        query.after = page.next;
        if query.after.is_none() {
            return calls;
        }
    }
}
