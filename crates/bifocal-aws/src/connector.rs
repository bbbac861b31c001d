//! Lets the credentials chain of AWS's crates use our HTTP client, so that there is one TLS stack.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::limits::FAULT_BYTES;

/// Our client as AWS's crates want one.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    http: reqwest::Client,
    settings: HttpConnectorSettings,
}

impl Connector {
    pub(crate) fn new(http: reqwest::Client) -> Self {
        Self { http, settings: HttpConnectorSettings::default() }
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Self { http: self.http.clone(), settings: settings.clone() })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            // The metadata services are on the machine: where there is none, a connection must fail fast.
            let timeout = this.settings.read_timeout().or_else(|| this.settings.connect_timeout());
            let answer = this.send(request);
            match timeout {
                None => answer.await,
                Some(limit) => tokio::time::timeout(limit, answer)
                    .await
                    .unwrap_or_else(|elapsed| Err(ConnectorError::timeout(elapsed.into()))),
            }
        })
    }
}

impl Connector {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let user = |err: Box<dyn std::error::Error + Send + Sync>| ConnectorError::user(err);
        let request = request.try_into_http1x().map_err(|err| user(err.into()))?;
        let (parts, body) = request.into_parts();
        let body = body.bytes().map(Bytes::copy_from_slice).unwrap_or_default();
        let request = http::Request::from_parts(parts, body);
        let request = reqwest::Request::try_from(request).map_err(|err| user(err.into()))?;
        let io = |err: reqwest::Error| {
            if err.is_timeout() {
                ConnectorError::timeout(err.into())
            } else {
                ConnectorError::io(err.into())
            }
        };
        let mut answer = self.http.execute(request).await.map_err(io)?;
        let mut response = http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            response = response.header(name, value);
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(io)? {
            if bytes.len() + chunk.len() > FAULT_BYTES {
                return Err(ConnectorError::other("the answer with credentials is too long".into(), None));
            }
            bytes.extend_from_slice(&chunk);
        }
        let response = response.body(SdkBody::from(bytes)).map_err(|err| user(err.into()))?;
        HttpResponse::try_from(response).map_err(|err| user(err.into()))
    }
}
