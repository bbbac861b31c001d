//! `bifocal grafana apply` and `diff`: the same plan, carried out or shown.

use anyhow::Context as _;
use bifocal_publish::grafana::{DataSource, Desired, Flavour, Kind, Object, Options, Step, steps};
use serde_json::{Value, json};

use super::wanted;
use crate::Done;
use crate::cli::{Format, GrafanaServer as Flags};
use crate::outbound::GrafanaServer;
use crate::output;
use crate::user_error::{Code, UserError};

/// What is to be done, and what a person should know of it.
struct Plan {
    server: GrafanaServer,
    steps: Vec<Step>,
    /// Things that are as they should be.
    unchanged: usize,
    warnings: Vec<String>,
    notes: Vec<String>,
}

/// Carries the plan out.
pub(super) fn apply(flags: &Flags, format: Format) -> anyhow::Result<Done> {
    in_runtime(async {
        let plan = plan(flags).await?;
        tell_warnings(&plan, format);
        for (i, step) in plan.steps.iter().enumerate() {
            let done = match step {
                Step::Create(object) => plan.server.create(object).await,
                Step::Update { wanted, found, .. } => plan.server.update(wanted, found).await,
                Step::Delete(object) => plan.server.delete(object).await,
                Step::Taken(_) => Ok(()),
            };
            done.map_err(|err| UserError {
                message: format!("{} ({i} of {} steps done)", err.message, plan.steps.len()),
                ..err
            })?;
            if format == Format::Text {
                output::line(&sentence(step, Tense::Past));
            }
        }
        tell(&plan, format, Tense::Past);
        Ok(Done::Well)
    })
}

/// Shows the plan.
pub(super) fn diff(flags: &Flags, format: Format) -> anyhow::Result<Done> {
    in_runtime(async {
        let plan = plan(flags).await?;
        tell_warnings(&plan, format);
        if format == Format::Text {
            plan.steps.iter().for_each(|step| output::line(&sentence(step, Tense::Future)));
        }
        tell(&plan, format, Tense::Future);
        Ok(if plan.steps.is_empty() { Done::Well } else { Done::WithFindings })
    })
}

fn in_runtime(work: impl Future<Output = anyhow::Result<Done>>) -> anyhow::Result<Done> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(work)
}

async fn plan(flags: &Flags) -> Result<Plan, UserError> {
    let options = wanted::options(&flags.wanted)?;
    check_sources(&options)?;
    let server = GrafanaServer::new(&flags.url, token(&flags.token_env)?)?;
    let Desired { objects, mut notes } = Desired::of(&options);
    let found = server.look(&objects).await?;
    let mut warnings = Vec::new();
    if server.is_in_the_clear() {
        warnings.push("the token passes the network in the clear: use https".to_owned());
    }
    if found.alerting == Some(false) || !found.takes_rules {
        warnings.push(
            "unified alerting is off in this Grafana: alert rules are not evaluated. Amazon Managed Grafana: \
             `aws grafana update-workspace-configuration` with {\"unifiedAlerting\":{\"enabled\":true}}"
                .to_owned(),
        );
    }
    if !found.shows_data_sources {
        notes.push("data sources are left as they are: the token may not see them".to_owned());
    }
    let is_alerting = |object: &Object| matches!(object.kind, Kind::ContactPoint | Kind::AlertRule);
    let wanted: Vec<Object> =
        objects.into_iter().filter(|object| found.takes_rules || !is_alerting(object)).collect();
    let mut steps = steps(&wanted, &found.objects);
    // A data source that the flags name is in use, whoever made it.
    let in_use = [&options.prometheus, &options.cloudwatch];
    steps.retain(|step| match step {
        Step::Delete(object) if object.kind == Kind::DataSource => {
            !in_use.iter().any(|source| **source == DataSource::There(object.uid.clone()))
        }
        _ => true,
    });
    if let Some(Step::Taken(object)) = steps.iter().find(|step| matches!(step, Step::Taken(_))) {
        let message = format!(
            "grafana: the uid `{}` is taken by a {} that Bifocal did not make",
            object.uid,
            object.kind.name()
        );
        return Err(UserError::new(Code::GrafanaConflict, message).hint(
            "delete that one, or give it the mark back: the tag `bifocal`, or the label managed_by=bifocal",
        ));
    }
    let changed = steps.iter().filter(|step| !matches!(step, Step::Delete(_))).count();
    Ok(Plan { server, unchanged: wanted.len() - changed, steps, warnings, notes })
}

/// Alert rules name their data source, so it must be known which.
fn check_sources(options: &Options) -> Result<(), UserError> {
    for (flavour, source, flags) in [
        (
            Flavour::Prometheus,
            &options.prometheus,
            "--prometheus-uid UID, or --prometheus-url URL to make one",
        ),
        (Flavour::CloudWatch, &options.cloudwatch, "--cloudwatch-uid UID, or --region REGION to make one"),
    ] {
        if options.flavours.contains(&flavour) && *source == DataSource::Chosen {
            let message = format!("grafana: which data source does the flavour {} read?", flavour.name());
            return Err(UserError::new(Code::Usage, message)
                .hint(format!("add {flags}; --flavour prometheus or cloudwatch leaves the other out")));
        }
    }
    Ok(())
}

fn token(name: &str) -> Result<String, UserError> {
    let token = std::env::var(name).unwrap_or_default().trim().to_owned();
    if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(token);
    }
    Err(UserError::new(
        Code::GrafanaToken,
        format!("grafana: the environment variable `{name}` is not set, is empty or holds no token"),
    )
    .hint("set it to the token of a service account; --token-env takes the variable's name, never the token"))
}

#[derive(Clone, Copy)]
enum Tense {
    Past,
    Future,
}

fn sentence(step: &Step, tense: Tense) -> String {
    let verbs = match step {
        Step::Create(_) => ["created", "would create"],
        Step::Update { .. } => ["changed", "would change"],
        Step::Delete(_) => ["deleted", "would delete"],
        Step::Taken(_) => ["left", "would leave"],
    };
    let verb = match tense {
        Tense::Past => verbs[0],
        Tense::Future => verbs[1],
    };
    let object = step.object();
    let places = match step {
        Step::Update { places, .. } => format!(": {}", places.join(", ")),
        _ => String::new(),
    };
    format!("{verb} {} `{}` ({}){places}", object.kind.name(), object.title(), object.uid)
}

fn tell_warnings(plan: &Plan, format: Format) {
    if format == Format::Text {
        plan.warnings.iter().for_each(|warning| output::note(&format!("warning: {warning}")));
        plan.notes.iter().for_each(|note| output::note(&format!("note: {note}")));
    }
}

fn tell(plan: &Plan, format: Format, tense: Tense) {
    let count = |is: fn(&Step) -> bool| plan.steps.iter().filter(|step| is(step)).count();
    let created = count(|step| matches!(step, Step::Create(_)));
    let changed = count(|step| matches!(step, Step::Update { .. }));
    let deleted = count(|step| matches!(step, Step::Delete(_)));
    if format == Format::Json {
        let steps: Vec<Value> = plan.steps.iter().map(step_json).collect();
        let value = json!({
            "created": created, "changed": changed, "deleted": deleted, "unchanged": plan.unchanged, "steps": steps,
            "warnings": plan.warnings, "notes": plan.notes,
        });
        output::line(&value.to_string());
        return;
    }
    if plan.steps.is_empty() {
        output::line(&format!("nothing to change: {} things are as they should be", plan.unchanged));
        return;
    }
    let would = match tense {
        Tense::Past => "",
        Tense::Future => "to be ",
    };
    output::line(&format!(
        "{would}created {created}, {would}changed {changed}, {would}deleted {deleted}; {} as they should be",
        plan.unchanged
    ));
}

fn step_json(step: &Step) -> Value {
    let object = step.object();
    let (action, places) = match step {
        Step::Create(_) => ("create", Vec::new()),
        Step::Update { places, .. } => ("update", places.clone()),
        Step::Delete(_) => ("delete", Vec::new()),
        Step::Taken(_) => ("leave", Vec::new()),
    };
    json!({
        "action": action, "kind": object.kind.name(), "uid": object.uid, "title": object.title(), "places": places,
    })
}
