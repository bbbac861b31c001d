//! Who may read: with a token configured, only who sends it. And the headers that keep the page to itself.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use crate::error::{ApiError, Code};
use crate::state::ApiState;

/// Nothing but our own address: no script, style, font or picture of anybody else.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                   connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Lets a request pass or answers 401; `/healthz` always passes. The comparison takes the same time whatever
/// the difference.
pub(crate) async fn check_token(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let Some(token) = state.token() else { return next.run(request).await };
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if request.uri().path() == "/healthz" || same(given.as_bytes(), token.as_bytes()) {
        return next.run(request).await;
    }
    let error = ApiError {
        code: Code::Unauthorized,
        message: "a token is needed".to_owned(),
        hint: "send the header Authorization: Bearer TOKEN".to_owned(),
    };
    error.into_response()
}

/// Adds the security headers to every answer.
pub(crate) async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (x, y)| differs | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_token_is_the_same() {
        assert!(same(b"secret", b"secret"));
        assert!(!same(b"secret", b"secreT") && !same(b"", b"secret") && !same(b"secret1", b"secret"));
    }
}
