//! The ledger.

use axum::Json;
use axum::extract::State;

use crate::rows::LedgerView;
use crate::state::ApiState;

/// `GET /api/v1/ledger`
pub(crate) async fn whole(State(state): State<ApiState>) -> Json<LedgerView> {
    Json(LedgerView::of(&state.reader.ledger(), state.reader.disk()))
}
