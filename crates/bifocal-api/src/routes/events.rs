//! Events.

use axum::Json;
use axum::extract::State;
use bifocal_model::{Span, Window};
use serde::Deserialize;

use super::asking::{limit, target_key, window};
use super::parameters::Query;
use crate::error::ApiError;
use crate::rows::{EventRow, List};
use crate::state::ApiState;

/// Filters.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Asked {
    target: Option<String>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<usize>,
}

/// `GET /api/v1/events`: newest first, of the last week unless asked otherwise.
pub(crate) async fn list(
    State(state): State<ApiState>,
    Query(asked): Query<Asked>,
) -> Result<Json<List<EventRow>>, ApiError> {
    let target = target_key(&(state.snapshot)(), asked.target.as_ref())?;
    let now = state.clock.now() + Span::from_secs(1);
    let window: Window = window(asked.from.as_ref(), asked.to.as_ref(), now, Span::from_mins(7 * 24 * 60))?;
    let events = state.reader.events(target.as_ref(), window, limit(asked.limit));
    Ok(Json(List::whole(events.iter().map(EventRow::from).collect())))
}
