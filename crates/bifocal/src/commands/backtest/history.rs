//! Where the scores come from: files, or the store.

use std::path::PathBuf;
use std::sync::Arc;

use bifocal_model::{Timestamp, Window};
use bifocal_store::{Options, Reader, Store};
use bifocal_telemetry::{Clock, SystemClock, Telemetry};
use bifocal_watch::backtest::{HistoryEvent, Line, Reading, Stored};

use super::files;
use crate::cli::BacktestArgs;
use crate::output;
use crate::running::user_error;
use crate::user_error::{Code, UserError};

/// Events of the store that are taken, the newest.
const EVENTS: usize = 10_000;
/// Scores between two words of progress.
const TOLD_EVERY: usize = 200_000;

/// Scores that can be read more than once.
pub(super) enum History<'a> {
    Files(&'a BacktestArgs),
    Store { scores: Stored, events: Vec<HistoryEvent> },
}

impl<'a> History<'a> {
    /// The files of the flags, or the scores of a store.
    pub(super) fn open(args: &'a BacktestArgs) -> anyhow::Result<Self> {
        if !args.scores.is_empty() {
            return Ok(Self::Files(args));
        }
        let Some(folder) = args.data.clone().or_else(|| Some(PathBuf::from("bifocal-data"))) else {
            return Ok(Self::Files(args));
        };
        if !folder.join("state.sqlite").is_file() {
            let what = format!("backtest: there is no store in `{}`", folder.display());
            return Err(UserError::new(Code::HistoryUnreadable, what)
                .hint("give a file with --scores, or the data folder of `bifocal serve` with --data")
                .into());
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let opened = Store::open(Options::new(&folder, clock), Telemetry::new());
        let (store, _) = opened.map_err(|err| user_error(err.into()))?;
        let reader = store.reader();
        let mut told = 0;
        let scores = Stored::read(&reader, |n| {
            if n >= told + TOLD_EVERY {
                told = n;
                output::note(&format!("{n} scores read"));
            }
        })?;
        if scores.cut {
            output::note(&format!(
                "note: the newest {} scores are replayed; older ones are not",
                scores.len()
            ));
        }
        let events = events(&reader);
        store.close()?;
        Ok(Self::Store { scores, events })
    }

    /// Events that stand beside the scores.
    pub(super) fn events(&self) -> anyhow::Result<Vec<HistoryEvent>> {
        Ok(match self {
            Self::Files(_) => Vec::new(),
            Self::Store { events, .. } => events.clone(),
        })
    }

    /// Gives every line, oldest first.
    pub(super) fn read(&self, doing: &str, each: &mut dyn FnMut(&Line<'_>)) -> Result<Reading, UserError> {
        match self {
            Self::Files(args) => files::read(args, doing, each),
            Self::Store { scores, .. } => {
                scores.replay(each);
                Ok(Reading { lines: scores.len() as u64, ..Reading::default() })
            }
        }
    }
}

/// What happened outside: the store's own alarms and states are what a replay finds anew.
fn events(reader: &Reader) -> Vec<HistoryEvent> {
    let always = Window { start: Timestamp::from_nanos(i64::MIN), end: Timestamp::from_nanos(i64::MAX) };
    let events = reader.events(None, always, EVENTS);
    events.iter().filter_map(HistoryEvent::of_store).collect()
}
