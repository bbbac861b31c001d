//! The watch as a whole: records in, state out.

use std::collections::BTreeMap;
use std::sync::Arc;

use bifocal_model::{
    AnchorScore, Dimension, EvaluatorKind, Event, EventKind, FeatureValues, Inference, LedgerOutcome, Loss,
    Reading, ReadingSubject, Score, Source, Span, StateName, TargetKey, Timestamp, Window, stratum,
};
use bifocal_stats::budget;
use bifocal_store::Record;
use bifocal_telemetry::Telemetry;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::agreement::AgreementBook;
use crate::alert::{self, Notification, Own, Rule};
use crate::attribution::{IncidentBook, Told};
use crate::config::WatchConfig;
use crate::drift::Drift;
use crate::judge_cost::JudgeCosts;
use crate::judge_level::JudgeLevels;
use crate::limits::{STREAMS_MAX, TARGETS_MAX};
use crate::mute::{self, MaintenanceWindow, Mutes, SilenceBook};
use crate::snapshot::{RuleView, Snapshot, TargetView, Totals};
use crate::stream::Stream;
use crate::target::{Target, is_heuristic};
use crate::{promise, sentence, slo};

mod alerting;

pub(crate) use alerting::AlertBook;

/// Quantiles of latencies over a window: the store's roll-ups answer this.
pub trait Quantiles {
    /// The q-quantile of `ttft_seconds`, `itl_seconds` or `duration_seconds`; `None` without data.
    fn quantile(&self, target: &TargetKey, signal: &str, q: f64, window: Window) -> Option<f64>;
}

/// The watch.
#[derive(Debug)]
pub struct Watch {
    /// Shared, for each record borrows it beside its target.
    config: Arc<WatchConfig>,
    rules: Vec<Rule>,
    rule_views: Arc<[RuleView]>,
    windows: Vec<MaintenanceWindow>,
    state: State,
    /// Events that records caused since the last tick.
    pending: Vec<Event>,
    telemetry: Telemetry,
}

/// What survives a restart: a function of the journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    targets: Vec<Target>,
    alerts: AlertBook,
    #[serde(default)]
    incidents: IncidentBook,
    #[serde(default)]
    judges: JudgeLevels,
    #[serde(default)]
    silences: SilenceBook,
    #[serde(default)]
    agreement: AgreementBook,
    #[serde(default)]
    judge_costs: JudgeCosts,
}

/// What a tick decided.
#[derive(Debug)]
pub struct Outcome {
    /// For the journal.
    pub events: Vec<Event>,
    /// For the outbox, one per beginning and end of an alert.
    pub notifications: Vec<Notification>,
    /// For everybody who reads.
    pub snapshot: Snapshot,
    /// Dimensions on which every anchor should be scored now: a detector nears its threshold, or an incident waits for
    /// word about the judge.
    pub anchors_wanted: Vec<Dimension>,
    /// Calls of the cheap judge for each of the judge that cost least at equal width, over the stream that wants most; `None`: not
    /// known.
    pub cheap_per_judged: Option<f64>,
}

impl Watch {
    /// A watch that has seen nothing.
    pub fn new(config: WatchConfig, telemetry: Telemetry) -> Result<Self, Error> {
        let own = Own { dimensions: &config.own_dimensions, slos: &config.slos };
        let compiled = config.rules.iter().map(|rule| alert::compile(rule, &own));
        let mut rules = compiled.collect::<Result<Vec<_>, _>>()?;
        for (i, rule) in rules.iter().enumerate() {
            if rules[..i].iter().any(|other| other.config.name == rule.config.name) {
                return Err(Error::DuplicateRule { rule: rule.config.name.clone() });
            }
        }
        mute::link(&mut rules)?;
        let names: Vec<&str> = rules.iter().map(|rule| rule.config.name.as_str()).collect();
        let windows = config.maintenance.iter().map(|window| MaintenanceWindow::of(window, &names));
        let windows = windows.collect::<Result<Vec<_>, _>>()?;
        let rule_views = rules.iter().map(Rule::view).collect();
        let (state, pending) = (State::default(), Vec::new());
        Ok(Self { config: Arc::new(config), rules, rule_views, windows, state, pending, telemetry })
    }

    /// The alert rules, with what their authors should know.
    pub fn rules(&self) -> &[RuleView] {
        &self.rule_views
    }

    /// The state as bytes, to be saved with the last applied sequence.
    pub fn save(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(&self.state).map_err(Error::Save)
    }

    /// Takes the state that [`Self::save`] gave.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.state = serde_json::from_slice(bytes).map_err(Error::Restore)?;
        Ok(())
    }

    /// Takes one durable record.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Inference(call) => self.take_call(call),
            Record::Score(score) => self.take_score(score),
            Record::Reading(reading) => self.take_reading(reading),
            Record::Event(event) => self.take_event(event),
            Record::Loss(loss) => self.take_loss(loss),
            Record::Anchor(anchor) => self.take_anchor(anchor),
            Record::Act(act) => {
                self.pending.extend(self.state.silences.take(act, &self.telemetry));
                self.pending.extend(self.state.incidents.take_act(act, &self.telemetry));
            }
            Record::Selection(selection) => {
                let window = Span::from_secs_f64(self.config.quality.window_seconds);
                if let Some(target) = self.target_mut(&selection.target, selection.time) {
                    target.traffic.choose(selection, window);
                    target.signals.choose(selection.inference);
                    target.judging.select(selection);
                }
            }
            Record::Checkpoint(_) => {}
            Record::Label(label) => {
                if self.state.agreement.take_label(label) {
                    self.telemetry.limit_hit("watch_labelled");
                }
            }
        }
    }

    /// Takes the features of an inference, after the inference itself. They are measured where its text is: a replay measures
    /// them again and arrives at the same bits.
    pub fn take_features<T>(&mut self, call: &Inference<T>, values: &FeatureValues) {
        let pages = self.config.alerting.false_pages_per_30_days;
        // Counting streams takes longer than all the rest, so it is done when a threshold is due.
        let is_due = self.target_mut(&call.target, call.time).is_some_and(|target| target.drift.is_due());
        let streams =
            if is_due { self.judged_streams() + self.judges_in_budget() + self.drift_streams() } else { 0 };
        let Some(target) = self.target_mut(&call.target, call.time) else { return };
        // Where nothing is judged, nothing waits for a judge.
        if !target.streams.is_empty() {
            target.signals.see(call.id, &call.findings, values);
        }
        let buys = |rows_in_30_days| budget::threshold(streams, rows_in_30_days, pages);
        let events = target.drift.take(&call.target, call.time, values, call.id.random_half(), buys);
        self.pending.extend(events);
    }

    /// Joins everything into states, evaluates the rules. Called every second or so.
    pub fn tick<Q: Quantiles>(&mut self, now: Timestamp, quantiles: &Q) -> Outcome {
        let mut events = std::mem::take(&mut self.pending);
        let mut views = Vec::with_capacity(self.state.targets.len());
        for target in &mut self.state.targets {
            let incidents = self.state.incidents.open_of(&target.key);
            let (mut view, changed) = target.decide(now, &self.config, incidents);
            for stream in &mut view.streams {
                stream.judge_drifted = self.state.judges.drifted(stream.fingerprint, &stream.dimension);
            }
            if let Some(before) = changed {
                events.push(state_change(&view, before, now));
            }
            views.push(view);
        }
        views.sort_by(|a, b| (&a.name, &a.key).cmp(&(&b.name, &b.key)));
        let window = alert::window(now, self.config.objectives.window_seconds);
        let mut judges = self.state.judges.views(|fingerprint, dimension| {
            let incidents = &self.state.incidents;
            (incidents.judge(fingerprint, dimension), incidents.judge_threshold(fingerprint, dimension))
        });
        self.state.agreement.add_to(&mut judges);
        let mutes = Mutes { silences: &self.state.silences, windows: &self.windows, now };
        let notifications =
            self.state.alerts.look(&self.rules, &views, quantiles, window, &mutes, &mut events);
        let snapshot = Snapshot {
            now,
            sentence: sentence::fleet(&views),
            totals: self.totals(&views, now),
            alerts: self.state.alerts.views(&self.rules, &mutes),
            silences: self.state.silences.views(now),
            withheld: self.state.silences.withheld(),
            rules: Arc::clone(&self.rule_views),
            judges,
            judge_costs: self.state.judge_costs.views(now),
            objectives: self.config.objectives.clone(),
            incidents: self.state.incidents.all(),
            targets: views,
        };
        let ladders =
            snapshot.targets.iter().flat_map(|target| &target.streams).filter_map(|s| s.ladder.as_ref());
        let cheap_per_judged = ladders.filter_map(|ladder| ladder.per_judged).max_by(f64::total_cmp);
        let anchors_wanted = self.state.incidents.anchors_wanted();
        Outcome { events, notifications, snapshot, anchors_wanted, cheap_per_judged }
    }

    /// The notifications of all alerts that fire now and of those that ended last, with the keys that they were first told
    /// under: after an unclean stop they are offered to the outbox again, which drops those that it has.
    pub fn owed_notifications(&self, now: Timestamp) -> Vec<Notification> {
        self.state.alerts.owed_notifications(&self.rules, now)
    }

    fn take_call<T>(&mut self, call: &Inference<T>) {
        let config = Arc::clone(&self.config);
        let Some(target) = self.target_mut(&call.target, call.time) else { return };
        target.take_findings(call);
        let Some((old, new)) = target.take_call(call, &config) else { return };
        self.pending.push(Event {
            time: call.time,
            kind: EventKind::LabelChange,
            target: Some(call.target.clone()),
            id: format!("label:{}:served_model:{}", call.target.id(), call.id),
            summary: format!("served model changed from {old} to {new}"),
        });
    }

    fn take_score<T>(&mut self, score: &Score<T>) {
        if self.state.judge_costs.take_score(score) {
            self.telemetry.limit_hit("watch_costed_judges");
        }
        if score.kind == EvaluatorKind::Confirmation {
            let is_full =
                self.target_mut(&score.target, score.time).is_some_and(|target| target.severe.take(score));
            if is_full {
                self.telemetry.limit_hit("watch_severe");
            }
            return;
        }
        if score.kind == EvaluatorKind::Cheap {
            self.take_cheap(score);
            return;
        }
        if is_heuristic(score) {
            if let Some(target) = self.target_mut(&score.target, score.time) {
                target.take_heuristic(score);
            }
            return;
        }
        self.state.agreement.take_score(score);
        let threshold = self.threshold();
        let streams: usize = self.state.targets.iter().map(|target| target.streams.len()).sum();
        let config = Arc::clone(&self.config);
        let telemetry = self.telemetry.clone();
        let Some(target) = self.target_mut(&score.target, score.time) else { return };
        let known = target
            .streams
            .iter()
            .any(|stream| stream.fingerprint == score.fingerprint && stream.dimension == score.dimension);
        if !known && streams >= STREAMS_MAX {
            telemetry.limit_hit("watch_streams");
            return;
        }
        let signals = target.signals.of(score.inference);
        if score.kind == EvaluatorKind::Judge && score.value().is_some() {
            target.judging.judge(score.inference, score.time);
        }
        let class = target.traffic.class_of(&score.stratum);
        let stream = target.stream_mut(score, &config);
        // A composite is made of what the judge said: its parts are explained.
        if let Some(signals) = signals.filter(|_| stream.watched) {
            stream.explain(&signals, score);
        }
        if config.slos.iter().any(|slo| slo.judged() == Some(score.dimension.as_str())) {
            slo::take_score(&mut stream.budget, score);
        }
        let event = stream.take(score, class, threshold, &config.quality);
        let standing = stream.standing(event.as_ref().map(|event| event.kind));
        let watched = stream.watched;
        self.pending.extend(event);
        if watched && !stratum::is_extra(&score.stratum) {
            let told = self.state.incidents.take_score(score, &standing, &config.quality);
            self.carry_out(told);
        }
    }

    /// What the cheap judge says goes to the newest stream of the judge: it is an aid of that one's estimate and no stream.
    fn take_cheap<T>(&mut self, score: &Score<T>) {
        let Some(target) = self.target_mut(&score.target, score.time) else { return };
        let class = target.traffic.class_of(&score.stratum);
        let of = |stream: &&mut Stream| stream.watched && stream.dimension == score.dimension;
        let stream =
            target.streams.iter_mut().filter(of).max_by_key(|stream| (stream.last, stream.fingerprint));
        if stream.is_some_and(|stream| stream.ladder.take(score, class)) {
            self.telemetry.limit_hit("watch_cheap");
        }
    }

    fn take_anchor(&mut self, anchor: &AnchorScore) {
        let config = Arc::clone(&self.config);
        let pages = config.alerting.false_pages_per_30_days;
        // Without a rule that pages on it a move costs a baseline, and no part of the budget.
        let streams = if self.pages_on(Rule::watches_judges) { self.budgeted_streams() } else { 0 };
        let buys = |rescores_in_30_days| budget::threshold(streams, rescores_in_30_days, pages);
        let told = self.state.incidents.take_anchor(anchor, buys, &config.quality);
        if self.state.judges.take(anchor, told.moved.as_ref()) {
            self.telemetry.limit_hit("watch_repeated_anchors");
        }
        if self.state.judge_costs.take_anchor(anchor) {
            self.telemetry.limit_hit("watch_costed_judges");
        }
        self.carry_out(told);
    }

    /// Streams whose baselines mean nothing any more learn anew.
    fn carry_out(&mut self, told: Told) {
        self.pending.extend(told.events);
        for key in told.start_over {
            let targets = self.state.targets.iter_mut().filter(|target| target.key == key.target);
            let streams = targets.flat_map(|target| &mut target.streams);
            let same = streams.filter(|s| s.dimension == key.dimension && s.fingerprint == key.fingerprint);
            same.for_each(|stream| stream.start_over(&self.config.quality));
        }
    }

    fn take_reading(&mut self, reading: &Reading) {
        let config = Arc::clone(&self.config);
        match &reading.subject {
            ReadingSubject::Target(key) => {
                if let Some(target) = self.target_mut(key, reading.time) {
                    target.take_reading(reading, &config);
                }
            }
            ReadingSubject::Origin(origin) => {
                for target in self.state.targets.iter_mut().filter(|target| target.key.origin == *origin) {
                    target.take_reading(reading, &config);
                }
            }
        }
    }

    fn take_event(&mut self, event: &Event) {
        self.state.alerts.restore(event);
        self.state.silences.restore(event);
        self.state.incidents.take_event(event);
        self.pending.retain(|pending| pending.id != event.id);
        let (EventKind::StateChange, Some(key)) = (event.kind, &event.target) else { return };
        let name = event.id.rsplit(':').next().unwrap_or_default();
        let state = StateName::ALL.into_iter().find(|state| state.name() == name);
        if let (Some(state), Some(target)) = (state, self.target_mut(key, event.time)) {
            target.restore_state(state, event.time);
        }
    }

    /// Losses of the proxy are told as an event, once a minute at most, for coverage has a hole there.
    fn take_loss(&mut self, loss: &Loss) {
        if loss.source != Source::Proxy || loss.outcome != LedgerOutcome::Dropped {
            return;
        }
        let minute = loss.time.floor_to(bifocal_model::Span::from_mins(1));
        let id = format!("dropped:{minute}:{}", loss.reason);
        if !self.pending.iter().any(|event| event.id == id) {
            let summary = format!("captured calls were dropped: {}", loss.reason);
            self.pending.push(Event {
                time: loss.time,
                kind: EventKind::CaptureLoss,
                target: loss.target.clone(),
                id,
                summary,
            });
        }
    }

    fn target_mut(&mut self, key: &TargetKey, seen: Timestamp) -> Option<&mut Target> {
        if let Some(at) = self.state.targets.iter().position(|target| target.key == *key) {
            return self.state.targets.get_mut(at);
        }
        let named = self.state.targets.iter().filter(|target| !target.key.is_other()).count();
        if named >= TARGETS_MAX && !key.is_other() {
            self.telemetry.limit_hit("watch_targets");
            return self.target_mut(&TargetKey::other(&key.origin), seen);
        }
        self.state.targets.push(Target::new(key.clone(), seen));
        self.state.targets.last_mut()
    }

    /// The threshold that keeps the budget: judged samples in 30 days of all budgeted streams, divided by the
    /// false pages allowed in 30 days (an alarm by chance has probability at most 1 / threshold a sample).
    fn threshold(&self) -> f64 {
        let alerting = &self.config.alerting;
        let watched = self.state.targets.iter().flat_map(|target| &target.streams).filter(|s| s.watched);
        let (count, seen) = watched.fold((0_u64, 0.0), |(n, sum), s| (n + 1, sum + s.judged_in_30_days()));
        let streams = alerting.streams.unwrap_or(count).max(1);
        let per_stream = alerting.judged_per_day.map_or(seen / streams as f64, |per_day| per_day * 30.0);
        let others = self.others_in_budget();
        budget::threshold(streams + others, per_stream, alerting.false_pages_per_30_days)
    }

    fn judged_streams(&self) -> u64 {
        self.state.targets.iter().flat_map(|target| &target.streams).filter(|stream| stream.watched).count()
            as u64
    }

    /// Streams that share the budget beside the judged ones, because a rule pages on them.
    fn others_in_budget(&self) -> u64 {
        let drift = if self.pages_on(Rule::watches_drift) { self.drift_streams() } else { 0 };
        drift + self.judges_in_budget()
    }

    fn judges_in_budget(&self) -> u64 {
        if self.pages_on(Rule::watches_judges) { self.state.incidents.judges() } else { 0 }
    }

    fn budgeted_streams(&self) -> u64 {
        self.config.alerting.streams.unwrap_or_else(|| self.judged_streams()).max(1) + self.others_in_budget()
    }

    fn pages_on(&self, what: fn(&Rule) -> bool) -> bool {
        self.rules.iter().any(what)
    }

    /// Groups of features: they share the budget with the judged streams once a rule pages on them.
    fn drift_streams(&self) -> u64 {
        Drift::STREAMS * self.state.targets.len() as u64
    }

    /// What accelerators cost that no component holds, once for each endpoint.
    fn held_by_none(&self, now: Timestamp) -> Vec<f64> {
        let of = |target: &Target| {
            let usd = target.hardware.part("cost_idle_usd_per_hour", &target.key.endpoint, now)?;
            Some(((target.key.origin.clone(), target.key.endpoint.clone()), usd))
        };
        self.state.targets.iter().filter_map(of).collect::<BTreeMap<_, _>>().into_values().collect()
    }

    fn totals(&self, views: &[TargetView], now: Timestamp) -> Totals {
        let mut costs: Vec<f64> = views.iter().filter_map(|view| view.cost_usd_per_hour).collect();
        let idle = views.iter().filter(|view| view.efficiency == bifocal_model::Efficiency::Wasteful);
        let mut idle: Vec<f64> = idle.filter_map(|view| view.cost_usd_per_hour).collect();
        let held_by_none = self.held_by_none(now);
        costs.extend(&held_by_none);
        idle.extend(held_by_none);
        let watched = self.judged_streams() + self.others_in_budget();
        Totals {
            cost_usd_per_hour: (!costs.is_empty()).then(|| total(&costs)),
            idle_usd_per_hour: (!costs.is_empty()).then(|| total(&idle)),
            false_pages_per_30_days: self.config.alerting.false_pages_per_30_days,
            budgeted_streams: watched,
            conditions: promise::conditions(
                views,
                self.config.alerting.judged_per_day.map(|per_day| per_day * 30.0),
                |stream| self.state.incidents.judge(stream.fingerprint, &stream.dimension).n() > 0,
            ),
        }
    }
}

/// The sum, 0.0 for nothing (the standard sum of no floats is -0.0).
fn total(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |sum, number| sum + number)
}

fn state_change(view: &TargetView, before: StateName, now: Timestamp) -> Event {
    Event {
        time: now,
        kind: EventKind::StateChange,
        target: Some(view.key.clone()),
        id: format!("state:{}:{}:{}", view.key.id(), now.as_nanos(), view.state.name()),
        summary: format!("{} became {} (was {})", view.name, view.state.name(), before.name()),
    }
}

#[cfg(test)]
mod tests;
