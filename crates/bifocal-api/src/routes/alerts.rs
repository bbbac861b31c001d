//! Alerts.

use axum::Json;
use axum::extract::State;

use bifocal_watch::RuleView;

use crate::rows::{AlertRow, List};
use crate::state::ApiState;

/// `GET /api/v1/alerts`: firing and pending ones first, then those that are over.
pub(crate) async fn list(State(state): State<ApiState>) -> Json<List<AlertRow>> {
    let snapshot = (state.snapshot)();
    let rows = snapshot.alerts.iter().map(|alert| AlertRow::of(alert, (state.deliveries)(&alert.id)));
    Json(List::whole(rows.collect()))
}

/// `GET /api/v1/rules`: the alert rules, and what keeps each from being told.
pub(crate) async fn rules(State(state): State<ApiState>) -> Json<List<RuleView>> {
    Json(List::whole((state.snapshot)().rules.to_vec()))
}
