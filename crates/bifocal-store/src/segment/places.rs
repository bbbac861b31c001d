//! Where rows stand in the order of calls, read from a few columns.

use std::path::Path;

use arrow_array::RecordBatch;
use bifocal_model::{InferenceId, Timestamp};

use super::columns::Rows;
use super::inferences::parse_id;
use super::table::Table;
use crate::Error;

/// What a row must have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// The target's short name.
    pub(crate) target_id: Option<&'a str>,
    /// The dimension (scores only).
    pub(crate) dimension: Option<&'a str>,
}

pub(crate) fn place_columns(table: Table) -> &'static [&'static str] {
    match table {
        Table::Scores => &["inference_id", "time", "target_id", "dimension"],
        _ => &["id", "time", "target_id"],
    }
}

/// Calls `each` with the number within the batch, time and id of every row that is wanted.
pub(crate) fn read_places(
    batch: &RecordBatch,
    path: &Path,
    table: Table,
    wanted: Wanted<'_>,
    mut each: impl FnMut(usize, Timestamp, InferenceId),
) -> Result<(), Error> {
    let rows = Rows::new(batch, path);
    let [id, time, target, ..] = place_columns(table) else { return Ok(()) };
    let (id, time, target) = (rows.text(id)?, rows.time(time)?, rows.text(target)?);
    let dimension = if wanted.dimension.is_some() { Some(rows.text("dimension")?) } else { None };
    for row in 0..rows.len() {
        let fits = wanted.target_id.is_none_or(|id| target.value(row) == id)
            && dimension.is_none_or(|column| wanted.dimension == Some(column.value(row)));
        if fits {
            each(row, time.at(row), parse_id(&rows, id.value(row))?);
        }
    }
    Ok(())
}
