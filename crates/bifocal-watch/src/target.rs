//! One target: its streams, its windows and its state with the dwell.

use std::collections::BTreeMap;

use bifocal_model::{
    Answers, Condition, Dimension, Efficiency, EvaluatorKind, Incident, Inference, Reading, Score, Service,
    Span, StateName, TargetKey, Timestamp, Window,
};
use bifocal_stats::binomial;
use serde::{Deserialize, Serialize};

use crate::config::{Objectives, WatchConfig};
use crate::drift::Drift;
use crate::efficiency::HardwareWindow;
use crate::explained::Signals;
use crate::judging::Judging;
use crate::sentence;
use crate::service::ServiceWindow;
use crate::severe::Severe;
use crate::slo::{Calls, SloConfig, SloView};
use crate::snapshot::{CaptureView, FailureView, StreamView, TargetView};
use crate::stream::Stream;
use crate::traffic::Traffic;
use crate::usual_cost::UsualCost;

/// A target and everything that is known of it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) key: TargetKey,
    labels: BTreeMap<String, String>,
    /// When the call began that the labels are of: calls end in another order than they begin.
    #[serde(default)]
    labelled: Timestamp,
    service: ServiceWindow,
    pub(crate) hardware: HardwareWindow,
    /// One for each dimension and fingerprint. A list, not a map: JSON keys are strings.
    pub(crate) streams: Vec<Stream>,
    failures: Vec<FailureCount>,
    /// Calls, as objectives over weeks count them.
    #[serde(default)]
    calls: Calls,
    #[serde(default)]
    pub(crate) judging: Judging,
    #[serde(default)]
    usual_cost: UsualCost,
    #[serde(default)]
    pub(crate) severe: Severe,
    #[serde(default)]
    pub(crate) drift: Drift,
    #[serde(skip)]
    pub(crate) signals: Signals,
    #[serde(default)]
    pub(crate) traffic: Traffic,
    held_service: Held<Service>,
    held_efficiency: Held<Efficiency>,
    /// When the server was last seen full, and whether the slow service of the last tick was a full one.
    #[serde(default)]
    full_at: Option<Timestamp>,
    #[serde(default)]
    was_saturated: bool,
    pub(crate) state: StateName,
    pub(crate) since: Timestamp,
}

/// A bad value of an axis, held for the dwell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Held<A> {
    value: A,
    entered: Timestamp,
}

/// Failures that every answer is checked for, over the last hour in minutes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct FailureCount {
    dimension: Dimension,
    minutes: std::collections::VecDeque<(Timestamp, u64, u64)>,
}

const FAILURE_WINDOW: Span = Span::from_mins(60);
const MINUTE: Span = Span::from_mins(1);

impl Target {
    pub(crate) fn new(key: TargetKey, first_seen: Timestamp) -> Self {
        Self {
            key,
            labels: BTreeMap::new(),
            labelled: Timestamp::default(),
            service: ServiceWindow::default(),
            hardware: HardwareWindow::default(),
            streams: Vec::new(),
            failures: Vec::new(),
            calls: Calls::default(),
            judging: Judging::default(),
            usual_cost: UsualCost::default(),
            severe: Severe::default(),
            drift: Drift::default(),
            signals: Signals::default(),
            traffic: Traffic::default(),
            held_service: Held { value: Service::Unknown, entered: first_seen },
            held_efficiency: Held { value: Efficiency::Unknown, entered: first_seen },
            full_at: None,
            was_saturated: false,
            state: StateName::Unknown,
            since: first_seen,
        }
    }

    /// Takes a call; gives the old and the new served model when it changed.
    pub(crate) fn take_call<T>(
        &mut self,
        call: &Inference<T>,
        config: &WatchConfig,
    ) -> Option<(String, String)> {
        self.traffic.count(call, Span::from_secs_f64(config.quality.window_seconds));
        let met = self.service.add(call, &config.objectives);
        if let Some(met) = met.filter(|_| config.slos.iter().any(|slo| slo.judged().is_none())) {
            self.calls.take(call, met);
        }
        let mut change = None;
        if call.time < self.labelled {
            return change;
        }
        self.labelled = call.time;
        for (name, value) in &call.labels {
            let old = self.labels.insert(name.clone(), value.clone());
            if name == "served_model" && old.as_ref().is_some_and(|old| old != value) {
                change = old.map(|old| (old, value.clone()));
            }
        }
        change
    }

    pub(crate) fn take_reading(&mut self, reading: &Reading, config: &WatchConfig) {
        if reading.signal == "cost_usd_per_hour" && reading.part.is_empty() {
            self.usual_cost.add(reading.time, reading.value);
        }
        self.hardware.add(reading, &config.objectives);
    }

    /// Counts what evaluators found good: failures are shares of all answers.
    pub(crate) fn take_findings<T>(&mut self, call: &Inference<T>) {
        for evaluator in call.findings.passes() {
            self.failures_of(Dimension::known(evaluator.dimension)).add(call.time, false);
        }
    }

    /// Counts what an evaluator has to say beyond that. (Records of older versions say there what was good, too.)
    pub(crate) fn take_heuristic<T>(&mut self, score: &Score<T>) {
        let Some(pass) = score.passed() else { return };
        self.failures_of(score.dimension.clone()).add(score.time, !pass);
    }

    fn failures_of(&mut self, dimension: Dimension) -> &mut FailureCount {
        let at = self.failures.iter().position(|count| count.dimension == dimension);
        let at = at.unwrap_or_else(|| {
            self.failures.push(FailureCount { dimension, minutes: Default::default() });
            self.failures.len() - 1
        });
        &mut self.failures[at]
    }

    /// The stream of a score, made where it is missing.
    pub(crate) fn stream_mut<T>(&mut self, score: &Score<T>, config: &WatchConfig) -> &mut Stream {
        let same =
            |stream: &Stream| stream.fingerprint == score.fingerprint && stream.dimension == score.dimension;
        let at = self.streams.iter().position(same).unwrap_or_else(|| {
            self.streams.push(Stream::new(score, &config.quality));
            self.streams.len() - 1
        });
        &mut self.streams[at]
    }

    /// The newest stream of each dimension: an older fingerprint's says nothing of now.
    pub(crate) fn current_streams(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| {
            let newer = |other: &&Stream| {
                other.dimension == stream.dimension
                    && (other.last, other.fingerprint) > (stream.last, stream.fingerprint)
            };
            !self.streams.iter().any(|other| newer(&other))
        })
    }

    /// Joins the axes into a state; gives the old name when it changed.
    pub(crate) fn decide(
        &mut self,
        now: Timestamp,
        config: &WatchConfig,
        incidents: Vec<Incident>,
    ) -> (TargetView, Option<StateName>) {
        let objectives = &config.objectives;
        let dwell = Span::from_secs_f64(objectives.dwell_seconds);
        let (seen_service, report) = self.service.report(now, objectives);
        let mut reasons = report.reasons;
        let service = self.held_service.settle(seen_service, now, dwell);
        let mut saturation = Vec::new();
        let full = self.hardware.saturated(now, objectives, &mut saturation)
            || report.throttled_ratio > objectives.error_ratio;
        let saturated = self.saturation(full, service, seen_service, now, objectives);
        if service == Service::Slow {
            reasons.extend(saturation);
        }
        // Accelerators that idle because calls fail are the failure's doing: whether they are needed cannot be told.
        let (efficiency, idle) = match service {
            Service::Failing => (Efficiency::Unknown, None),
            _ => self.hardware.efficiency(now, objectives),
        };
        let streams: Vec<StreamView> =
            self.current_streams().map(|stream| stream.view(now, &config.quality, &self.traffic)).collect();
        let counted = |slo: &SloConfig| match slo.judged() {
            Some(dimension) => self
                .current_streams()
                .find(|stream| stream.dimension.as_str() == dimension)
                .map(|s| &s.budget),
            None => self.calls.of(slo.good),
        };
        let slos = config.slos.iter().map(|slo| SloView::of(slo, counted(slo), now)).collect();
        let cost = self.hardware.now("cost_usd_per_hour", now);
        let per_good_answer =
            cost_per_good_answer(cost, report.requests_per_second, report.error_ratio, &streams);
        let too_dear = per_good_answer.zip(objectives.usd_per_good_answer).is_some_and(|(is, max)| is > max);
        let efficiency = if too_dear { Efficiency::Wasteful } else { efficiency };
        let efficiency = self.held_efficiency.settle(efficiency, now, dwell);
        reasons.extend(idle);
        if too_dear {
            reasons.push("an answer that passes costs more than its ceiling".to_owned());
        }
        let cleared = incidents.iter().filter(|incident| incident.attribution.cause.clears_the_model());
        reasons.extend(cleared.map(|incident| incident.sentence.clone()));
        let answers = self.answers(now, config);
        let condition = Condition { service, answers, efficiency, saturated };
        let before = self.state;
        self.state = condition.name();
        let changed = (before != self.state).then_some(before);
        if changed.is_some() {
            self.since = now;
        }
        let mut view = TargetView {
            name: self.key.name().to_owned(),
            key: self.key.clone(),
            labels: self.labels.clone(),
            severe: self.severe.view(now),
            state: self.state,
            service,
            answers,
            efficiency,
            saturated,
            since: self.since,
            reasons,
            sentence: String::new(),
            within_objectives: report.within_objectives,
            goodput_per_second: report.requests_per_second.zip(report.within_objectives).map(|(a, b)| a * b),
            requests: report.requests,
            slos,
            judging: self.judging.view(now),
            // Where no call is seen, the platform's own counts stand.
            error_ratio: report.error_ratio.or_else(|| self.hardware.now("error_ratio", now)),
            requests_per_second: report
                .requests_per_second
                .or_else(|| self.hardware.now("requests_per_second", now)),
            output_tokens_per_second: report.output_tokens_per_second,
            gpu_utilization_ratio: self.hardware.now("gpu_utilization_ratio", now),
            gpus: self.hardware.parts("gpu_utilization_ratio", now),
            gpus_used: self.hardware.now("gpus_used", now),
            gpus_free: self.hardware.part("gpus_free", &self.key.endpoint, now),
            capture: self.capture(now),
            model_duration_seconds: self.hardware.part("model_duration_seconds", "", now),
            requests_waiting: self.hardware.now("requests_waiting", now),
            kv_cache_usage_ratio: self.hardware.now("kv_cache_usage_ratio", now),
            cost_usd_per_hour: cost,
            cost_baseline_usd_per_hour: self.usual_cost.at(now),
            cost_usd_per_good_answer: per_good_answer,
            streams,
            failures: self.failures.iter().filter_map(|count| count.view(now)).collect(),
            incidents,
            drift: self.drift.views(),
        };
        view.sentence = sentence::target(&view);
        (view, changed)
    }

    /// What Data Capture shows of the endpoint's calls.
    fn capture(&self, now: Timestamp) -> CaptureView {
        let share = |signal| self.hardware.part(signal, &self.key.endpoint, now);
        CaptureView {
            coverage: share("capture_coverage_ratio"),
            coverage_upper: share("capture_coverage_upper_ratio"),
            attributed: share("capture_attributed_ratio"),
            unattributed: share("capture_unattributed_ratio"),
            invisible: share("capture_invisible_ratio"),
        }
    }

    fn answers(&self, now: Timestamp, config: &WatchConfig) -> Answers {
        let stale = Span::from_secs_f64(config.quality.window_seconds);
        let fresh = self.current_streams().filter(|s| s.watched && now.since(s.last) < stale);
        let (mut learning, mut watched) = (None, false);
        for stream in fresh {
            if stream.degraded() {
                return Answers::Worse;
            }
            match stream.learning(&config.quality) {
                Some((n, of)) => {
                    learning = Some(learning.map_or((n, of), |(least, _): (u64, u64)| (least.min(n), of)));
                }
                None => watched = true,
            }
        }
        let calls_arrive = self
            .service
            .last
            .is_some_and(|last| now.since(last) < Span::from_secs_f64(config.objectives.stale_after_seconds));
        match (learning, watched) {
            _ if !calls_arrive => Answers::Unknown,
            (Some((n, of)), _) => Answers::Learning { n, of },
            (None, true) => Answers::Ok,
            (None, false) => Answers::Unknown,
        }
    }

    /// Whether a slow service is a full one. The requests that make it slow are those of the service's window, so a
    /// server that was full within it counts as full; and while the dwell holds a slow service that is slow no longer,
    /// it is held as what it was. Without this an overload would end as a `service_degraded` that never was.
    fn saturation(
        &mut self,
        full: bool,
        service: Service,
        seen: Service,
        now: Timestamp,
        objectives: &Objectives,
    ) -> bool {
        if full {
            self.full_at = Some(now);
        }
        let window = Span::from_secs_f64(objectives.window_seconds);
        let in_window = self.full_at.is_some_and(|at| now.since(at) < window);
        let held = service != seen && self.was_saturated;
        self.was_saturated = full || (service == Service::Slow && (in_window || held));
        self.was_saturated
    }

    /// A state change that the journal tells of.
    pub(crate) fn restore_state(&mut self, state: StateName, since: Timestamp) {
        (self.state, self.since) = (state, since);
    }
}

impl<A: Copy + PartialEq + Badness> Held<A> {
    /// Enters a worse value at once; leaves it for a better one after the dwell.
    fn settle(&mut self, seen: A, now: Timestamp, dwell: Span) -> A {
        let better = seen.badness() < self.value.badness();
        if better && now.since(self.entered) < dwell {
            return self.value;
        }
        if seen != self.value {
            *self = Self { value: seen, entered: now };
        }
        self.value
    }
}

/// How bad a value of an axis is; only bad values are held.
trait Badness {
    fn badness(&self) -> u8;
}

impl Badness for Service {
    fn badness(&self) -> u8 {
        match self {
            Self::Ok | Self::Unknown => 0,
            Self::Slow => 1,
            Self::Failing => 2,
        }
    }
}

impl Badness for Efficiency {
    fn badness(&self) -> u8 {
        u8::from(*self == Self::Wasteful)
    }
}

/// Hardware dollars an hour divided by answers an hour that succeed and pass (composite's pass rate where there is
/// one, else success alone).
fn cost_per_good_answer(
    usd_per_hour: Option<f64>,
    requests_per_second: Option<f64>,
    error_ratio: Option<f64>,
    streams: &[StreamView],
) -> Option<f64> {
    let composite = streams.iter().find(|stream| stream.dimension.as_str() == "composite");
    let pass = composite.and_then(|stream| stream.pass_rate).map_or(1.0, |estimate| estimate.value);
    let good_per_hour = requests_per_second? * 3600.0 * (1.0 - error_ratio.unwrap_or(0.0)) * pass;
    (good_per_hour > 0.0).then_some(usd_per_hour? / good_per_hour)
}

impl FailureCount {
    fn add(&mut self, time: Timestamp, failed: bool) {
        let minute = time.floor_to(MINUTE);
        let at = self.minutes.partition_point(|(start, _, _)| *start < minute);
        if self.minutes.get(at).is_none_or(|(start, _, _)| *start != minute) {
            self.minutes.insert(at, (minute, 0, 0));
        }
        self.minutes[at].1 += u64::from(failed);
        self.minutes[at].2 += 1;
        while self.minutes.len() > 62 {
            self.minutes.pop_front();
        }
    }

    fn view(&self, now: Timestamp) -> Option<FailureView> {
        let window = Window::ending_at(now, FAILURE_WINDOW);
        let inside = self.minutes.iter().filter(|(start, _, _)| window.contains(*start));
        let (failed, all) = inside.fold((0, 0), |(f, n), (_, failed, all)| (f + failed, n + all));
        let share = binomial::wilson_estimate(failed, all, window)?;
        Some(FailureView { dimension: self.dimension.clone(), share })
    }
}

/// Whether a score is of a kind that every answer gets.
pub(crate) fn is_heuristic<T>(score: &Score<T>) -> bool {
    score.kind == EvaluatorKind::Heuristic
}
