//! The connection to CloudWatch, where metrics or judged answers are written there.

use std::sync::Arc;

use bifocal_aws::Aws;
use bifocal_model::Span;
use bifocal_telemetry::{Clock, Telemetry};

use crate::config::Resolved;
use crate::outbound::{LogWriter, MetricWriter};
use crate::pipeline::Pipeline;
use crate::user_error::{Code, UserError};

/// What writes to CloudWatch.
pub(super) struct Writers {
    pub(super) metrics: Option<MetricWriter>,
    pub(super) logs: Option<LogWriter>,
}

/// What takes metrics and judged answers to CloudWatch, where that is asked for.
pub(super) async fn writers(
    config: &Resolved,
    pipeline: &Pipeline,
    clock: &Arc<dyn Clock>,
    telemetry: &Telemetry,
) -> anyhow::Result<Writers> {
    let Some(book) = pipeline.write_back() else { return Ok(Writers { metrics: None, logs: None }) };
    let config = &config.cloudwatch;
    let options = bifocal_aws::Options { region: config.region.clone(), ..Default::default() };
    let aws = Aws::connect(&options, Arc::clone(clock), telemetry.clone()).await.map_err(|err| {
        UserError::new(Code::ConfigInvalid, format!("[cloudwatch]: failed to {err}")).hint(err.advice())
    })?;
    let every = Span::from_secs(i64::from(config.every_seconds.get()));
    let metrics = || MetricWriter {
        aws: aws.clone(),
        book: Arc::clone(&book),
        snapshot: pipeline.snapshot(),
        every,
        clock: Arc::clone(clock),
        telemetry: telemetry.clone(),
    };
    let logs = || LogWriter {
        aws: aws.clone(),
        book: Arc::clone(&book),
        config: config.clone(),
        reader: pipeline.reader(),
        snapshot: pipeline.snapshot(),
        every,
        clock: Arc::clone(clock),
        telemetry: telemetry.clone(),
    };
    Ok(Writers {
        metrics: (config.write && !config.emf).then(metrics),
        logs: config.writes_logs().then(logs),
    })
}
