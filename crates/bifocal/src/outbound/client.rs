//! The HTTP client that everything shares.

use std::time::Duration;

use anyhow::Context as _;

/// A client that follows no redirect (a judge or webhook that moved is a mistake to be told) and asks no proxy
/// of the environment.
pub fn client(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .build()
        .context("make the HTTP client")
}

/// Reads a body to its end, or to `limit` bytes; `None` when it is longer.
pub(super) async fn body_within(
    mut response: reqwest::Response,
    limit: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{REPLY_BYTES, SCRAPE_BYTES};

    #[tokio::test]
    async fn bodies_are_read_to_the_limit_and_not_past_it() {
        for limit in [SCRAPE_BYTES, REPLY_BYTES] {
            let of = |bytes: usize| reqwest::Response::from(http::Response::new(vec![b'x'; bytes]));
            assert_eq!(body_within(of(limit), limit).await.unwrap().unwrap().len(), limit);
            assert_eq!(body_within(of(limit + 1), limit).await.unwrap(), None);
        }
    }
}
