//! The whole of `serve` in this process, on a clock that the test chooses.

use std::sync::Arc;

use bifocal::config::Resolved;
use bifocal::running::{Extras, Running, open_pipeline};
use bifocal_telemetry::{Clock, Telemetry};

pub(super) async fn start(config: &Resolved, clock: &Arc<dyn Clock>, telemetry: &Telemetry) -> Running {
    let pipeline = open_pipeline(config, clock, None, telemetry).unwrap();
    let extras = Extras { clock: Arc::clone(clock), demo: None, secret: None };
    Running::start(config, pipeline, extras, telemetry.clone()).await.unwrap()
}
