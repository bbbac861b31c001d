//! `bifocal backfill`.

use std::sync::Arc;

use anyhow::Context as _;
use bifocal_capture::data_capture::{Backfill, BackfillOptions, Progress};
use bifocal_model::Probability;
use bifocal_store::intake;
use bifocal_telemetry::{Clock, SystemClock, TaskGroup, Telemetry};

use crate::Done;
use crate::cli::{BackfillArgs, Format};
use crate::config::{ConfigFile, Resolved, load};
use crate::output;
use crate::pipeline::engine::Engine;
use crate::running::open_pipeline;
use crate::user_error::{Code, UserError};

/// Batches that wait for the journal; the backfill waits for each, so few are needed.
const BATCHES: usize = 8;

/// Reads the files into the store.
pub fn run(args: &BackfillArgs, format: Format) -> anyhow::Result<Done> {
    let share = Probability::new(args.capture_percentage / 100.0).ok_or_else(|| {
        let wrong = format!("backfill: --capture-percentage {} is not in (0, 100]", args.capture_percentage);
        UserError::new(Code::Usage, wrong).hint("give the percentage of the endpoint's capture configuration")
    })?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let progress = runtime.block_on(backfill(args, share, format))?;
    report(&progress, format);
    let findings = !progress.rejected.is_empty();
    Ok(if findings { Done::WithFindings } else { Done::Well })
}

/// What of the file concerns the store and the watch. History is not judged, and nobody is told of its alerts.
fn configuration(args: &BackfillArgs) -> Result<Resolved, UserError> {
    let ConfigFile { server, objectives, quality, context, .. } = match &args.config {
        Some(path) => load(path)?,
        None => ConfigFile::default(),
    };
    let mut file = ConfigFile { server, objectives, quality, context, ..ConfigFile::default() };
    file.server.data = args.data.clone().or(file.server.data);
    file.server.listen = None;
    Resolved::of(file)
}

async fn backfill(args: &BackfillArgs, share: Probability, format: Format) -> anyhow::Result<Progress> {
    let config = configuration(args)?;
    let telemetry = Telemetry::new();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut pipeline = open_pipeline(&config, &clock, None, &telemetry)?;
    if args.without_evaluators {
        pipeline.store_alone();
    }
    let reader = pipeline.reader();
    let (intake, batches) = intake(BATCHES, pipeline.arrivals());
    let tasks = TaskGroup::new();
    let (drain, engine) =
        (tasks.drain(), Engine { pipeline, batches, judge: None, remotes: None, clock: Arc::clone(&clock) });
    let (ended, end) = tokio::sync::oneshot::channel();
    tasks.spawn_blocking("engine", move || {
        // The receiver is there until the end of this function.
        let _ = ended.send(engine.run(&drain));
    });
    let options = BackfillOptions {
        paths: args.paths.clone(),
        origin: args.origin.clone(),
        endpoint: Some(args.endpoint.clone()),
        capture_probability: share,
        attribution: bifocal_capture::data_capture::Attribution::default(),
        fields: config.context.fields(),
    };
    let backfill = Backfill::new(options, intake, move |file: &str| reader.checkpoint(file), clock);
    let mut shown = 0;
    let result = backfill
        .run(|progress| {
            let percent = progress.bytes_done.saturating_mul(100) / progress.bytes.max(1);
            if format == Format::Text && percent > shown {
                shown = percent;
                output::note(&format!(
                    "{percent:3}%  file {} of {}  {} stored, {} already there, {} rejected",
                    (progress.files_done + 1).min(progress.files),
                    progress.files,
                    progress.stored,
                    progress.duplicates,
                    progress.rejected.values().sum::<u64>(),
                ));
            }
        })
        .await;
    tasks.stop_and_join().await;
    end.await.context("the engine ended")??;
    result.map_err(|err| {
        let code = Code::find(err.code()).unwrap_or(Code::BackfillRead);
        let err = anyhow::Error::from(err);
        let hint = match code {
            Code::BackfillClosed => "make room, then run the same command again: it goes on where it stopped",
            _ => "check the path and its permissions",
        };
        UserError::new(code, format!("{err:#}")).hint(hint).into()
    })
}

fn report(progress: &Progress, format: Format) {
    if format == Format::Json {
        let value = serde_json::json!({
            "files": progress.files,
            "files_known": progress.files_known,
            "received": progress.received,
            "stored": progress.stored,
            "duplicates": progress.duplicates,
            "rejected": progress.rejected,
        });
        output::line(&value.to_string());
        return;
    }
    output::line(&format!(
        "{} files ({} read before), {} lines: {} stored, {} already there, {} rejected",
        progress.files,
        progress.files_known,
        progress.received,
        progress.stored,
        progress.duplicates,
        progress.rejected.values().sum::<u64>(),
    ));
    for (reason, count) in &progress.rejected {
        output::line(&format!("  rejected {count}: {reason}"));
    }
}
