//! `bifocal judge`: labels of people, how judges agree with them, and the bridge from one judge to the next.

mod asking;
mod bridge;
mod pairwise;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::sync::Arc;

use anyhow::Context as _;
use bifocal_api::labels::{Given, Wrong};
use bifocal_telemetry::{Clock, SystemClock, Telemetry};
use bifocal_watch::{AgreementView, JudgeView, MeasuredView};

use crate::Done;
use crate::cli::{Format, JudgeCommand, JudgeStore, LabelsArgs};
use crate::config::{ConfigFile, Resolved, load};
use crate::limits::{LABEL_LINE_BYTES, LABELS_AT_ONCE, WRONG_LABELS_TOLD};
use crate::output;
use crate::pipeline::Pipeline;
use crate::running::{label_record, open_pipeline};
use crate::user_error::{Code, UserError};

/// Runs a subcommand.
pub fn run(command: &JudgeCommand, format: Format) -> anyhow::Result<Done> {
    match command {
        JudgeCommand::Labels(args) => labels(args, format),
        JudgeCommand::Agreement(args) => agreement(args, format),
        JudgeCommand::Bridge(args) => bridge::run(args, format),
        JudgeCommand::Pairwise(args) => pairwise::run(args, format),
    }
}

fn open(args: &JudgeStore) -> anyhow::Result<(Pipeline, Arc<dyn Clock>)> {
    let ConfigFile { server, quality, .. } = match &args.config {
        Some(path) => load(path)?,
        None => ConfigFile::default(),
    };
    let mut file = ConfigFile { server, quality, ..ConfigFile::default() };
    file.server.data = args.data.clone().or(file.server.data);
    file.server.listen = None;
    file.server.token_env = None;
    let config = Resolved::of(file)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    Ok((open_pipeline(&config, &clock, None, &Telemetry::new())?, clock))
}

/// What became of the lines of a file.
#[derive(Debug, Default, serde::Serialize)]
struct Lines {
    new: u64,
    known: u64,
    rejected: u64,
}

fn labels(args: &LabelsArgs, format: Format) -> anyhow::Result<Done> {
    let unreadable = |err: std::io::Error| {
        UserError::new(Code::HistoryUnreadable, format!("read labels from {}: {err}", args.file.display()))
            .hint("give a file of JSON lines; their form is in docs/guide/judge.md")
    };
    let mut file = BufReader::new(File::open(&args.file).map_err(unreadable)?);
    let (mut pipeline, clock) = open(&args.store)?;
    let (mut lines, mut at, mut batch) = (Lines::default(), 0_u64, Vec::new());
    while let Some(line) = next_line(&mut file).map_err(unreadable)? {
        at += 1;
        if line.trim().is_empty() {
            continue;
        }
        match taken(&line, &pipeline, &*clock) {
            Ok(record) => batch.push(record),
            Err(wrong) => {
                lines.rejected += 1;
                if lines.rejected <= WRONG_LABELS_TOLD {
                    output::note(&format!("line {at}: {wrong}"));
                }
            }
        }
        if batch.len() == LABELS_AT_ONCE {
            write(&mut pipeline, &mut batch, &mut lines, &*clock)?;
        }
    }
    write(&mut pipeline, &mut batch, &mut lines, &*clock)?;
    pipeline.close()?;
    match format {
        Format::Json => output::line(&serde_json::to_string(&lines).context("print the counts")?),
        Format::Text => output::line(&format!(
            "{} labels: {} new, {} already there, {} rejected",
            lines.new + lines.known + lines.rejected,
            lines.new,
            lines.known,
            lines.rejected
        )),
    }
    Ok(if lines.rejected > 0 { Done::WithFindings } else { Done::Well })
}

fn taken(line: &str, pipeline: &Pipeline, clock: &dyn Clock) -> Result<bifocal_store::Record, Wrong> {
    if line.len() >= LABEL_LINE_BYTES {
        let what = format!("longer than {LABEL_LINE_BYTES} bytes");
        return Err(Wrong::Form { what, hint: "one label a line" });
    }
    Given::from_line(line)?.resolve(&pipeline.reader(), clock.now()).map(label_record)
}

/// The next line, cut at the limit; what cannot be read as UTF-8 is replaced.
fn next_line(file: &mut BufReader<File>) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut is_line = false;
    loop {
        let chunk = file.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        is_line = true;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(chunk.len(), |end| end + 1);
        let room = LABEL_LINE_BYTES.saturating_sub(line.len());
        line.extend(chunk.iter().take(end.unwrap_or(used).min(room)));
        file.consume(used);
        if end.is_some() {
            break;
        }
    }
    Ok(is_line.then(|| String::from_utf8_lossy(&line).into_owned()))
}

fn write(
    pipeline: &mut Pipeline,
    batch: &mut Vec<bifocal_store::Record>,
    lines: &mut Lines,
    clock: &dyn Clock,
) -> anyhow::Result<()> {
    let ingested = pipeline.ingest(vec![std::mem::take(batch)], clock.now()).context("write labels")?;
    for batch in ingested.acknowledged {
        lines.new += batch.labels;
        lines.known += batch.labels_known;
    }
    Ok(())
}

fn agreement(args: &JudgeStore, format: Format) -> anyhow::Result<Done> {
    let (pipeline, _) = open(args)?;
    let judges = pipeline.snapshot().load().judges.clone();
    pipeline.close()?;
    match format {
        Format::Json => output::line(&serde_json::to_string(&judges).context("print the judges")?),
        Format::Text => output::line(text(&judges).trim_end()),
    }
    Ok(Done::Well)
}

fn text(judges: &[JudgeView]) -> String {
    let mut text = String::new();
    for judge in judges {
        let Some(agreement) = &judge.agreement else { continue };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{} on {}  ({})", judge.evaluator, judge.dimension, judge.fingerprint);
        lines(&mut text, agreement);
    }
    if text.is_empty() {
        return "nobody labelled what a judge scored; docs/guide/judge.md says how".to_owned();
    }
    text
}

fn lines(text: &mut String, agreement: &AgreementView) {
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:34}{value}");
    };
    line("labelled answers", format!("{} by {} people", agreement.labelled, agreement.people));
    let graded = agreement.scale == "grades";
    let missing = || format!("no data (from {} labelled answers on)", agreement.of);
    let shown = |value: Option<MeasuredView>| value.map_or_else(missing, measured);
    line(
        if graded { "kappa, quadratic, on grades" } else { "kappa on pass and fail" },
        shown(agreement.kappa),
    );
    line(
        if graded { "alpha, ordinal, judge and people" } else { "alpha, nominal, judge and people" },
        shown(agreement.alpha),
    );
    if let Some(alpha) = agreement.people_alpha {
        line("alpha of the people alone", measured(alpha));
    }
    if let (Some(sensitivity), Some(specificity)) = (agreement.sensitivity, agreement.specificity) {
        line(
            "right on what people pass / fail",
            format!("{:.0}% / {:.0}%", 100.0 * sensitivity, 100.0 * specificity),
        );
    }
    if let (Some(raw), Some(fixed)) = (agreement.pass_rate, agreement.corrected_pass_rate) {
        line("pass rate, judge -> people", format!("{raw:.3} -> {}", measured(fixed)));
    }
    if let (Some(raw), Some(fixed)) = (agreement.mean, agreement.corrected_mean) {
        line("mean, judge -> people", format!("{raw:.3} -> {}", measured(fixed)));
    }
}

fn measured(value: MeasuredView) -> String {
    format!("{:.3} [{:.3}, {:.3}] from {}", value.value, value.lower, value.upper, value.n)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_long_line_is_cut_at_label_line_bytes_and_the_next_is_whole() {
        let mut file = tempfile::tempfile().unwrap();
        let long = "x".repeat(LABEL_LINE_BYTES + 9);
        write!(file, "{long}\nshort\n\nlast").unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let mut file = BufReader::new(file);
        let mut next = || next_line(&mut file).unwrap();
        assert_eq!(next().unwrap().len(), LABEL_LINE_BYTES, "such a line is rejected");
        assert_eq!((next().as_deref(), next().as_deref()), (Some("short"), Some("")));
        assert_eq!((next().as_deref(), next()), (Some("last"), None));
    }
}
