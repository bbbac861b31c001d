//! Incidents.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use bifocal_model::{Deed, Incident};
use bifocal_watch::COMMENTS_MAX;
use http::header;
use serde::Deserialize;

use super::acting::{act, check_name, check_text};
use super::asking::{blocking, limit, target_key};
use super::parameters::{Body, Path, Query};
use crate::error::ApiError;
use crate::picture::incident_picture;
use crate::rows::{ContainerLogRow, IncidentRow, List};
use crate::state::ApiState;

/// Filters.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Asked {
    target: Option<String>,
    limit: Option<usize>,
}

/// `GET /api/v1/incidents`: those that are not over, then those that are, newest first.
pub(crate) async fn list(
    State(state): State<ApiState>,
    Query(asked): Query<Asked>,
) -> Result<Json<List<IncidentRow>>, ApiError> {
    let snapshot = (state.snapshot)();
    let target = target_key(&snapshot, asked.target.as_ref())?;
    let of_target = snapshot.incidents.iter().filter(|i| target.as_ref().is_none_or(|key| i.target == *key));
    Ok(Json(List::whole(of_target.take(limit(asked.limit)).map(IncidentRow::from).collect())))
}

/// `GET /api/v1/incidents/{id}`
pub(crate) async fn one(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<IncidentRow>, ApiError> {
    Ok(Json((&known(&state, &id)?).into()))
}

/// `GET /api/v1/incidents/{id}/chart.png`
pub(crate) async fn chart(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    let incident = known(&state, &id)?;
    let (reader, now) = (state.reader.clone(), state.clock.now());
    let picture = blocking(move || incident_picture(&reader, &incident, now)).await?;
    Ok(([(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "no-cache")], picture))
}

/// `GET /api/v1/incidents/{id}/logs`: what containers wrote around its beginning. Empty where nobody looked, or where there
/// is no log group.
pub(crate) async fn logs(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<List<ContainerLogRow>>, ApiError> {
    known(&state, &id)?;
    let small_state = state.small_state.clone();
    let kept = blocking(move || small_state.container_logs(&id)).await?;
    let rows =
        kept.unwrap_or_default().into_iter().map(|log| log.map_texts(|text| text.into_string()).into());
    Ok(Json(List::whole(rows.collect())))
}

/// Who does it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acknowledging {
    by: String,
}

/// Who says what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Commenting {
    by: String,
    text: String,
}

/// Who closes it, and what came of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Closing {
    by: String,
    note: String,
}

/// `POST /api/v1/incidents/{id}/acknowledge`
pub(crate) async fn acknowledge(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Body(Acknowledging { by }): Body<Acknowledging>,
) -> Result<Json<IncidentRow>, ApiError> {
    check_name("by", &by)?;
    let _turn = state.acts.lock().await;
    let incident = open(&state, &id)?;
    if let Some(first) = &incident.handling.acknowledged {
        let message = format!("{} looks after it already", first.by);
        return Err(ApiError::bad_request(message, "say what you know in a comment"));
    }
    act(&state, &by, Deed::Acknowledge { incident: id.clone() }).await?;
    Ok(Json((&known(&state, &id)?).into()))
}

/// `POST /api/v1/incidents/{id}/comments`, also on one that is over.
pub(crate) async fn comment(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Body(Commenting { by, text }): Body<Commenting>,
) -> Result<Json<IncidentRow>, ApiError> {
    check_name("by", &by)?;
    check_text("text", &text)?;
    let _turn = state.acts.lock().await;
    if known(&state, &id)?.handling.comments.len() >= COMMENTS_MAX {
        let message = format!("incident `{id}` has {COMMENTS_MAX} comments");
        return Err(ApiError::bad_request(message, "write the rest where your team keeps its notes"));
    }
    let text = text.trim().to_owned();
    act(&state, &by, Deed::Comment { incident: id.clone(), text }).await?;
    Ok(Json((&known(&state, &id)?).into()))
}

/// `POST /api/v1/incidents/{id}/close`. Only a new alarm opens another one.
pub(crate) async fn close(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Body(Closing { by, note }): Body<Closing>,
) -> Result<Json<IncidentRow>, ApiError> {
    check_name("by", &by)?;
    check_text("note", &note)?;
    let _turn = state.acts.lock().await;
    open(&state, &id)?;
    let note = note.trim().to_owned();
    act(&state, &by, Deed::Close { incident: id.clone(), note }).await?;
    Ok(Json((&known(&state, &id)?).into()))
}

fn known(state: &ApiState, id: &str) -> Result<Incident, ApiError> {
    let snapshot = (state.snapshot)();
    let found = snapshot.incidents.iter().find(|incident| incident.id == id);
    found.cloned().ok_or_else(|| ApiError::not_found(&format!("incident `{id}`")))
}

fn open(state: &ApiState, id: &str) -> Result<Incident, ApiError> {
    let incident = known(state, id)?;
    if incident.closed.is_some() {
        let message = format!("incident `{id}` is over");
        return Err(ApiError::bad_request(message, "comment on it, or look for one that is open"));
    }
    Ok(incident)
}
