//! The page, embedded at build time. Without a built page a plain one says how to build it.

use axum::extract::Request;
use axum::response::{Html, IntoResponse, Response};
use http::{StatusCode, header};
use rust_embed::RustEmbed;

/// The files that `cargo xtask ui` makes. In a build without them the folder is empty.
#[derive(RustEmbed)]
#[folder = "../../ui/dist"]
#[allow_missing = true]
struct Built;

const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Bifocal</title><h1>Bifocal runs</h1>\
    <p>This binary was built without its page. Build it with <code>cargo xtask ui</code>, then build the binary again. \
    The API is at <a href=\"/api/v1/fleet\">/api/v1/fleet</a>, metrics at <a href=\"/metrics\">/metrics</a>.";

/// Whether the page is in the binary.
pub(crate) fn is_built() -> bool {
    Built::get("index.html").is_some()
}

/// Serves a file of the page.
pub(crate) async fn serve(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    if path == "index.html" && !is_built() {
        return Html(NOT_BUILT).into_response();
    }
    let Some(file) = Built::get(path) else {
        return (StatusCode::NOT_FOUND, "not there").into_response();
    };
    // Names of assets carry a hash of their content; the index does not.
    let caching =
        if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(header::CONTENT_TYPE, content_type(path)), (header::CACHE_CONTROL, caching)];
    (headers, file.data.into_owned()).into_response()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json") => "application/json",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
