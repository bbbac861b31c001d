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

/// What needs no token: whether the process lives, and the page itself, which holds no data and asks for the token.
fn is_open(path: &str) -> bool {
    !(path.starts_with("/api/") || path == "/metrics" || path == "/readyz")
}

/// Lets a request pass or answers 401. The comparison takes the same time whatever
/// the difference.
pub(crate) async fn check_token(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let Some(token) = state.token() else { return next.run(request).await };
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if is_open(request.uri().path()) || same(given.as_bytes(), token.as_bytes()) {
        return next.run(request).await;
    }
    let error = ApiError {
        code: Code::Unauthorized,
        message: "a token is needed".to_owned(),
        hint: "send the header Authorization: Bearer TOKEN".to_owned(),
    };
    error.into_response()
}

/// Without a token, answers only who calls this machine by an address or by `localhost`: a name that somebody else
/// points at 127.0.0.1 (DNS rebinding) would let any web page read the answers.
pub(crate) async fn check_host(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if state.token().is_some() || is_address(host) {
        return next.run(request).await;
    }
    let error = ApiError {
        code: Code::WrongHost,
        message: "this host name is not answered".to_owned(),
        hint: "call it by its IP address or as localhost, or set a token".to_owned(),
    };
    error.into_response()
}

/// An IP address or `localhost`, with or without a port. No host at all comes from no browser.
fn is_address(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    host.is_empty() || name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
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
    fn names_of_others_are_not_answered() {
        for host in ["127.0.0.1:7700", "localhost", "LOCALHOST:7700", "[::1]:7700", "10.0.0.7:80", ""] {
            assert!(is_address(host), "{host}");
        }
        for host in
            ["evil.example", "evil.example:7700", "127.0.0.1.evil.example", "localhost.evil.example:80"]
        {
            assert!(!is_address(host), "{host}");
        }
    }

    #[test]
    fn the_page_asks_and_the_data_are_guarded() {
        assert!(is_open("/") && is_open("/assets/index.js") && is_open("/healthz"));
        assert!(!is_open("/api/v1/fleet") && !is_open("/metrics") && !is_open("/readyz"));
    }

    #[test]
    fn only_the_same_token_is_the_same() {
        assert!(same(b"secret", b"secret"));
        assert!(!same(b"secret", b"secreT") && !same(b"", b"secret") && !same(b"secret1", b"secret"));
    }
}
