//! The way to a judge behind an endpoint of SageMaker: chat completions through InvokeEndpoint.

use std::sync::Arc;

use bifocal_aws::{Aws, Options};
use bifocal_evaluate::judge::{BoxFuture, JudgeConfig, Reply, Transport, TransportError};
use bifocal_telemetry::{Clock, Telemetry};
use tokio::sync::OnceCell;

use super::bedrock::status;

/// A judge on SageMaker.
#[derive(Debug)]
pub struct EndpointJudge {
    region: Option<String>,
    endpoint: String,
    component: Option<String>,
    aws: OnceCell<Aws>,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
}

impl EndpointJudge {
    /// Of a configuration; nothing is connected to yet.
    pub fn new(settings: &JudgeConfig, clock: Arc<dyn Clock>, telemetry: Telemetry) -> Self {
        Self {
            region: settings.region.clone(),
            endpoint: settings.endpoint.clone().unwrap_or_default(),
            component: settings.component.clone(),
            aws: OnceCell::new(),
            clock,
            telemetry,
        }
    }

    async fn ask(&self, body: Vec<u8>) -> Result<Reply, TransportError> {
        let options = Options { region: self.region.clone(), ..Options::default() };
        let connect = || Aws::connect(&options, Arc::clone(&self.clock), self.telemetry.clone());
        let answered = match self.aws.get_or_try_init(connect).await {
            Ok(aws) => aws.invoke_endpoint(&self.endpoint, self.component.as_deref(), body.into()).await,
            Err(err) => Err(err),
        };
        match answered {
            Ok(body) => Ok(Reply { status: 200, body }),
            Err(err) => {
                let refused = |status| Reply { status, body: Vec::new() };
                status(&err).map(refused).ok_or(TransportError::Unreachable)
            }
        }
    }
}

impl Transport for EndpointJudge {
    fn post<'a>(
        &'a self,
        _path: &'a str,
        body: Vec<u8>,
        _headers: &'a [(&'a str, &'a str)],
    ) -> BoxFuture<'a, Result<Reply, TransportError>> {
        Box::pin(self.ask(body))
    }
}
