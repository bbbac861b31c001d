//! What an account of SageMaker tells a plan: what runs there, and what reading its metrics will cost.

use std::sync::Arc;

use anyhow::Context as _;
use bifocal_telemetry::{Clock, SystemClock, Telemetry};

use crate::config::{Resolved, SageMakerTarget};
use crate::plan::monthly::Item;
use crate::sagemaker::connect;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What reading CloudWatch costs, for each target of SageMaker.
    pub(super) reads: Vec<Item>,
    /// Inference components, by name.
    pub(super) components: Vec<String>,
    /// The same with their endpoint before them.
    pub(super) pairs: Vec<(String, String)>,
}

impl Found {
    /// Nobody was asked.
    pub(super) fn not_asked(config: &Resolved) -> Self {
        let item = |target: &SageMakerTarget| {
            Item::unknown(what(target), "calls", "the account was not asked (--offline)".to_owned())
        };
        Self { reads: config.sagemaker.iter().map(item).collect(), ..Self::default() }
    }
}

/// Asks each account for its endpoints and the names of its metrics. What does not answer is an item of unknown cost.
pub(super) fn look(config: &Resolved) -> anyhow::Result<Found> {
    if config.sagemaker.is_empty() {
        return Ok(Found::default());
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    let mut found = Found::default();
    for target in &config.sagemaker {
        if let Err(err) = runtime.block_on(look_at(target, &mut found)) {
            let why = format!("failed to {err}; {}", err.advice());
            found.reads.push(Item::unknown(what(target), "calls", why));
        }
    }
    Ok(found)
}

async fn look_at(target: &SageMakerTarget, found: &mut Found) -> Result<(), bifocal_aws::Error> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut source = connect(target, &clock, &Telemetry::new()).await?;
    source.look().await?;
    for endpoint in source.inventory().iter().flat_map(|inventory| inventory.endpoints.values()) {
        for name in endpoint.components.keys() {
            found.components.push(name.clone());
            found.pairs.push((endpoint.name.clone(), name.clone()));
        }
    }
    source.discover().await?;
    let (series, plan) = source.plan();
    let what = format!("{}, {series} series every {:.0} s", what(target), plan.every.as_secs_f64());
    found.reads.push(Item::reads(what, &plan));
    Ok(())
}

fn what(target: &SageMakerTarget) -> String {
    format!("reading CloudWatch for SageMaker `{}`", target.pattern)
}
