//! What to do when a shipped alert rule fires: the pages of the documentation, served by the process that fires.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../docs/runbooks"]
struct Pages;

/// `GET /runbooks/{name}`: Markdown, which reads well as it is. It holds no data and needs no token.
pub(crate) async fn one(Path(name): Path<String>) -> Response {
    let Some(page) = Pages::get(&format!("{}.md", name.trim_end_matches(".md"))) else {
        return (StatusCode::NOT_FOUND, "there is no runbook of this name; /runbooks/README lists them\n")
            .into_response();
    };
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], page.data.into_owned()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_is_served_and_what_is_not_there_says_where_to_look() {
        let found = one(Path("silent-degradation".to_owned())).await;
        assert_eq!(found.status(), StatusCode::OK);
        assert_eq!(found.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
        for name in ["none", "../guide/alerts", ""] {
            assert_eq!(one(Path(name.to_owned())).await.status(), StatusCode::NOT_FOUND, "{name}");
        }
    }
}
