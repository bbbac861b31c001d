//! From a configuration to judges: with their rubrics, their anchors, and the way to each.

use std::sync::Arc;
use std::time::Duration;

use bifocal_evaluate::judge::{
    Anchors, Cheap, CheapWait, Confirmer, Judge, JudgeConfig, JudgeQueue, JudgeService, Parts, Provider,
    Rubrics, Second, Spent, Transport,
};
use bifocal_evaluate::rule::Rules;
use bifocal_evaluate::{Choice, SlowAfter};
use bifocal_model::EvaluatorKind;
use bifocal_store::{Intake, Pending, Reader, SmallState};
use bifocal_telemetry::{Clock, TaskGroup, Telemetry};

use super::kept::{self, sampling_secret};
use crate::config::Resolved;
use crate::outbound::{BedrockJudge, EndpointJudge, HttpJudge, client};
use crate::pipeline::Choosing;
use crate::user_error::{Code, UserError};

/// Who is judged; `None` without a judge.
pub fn choosing(config: &Resolved, secret: Option<[u8; 16]>) -> anyhow::Result<Option<Choosing>> {
    let Some(judge) = judge(config)? else { return Ok(None) };
    let dimensions = judge.config().dimensions.clone();
    let rules = Rules::compile(&config.evaluate, Some(&dimensions)).map_err(anyhow::Error::msg)?;
    let objectives = &config.watch.objectives;
    let slow_after = SlowAfter {
        ttft_seconds: objectives.ttft_p95_seconds,
        duration_seconds: objectives.duration_p95_seconds,
    };
    Ok(Some(Choosing { secret, rules, slow_after, judge }))
}

/// The judge of a configuration.
pub fn judge(config: &Resolved) -> anyhow::Result<Option<Judge>> {
    let Some(judge) = &config.judge else { return Ok(None) };
    Ok(Some(Judge::new(judge.clone(), &rubrics(config)?)?.with_contexts(config.context.clone())))
}

/// Who confirms what the judge of a configuration calls clearly harmful.
pub fn confirmer(config: &Resolved) -> anyhow::Result<Option<Confirmer>> {
    let Some(judge) = &config.judge else { return Ok(None) };
    let confirmer = Confirmer::of(judge, &rubrics(config)?)?;
    Ok(confirmer.map(|confirmer| confirmer.with_contexts(config.context.clone())))
}

fn rubrics(config: &Resolved) -> Result<Rubrics, UserError> {
    let read = match &config.rubrics {
        Some(folder) => Rubrics::with_folder(folder),
        None => Rubrics::shipped(),
    };
    read.map_err(|err| {
        let err = anyhow::Error::from(err);
        UserError::new(Code::ConfigInvalid, format!("rubrics: {err:#}"))
            .hint("\"Rubrics\" in docs/guide/judge.md has an example of each file")
    })
}

/// The judge's anchors, where a file of them is configured.
pub fn anchors(config: &Resolved) -> Result<Option<Anchors>, UserError> {
    let Some(path) = config.judge.as_ref().and_then(|judge| judge.anchors.as_ref()) else { return Ok(None) };
    let read = Anchors::open(path).map_err(|err| {
        let err = anyhow::Error::from(err);
        UserError::new(Code::ConfigInvalid, format!("[judge] anchors: {err:#}"))
            .hint("the form of a line is in docs/guide/judge.md")
    })?;
    Ok(Some(read))
}

/// Starts judging; `None` without a judge.
pub(super) fn start_judge(
    config: &Resolved,
    intake: &Intake,
    clock: &Arc<dyn Clock>,
    telemetry: &Telemetry,
    small_state: &SmallState,
    tasks: &TaskGroup,
) -> anyhow::Result<Option<JudgeQueue>> {
    let Some(judge) = judge(config)? else { return Ok(None) };
    let way = |settings: &JudgeConfig| judge_transport(settings, clock, telemetry);
    let transport = way(judge.config())?;
    let second = match confirmer(config)? {
        Some(confirmer) => Some(Second { transport: way(confirmer.judge().config())?, confirmer }),
        None => None,
    };
    let cheap = match &judge.config().cheap {
        Some(cheap) => {
            let settings = cheap.as_judge(judge.config());
            let transport = way(&settings)?;
            let judge = Judge::new(settings, &rubrics(config)?)?.with_contexts(config.context.clone());
            Some(Cheap { judge, transport })
        }
        None => None,
    };
    let spent = kept::spent(small_state)?;
    let parts = Parts {
        judge,
        transport,
        intake: intake.clone(),
        clock: Arc::clone(clock),
        telemetry: telemetry.clone(),
        secret: sampling_secret(small_state)?,
        spent: spent.unwrap_or_else(Spent::default),
        anchors: anchors(config)?,
        second,
        cheap,
    };
    let (service, queue) = JudgeService::new(parts)?;
    service.start(tasks);
    tasks.spawn("judge spend", kept::keep_spent(small_state.clone(), queue.clone(), tasks.drain()));
    Ok(Some(queue))
}

/// The way to a judge.
pub(crate) fn judge_transport(
    settings: &JudgeConfig,
    clock: &Arc<dyn Clock>,
    telemetry: &Telemetry,
) -> anyhow::Result<Arc<dyn Transport>> {
    let key = settings.api_key_env.as_ref().and_then(|name| std::env::var(name).ok());
    Ok(match settings.provider {
        Provider::Openai => {
            let http = client(Duration::from_secs_f64(settings.timeout_seconds))?;
            let judge = HttpJudge::new(http, &settings.base_url, key, telemetry.clone());
            Arc::new(judge.with_headers(judge_headers(settings)))
        }
        Provider::Sagemaker => Arc::new(EndpointJudge::new(settings, Arc::clone(clock), telemetry.clone())),
        Provider::Bedrock => {
            Arc::new(BedrockJudge::new(settings.region.clone(), Arc::clone(clock), telemetry.clone()))
        }
    })
}

/// The headers of a judge's calls, secrets put in.
fn judge_headers(settings: &JudgeConfig) -> Vec<(String, String)> {
    let of = |(name, value): (&String, &String)| {
        let value = match value.strip_prefix("env:") {
            Some(variable) => std::env::var(variable).ok()?,
            None => value.clone(),
        };
        Some((name.clone(), value))
    };
    settings.headers.iter().filter_map(of).collect()
}

/// What was chosen before a restart and neither scored nor given up goes to the judge now, if it is still the same
/// judge: another one's scores would not be those that were promised.
pub(super) fn requeue(reader: &Reader, queue: &JudgeQueue, small_state: &SmallState) {
    let judges: Vec<_> = queue.judge().dimensions().collect();
    let mut waits =
        if queue.has_cheap() { kept::cheap_waits(small_state).unwrap_or_default() } else { Vec::new() };
    waits.retain(|wait| !cheap_has_said(reader, wait));
    for Pending { selection, missing } in reader.pending() {
        match reader.inference(selection.inference) {
            Ok(Some(call)) if missing.iter().all(|judge| judges.contains(judge)) => {
                let cheap = waits.iter().find(|wait| wait.inference == call.id).map(|wait| wait.inclusion);
                queue.offer_with(call, Choice::of(&selection), cheap);
            }
            Ok(_) => queue.give_up(selection),
            Err(error) => {
                tracing::warn!(%error, "a chosen answer could not be read; it waits for the next start")
            }
        }
    }
    for wait in waits {
        if let (Some(choice), Ok(Some(call))) = (wait.choice(), reader.inference(wait.inference)) {
            queue.offer_with(call, choice, Some(wait.inclusion));
        }
    }
}

/// Whether the cheap judge was heard on an answer after the list of what waits was written: a second word would count twice.
fn cheap_has_said(reader: &Reader, wait: &CheapWait) -> bool {
    let call = reader.inference(wait.inference).ok().flatten();
    let scores = call.and_then(|call| reader.scores_of(&[call]).ok()).unwrap_or_default();
    scores.iter().flatten().any(|scored| scored.kind == EvaluatorKind::Cheap)
}
