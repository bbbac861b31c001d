//! The connection to CloudWatch, where quality metrics are written there.

use std::sync::Arc;

use bifocal_aws::Aws;
use bifocal_model::Span;
use bifocal_telemetry::{Clock, Telemetry};

use crate::config::Resolved;
use crate::outbound::MetricWriter;
use crate::pipeline::Pipeline;
use crate::user_error::{Code, UserError};

/// What takes quality metrics to CloudWatch, where that is asked for.
pub(super) async fn writer(
    config: &Resolved,
    pipeline: &Pipeline,
    clock: &Arc<dyn Clock>,
    telemetry: &Telemetry,
) -> anyhow::Result<Option<MetricWriter>> {
    let Some(book) = pipeline.write_back() else { return Ok(None) };
    let options = bifocal_aws::Options { region: config.cloudwatch.region.clone(), ..Default::default() };
    let aws = Aws::connect(&options, Arc::clone(clock), telemetry.clone()).await.map_err(|err| {
        UserError::new(Code::ConfigInvalid, format!("[cloudwatch]: failed to {err}")).hint(err.advice())
    })?;
    Ok(Some(MetricWriter {
        aws,
        book,
        snapshot: pipeline.snapshot(),
        every: Span::from_secs(i64::from(config.cloudwatch.every_seconds.get())),
        clock: Arc::clone(clock),
        telemetry: telemetry.clone(),
    }))
}
