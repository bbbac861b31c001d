//! Incidents on request, in the demo.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::parameters::Body;
use crate::demo::{ActiveIncident, DemoControl};
use crate::error::ApiError;
use crate::state::ApiState;

/// What to start, and on what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    name: String,
    target: String,
}

/// What runs.
#[derive(Debug, Serialize)]
pub(crate) struct Active {
    active: Vec<ActiveIncident>,
}

/// `POST /api/v1/demo/incidents`
pub(crate) async fn start(
    State(state): State<ApiState>,
    Body(asked): Body<Start>,
) -> Result<StatusCode, ApiError> {
    let demo = control(&state)?;
    if demo.start(&asked.name, &asked.target) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let message = format!("there is no incident `{}` on `{}`", asked.name, asked.target);
    Err(ApiError::bad_request(message, format!("incidents: {}", demo.available().join(", "))))
}

/// `DELETE /api/v1/demo/incidents`
pub(crate) async fn stop(State(state): State<ApiState>) -> Result<StatusCode, ApiError> {
    control(&state)?.stop_all();
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/demo/incidents`
pub(crate) async fn active(State(state): State<ApiState>) -> Result<Json<Active>, ApiError> {
    Ok(Json(Active { active: control(&state)?.active() }))
}

fn control(state: &ApiState) -> Result<&Arc<dyn DemoControl>, ApiError> {
    state.demo.as_ref().ok_or_else(|| ApiError::not_found("the demo (this is not one)"))
}
