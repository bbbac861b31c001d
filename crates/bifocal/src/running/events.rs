//! The events file, where one is configured.

use bifocal_capture::events::EventsFile;
use bifocal_model::{Span, TargetKey, Window};
use bifocal_store::{Intake, Reader};
use bifocal_telemetry::TaskGroup;

use crate::config::Resolved;

pub(super) fn start(config: &Resolved, intake: &Intake, reader: &Reader, tasks: &TaskGroup) {
    let Some(path) = &config.events_file else { return };
    let (checkpoints, stored, seen) = (reader.clone(), reader.clone(), reader.clone());
    let configured: Vec<TargetKey> = config
        .targets
        .iter()
        .flat_map(|target| target.components.keys().map(|model| target.key(model)))
        .collect();
    let file = EventsFile::new(
        path.clone(),
        intake.clone(),
        move |file| checkpoints.checkpoint(file),
        move |event| {
            let at = Window { start: event.time, end: event.time + Span::from_nanos(1) };
            stored.events(None, at, usize::MAX).contains(event)
        },
        move |name| {
            let is_it = |key: &&TargetKey| key.name() == name || key.id().to_string() == name;
            let found = configured.iter().find(is_it).cloned();
            found.or_else(|| seen.targets().keys().find(is_it).cloned())
        },
    );
    tasks.spawn("events file", file.run(tasks.drain()));
}
