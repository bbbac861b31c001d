//! The one envelope of all errors: `{"error": {"code", "message", "hint"}}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

/// The kinds of errors of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A parameter cannot be used.
    BadRequest,
    /// No or a wrong token.
    Unauthorized,
    /// Called by a name that is not ours.
    WrongHost,
    /// Nothing is there.
    NotFound,
    /// There, but not to be used so.
    Method,
    /// Our own fault.
    Internal,
    /// The journal takes nothing now.
    Unavailable,
}

/// An error of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// Which kind.
    pub code: Code,
    /// What.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    code: &'static str,
    message: &'a str,
    hint: &'a str,
}

impl ApiError {
    /// Nothing is there.
    pub fn not_found(what: &str) -> Self {
        let hint = "list what is there first, for example GET /api/v1/targets".to_owned();
        Self { code: Code::NotFound, message: format!("{what} is not there"), hint }
    }

    /// The path is there, but not for this method.
    pub fn method() -> Self {
        let hint = "GET /api/v1/openapi.json says what each path takes".to_owned();
        Self { code: Code::Method, message: "this path does not take this method".to_owned(), hint }
    }

    /// A parameter cannot be used.
    pub fn bad_request(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: Code::BadRequest, message: message.into(), hint: hint.into() }
    }

    /// Our own fault. The text goes to the log, not to the client.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "the API could not answer");
        Self {
            code: Code::Internal,
            message: "the store could not answer".to_owned(),
            hint: "see the log of the process".to_owned(),
        }
    }

    fn status(&self) -> (StatusCode, &'static str) {
        match self.code {
            Code::BadRequest => (StatusCode::BAD_REQUEST, "B0400"),
            Code::Unauthorized => (StatusCode::UNAUTHORIZED, "B0401"),
            Code::WrongHost => (StatusCode::MISDIRECTED_REQUEST, "B0421"),
            Code::NotFound => (StatusCode::NOT_FOUND, "B0404"),
            Code::Method => (StatusCode::METHOD_NOT_ALLOWED, "B0405"),
            Code::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "B0500"),
            Code::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "B0503"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = self.status();
        let body = Body { code, message: &self.message, hint: &self.hint };
        (status, Json(Envelope { error: body })).into_response()
    }
}
