//! Exchanges and metrics pages of the simulator become records as live ones do.

use std::collections::BTreeMap;
use std::sync::Arc;

use bifocal_capture::proxy::{ComponentRoute, Decoder, Ended, Exchange};
use bifocal_infra::scrape::Scraper;
use bifocal_model::{Identity, InferenceId, Probability, Source, Span, Timestamp};
use bifocal_redact::redact_inference;
use bifocal_store::Record;

use crate::config::{Resolved, UpstreamTarget};

/// Decodes what the simulator says of one upstream.
#[derive(Debug)]
pub struct Replay {
    decoder: Decoder,
    scraper: Scraper,
    tenant_header: Option<String>,
    capture: Probability,
}

impl Replay {
    /// For the first target of a configuration. `capture`: with which probability an exchange is among those given.
    pub fn new(config: &Resolved, capture: Probability) -> anyhow::Result<Self> {
        let target =
            config.targets.first().ok_or_else(|| anyhow::anyhow!("the simulation needs a target"))?;
        let names = target.components.keys();
        let targets = names.map(|model| (model.clone(), target.key(model))).collect();
        Ok(Self {
            decoder: Decoder::new(&target.name, routes(target), bifocal_telemetry::Telemetry::new()),
            scraper: Scraper::new(&target.name, targets),
            tenant_header: target.tenant_header.clone(),
            capture,
        })
    }

    /// One exchange as the proxy would have recorded it.
    pub fn inference(&self, exchange: &bifocal_sim::Exchange) -> Record {
        let at = |seconds: f64| exchange.time + Span::from_secs_f64(seconds);
        let tenant =
            exchange.request.headers.iter().find(|(name, _)| Some(*name) == self.tenant_header.as_deref());
        let identity =
            Identity { source: Source::Simulated, key: format!("{}/{}", exchange.component, exchange.index) };
        let id = InferenceId::of_identity(&identity, exchange.time);
        let response = &exchange.response;
        let captured = Exchange {
            id: random_part(id),
            capture_probability: self.capture,
            path: exchange.request.path.to_owned(),
            tenant: tenant.map(|(_, value)| value.clone()),
            component: None,
            sagemaker: None,
            request_body: exchange.request.body.clone(),
            request_truncated: false,
            status: Some(response.status),
            content_type: Some(response.content_type.to_owned()),
            content_encoding: None,
            chunks: response
                .chunks
                .iter()
                .map(|chunk| (at(chunk.delay_seconds), chunk.bytes.clone()))
                .collect(),
            answer_truncated: false,
            started: exchange.time,
            ended: at(response.duration_seconds()),
            ending: Ended::Complete,
        };
        let mut inference = self.decoder.decode(&captured);
        inference.identity = identity;
        Record::Inference(Arc::new(redact_inference(inference)))
    }

    /// One metrics page as the scrape would have read it.
    pub fn scrape(&mut self, page: &[u8], now: Timestamp) -> anyhow::Result<Vec<Record>> {
        let readings = self.scraper.read(page, now)?;
        Ok(readings.into_iter().map(Record::Reading).collect())
    }
}

fn routes(target: &UpstreamTarget) -> BTreeMap<String, ComponentRoute> {
    let route = |(model, component): (&String, &String)| {
        let route = ComponentRoute {
            endpoint: Some(target.endpoint.clone()),
            variant: target.variant.clone(),
            inference_component: Some(component.clone()),
        };
        (model.clone(), route)
    };
    target.components.iter().map(route).collect()
}

/// The last ten bytes of an id are its random part.
fn random_part(id: InferenceId) -> [u8; 10] {
    let mut random = [0; 10];
    random.copy_from_slice(&id.as_bytes()[6..]);
    random
}
