//! The way to an OpenAI-compatible judge.

use std::fmt;

use bifocal_evaluate::judge::{BoxFuture, Reply, Transport, TransportError};
use bifocal_telemetry::Telemetry;

use super::client::body_within;
use crate::limits::REPLY_BYTES;

/// Over HTTP. Its key never shows in Debug.
#[derive(Clone)]
pub struct HttpJudge {
    client: reqwest::Client,
    base_url: String,
    key: Option<String>,
    /// Headers of one's own.
    headers: Vec<(String, String)>,
    telemetry: Telemetry,
}

impl HttpJudge {
    /// `base_url` with its `/v1`.
    pub fn new(client: reqwest::Client, base_url: &str, key: Option<String>, telemetry: Telemetry) -> Self {
        let base_url = base_url.trim_end_matches('/').to_owned();
        Self { client, base_url, key, headers: Vec::new(), telemetry }
    }

    /// One address for every call, whatever its path.
    pub fn at(client: reqwest::Client, url: &str, key: Option<String>, telemetry: Telemetry) -> Self {
        Self { client, base_url: url.to_owned(), key, headers: Vec::new(), telemetry }
    }

    /// With headers of one's own on every call.
    #[must_use]
    pub fn with_headers(self, headers: Vec<(String, String)>) -> Self {
        Self { headers, ..self }
    }

    async fn send(
        &self,
        path: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> Result<Reply, TransportError> {
        let url = if path.is_empty() { self.base_url.clone() } else { format!("{}/{path}", self.base_url) };
        let mut request = self.client.post(url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.map_err(|err| kind(&err))?;
        let status = response.status().as_u16();
        let body = body_within(response, REPLY_BYTES).await.map_err(|err| kind(&err))?;
        let body = body.unwrap_or_else(|| {
            // A reply of this size is no verdict: what is left of it is none either.
            self.telemetry.limit_hit("reply_bytes");
            Vec::new()
        });
        Ok(Reply { status, body })
    }
}

fn kind(error: &reqwest::Error) -> TransportError {
    if error.is_timeout() { TransportError::Timeout } else { TransportError::Unreachable }
}

impl Transport for HttpJudge {
    fn post<'a>(
        &'a self,
        path: &'a str,
        body: Vec<u8>,
        headers: &'a [(&'a str, &'a str)],
    ) -> BoxFuture<'a, Result<Reply, TransportError>> {
        Box::pin(self.send(path, body, headers))
    }
}

impl fmt::Debug for HttpJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpJudge").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
