//! Points of infrastructure series as rows.

use bifocal_model::{Reading, ReadingSubject, TargetKey};

use super::columns::Columns;
use super::target;
use crate::Seq;

pub(super) fn subject(subject: &ReadingSubject) -> Result<&TargetKey, &str> {
    match subject {
        ReadingSubject::Target(target) => Ok(target),
        ReadingSubject::Origin(origin) => Err(origin),
    }
}

pub(crate) fn write(rows: &[(Seq, &Reading)]) -> Result<arrow_array::RecordBatch, arrow_schema::ArrowError> {
    let all = || rows.iter().map(|&(_, reading)| reading);
    let mut columns = Columns::default();
    columns.int("seq", rows.iter().map(|(seq, _)| seq.0));
    target::write(&mut columns, all().map(|r| subject(&r.subject)));
    columns.text("signal", all().map(|r| r.signal.as_str()));
    columns.text("part", all().map(|r| r.part.as_str()));
    columns.time("time", all().map(|r| r.time));
    columns.float("value", all().map(|r| r.value));
    columns.text("source", all().map(|r| r.source.name()));
    columns.finish()
}
