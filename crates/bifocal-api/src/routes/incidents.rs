//! Incidents.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;

use super::asking::{limit, target_key};
use crate::error::ApiError;
use crate::rows::{IncidentRow, List};
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
    let snapshot = (state.snapshot)();
    let found = snapshot.incidents.iter().find(|incident| incident.id == id);
    found
        .map(|incident| Json(incident.into()))
        .ok_or_else(|| ApiError::not_found(&format!("incident `{id}`")))
}
