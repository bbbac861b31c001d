//! `bifocal cloudwatch apply` and `diff`: the same plan, carried out or shown.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bifocal_aws::{Aws, Options};
use bifocal_publish::cloudwatch::{
    Alarm, AlarmKind, AlarmStep, PREFIX, Parameters, Template, Wanted, alarm_steps, is_our_dashboard,
    same_dashboard,
};
use bifocal_telemetry::{Clock, SystemClock, Telemetry};

use crate::Done;
use crate::cli::ApplyArgs;
use crate::output;
use crate::user_error::{Code, UserError};

/// AWS takes three PutMetricAlarm and three PutCompositeAlarm a second; what it refuses all the same is tried again with back-off.
const BETWEEN_PUTS: Duration = Duration::from_millis(340);

/// What is to be done.
struct Plan {
    aws: Aws,
    steps: Vec<AlarmStep>,
    /// The dashboard, where it differs.
    dashboard: Option<(String, String)>,
    /// Alarms that are as they should be.
    unchanged: usize,
    /// Alarms that were made earlier and are left, for this run is about some components only.
    kept: usize,
}

/// Carries the plan out.
pub(super) fn apply(args: &ApplyArgs, template: &Template) -> anyhow::Result<Done> {
    in_runtime(async {
        let plan = plan(args, template).await?;
        for (i, step) in plan.steps.iter().enumerate() {
            let done = match step {
                AlarmStep::Create(alarm) | AlarmStep::Update(alarm, _) => put(&plan.aws, alarm).await,
                // One after the other: of several in one call none goes while one of them stands under another.
                AlarmStep::Delete(name) => plan.aws.delete_alarms(std::slice::from_ref(name)).await,
                AlarmStep::Taken(_) => Ok(()),
            };
            done.map_err(|err| failed(&err, i, plan.steps.len()))?;
            output::line(&sentence(step, Tense::Past));
        }
        if let Some((name, body)) = &plan.dashboard {
            let put = plan.aws.put_dashboard(name, body).await;
            put.map_err(|err| failed(&err, plan.steps.len(), plan.steps.len() + 1))?;
            output::line(&format!("wrote dashboard {name}"));
        }
        tell(&plan, Tense::Past);
        Ok(Done::Well)
    })
}

/// Shows the plan.
pub(super) fn diff(args: &ApplyArgs, template: &Template) -> anyhow::Result<Done> {
    in_runtime(async {
        let plan = plan(args, template).await?;
        plan.steps.iter().for_each(|step| output::line(&sentence(step, Tense::Future)));
        if let Some((name, _)) = &plan.dashboard {
            output::line(&format!("would write dashboard {name}"));
        }
        tell(&plan, Tense::Future);
        let is_same = plan.steps.is_empty() && plan.dashboard.is_none();
        Ok(if is_same { Done::Well } else { Done::WithFindings })
    })
}

fn in_runtime(work: impl Future<Output = anyhow::Result<Done>>) -> anyhow::Result<Done> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(work)
}

async fn plan(args: &ApplyArgs, template: &Template) -> Result<Plan, UserError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let options = Options { region: args.region.clone(), ..Options::default() };
    let aws = Aws::connect(&options, clock, Telemetry::new()).await.map_err(|err| failed(&err, 0, 0))?;
    let parameters = Parameters {
        topic: args.topic.clone(),
        suppressor: args.suppressor.clone(),
        region: aws.region().to_owned(),
        owner: args.owner.clone(),
    };
    let wanted = Wanted::of(template, &parameters);
    let found = aws.describe_alarms(PREFIX).await.map_err(|err| failed(&err, 0, 0))?;
    let found: Vec<_> = found.metric.into_iter().chain(found.composite).collect();
    let mut steps = alarm_steps(&wanted.alarms, &found, &args.owner);
    // Who names components wants something of them: those of all others are not unwanted.
    let kept = steps.len();
    if !args.wanted.component.is_empty() {
        steps.retain(|step| !matches!(step, AlarmStep::Delete(_)));
    }
    let kept = kept - steps.len();
    if let Some(AlarmStep::Taken(name)) = steps.iter().find(|step| matches!(step, AlarmStep::Taken(_))) {
        let message =
            format!("cloudwatch: the name `{name}` is taken by an alarm that `{}` did not make", args.owner);
        return Err(UserError::new(Code::CloudwatchConflict, message).hint(
            "alarms of a CloudFormation stack are changed by that stack; delete it, or leave `apply` alone",
        ));
    }
    let mut dashboard = None;
    if let Some((name, body)) = wanted.dashboard {
        let found = aws.get_dashboard(&name).await.map_err(|err| failed(&err, 0, 0))?;
        if found.as_ref().is_some_and(|found| !is_our_dashboard(found)) {
            let message =
                format!("cloudwatch: the name `{name}` is taken by a dashboard that Bifocal did not make");
            return Err(UserError::new(Code::CloudwatchConflict, message)
                .hint("give that dashboard another name, or choose another --owner, whose dashboard is named after it"));
        }
        if !found.is_some_and(|found| same_dashboard(&body, &found)) {
            dashboard = Some((name, body));
        }
    }
    let changed = steps.iter().filter(|step| !matches!(step, AlarmStep::Delete(_))).count();
    Ok(Plan { aws, unchanged: wanted.alarms.len() - changed, steps, dashboard, kept })
}

async fn put(aws: &Aws, alarm: &Alarm) -> Result<(), bifocal_aws::Error> {
    let done = match alarm.kind {
        AlarmKind::Metric => aws.put_metric_alarm(&alarm.body).await,
        AlarmKind::Composite => aws.put_composite_alarm(&alarm.body).await,
    };
    tokio::time::sleep(BETWEEN_PUTS).await;
    done
}

fn failed(err: &bifocal_aws::Error, done: usize, of: usize) -> UserError {
    let so_far = if of == 0 { String::new() } else { format!(" ({done} of {of} steps done)") };
    UserError::new(Code::CloudwatchRefused, format!("cloudwatch: failed to {err}{so_far}")).hint(err.advice())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tense {
    Past,
    Future,
}

fn sentence(step: &AlarmStep, tense: Tense) -> String {
    let verb = |past: &str, future: &str| match tense {
        Tense::Past => past.to_owned(),
        Tense::Future => format!("would {future}"),
    };
    match step {
        AlarmStep::Create(alarm) => format!("{} alarm {}", verb("created", "create"), alarm.name),
        AlarmStep::Update(alarm, places) => {
            format!("{} alarm {} ({})", verb("updated", "update"), alarm.name, places.join(", "))
        }
        AlarmStep::Delete(name) => format!("{} alarm {name}", verb("deleted", "delete")),
        AlarmStep::Taken(name) => format!("alarm {name} is taken"),
    }
}

fn tell(plan: &Plan, tense: Tense) {
    let changed = plan.steps.len() + usize::from(plan.dashboard.is_some());
    let word = if tense == Tense::Past { "changed" } else { "to change" };
    output::line(&format!("{changed} {word}, {} alarms as they should be", plan.unchanged));
    if plan.kept > 0 {
        output::note(&format!(
            "note: {} more that `apply` made are left, for --component names what this run is about; without it, with all \
             components in the configuration, what is wanted no longer is deleted",
            plan.kept
        ));
    }
}
