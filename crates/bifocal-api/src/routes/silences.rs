//! Silences: made, listed, ended early.

use axum::Json;
use axum::extract::State;
use bifocal_model::{Deed, Severity, Silencing, Timestamp};
use bifocal_watch::alert::Hold;
use bifocal_watch::mute::{SilenceStatus, check_silence};
use http::StatusCode;
use serde::Deserialize;

use super::acting::{act, check_name};
use super::asking::target_key;
use super::parameters::{Body, Path, Query};
use crate::error::ApiError;
use crate::rows::{List, SilenceRow};
use crate::state::ApiState;

/// A silence that somebody wants. One of `end` and `for` says how long.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    rule: Option<String>,
    target: Option<String>,
    severity: Option<Severity>,
    owner: String,
    reason: String,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    #[serde(rename = "for")]
    hold: Option<Hold>,
}

/// Who ends it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ending {
    by: String,
}

/// `GET /api/v1/silences`: those that are not over, then those that are, newest first.
pub(crate) async fn list(State(state): State<ApiState>) -> Json<List<SilenceRow>> {
    Json(List::whole((state.snapshot)().silences.iter().map(SilenceRow::from).collect()))
}

/// `POST /api/v1/silences`
pub(crate) async fn make(
    State(state): State<ApiState>,
    Body(wanted): Body<Wanted>,
) -> Result<(StatusCode, Json<SilenceRow>), ApiError> {
    let _turn = state.acts.lock().await;
    let (snapshot, now) = ((state.snapshot)(), state.clock.now());
    if let Some(name) =
        wanted.rule.as_ref().filter(|name| snapshot.rules.iter().all(|rule| rule.name != **name))
    {
        let known: Vec<&str> = snapshot.rules.iter().map(|rule| rule.name.as_str()).collect();
        let message = format!("there is no alert rule `{name}`");
        return Err(ApiError::bad_request(message, format!("rules: {}", known.join(", "))));
    }
    let start = wanted.start.unwrap_or(now).max(now);
    let end = match (wanted.end, wanted.hold) {
        (Some(end), None) => end,
        (None, Some(hold)) => start + hold.span(),
        _ => {
            let hint = "give `end` as 2026-11-24T13:51:00Z or `for` as 2h, and not both";
            return Err(ApiError::bad_request("a silence has one end", hint));
        }
    };
    let silencing = Silencing {
        rule: wanted.rule,
        target: target_key(&snapshot, wanted.target.as_ref())?,
        severity: wanted.severity,
        reason: wanted.reason.trim().to_owned(),
        start,
        end,
    };
    let standing = snapshot.silences.iter().filter(|silence| silence.status != SilenceStatus::Over).count();
    check_silence(&wanted.owner, &silencing, standing, now)
        .map_err(|(what, hint)| ApiError::bad_request(what, hint))?;
    let id = act(&state, &wanted.owner, Deed::Silence(silencing)).await?;
    Ok((StatusCode::CREATED, Json(row(&state, &id)?)))
}

/// `DELETE /api/v1/silences/{id}?by=NAME`: it ends now.
pub(crate) async fn end(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Query(ending): Query<Ending>,
) -> Result<Json<SilenceRow>, ApiError> {
    let _turn = state.acts.lock().await;
    let found = row(&state, &id)?;
    if found.status == SilenceStatus::Over {
        let message = format!("silence `{id}` is over already");
        return Err(ApiError::bad_request(message, "list those that are not: GET /api/v1/silences"));
    }
    check_name("by", &ending.by)?;
    act(&state, &ending.by, Deed::EndSilence { silence: id.clone() }).await?;
    Ok(Json(row(&state, &id)?))
}

fn row(state: &ApiState, id: &str) -> Result<SilenceRow, ApiError> {
    let snapshot = (state.snapshot)();
    let found = snapshot.silences.iter().find(|silence| silence.id == id);
    found.map(SilenceRow::from).ok_or_else(|| ApiError::not_found(&format!("silence `{id}`")))
}
