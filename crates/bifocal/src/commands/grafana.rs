//! `bifocal grafana`: dashboards and alert rules as files, or through Grafana's API.

mod apply;
mod wanted;

use std::path::Path;

use crate::Done;
use crate::cli::{Format, GrafanaCommand, RenderArgs};
use crate::output;
use crate::user_error::{Code, UserError};

/// Renders, compares or applies.
pub fn run(command: &GrafanaCommand, format: Format) -> anyhow::Result<Done> {
    match command {
        GrafanaCommand::Render(args) => render(args, format),
        GrafanaCommand::Apply(server) => apply::apply(server, format),
        GrafanaCommand::Diff(server) => apply::diff(server, format),
    }
}

fn render(args: &RenderArgs, format: Format) -> anyhow::Result<Done> {
    let options = wanted::options(&args.wanted)?;
    let files = bifocal_publish::grafana::files(&options);
    for (name, text) in &files {
        write(&args.out.join(name), text)?;
    }
    let notes = bifocal_publish::grafana::Desired::of(&options).notes;
    match format {
        Format::Json => {
            let names: Vec<&String> = files.keys().collect();
            output::line(
                &serde_json::json!({"folder": args.out, "files": names, "notes": notes}).to_string(),
            );
        }
        Format::Text => {
            files.keys().for_each(|name| output::line(&args.out.join(name).display().to_string()));
            notes.iter().for_each(|note| output::note(&format!("note: {note}")));
        }
    }
    Ok(Done::Well)
}

fn write(path: &Path, text: &str) -> Result<(), UserError> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, text)).map_err(|err| {
        UserError::new(Code::GrafanaFile, format!("grafana render: write `{}`: {err}", path.display()))
            .hint("name a folder that can be written with --out")
    })
}
