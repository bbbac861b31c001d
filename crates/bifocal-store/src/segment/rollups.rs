//! Minutes as rows. Readers outside use the typed columns; we read back the sketches too, bit for bit.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{BinaryArray, RecordBatch};
use bifocal_model::{Dimension, ReadingSubject, TargetKey, Timestamp};

use super::columns::{Columns, Rows};
use super::findings;
use super::readings::subject;
use super::scores::parse_fingerprint;
use super::target::{self, Targets};
use crate::Error;
use crate::rollup::{
    Cell, Minute, Minutes, Moments, Points, SeriesKey, Sketch, StreamKey, minute_of, time_of,
};

type Built = Result<RecordBatch, arrow_schema::ArrowError>;
type CellRow<'a> = (&'a TargetKey, Minute, &'a Cell);
type ScoreRow<'a> = (&'a TargetKey, Minute, &'a StreamKey, &'a Moments);
type PointRow<'a> = (&'a SeriesKey, Minute, &'a Points);

/// The six status columns, in the order of [`Cell::by_status`].
const STATUS: [&str; 6] =
    ["status_none", "status_1xx", "status_2xx", "status_3xx", "status_4xx", "status_5xx"];

/// A column of one sketch of a cell.
type SketchOf = fn(&Cell) -> &Sketch;
const SKETCHES: [(&str, SketchOf); 3] =
    [("ttft_seconds", |c| &c.ttft), ("itl_seconds", |c| &c.itl), ("duration_seconds", |c| &c.duration)];

type FloatOf<T> = fn(&T) -> f64;
const CELL_FLOATS: [(&str, FloatOf<Cell>); 6] = [
    ("requests", |c| c.requests),
    ("requests_w2", |c| c.requests_w2),
    ("input_tokens", |c| c.input_tokens),
    ("input_counted", |c| c.input_counted),
    ("output_tokens", |c| c.output_tokens),
    ("output_counted", |c| c.output_counted),
];
const MOMENTS: [(&str, FloatOf<Moments>); 8] = [
    ("w", |m| m.w),
    ("wx", |m| m.wx),
    ("wx2", |m| m.wx2),
    ("w2", |m| m.w2),
    ("w2x", |m| m.w2x),
    ("w2x2", |m| m.w2x2),
    ("wp", |m| m.wp),
    ("w2p", |m| m.w2p),
];
const POINTS: [(&str, FloatOf<Points>); 4] =
    [("sum", |p| p.sum), ("min", |p| p.min), ("max", |p| p.max), ("last", |p| p.last)];

pub(crate) fn write_cells(rows: &[CellRow<'_>]) -> Built {
    let mut columns = Columns::default();
    target::write(&mut columns, rows.iter().map(|row| Ok(row.0)));
    columns.time("time", rows.iter().map(|row| time_of(row.1)));
    columns.int("calls", rows.iter().map(|row| row.2.calls));
    for (name, of) in CELL_FLOATS {
        columns.float(name, rows.iter().map(|row| of(row.2)));
    }
    for (class, name) in STATUS.into_iter().enumerate() {
        columns.float(name, rows.iter().map(|row| row.2.by_status[class]));
    }
    columns.float("failures", rows.iter().map(|row| row.2.failures()));
    columns.json("errors", 0, rows.iter().map(|row| &row.2.by_error));
    columns.json("passed", 0, rows.iter().map(|row| findings::together(&row.2.passed)));
    for (name, of) in SKETCHES {
        columns.float(&format!("{name}_count"), rows.iter().map(|row| of(row.2).weight()));
        columns.float(&format!("{name}_sum"), rows.iter().map(|row| of(row.2).sum()));
        for (suffix, q) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
            columns.float_or_null(&format!("{name}_{suffix}"), rows.iter().map(|row| of(row.2).quantile(q)));
        }
        let packed = rows.iter().map(|row| rmp_serde::to_vec(of(row.2)).unwrap_or_default());
        columns.binary(&format!("{name}_sketch"), packed);
    }
    columns.finish()
}

pub(crate) fn write_scores(rows: &[ScoreRow<'_>]) -> Built {
    let mut columns = Columns::default();
    target::write(&mut columns, rows.iter().map(|row| Ok(row.0)));
    columns.time("time", rows.iter().map(|row| time_of(row.1)));
    columns.text("dimension", rows.iter().map(|row| row.2.dimension.as_str()));
    columns.text("fingerprint", rows.iter().map(|row| row.2.fingerprint.to_string()));
    columns.text("evaluator", rows.iter().map(|row| row.2.evaluator.as_str()));
    columns.word("kind", rows.iter().map(|row| row.2.kind));
    columns.int("n", rows.iter().map(|row| row.3.n));
    columns.int("failed", rows.iter().map(|row| row.3.failed));
    for (name, of) in MOMENTS {
        columns.float(name, rows.iter().map(|row| of(row.3)));
    }
    columns.finish()
}

pub(crate) fn write_readings(rows: &[PointRow<'_>]) -> Built {
    let mut columns = Columns::default();
    target::write(&mut columns, rows.iter().map(|row| subject(&row.0.subject)));
    columns.time("time", rows.iter().map(|row| time_of(row.1)));
    columns.text("signal", rows.iter().map(|row| row.0.signal.as_str()));
    columns.text("part", rows.iter().map(|row| row.0.part.as_str()));
    columns.int("count", rows.iter().map(|row| row.2.count));
    for (name, of) in POINTS {
        columns.float(name, rows.iter().map(|row| of(row.2)));
    }
    columns.time("last_time", rows.iter().map(|row| row.2.last_time));
    columns.finish()
}

pub(crate) fn read_cells(batch: &RecordBatch, path: &Path, into: &mut Minutes) -> Result<(), Error> {
    let rows = Rows::new(batch, path);
    let (targets, time, calls) = (Targets::of(&rows)?, rows.time("time")?, rows.int("calls")?);
    let mut floats = Vec::new();
    for name in CELL_FLOATS.iter().map(|(name, _)| *name).chain(STATUS) {
        floats.push(rows.float(name)?);
    }
    let errors = rows.text("errors")?;
    let passed = rows.text_since("passed");
    let mut sketches = Vec::new();
    for (name, _) in SKETCHES {
        sketches.push(rows.binary(&format!("{name}_sketch"))?);
    }
    for row in 0..rows.len() {
        let target = targets.at(row).map_err(|_| rows.wrong("a row without a target".to_owned()))?;
        let float = |column: usize| floats[column].value(row);
        let cell = Cell {
            calls: calls.at(row),
            requests: float(0),
            requests_w2: float(1),
            input_tokens: float(2),
            input_counted: float(3),
            output_tokens: float(4),
            output_counted: float(5),
            by_status: std::array::from_fn(|class| float(CELL_FLOATS.len() + class)),
            by_error: rows.json(errors.value(row))?,
            ttft: unpack(&rows, sketches[0], row)?,
            itl: unpack(&rows, sketches[1], row)?,
            duration: unpack(&rows, sketches[2], row)?,
            scores: Vec::new(),
            passed: passed
                .map_or(Ok(Vec::new()), |column| findings::read_passed(&rows, column.value(row)))?,
        };
        into.targets.entry(target).or_default().entry(minute_of(time.at(row))).or_default().merge(&cell);
    }
    Ok(())
}

fn unpack(rows: &Rows<'_>, column: &BinaryArray, row: usize) -> Result<Sketch, Error> {
    rmp_serde::from_slice(column.value(row)).map_err(|err| rows.wrong(format!("a sketch: {err}")))
}

pub(crate) fn read_scores(batch: &RecordBatch, path: &Path, into: &mut Minutes) -> Result<(), Error> {
    let rows = Rows::new(batch, path);
    let (targets, time) = (Targets::of(&rows)?, rows.time("time")?);
    let (dimension, fingerprint) = (rows.text("dimension")?, rows.text("fingerprint")?);
    let (evaluator, kind) = (rows.text("evaluator")?, rows.text("kind")?);
    let (n, failed) = (rows.int("n")?, rows.int("failed")?);
    let mut floats = Vec::new();
    for (name, _) in MOMENTS {
        floats.push(rows.float(name)?);
    }
    for row in 0..rows.len() {
        let target = targets.at(row).map_err(|_| rows.wrong("a row without a target".to_owned()))?;
        let key = StreamKey {
            dimension: Dimension::new(dimension.value(row)),
            fingerprint: parse_fingerprint(&rows, fingerprint.value(row))?,
            evaluator: evaluator.value(row).to_owned(),
            kind: rows.word(kind.value(row))?,
        };
        let float = |column: usize| floats[column].value(row);
        let moments = Moments {
            n: n.at(row),
            failed: failed.at(row),
            w: float(0),
            wx: float(1),
            wx2: float(2),
            w2: float(3),
            w2x: float(4),
            w2x2: float(5),
            wp: float(6),
            w2p: float(7),
        };
        let cell = Cell { scores: vec![(Arc::new(key), moments)], ..Cell::default() };
        into.targets.entry(target).or_default().entry(minute_of(time.at(row))).or_default().merge(&cell);
    }
    Ok(())
}

pub(crate) fn read_readings(batch: &RecordBatch, path: &Path, into: &mut Minutes) -> Result<(), Error> {
    let rows = Rows::new(batch, path);
    let (targets, time) = (Targets::of(&rows)?, rows.time("time")?);
    let (signal, part, count) = (rows.text("signal")?, rows.text("part")?, rows.int("count")?);
    let last_time = rows.time("last_time")?;
    let mut floats = Vec::new();
    for (name, _) in POINTS {
        floats.push(rows.float(name)?);
    }
    for row in 0..rows.len() {
        let subject = match targets.at(row) {
            Ok(target) => ReadingSubject::Target(target),
            Err(origin) => ReadingSubject::Origin(origin),
        };
        let key =
            SeriesKey { subject, signal: signal.value(row).to_owned(), part: part.value(row).to_owned() };
        let float = |column: usize| floats[column].value(row);
        let points = Points {
            count: count.at(row),
            sum: float(0),
            min: float(1),
            max: float(2),
            last: float(3),
            last_time: last_time.at(row),
        };
        let minutes = into.series.entry(key).or_default();
        minutes.entry(minute_of(time.at(row))).and_modify(|mine| mine.merge(&points)).or_insert(points);
    }
    Ok(())
}

/// The times of the first and the last row.
pub(crate) fn span(minutes: impl Iterator<Item = Minute> + Clone) -> (Timestamp, Timestamp) {
    let first = minutes.clone().min().unwrap_or_default();
    let last = minutes.max().unwrap_or_default();
    (time_of(first), time_of(last))
}
