//! Files of a history: plain or gzip, with progress.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _};
use std::path::Path;

use bifocal_watch::backtest::{BadLine, HistoryEvent, Line, ReadError, Reading, read_events, read_scores};
use flate2::read::MultiGzDecoder;

use crate::cli::BacktestArgs;
use crate::output;
use crate::user_error::{Code, UserError};

/// Bytes on disk from which progress is shown: smaller files take about a second.
const PROGRESS_FROM_BYTES: u64 = 16 * 1024 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Gives every line of the score files to `each`, in order. `doing`: for the progress.
pub(super) fn read(
    args: &BacktestArgs,
    doing: &str,
    each: &mut dyn FnMut(&Line<'_>),
) -> Result<Reading, UserError> {
    let mut all = Reading::default();
    for path in &args.scores {
        let reading = read_scores(open(path, doing)?, bad(args.lenient), |_, line| each(&line))
            .map_err(|err| refused(path, &err))?;
        all.lines += reading.lines;
        all.skipped += reading.skipped;
        all.unknown_fields.extend(reading.unknown_fields);
        if let Some((line, err)) = reading.first_skipped {
            all.first_skipped.get_or_insert((line, err));
        }
    }
    Ok(all)
}

/// The events of a file.
pub(super) fn events(path: &Path, lenient: bool) -> Result<Vec<HistoryEvent>, UserError> {
    let read = read_events(open(path, "read events")?, bad(lenient));
    read.map(|(events, _)| events).map_err(|err| refused(path, &err))
}

fn bad(lenient: bool) -> BadLine {
    if lenient { BadLine::Skip } else { BadLine::Refuse }
}

fn refused(path: &Path, err: &ReadError) -> UserError {
    let name = path.display();
    match err {
        ReadError::Line { .. } => UserError::new(Code::HistoryLine, format!("{name}: {err}"))
            .hint("mend the line, or leave out what cannot be read with --lenient"),
        ReadError::Io { err: cause, .. } => {
            UserError::new(Code::HistoryUnreadable, format!("{name}: {err}: {cause}"))
                .hint("check that the file is whole and may be read")
        }
        ReadError::TooManyEvents => UserError::new(Code::HistoryUnreadable, format!("{name}: {err}"))
            .hint("leave out events of targets that are not in the scores"),
    }
}

fn open(path: &Path, doing: &str) -> Result<Box<dyn BufRead>, UserError> {
    let failed = |err: &io::Error| {
        UserError::new(Code::HistoryUnreadable, format!("open `{}`: {err}", path.display()))
            .hint("give a file of JSON lines, plain or gzip")
    };
    let mut file = File::open(path).map_err(|err| failed(&err))?;
    let about = file.metadata().map_err(|err| failed(&err))?;
    if about.is_dir() {
        return Err(failed(&io::Error::from(io::ErrorKind::IsADirectory)));
    }
    if !about.is_file() {
        let pipe = format!("open `{}`: it is no file, and a history is read twice", path.display());
        return Err(UserError::new(Code::HistoryUnreadable, pipe).hint("write it to a file first"));
    }
    let mut first = Vec::new();
    file.by_ref().take(2).read_to_end(&mut first).map_err(|err| failed(&err))?;
    file.rewind().map_err(|err| failed(&err))?;
    let shown =
        Shown { file, read: 0, all: about.len(), told: 0, what: format!("{doing} {}", path.display()) };
    Ok(if first == GZIP {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(BufReader::new(shown))))
    } else {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, shown))
    })
}

/// A file that tells how far it is read.
struct Shown {
    file: File,
    read: u64,
    all: u64,
    told: u64,
    what: String,
}

impl Read for Shown {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.read += n as u64;
        let percent = self.read.saturating_mul(100) / self.all.max(1);
        if self.all >= PROGRESS_FROM_BYTES && percent >= self.told + 10 {
            self.told = percent;
            output::note(&format!("{percent:3}%  {}", self.what));
        }
        Ok(n)
    }
}
