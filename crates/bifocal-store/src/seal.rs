//! From the journal to the lake. The order is what makes a crash harmless:
//!
//! 1. each file under a temporary name, durable, then renamed; then the folders durable;
//! 2. one transaction: the files into the catalogue, the sealed sequence, every saved state;
//! 3. memory forgets what is sealed; the journal begins a new file and the old ones are deleted.
//!
//! Before 2 the catalogue does not know the files: the next start deletes them and replays the journal. After 2 the
//! next start skips what the journal still holds of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use bifocal_model::{Span, TargetKey, Timestamp};

use crate::folder::{place, sync_dir};
use crate::hot::Unsealed;
use crate::rollup::{Cell, Minute, Minutes, Moments, Points, SeriesKey, StreamKey, time_of};
use crate::segment::{self, Segment, Table};
use crate::{Error, Seq, failpoint};

type Built = Result<RecordBatch, arrow_schema::ArrowError>;

/// The files of one seal.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) segments: Vec<Segment>,
}

/// Files of one seal that are written at the same time: a disk makes several durable in the time of one.
const AT_ONCE: usize = 8;

struct Writer<'a> {
    dir: &'a Path,
    seq: Seq,
    segments: Vec<Segment>,
    /// Of each segment.
    contents: Vec<Content<'a>>,
    folders: BTreeSet<PathBuf>,
}

/// What goes into a file. Its columns are made of some rows at a time while it is written.
struct Content<'a> {
    rows: usize,
    build: Box<dyn Fn(Range<usize>) -> Built + Sync + 'a>,
}

/// Writes everything that is unsealed as durable files that the catalogue does not know yet. What was written of
/// them is removed again when one fails.
pub(crate) fn write(dir: &Path, seq: Seq, unsealed: &Unsealed, minutes: &Minutes) -> Result<Written, Error> {
    let mut writer =
        Writer { dir, seq, segments: Vec::new(), contents: Vec::new(), folders: BTreeSet::new() };
    let built = writer.records(unsealed).and_then(|()| writer.rollups(minutes));
    let result = built.and_then(|()| writer.place()).and_then(|()| writer.sync());
    if let Err(err) = result {
        discard(dir, &writer.segments);
        return Err(err);
    }
    Ok(Written { segments: writer.segments })
}

/// Removes files that did not come into the catalogue; what cannot be removed is at the next start.
pub(crate) fn discard(dir: &Path, segments: &[Segment]) {
    for segment in segments {
        let _ = fs::remove_file(dir.join(&segment.path));
    }
}

impl<'a> Writer<'a> {
    fn records(&mut self, unsealed: &'a Unsealed) -> Result<(), Error> {
        let inferences = unsealed.inferences.iter().map(|(seq, i)| (*seq, &**i));
        for (folder, rows) in by_target(Table::Inferences, inferences, |i| (&i.target, i.time)) {
            let span = span(rows.iter().map(|(_, i)| i.time));
            self.file(Table::Inferences, &folder, span, rows, segment::write_inferences)?;
        }
        let scores = unsealed.scores.iter().map(|(seq, s)| (*seq, &**s));
        for (folder, rows) in by_target(Table::Scores, scores, |s| (&s.target, s.time)) {
            let span = span(rows.iter().map(|(_, s)| s.time));
            self.file(Table::Scores, &folder, span, rows, segment::write_scores)?;
        }
        let readings = unsealed.readings.iter().map(|(seq, r)| (*seq, r));
        for (folder, mut rows) in group(Table::Readings, readings, |(_, r)| r.time) {
            rows.sort_by(|(a, x), (b, y)| {
                (&x.subject, &x.signal, &x.part, x.time, a).cmp(&(&y.subject, &y.signal, &y.part, y.time, b))
            });
            let span = span(rows.iter().map(|(_, r)| r.time));
            self.file(Table::Readings, &folder, span, rows, segment::write_readings)?;
        }
        Ok(())
    }

    fn rollups(&mut self, minutes: &'a Minutes) -> Result<(), Error> {
        let cells = minutes.targets.iter();
        let cells: Vec<(&TargetKey, Minute, &Cell)> = cells
            .flat_map(|(target, minutes)| minutes.iter().map(move |(m, cell)| (target, *m, cell)))
            .collect();
        let scores = cells.iter().flat_map(|&(target, minute, cell)| {
            cell.scores.iter().map(move |(key, moments)| (target, minute, &**key, moments))
        });
        let scores: Vec<(&TargetKey, Minute, &StreamKey, &Moments)> = scores.collect();
        let points = minutes.series.iter();
        let points: Vec<(&SeriesKey, Minute, &Points)> =
            points.flat_map(|(series, minutes)| minutes.iter().map(move |(m, p)| (series, *m, p))).collect();
        for (folder, rows) in group(Table::Rollups, cells.into_iter(), |row| time_of(row.1)) {
            let span = segment::span(rows.iter().map(|row| row.1));
            self.file(Table::Rollups, &folder, span, rows, segment::write_cells)?;
        }
        for (folder, rows) in group(Table::RollupScores, scores.into_iter(), |row| time_of(row.1)) {
            let span = segment::span(rows.iter().map(|row| row.1));
            self.file(Table::RollupScores, &folder, span, rows, segment::write_rollup_scores)?;
        }
        for (folder, rows) in group(Table::RollupReadings, points.into_iter(), |row| time_of(row.1)) {
            let span = segment::span(rows.iter().map(|row| row.1));
            self.file(Table::RollupReadings, &folder, span, rows, segment::write_rollup_readings)?;
        }
        Ok(())
    }

    fn file<T: Sync + 'a>(
        &mut self,
        table: Table,
        folder: &Path,
        (min_time, max_time): (Timestamp, Timestamp),
        rows: Vec<T>,
        write: fn(&[T]) -> Built,
    ) -> Result<(), Error> {
        let path = folder.join(format!("bifocal-{:012}.parquet", self.seq.0));
        self.make_folder(folder)?;
        let (count, sealed) = (rows.len(), self.seq.0);
        self.segments.push(Segment { table, path, rows: count as u64, bytes: 0, min_time, max_time, sealed });
        let build = move |range: Range<usize>| write(&rows[range]);
        self.contents.push(Content { rows: count, build: Box::new(build) });
        Ok(())
    }

    fn place(&mut self) -> Result<(), Error> {
        let contents = std::mem::take(&mut self.contents);
        let files: Vec<_> = self.segments.iter().zip(&contents).collect();
        let lengths = at_once(&files, |(segment, content)| {
            let path = self.dir.join(&segment.path);
            let bytes = segment::encode(&path, content.rows, &content.build)?;
            place(&path, &bytes)?;
            if segment.table.is_rollup() {
                failpoint::pass("rollup.written");
            }
            Ok(bytes.len() as u64)
        })?;
        for (segment, length) in self.segments.iter_mut().zip(lengths) {
            segment.bytes = length;
        }
        Ok(())
    }

    fn make_folder(&mut self, folder: &Path) -> Result<(), Error> {
        let full = self.dir.join(folder);
        if !self.folders.contains(&full) {
            fs::create_dir_all(&full).map_err(Error::file("create", &full))?;
            // A new folder is an entry of the one above it, up to the data folder.
            let above = full.ancestors().take_while(|above| above.starts_with(self.dir));
            self.folders.extend(above.map(Path::to_owned));
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        let folders: Vec<_> = self.folders.iter().collect();
        at_once(&folders, |folder| sync_dir(folder)).map(|_| ())
    }
}

/// Does the same with every item, several at once; the results in the order of the items, or an error of one.
fn at_once<T, R>(items: &[T], work: impl Fn(&T) -> Result<R, Error> + Sync) -> Result<Vec<R>, Error>
where
    T: Sync,
    R: Send,
{
    let share = items.len().div_ceil(AT_ONCE).max(1);
    let work = &work;
    std::thread::scope(|scope| {
        let chunks = items.chunks(share);
        let start = |chunk: &'_ [T]| chunk.iter().map(work).collect::<Result<Vec<R>, Error>>();
        let threads: Vec<_> = chunks.map(|chunk| scope.spawn(move || start(chunk))).collect();
        let mut results = Vec::with_capacity(items.len());
        let mut error = None;
        for thread in threads {
            match thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                Ok(more) => results.extend(more),
                Err(err) => error = Some(err),
            }
        }
        error.map_or(Ok(results), Err)
    })
}

/// Rows by partition: the table's folder of each is made of its first row's time.
fn group<T>(
    table: Table,
    rows: impl Iterator<Item = T>,
    time: impl Fn(&T) -> Timestamp,
) -> Vec<(PathBuf, Vec<T>)> {
    let length = Span::from_mins(if table.is_rollup() { 24 * 60 } else { 60 });
    let mut groups: BTreeMap<Timestamp, Vec<T>> = BTreeMap::new();
    for row in rows {
        groups.entry(time(&row).floor_to(length)).or_default().push(row);
    }
    groups.into_iter().map(|(start, rows)| (table.folder(start), rows)).collect()
}

/// Rows by partition and within it by target, time and place in the journal. There are few targets and many rows, so
/// the targets' names are compared once a row and not in the sorting.
fn by_target<'a, T>(
    table: Table,
    rows: impl Iterator<Item = (Seq, &'a T)>,
    key: impl Fn(&'a T) -> (&'a TargetKey, Timestamp),
) -> Vec<(PathBuf, Vec<(Seq, &'a T)>)> {
    let mut targets: BTreeMap<&TargetKey, Vec<(Timestamp, Seq, &T)>> = BTreeMap::new();
    for (seq, row) in rows {
        let (target, time) = key(row);
        targets.entry(target).or_default().push((time, seq, row));
    }
    for rows in targets.values_mut() {
        rows.sort_unstable_by_key(|&(time, seq, _)| (time, seq));
    }
    let grouped = group(table, targets.into_values().flatten(), |&(time, ..)| time);
    grouped
        .into_iter()
        .map(|(folder, rows)| (folder, rows.into_iter().map(|(_, seq, row)| (seq, row)).collect()))
        .collect()
}

fn span(times: impl Iterator<Item = Timestamp> + Clone) -> (Timestamp, Timestamp) {
    (times.clone().min().unwrap_or_default(), times.max().unwrap_or_default())
}
