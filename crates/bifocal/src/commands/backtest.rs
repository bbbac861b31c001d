//! `bifocal backtest`: what the detectors would have said of a history.

mod files;
mod history;
mod text;

use anyhow::Context as _;
use bifocal_model::Timestamp;
use bifocal_watch::WatchConfig;
use bifocal_watch::alert::shipped_rules;
use bifocal_watch::backtest::{HistoryEvent, Input, Reading, Replay, Report, Settings, Survey};

use crate::Done;
use crate::cli::{BacktestArgs, Format};
use crate::config::{ConfigFile, Resolved, load};
use crate::output;
use crate::running::user_error;
use crate::user_error::{Code, UserError};

use history::History;

/// Replays and prints. The exit code is 0 whatever was found.
pub fn run(args: &BacktestArgs, format: Format) -> anyhow::Result<Done> {
    let mut configs = vec![configuration(args, args.config.as_deref())?];
    if let Some(other) = &args.against {
        configs.push(configuration(args, Some(other))?);
    }
    let mut events = events(args)?;
    let history = History::open(args)?;
    events.extend(history.events()?);
    events.sort_by_key(|event| event.time);
    let mut survey = Survey::default();
    if args.threshold.is_none() {
        history.read("look over", &mut |line| survey.take(line))?;
    }
    let settings = |config: &WatchConfig| Settings {
        quality: config.quality.clone(),
        threshold: args.threshold.unwrap_or_else(|| survey.threshold(&config.alerting)),
        events: events.clone(),
        judged_in_30_days: config
            .alerting
            .judged_per_day
            .filter(|_| args.threshold.is_none())
            .map(|n| 30.0 * n),
        rules: config.rules.clone(),
        own_dimensions: config.own_dimensions.clone(),
        slos: config.slos.clone(),
        usd_per_judgement: args.usd_per_judgement,
    };
    let replay = |config| Replay::new(settings(config)).map_err(|err| user_error(err.into()));
    let mut replays = configs.iter().map(replay).collect::<anyhow::Result<Vec<Replay>>>()?;
    let reading =
        history.read("replay", &mut |line| replays.iter_mut().for_each(|replay| replay.take(line)))?;
    let mut reports = replays.into_iter().map(|replay| with_reading(replay.finish(), &reading));
    let (Some(report), against) = (reports.next(), reports.next()) else { return Ok(Done::Well) };
    match format {
        Format::Json => output::line(&json(&report, against.as_ref())?),
        Format::Text => text::print(&report, against.as_ref()),
    }
    Ok(Done::Well)
}

/// The report of the first configuration, with that of the other one inside it.
fn json(report: &Report, against: Option<&Report>) -> anyhow::Result<String> {
    let mut value = serde_json::to_value(report).context("print the report")?;
    if let (Some(against), Some(fields)) = (against, value.as_object_mut()) {
        fields.insert("against".to_owned(), serde_json::to_value(against).context("print the report")?);
    }
    serde_json::to_string(&value).context("print the report")
}

/// A configuration, with what the flags say of the budget.
fn configuration(args: &BacktestArgs, path: Option<&std::path::Path>) -> Result<WatchConfig, UserError> {
    let mut config = match path.map(load).transpose()? {
        Some(file) => {
            // Only what concerns the watch: a history is replayed without listening or asking anybody.
            let ConfigFile { objectives, quality, alerting, mut alert, slo, evaluator, .. } = file;
            // Whom a rule tells is no matter of a replay.
            alert.iter_mut().for_each(|rule| rule.channels.clear());
            let file =
                ConfigFile { objectives, quality, alerting, alert, slo, evaluator, ..ConfigFile::default() };
            Resolved::of(file)?.watch
        }
        None => WatchConfig { rules: shipped_rules(), ..WatchConfig::default() },
    };
    let budget = args.false_pages_per_30_days;
    config.alerting.false_pages_per_30_days = budget.unwrap_or(config.alerting.false_pages_per_30_days);
    positive("--false-pages-per-30-days", budget)?;
    positive("--threshold", args.threshold)?;
    positive("--usd-per-judgement", args.usd_per_judgement.filter(|usd| *usd != 0.0))?;
    Ok(config)
}

fn positive(flag: &str, value: Option<f64>) -> Result<(), UserError> {
    match value {
        Some(value) if !(value.is_finite() && value > 0.0) => {
            let wrong = format!("backtest: {flag} {value} is no number above 0");
            Err(UserError::new(Code::Usage, wrong).hint(format!("give a positive number, such as {flag} 1")))
        }
        _ => Ok(()),
    }
}

/// The events of the file and the changes of the flags.
fn events(args: &BacktestArgs) -> Result<Vec<HistoryEvent>, UserError> {
    let mut events = match &args.events {
        Some(path) => files::events(path, args.lenient)?,
        None => Vec::new(),
    };
    for text in &args.change {
        let time: Timestamp = text.parse().map_err(|err| {
            UserError::new(Code::Usage, format!("backtest: --change: {err}"))
                .hint("give the time of the change, such as --change 2026-11-24T13:51:00Z")
        })?;
        events.push(HistoryEvent::change(time));
    }
    Ok(events)
}

fn with_reading(report: Report, reading: &Reading) -> Report {
    let input = Input {
        lines: reading.lines,
        skipped: reading.skipped,
        unknown_fields: reading.unknown_fields.iter().cloned().collect(),
        ..report.input
    };
    Report { input, ..report }
}
