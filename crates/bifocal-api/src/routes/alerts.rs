//! Alerts.

use axum::Json;
use axum::extract::State;

use bifocal_watch::RuleView;

use crate::rows::{AlertRow, List};
use crate::state::ApiState;

/// `GET /api/v1/alerts`: firing and pending ones first, then those that are over.
pub(crate) async fn list(State(state): State<ApiState>) -> Json<List<AlertRow>> {
    let snapshot = (state.snapshot)();
    let mut deliveries = (state.deliveries)();
    let mut row = |alert| AlertRow::of(alert, deliveries.remove(&alert.id).unwrap_or_default());
    Json(List::whole(snapshot.alerts.iter().map(&mut row).collect()))
}

/// `GET /api/v1/rules`: the alert rules, and what keeps each from being told.
pub(crate) async fn rules(State(state): State<ApiState>) -> Json<List<RuleView>> {
    Json(List::whole((state.snapshot)().rules.to_vec()))
}
