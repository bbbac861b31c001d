//! Fetches the pages that are scraped.

use std::future::Future;
use std::pin::Pin;

use bifocal_infra::scrape::{Fetch, Unfetched};
use bifocal_telemetry::Telemetry;

use super::client::body_within;
use crate::limits::SCRAPE_BYTES;

/// Over HTTP.
#[derive(Clone, Debug)]
pub struct HttpFetch {
    client: reqwest::Client,
    telemetry: Telemetry,
}

impl HttpFetch {
    /// With a client whose timeout is shorter than the scrape interval.
    pub fn new(client: reqwest::Client, telemetry: Telemetry) -> Self {
        Self { client, telemetry }
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>, Unfetched> {
        // The error's own text would repeat the address, which may hold credentials.
        let failed = |err: reqwest::Error| Unfetched(err.without_url().to_string());
        let response = self.client.get(url).send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(Unfetched(format!("status {}", response.status().as_u16())));
        }
        let body = body_within(response, SCRAPE_BYTES).await.map_err(failed)?;
        body.ok_or_else(|| {
            self.telemetry.limit_hit("scrape_bytes");
            Unfetched(format!("the page is longer than {SCRAPE_BYTES} bytes"))
        })
    }
}

impl Fetch for HttpFetch {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, Unfetched>> + Send + 'a>> {
        Box::pin(self.get(url))
    }
}
