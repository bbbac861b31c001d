//! The synchronous heart: records in, durable, watched; ticks; seals.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use bifocal_evaluate::custom::Customs;
use bifocal_evaluate::pacer::Pace;
use bifocal_evaluate::{Choice, ContextMap, features, heuristics};
use bifocal_model::{Dimension, Timestamp};
use bifocal_publish::cloudwatch::{WriteBack, WriteBackConfig};
use bifocal_publish::export::EvaluationBook;
use bifocal_publish::notify::ChannelConfig;
use bifocal_publish::prometheus::Exposition;
use bifocal_store::{Acknowledged, Arrival, Arrivals, Call, Reader, Record, Recovered, Store};
use bifocal_telemetry::{Metric, Telemetry};
use bifocal_watch::{Snapshot, Watch, WatchConfig};

use super::chooser::{Chooser, Choosing};
use super::costs::Costs;
use super::names::Names;
use super::outlet::Outlet;
use super::quantiles::StoreQuantiles;

/// The name under which the watch's state is saved with a seal.
const WATCH_STATE: &str = "watch";
/// The same of the pace of judging.
const PACE_STATE: &str = "pace";

/// What a pipeline is made of.
#[derive(Debug)]
pub struct Options {
    /// The store.
    pub store: bifocal_store::Options,
    /// Objectives, baselines, budget, rules.
    pub watch: WatchConfig,
    /// Who is judged; `None`: nobody.
    pub chooser: Option<Choosing>,
    /// Evaluators of one's own.
    pub customs: Customs,
    /// Where answers find what they are to be made from.
    pub contexts: ContextMap,
    /// What the hardware costs.
    pub costs: Costs,
    /// Whom alerts are told.
    pub channels: Vec<ChannelConfig>,
    /// Address of the page, for links in messages.
    pub page: String,
    /// What is written to CloudWatch of what is judged.
    pub cloudwatch: WriteBackConfig,
}

/// The pipeline.
#[derive(Debug)]
pub struct Pipeline {
    store: Store,
    reader: Reader,
    watch: Watch,
    names: Names,
    telemetry: Telemetry,
    chooser: Option<Chooser>,
    /// Whether nothing is found out of a call before it is stored.
    is_storing_alone: bool,
    customs: Customs,
    contexts: ContextMap,
    costs: Costs,
    outlet: Outlet,
    exposition: Arc<Mutex<Exposition>>,
    /// Where quality metrics are written to CloudWatch.
    write_back: Option<Arc<Mutex<WriteBack>>>,
    /// Judgements that are told as events.
    evaluations: Option<Arc<Mutex<EvaluationBook>>>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    anchors_wanted: Vec<Dimension>,
    /// The pace of judging, as it is shown.
    pace: Arc<ArcSwap<Option<Pace>>>,
}

/// What an ingest did. All of it is durable.
#[derive(Debug, Default)]
pub struct Ingested {
    /// What became of each batch, in their order.
    pub acknowledged: Vec<Acknowledged>,
    /// New inferences that were chosen to be judged.
    pub to_judge: Vec<ToJudge>,
    /// New answers, where evaluators behind HTTP are asked about them.
    pub answers: Vec<Arc<bifocal_model::Inference<bifocal_redact::Redacted>>>,
}

/// One inference that was chosen.
#[derive(Clone, Debug)]
pub struct ToJudge {
    /// Which.
    pub call: Call,
    /// How it was chosen.
    pub choice: Choice,
    /// With which probability it was drawn for the cheap judge; `None`: it is not asked.
    pub cheap: Option<bifocal_model::Probability>,
}

impl Pipeline {
    /// Opens the store and brings the watch to the last record: the saved state, then what came after.
    pub fn open(options: Options, now: Timestamp, telemetry: &Telemetry) -> anyhow::Result<Self> {
        let mut watch = Watch::new(options.watch, telemetry.clone())?;
        let (store, recovered) = Store::open(options.store, telemetry.clone())?;
        if let Some(saved) = recovered.states.get(WATCH_STATE) {
            watch.restore(saved)?;
        }
        let saved = recovered.states.get(PACE_STATE).map(Vec::as_slice);
        let made = options.chooser.map(|choosing| choosing.open(&store.small_state(), saved));
        let mut chooser = made.transpose()?;
        for (_, record) in &recovered.replay {
            see(&mut watch, record);
            if let Some(chooser) = &mut chooser {
                chooser.see_again(record, now);
            }
        }
        let (small_state, reader) = (store.small_state(), store.reader());
        let outlet = Outlet::new(small_state, options.channels, options.page, telemetry.clone());
        let names = Names::new(reader.targets().into_keys());
        let outcome = watch.tick(now, &StoreQuantiles(reader.clone()));
        // The mix that was planned is that of the scores that were read back.
        if let Some(chooser) = &mut chooser {
            chooser.mix(outcome.cheap_per_judged);
        }
        let snapshot = Arc::new(ArcSwap::from_pointee(outcome.snapshot.clone()));
        let mut pipeline = Self {
            store,
            reader,
            watch,
            names,
            telemetry: telemetry.clone(),
            chooser,
            is_storing_alone: false,
            customs: options.customs,
            contexts: options.contexts,
            costs: options.costs,
            outlet,
            exposition: Arc::default(),
            write_back: options
                .cloudwatch
                .is_on()
                .then(|| Arc::new(Mutex::new(WriteBack::new(options.cloudwatch)))),
            evaluations: None,
            snapshot,
            anchors_wanted: Vec::new(),
            pace: Arc::default(),
        };
        pipeline.finish_what_was_begun(&recovered, now)?;
        pipeline.carry_out(outcome)?;
        Ok(pipeline)
    }

    /// Makes records durable with one group commit, with what heuristics say of every new inference and whether it is
    /// to be judged in the same frame, and lets the watch see them. The records arrive here.
    pub fn ingest(
        &mut self,
        batches: Vec<Vec<Record>>,
        now: Timestamp,
    ) -> Result<Ingested, bifocal_store::Error> {
        let mut arrivals = self.store.arrivals().of_records(batches.iter().flatten());
        let ingested = self.ingest_arrived(batches, &mut arrivals, now);
        arrivals.into_iter().for_each(Arrival::withdraw);
        ingested
    }

    /// As [`Self::ingest`], for records whose sources have counted their arrivals: they are let go of when the ledger
    /// has the records. On an error they stay.
    pub fn ingest_arrived(
        &mut self,
        batches: Vec<Vec<Record>>,
        arrivals: &mut Vec<Arrival>,
        now: Timestamp,
    ) -> Result<Ingested, bifocal_store::Error> {
        let mut begun = HashSet::new();
        if let Some(chooser) = &mut self.chooser {
            chooser.turn(now);
        }
        let batches = batches.into_iter().map(|batch| self.evaluated(batch, &mut begun, now)).collect();
        let appended = self.store.append_arrived(batches, arrivals)?;
        let mut ingested = Ingested { acknowledged: appended.batches, ..Ingested::default() };
        let mut exposition = self.exposition.lock().unwrap_or_else(PoisonError::into_inner);
        let mut written =
            self.write_back.as_ref().map(|book| book.lock().unwrap_or_else(PoisonError::into_inner));
        let mut events =
            self.evaluations.as_ref().map(|book| book.lock().unwrap_or_else(PoisonError::into_inner));
        let mut calls = HashMap::new();
        let asks_remotes = self.customs.remotes().next().is_some();
        for (_, record) in appended.records {
            if let (Record::Inference(call), true) = (&record, asks_remotes) {
                ingested.answers.push(Arc::clone(call));
            }
            see(&mut self.watch, &record);
            exposition.apply(&record);
            if let Some(chooser) = &mut self.chooser {
                chooser.see(&record);
            }
            if let Some(book) = &mut written {
                book.apply(&record);
            }
            if let Some(book) = &mut events {
                book.apply(&record);
            }
            match record {
                Record::Inference(call) if self.chooser.is_some() => {
                    let cheap = self.chooser.as_mut().and_then(|chooser| chooser.take_cheap(call.id));
                    match cheap {
                        // Nobody promised a word of the judge on it.
                        Some((choice, inclusion)) if !choice.draw.included => {
                            ingested.to_judge.push(ToJudge { call, choice, cheap: Some(inclusion) });
                        }
                        cheap => {
                            let inclusion = cheap.map(|(_, inclusion)| inclusion);
                            calls.insert(call.id, (call, inclusion));
                        }
                    }
                }
                // Of a call that is in the same frame: what the judge gave up has its call long behind it.
                Record::Selection(selection) if selection.shed.is_none() => {
                    let call = calls.remove(&selection.inference);
                    let choice = Choice::of(&selection);
                    ingested.to_judge.extend(call.map(|(call, cheap)| ToJudge { call, choice, cheap }));
                }
                _ => {}
            }
        }
        Ok(ingested)
    }

    /// Joins states, evaluates alert rules, puts their messages into the outbox, publishes the snapshot.
    pub fn tick(&mut self, now: Timestamp) -> Result<(), bifocal_store::Error> {
        let costs = self.costs.readings(now, &self.reader)?;
        if !costs.is_empty() {
            self.ingest(vec![costs.into_iter().map(Record::Reading).collect()], now)?;
        }
        let outcome = self.watch.tick(now, &StoreQuantiles(self.reader.clone()));
        self.carry_out(outcome)
    }

    /// Seals when it is due. Returns whether it was.
    pub fn seal_if_due(&mut self) -> anyhow::Result<bool> {
        if !self.store.should_seal() {
            return Ok(false);
        }
        self.seal()?;
        Ok(true)
    }

    /// Moves the journal into segments and saves the watch with it.
    pub fn seal(&mut self) -> anyhow::Result<()> {
        let watch = self.watch.save()?;
        let mut states = vec![(WATCH_STATE, watch)];
        if let Some(chooser) = &self.chooser {
            states.push((PACE_STATE, chooser.save()?));
        }
        self.store.seal(&states)?;
        Ok(())
    }

    /// The batches that the last failed ingest was given, to be tried again.
    pub fn take_refused(&mut self) -> Vec<Vec<Record>> {
        self.store.take_refused()
    }

    /// Tries whether the disk takes data again.
    pub fn retry(&mut self) -> Result<(), bifocal_store::Error> {
        self.store.retry()
    }

    /// Seals and says goodbye. Where something that was decided cannot be written or told, it does not: the next start looks
    /// for it as after a crash.
    pub fn close(mut self) -> anyhow::Result<()> {
        let told = self.write_events().and_then(|()| self.outlet.tell());
        self.seal()?;
        told?;
        self.store.close()?;
        Ok(())
    }

    /// The watch's state as a seal would save it.
    pub fn watch_state(&self) -> anyhow::Result<Vec<u8>> {
        Ok(self.watch.save()?)
    }

    /// What arrives, to be counted at the door.
    pub fn arrivals(&self) -> Arrivals {
        self.store.arrivals()
    }

    /// Reads what is stored.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// The outbox and other small state.
    pub fn small_state(&self) -> bifocal_store::SmallState {
        self.store.small_state()
    }

    /// The newest snapshot, as it changes.
    pub fn snapshot(&self) -> Arc<ArcSwap<Snapshot>> {
        Arc::clone(&self.snapshot)
    }

    /// The pace of judging, as it changes with every tick; `None` inside: nothing is judged.
    pub fn pace(&self) -> Arc<ArcSwap<Option<Pace>>> {
        Arc::clone(&self.pace)
    }

    /// Dimensions on which every anchor should be scored now, after the newest tick.
    pub fn anchors_wanted(&self) -> &[Dimension] {
        &self.anchors_wanted
    }

    /// From now on calls are stored alone: no evaluator is run on them, and how they are written is not followed.
    pub fn store_alone(&mut self) {
        self.is_storing_alone = true;
    }

    /// The counters behind `/metrics`.
    pub fn exposition(&self) -> Arc<Mutex<Exposition>> {
        Arc::clone(&self.exposition)
    }

    /// From now on judgements are kept to be told as events.
    pub fn tell_evaluations(&mut self, book: EvaluationBook) -> Arc<Mutex<EvaluationBook>> {
        let book = Arc::new(Mutex::new(book));
        self.evaluations = Some(Arc::clone(&book));
        book
    }

    /// What was judged and is to be written to CloudWatch; `None`: nothing is.
    pub fn write_back(&self) -> Option<Arc<Mutex<WriteBack>>> {
        self.write_back.clone()
    }

    /// From now on `/metrics` counts from zero: history is not traffic of this process.
    pub fn forget_counters(&self) {
        *self.exposition.lock().unwrap_or_else(PoisonError::into_inner) = Exposition::new();
    }

    /// A batch with every call's target settled, what the evaluators found in each inference that is new, behind it the scores
    /// that fell short, and its selection if it was chosen.
    fn evaluated(
        &mut self,
        batch: Vec<Record>,
        begun: &mut HashSet<bifocal_model::Identity>,
        now: Timestamp,
    ) -> Vec<Record> {
        let mut records = Vec::with_capacity(batch.len());
        for mut record in batch {
            let Record::Inference(call) = &mut record else {
                records.push(record);
                continue;
            };
            // It has no other owner yet, so nothing is copied.
            let call = Arc::make_mut(call);
            if !self.names.settle(call) {
                self.telemetry.limit_hit("targets");
            }
            let is_new = !self.store.knows(&call.identity) && begun.insert(call.identity.clone());
            // A group that the disk refused comes again with what was found and decided.
            if !is_new || !call.findings.is_empty() || self.is_storing_alone {
                records.push(record);
                continue;
            }
            let said = heuristics::all_with(call, &self.contexts, now);
            call.findings = said.findings;
            let own = self.customs.scores(call, now);
            let chooser = self.chooser.as_mut();
            // History is written with what was decided.
            let chooser = chooser.filter(|_| call.chance.is_none());
            let selection = chooser.and_then(|chooser| chooser.select(call, said.suspected_injection));
            records.push(record);
            records.extend(said.scores.into_iter().chain(own).map(|score| Record::Score(Arc::new(score))));
            records.extend(selection.map(Record::Selection));
        }
        records
    }

    /// Journals what a tick decided before anybody is told of it.
    fn carry_out(&mut self, outcome: bifocal_watch::Outcome) -> Result<(), bifocal_store::Error> {
        self.outlet.take(outcome.events, outcome.notifications);
        self.write_events()?;
        self.outlet.tell()?;
        self.anchors_wanted = outcome.anchors_wanted;
        if let Some(chooser) = &mut self.chooser {
            chooser.mix(outcome.cheap_per_judged);
        }
        self.snapshot.store(Arc::new(outcome.snapshot));
        let pace = self.chooser.as_ref().map(Chooser::pace);
        if let Some(pace) = &pace {
            self.telemetry.gauge(Metric::JudgeBelowFloor, &[]).set(pace.below_floor);
        }
        self.pace.store(Arc::new(pace));
        if let Some(book) = &self.write_back {
            book.lock().unwrap_or_else(PoisonError::into_inner).settle();
        }
        Ok(())
    }

    fn write_events(&mut self) -> Result<(), bifocal_store::Error> {
        let records = self.outlet.unwritten();
        if records.is_empty() {
            return Ok(());
        }
        let written = self.store.append(vec![records])?;
        self.outlet.is_written();
        for (_, record) in written.records {
            self.watch.apply(&record);
        }
        Ok(())
    }

    /// After an unclean stop: an alert whose event, of its beginning or its end, is durable and whose message is not in the
    /// outbox yet is told now. (The outbox drops what it has: keys are unique.)
    fn finish_what_was_begun(&mut self, recovered: &Recovered, now: Timestamp) -> anyhow::Result<()> {
        if recovered.unclean.is_none() {
            return Ok(());
        }
        self.outlet.take(Vec::new(), self.watch.owed_notifications(now));
        Ok(self.outlet.tell()?)
    }
}

/// Lets the watch see a durable record, and an inference's features with it.
fn see(watch: &mut Watch, record: &Record) {
    watch.apply(record);
    if let Record::Inference(call) = record
        && !is_stored_alone(call)
    {
        watch.take_features(call, &features::of(call));
    }
}

/// Whether nothing was found out of an answer. It is read off the record, so that a restart sees the same.
fn is_stored_alone(call: &Call) -> bool {
    call.has_answer() && call.findings.is_empty()
}
