//! A run in process: the world's requests, answers and metrics pages through the ordinary pipeline, second by second
//! of simulated time, on a clock that only this moves.
//!
//! The life of the data: an arrival becomes an exchange; its record is ingested in the second in which its answer
//! ended, as the proxy would have given it; what is then chosen is judged, and the scores come back a second later;
//! every ten seconds the metrics page is scraped; every second ends with a tick.
//!
//! Invariants: nothing depends on the wall clock, so that the same world gives the same snapshots; the watch learns of
//! an incident from bytes alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bifocal_model::{Probability, Span, StateName, Timestamp, fnv1a};
use bifocal_sim::{Exchange, HistoryItem, Incident, Incidents, Script, history};
use bifocal_store::Record;
use bifocal_telemetry::{Clock, ManualClock, Telemetry};
use bifocal_watch::Snapshot;

use super::{InlineJudge, Replay};
use crate::config::Resolved;
use crate::pipeline::{Ingested, Pipeline};
use crate::running::open_pipeline;

const SECOND: Span = Span::from_secs(1);
const SCRAPE_EVERY_NANOS: i64 = 10_000_000_000;
/// From the end of an answer to its scores.
const JUDGING_TAKES: Span = Span::from_secs(1);
/// Anchors that the judge scores in a second: four at a time, 0.4 s each.
const ANCHORS_PER_SECOND: usize = 10;
/// Records of one group commit while the past is written.
const GROUP: usize = 1024;

/// What is run.
#[derive(Debug)]
pub struct World {
    /// The configuration, as of `serve` or `demo`; its first target is the simulated upstream.
    pub config: Resolved,
    /// The traffic and its answers.
    pub script: Arc<dyn Script>,
    /// The model behind the judge.
    pub judge: bifocal_sim::Judge,
    /// Decides which answers are judged.
    pub secret: [u8; 16],
    /// The first moment, a whole second.
    pub start: Timestamp,
}

/// A run under way.
#[derive(Debug)]
pub struct Run {
    config: Resolved,
    script: Arc<dyn Script>,
    judge: InlineJudge,
    /// The model behind the judge's name, and the stricter one of an incident.
    models: [bifocal_sim::Judge; 2],
    replay: Replay,
    incidents: Incidents,
    clock: Arc<ManualClock>,
    pipeline: Pipeline,
    snapshot: Arc<ArcSwap<Snapshot>>,
    /// What is known now and will be ingested later, by time and in the order in which it was known.
    due: BTreeMap<(Timestamp, u64), Vec<Record>>,
    noted: u64,
}

impl Run {
    /// Opens the pipeline in the configured data folder.
    pub fn open(world: World) -> anyhow::Result<Self> {
        let clock = Arc::new(ManualClock::new(world.start));
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let pipeline = open_pipeline(&world.config, &shared, Some(world.secret), &Telemetry::new())?;
        Ok(Self {
            models: [world.judge.clone(), world.judge.stricter()],
            judge: InlineJudge::new(&world.config, world.judge)?,
            replay: Replay::new(&world.config, Probability::ONE)?,
            snapshot: pipeline.snapshot(),
            config: world.config,
            script: world.script,
            incidents: Incidents::none(),
            clock,
            pipeline,
            due: BTreeMap::new(),
            noted: 0,
        })
    }

    /// Writes some days before the present, of the scripted fleet of a seed. `keep`: the share of the history's
    /// exchanges that is taken; each says so in its capture probability.
    pub fn write_past(&mut self, seed: u64, days: u32, keep: Probability) -> anyhow::Result<()> {
        let past = history(seed, self.now() - SECOND, days);
        let capture = past.capture_probability().get() * keep.get();
        let capture =
            Probability::new(capture).ok_or_else(|| anyhow::anyhow!("the history keeps nothing"))?;
        let mut replay = Replay::new(&self.config, capture)?;
        let mut records = Vec::with_capacity(GROUP);
        let mut at = self.now();
        for item in past {
            match item {
                HistoryItem::Exchange(exchange) if is_kept(&exchange, keep) => {
                    at = exchange.time;
                    records.push(replay.inference(&exchange));
                }
                HistoryItem::Exchange(_) => {}
                HistoryItem::Metrics { time, text } => records.extend(replay.scrape(text.as_bytes(), time)?),
            }
            if records.len() >= GROUP {
                self.ingest_and_judge(std::mem::take(&mut records), at)?;
            }
        }
        self.ingest_and_judge(records, at)?;
        self.pipeline.tick(self.now())?;
        self.pipeline.seal()
    }

    /// One second passes.
    pub fn second(&mut self) -> anyhow::Result<()> {
        let from = self.now();
        let to = from + SECOND;
        for model in self.script.models() {
            for arrival in self.script.arrivals(&model, from, to, &self.incidents) {
                self.arrive(&model, arrival.index, arrival.time);
            }
        }
        if to.as_nanos() % SCRAPE_EVERY_NANOS == 0 {
            let page = self.script.metrics_text(to, &self.incidents);
            let readings = self.replay.scrape(page.as_bytes(), to)?;
            self.note(to, readings);
        }
        let [usual, stricter] = &self.models;
        self.judge.swap(if self.incidents.judge_is_swapped(from) { stricter } else { usual }.clone());
        self.clock.set(to);
        let later = self.due.split_off(&(to, u64::MAX));
        let due = std::mem::replace(&mut self.due, later);
        let records: Vec<Record> = due.into_values().flatten().collect();
        if !records.is_empty() {
            let ingested = self.pipeline.ingest(vec![records], to)?;
            let scores = self.judged(&ingested)?;
            self.note(to + JUDGING_TAKES, scores);
        }
        self.judge.force_anchors(self.pipeline.anchors_wanted());
        let anchors = self.judge.anchors(to, ANCHORS_PER_SECOND)?;
        if !anchors.is_empty() {
            self.note(to + JUDGING_TAKES, anchors);
        }
        self.pipeline.tick(to)?;
        self.pipeline.seal_if_due()?;
        Ok(())
    }

    /// An incident begins now.
    pub fn start(&mut self, incident: Incident, component: &str) {
        self.incidents.start(incident, component, self.now());
    }

    /// From now on another model stands behind the judge's name.
    pub fn swap_judge(&mut self, judge: bifocal_sim::Judge) {
        self.models = [judge.clone(), judge.stricter()];
    }

    /// Every incident ends now.
    pub fn stop_all(&mut self) {
        self.incidents.stop_all(self.now());
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What the watch said at the last tick.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The state of a target by its name; `None` while it was never seen.
    pub fn state(&self, name: &str) -> Option<StateName> {
        self.snapshot.load().targets.iter().find(|target| target.name == name).map(|target| target.state)
    }

    /// The pipeline, to look into the store and the outbox.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Seals and closes; the folder can be opened again.
    pub fn close(self) -> anyhow::Result<()> {
        self.pipeline.close()
    }

    fn arrive(&mut self, model: &str, index: u64, time: Timestamp) {
        let request = self.script.request(model, index, &self.incidents);
        let response = self.script.respond(model, index, &self.incidents);
        let (Some(request), Some(response)) = (request, response) else { return };
        let ends = time + Span::from_secs_f64(response.duration_seconds());
        let exchange = Exchange { component: model.to_owned(), index, time, request, response };
        let record = self.replay.inference(&exchange);
        self.note(ends, vec![record]);
    }

    fn note(&mut self, at: Timestamp, records: Vec<Record>) {
        self.noted += 1;
        self.due.insert((at, self.noted), records);
    }

    fn ingest_and_judge(&mut self, records: Vec<Record>, at: Timestamp) -> anyhow::Result<()> {
        let ingested = self.pipeline.ingest(vec![records], at)?;
        let mut scores = self.judged(&ingested)?;
        scores.extend(self.judge.anchors(at, usize::MAX)?);
        self.pipeline.ingest(vec![scores], at)?;
        Ok(())
    }

    fn judged(&self, ingested: &Ingested) -> anyhow::Result<Vec<Record>> {
        let mut records = Vec::new();
        for chosen in &ingested.to_judge {
            records.extend(self.judge.scores(chosen)?);
        }
        Ok(records)
    }
}

/// Which exchanges of a history are kept: a function of component and number, as thinning must be the same every time.
fn is_kept(exchange: &Exchange, keep: Probability) -> bool {
    let name = exchange.component.bytes().chain(*b"/past/");
    let hash = fnv1a(name.chain(exchange.index.to_le_bytes()));
    // The upper bits of an FNV hash of a short key are mixed well only after a multiplication more.
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11;
    (mixed as f64) < keep.get() * (1_u64 << 53) as f64
}
