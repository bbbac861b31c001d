//! The files of Data Capture: the fields of a real record and no other, and nothing of streams.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bifocal_model::{Span, Timestamp};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::objects::Objects;
use crate::random::Random;

/// A file is delivered when it has so many records, is so old, or its hour is over.
const FILE_RECORDS: usize = 50;
const FILE_AGE: Span = Span::from_secs(60);

/// `DataCaptureConfig` of an endpoint's configuration.
#[derive(Clone, Debug)]
pub struct CaptureSettings {
    /// `InitialSamplingPercentage`.
    pub percentage: u8,
    /// `DestinationS3Uri` without `s3://`.
    pub destination: String,
    /// Whether requests are captured.
    pub input: bool,
    /// Whether responses are captured.
    pub output: bool,
    /// `JsonContentTypes`: what is stored as it is; other content types are stored as BASE64.
    pub json_content_types: Vec<String>,
}

/// One call that Data Capture may see.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) endpoint: &'a str,
    pub(super) variant: &'a str,
    pub(super) time: Timestamp,
    pub(super) inference_id: Option<&'a str>,
    pub(super) request: (&'a str, &'a [u8]),
    /// The content type and the body; a failed call has no content type.
    pub(super) response: (Option<&'a str>, &'a [u8]),
}

/// Open files by their place.
#[derive(Debug)]
pub(super) struct Captures {
    objects: Objects,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Calls so far: the key of each one's draw.
    calls: u64,
    files: u64,
    open: BTreeMap<String, File>,
}

#[derive(Debug)]
struct File {
    begun: Timestamp,
    lines: Vec<String>,
}

impl Captures {
    pub(super) fn new(objects: Objects) -> Self {
        Self { objects, state: Mutex::default() }
    }

    /// As [`Self::new`], with event ids and draws of their own for each time.
    pub(super) fn numbered_from(objects: Objects, time: Timestamp) -> Self {
        let first = time.as_nanos().unsigned_abs();
        Self { objects, state: Mutex::new(State { calls: first, files: first, ..State::default() }) }
    }

    /// Writes the call down, if it is drawn.
    pub(super) fn take(&self, settings: &CaptureSettings, seen: &Seen<'_>) {
        let mut state = self.lock();
        state.calls += 1;
        let mut random = Random::keyed(0xca_97, &[state.calls]);
        if !random.chance(f64::from(settings.percentage) / 100.0) {
            return;
        }
        let (date, hour) = seen.time.date_and_hour();
        let date = date.replace('-', "/");
        let folder = format!("{}/{}/{}/{date}/{hour:02}", settings.destination, seen.endpoint, seen.variant);
        let line = settings.record(seen, uuid(&mut random)).to_string();
        let file = state.open.entry(folder.clone()).or_insert(File { begun: seen.time, lines: Vec::new() });
        file.lines.push(line);
        let is_full = file.lines.len() >= FILE_RECORDS;
        let is_due = |place: &String, file: &File| {
            (is_full && *place == folder) || seen.time.since(file.begun) >= FILE_AGE
        };
        let due: Vec<String> = state
            .open
            .iter()
            .filter(|(place, file)| is_due(place, file))
            .map(|(place, _)| place.clone())
            .collect();
        for place in due {
            self.close(&mut state, &place);
        }
    }

    /// Delivers what is open.
    pub(super) fn deliver(&self) {
        let mut state = self.lock();
        for place in state.open.keys().cloned().collect::<Vec<_>>() {
            self.close(&mut state, &place);
        }
    }

    fn close(&self, state: &mut State, place: &str) {
        let Some(file) = state.open.remove(place) else { return };
        state.files += 1;
        let millis = file.begun.as_nanos() / 1_000_000;
        let name = uuid(&mut Random::keyed(0xf11e, &[state.files]));
        let key = format!(
            "{place}/{:02}-{:02}-{:03}-{name}.jsonl",
            millis / 60_000 % 60,
            millis / 1000 % 60,
            millis % 1000
        );
        let body = file.lines.join("\n") + "\n";
        self.objects.put(&key, Bytes::from(body), &file.begun.to_string());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CaptureSettings {
    fn record(&self, seen: &Seen<'_>, event_id: uuid::Uuid) -> Value {
        let mut data = Map::new();
        if self.input {
            let (content_type, body) = seen.request;
            data.insert("endpointInput".to_owned(), self.side("INPUT", Some(content_type), body));
        }
        if self.output {
            let (content_type, body) = seen.response;
            data.insert("endpointOutput".to_owned(), self.side("OUTPUT", content_type, body));
        }
        let mut metadata = Map::new();
        metadata.insert("eventId".to_owned(), json!(event_id.to_string()));
        if let Some(id) = seen.inference_id {
            metadata.insert("inferenceId".to_owned(), json!(id));
        }
        // To the second, as the service has it.
        let time = seen.time.floor_to(Span::from_secs(1));
        metadata.insert("inferenceTime".to_owned(), json!(time.to_string()));
        json!({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"})
    }

    fn side(&self, mode: &str, content_type: Option<&str>, body: &[u8]) -> Value {
        let is_json = content_type.is_some_and(|said| {
            let essence = said.split(';').next().unwrap_or_default().trim();
            self.json_content_types.iter().any(|listed| listed.eq_ignore_ascii_case(essence))
        });
        let (data, encoding) = match std::str::from_utf8(body).ok().filter(|_| is_json) {
            Some(text) => (text.to_owned(), "JSON"),
            None => (STANDARD.encode(body), "BASE64"),
        };
        json!({"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding})
    }
}

fn uuid(random: &mut Random) -> uuid::Uuid {
    uuid::Builder::from_u128(u128::from(random.next()) << 64 | u128::from(random.next()))
        .with_version(uuid::Version::Random)
        .with_variant(uuid::Variant::RFC4122)
        .into_uuid()
}
