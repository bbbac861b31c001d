//! What a request brings: parameters, path and body. What cannot be used is told in the envelope of all errors.

use std::time::Duration;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// How long a body may take to come.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

const HINT: &str = "GET /api/v1/openapi.json says what each path takes";

/// The query's parameters.
pub(crate) struct Query<T>(pub(crate) T);

/// The path's parameters.
pub(crate) struct Path<T>(pub(crate) T);

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let taken = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        let wrong = |err: QueryRejection| ApiError::bad_request(err.body_text(), HINT);
        taken.map(|query| Self(query.0)).map_err(wrong)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let taken = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        let wrong = |err: PathRejection| ApiError::bad_request(err.body_text(), HINT);
        taken.map(|path| Self(path.0)).map_err(wrong)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        // Without an end to it, bodies that never come would hold all connections.
        let taken = tokio::time::timeout(BODY_PATIENCE, axum::Json::<T>::from_request(request, state)).await;
        let Ok(taken) = taken else {
            let message = format!("the body did not come within {} s", BODY_PATIENCE.as_secs());
            return Err(ApiError::bad_request(message, "send it again whole"));
        };
        let wrong = |err: JsonRejection| ApiError::bad_request(err.body_text(), HINT);
        taken.map(|body| Self(body.0)).map_err(wrong)
    }
}
