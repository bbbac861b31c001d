//! All routes.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{delete, get, post};

use crate::error::ApiError;
use crate::state::ApiState;
use crate::{guard, openapi, page, routes, runbooks};

/// The router of page, API and `/metrics`.
pub fn router(state: ApiState) -> Router {
    let api = Router::new()
        .route("/fleet", get(routes::targets::fleet))
        .route("/targets", get(routes::targets::list))
        .route("/targets/{id}", get(routes::targets::one))
        .route("/targets/{id}/signals", get(routes::signals::of_target))
        .route("/inferences", get(routes::inferences::list))
        .route("/inferences/{id}", get(routes::inferences::one))
        .route("/inferences/{id}/labels", get(routes::labels::of_inference).post(routes::labels::add))
        .route("/labels", get(routes::labels::list).post(routes::labels::many))
        .route("/scores", get(routes::inferences::scores))
        .route("/estimates", get(routes::targets::estimates))
        .route("/alerts", get(routes::alerts::list))
        .route("/rules", get(routes::alerts::rules))
        .route("/silences", get(routes::silences::list).post(routes::silences::make))
        .route("/silences/{id}", delete(routes::silences::end))
        .route("/incidents", get(routes::incidents::list))
        .route("/incidents/{id}", get(routes::incidents::one))
        .route("/incidents/{id}/logs", get(routes::incidents::logs))
        .route("/incidents/{id}/chart.png", get(routes::incidents::chart))
        .route("/incidents/{id}/acknowledge", post(routes::incidents::acknowledge))
        .route("/incidents/{id}/comments", post(routes::incidents::comment))
        .route("/incidents/{id}/close", post(routes::incidents::close))
        .route("/ledger", get(routes::ledger::whole))
        .route("/events", get(routes::events::list))
        .route("/judges", get(routes::targets::judges))
        .route("/judging", get(routes::targets::judging))
        .route("/openapi.json", get(openapi::document))
        .route(
            "/demo/incidents",
            post(routes::demo::start).delete(routes::demo::stop).get(routes::demo::active),
        )
        .fallback(|| async { ApiError::not_found("this path of the API") })
        .method_not_allowed_fallback(|| async { ApiError::method() });
    Router::new()
        .nest("/api/v1", api)
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
        .route("/runbooks/{name}", get(runbooks::one))
        .fallback(page::serve)
        .layer(from_fn_with_state(state.clone(), guard::check_token))
        .layer(from_fn_with_state(state.clone(), guard::check_host))
        .layer(from_fn(guard::add_headers))
        .with_state(state)
}

async fn readiness(State(state): State<ApiState>) -> impl IntoResponse {
    match (state.ready)() {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

/// OpenMetrics for who takes it, as Prometheus does: only there are exemplars.
async fn metrics(State(state): State<ApiState>, headers: HeaderMap) -> impl IntoResponse {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let is_open = accepted.flat_map(|value| value.split(',')).any(|kind| {
        kind.trim().starts_with("application/openmetrics-text") && !kind.replace(' ', "").ends_with(";q=0")
    });
    let (kind, page) = if is_open {
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", (state.open_metrics)())
    } else {
        ("text/plain; version=0.0.4; charset=utf-8", (state.metrics)())
    };
    ([(header::CONTENT_TYPE, kind), (header::VARY, "accept")], page)
}
