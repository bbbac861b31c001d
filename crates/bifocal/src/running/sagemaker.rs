//! Watches SageMaker endpoints until the signal to end.

use std::collections::BTreeSet;
use std::sync::Arc;

use bifocal_aws::Error;
use bifocal_infra::survey::Problem;
use bifocal_model::Span;
use bifocal_store::{Intake, Record, Refused};
use bifocal_telemetry::{Clock, Drain, Metric, TaskGroup, Telemetry, sleep};
use bifocal_wire::Fields;
use tokio::sync::watch;

use super::capture_files::{CaptureFiles, Found};
use super::container_logs::{ContainerLogs, State};
use crate::config::{Resolved, SageMakerTarget};
use crate::pipeline::Pipeline;
use crate::sagemaker::{Source, connect};

/// After an error of the first call: credentials may come, networks return.
const RECONNECT: Span = Span::from_secs(15);

pub(super) fn start(
    config: &Resolved,
    (intake, pipeline): (&Intake, &Pipeline),
    clock: &Arc<dyn Clock>,
    telemetry: &Telemetry,
    tasks: &TaskGroup,
) {
    for target in &config.sagemaker {
        let (found, seen) = watch::channel(None);
        let watcher = Watcher {
            target: target.clone(),
            intake: intake.clone(),
            clock: Arc::clone(clock),
            telemetry: telemetry.clone(),
            fields: config.context.fields(),
            source: None,
            found,
            told: BTreeSet::new(),
        };
        tasks.spawn("sagemaker", watcher.run(tasks.drain()));
        if target.container_logs {
            let snapshot = pipeline.snapshot();
            let logs = ContainerLogs {
                pattern: target.pattern.clone(),
                found: seen.clone(),
                incidents: Arc::new(move || snapshot.load().incidents.clone()),
                small_state: pipeline.small_state(),
                clock: Arc::clone(clock),
                telemetry: telemetry.clone(),
                state: State::default(),
            };
            tasks.spawn("container logs", logs.run(tasks.drain()));
        }
        if target.capture {
            let files = CaptureFiles::new(target, seen, intake, &pipeline.reader(), clock, telemetry);
            tasks.spawn("capture files", files.run(tasks.drain()));
        }
    }
}

struct Watcher {
    target: SageMakerTarget,
    intake: Intake,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
    /// Fields of requests that hold context.
    fields: Fields,
    source: Option<Source>,
    /// Where the answers lie, for those who read them.
    found: watch::Sender<Option<Found>>,
    /// Problems that were logged and have not gone away.
    told: BTreeSet<String>,
}

impl Watcher {
    async fn run(mut self, mut drain: Drain) {
        while !drain.is_requested() {
            let every = tokio::select! {
                () = drain.requested() => return,
                every = self.turn() => every,
            };
            tokio::select! {
                () = drain.requested() => return,
                () = sleep(&*self.clock, every) => {}
            }
        }
    }

    /// One look. Returns how long to wait for the next.
    async fn turn(&mut self) -> Span {
        let mut problems = BTreeSet::new();
        let every = self.look(&mut problems).await;
        for problem in problems.difference(&self.told) {
            tracing::warn!(target = self.target.pattern, "{problem}");
        }
        self.told = problems;
        every
    }

    async fn look(&mut self, problems: &mut BTreeSet<String>) -> Span {
        let mut source = match self.source.take() {
            Some(source) => source,
            None => match connect(&self.target, &self.clock, &self.telemetry).await {
                Ok(source) => source,
                Err(err) => {
                    self.count("unconnected");
                    problems.insert(say(&err, "everything"));
                    return RECONNECT;
                }
            },
        };
        match source.look().await {
            Ok(look) => {
                self.count("ok");
                problems.extend(look.problems.iter().map(of_problem));
                let found = Found {
                    aws: source.aws().clone(),
                    buckets: source.captures(&self.fields),
                    log_groups: source.log_groups(),
                };
                self.found.send_replace(Some(found));
                let readings = look.readings.into_iter().map(Record::Reading);
                self.offer(readings.chain(look.events.into_iter().map(Record::Event)).collect());
            }
            Err(err) => {
                self.count(err.kind().label());
                problems.insert(say(&err, "what runs, GPUs and costs"));
            }
        }
        match source.measure().await {
            Ok(readings) => self.offer(readings.into_iter().map(Record::Reading).collect()),
            Err(err) => {
                problems.insert(say(&err, "what CloudWatch measures"));
            }
        }
        match source.measure_in_detail().await {
            Ok(readings) => self.offer(readings.into_iter().map(Record::Reading).collect()),
            Err(err) => {
                problems.insert(say(&err, "what the collector on the instances measures"));
            }
        }
        let said = source.in_detail().map(|(warnings, _)| warnings).unwrap_or_default();
        problems.extend(said.into_iter().map(|warning| format!("PromQL: {warning}")));
        let (_, plan) = source.plan();
        if !plan.is_within_cap {
            problems.insert(format!(
                "CloudWatch would cost ${:.2} a month at one look a day, more than cloudwatch_usd_per_month",
                plan.usd_per_month
            ));
        }
        let every = source.every();
        self.source = Some(source);
        every
    }

    fn offer(&self, records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        match self.intake.try_offer(records) {
            Ok(()) => {}
            Err(Refused::Full(_)) => self.count("dropped_full"),
            Err(Refused::Closed(_)) => self.count("dropped_closed"),
        }
    }

    fn count(&self, outcome: &str) {
        self.telemetry.count(Metric::SagemakerLooks, &[outcome], 1);
    }
}

fn of_problem(problem: &Problem) -> String {
    format!("`{}`: {}", problem.resource, say(&problem.error, problem.lost))
}

fn say(err: &Error, lost: &str) -> String {
    format!("failed to {err}; unknown until then: {lost}; {}", err.advice())
}
