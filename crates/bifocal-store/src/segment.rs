//! Sealed files of the lake: Parquet, zstd, hive-style folders. Written once, never edited.
//!
//! The number of rows is checked against what was to be written, and again against the catalogue whenever a file
//! is opened.

mod columns;
mod findings;
mod inferences;
mod places;
mod readings;
mod rollups;
mod scores;
mod table;
mod target;

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use bifocal_model::{check_invariant, invariant::Invariant};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

pub(crate) use inferences::{
    IDENTITY_COLUMNS, Known, read as read_inferences, read_identities, write as write_inferences,
};
pub(crate) use places::{Wanted, place_columns, read_places};
pub(crate) use readings::write as write_readings;
pub(crate) use rollups::{
    read_cells, read_readings as read_rollup_readings, read_scores as read_rollup_scores, span, write_cells,
    write_readings as write_rollup_readings, write_scores as write_rollup_scores,
};
pub(crate) use scores::{KEY_COLUMNS, read as read_scores, read_keys, write as write_scores};
pub(crate) use table::Segment;
pub use table::Table;

use crate::Error;

/// Rows of one row group: a page of a query reads one or two groups.
const GROUP_ROWS: usize = 8_192;
/// Rows whose columns are made at a time.
const BATCH_ROWS: usize = 512;

/// The level of zstd. At level 3 captured answers take 1.6 times as long and a tenth less room.
const ZSTD_LEVEL: i32 = 1;
/// Columns in which hardly a value comes twice: a dictionary of them would be built, found useless and thrown away.
const VARIED: [&str; 6] = ["seq", "id", "identity_key", "time", "messages", "answer"];
/// Columns whose least and greatest value tell nobody anything.
const UNORDERED: [&str; 2] = ["messages", "answer"];

/// The bytes of a file with these rows.
///
/// `build` makes the columns of a range of rows. They are made and written by and by: while they are few they stay near
/// the processor.
pub(crate) fn encode(
    path: &Path,
    rows: usize,
    build: impl Fn(Range<usize>) -> Result<RecordBatch, ArrowError>,
) -> Result<Vec<u8>, Error> {
    let build = |range| {
        build(range).map_err(|err| Error::Parquet { action: "build", path: path.to_owned(), err: err.into() })
    };
    let wrong = |err| Error::Parquet { action: "encode", path: path.to_owned(), err };
    let level = ZstdLevel::try_new(ZSTD_LEVEL).map_err(wrong)?;
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_created_by("bifocal".to_owned());
    for column in VARIED {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    for column in UNORDERED {
        properties =
            properties.set_column_statistics_enabled(ColumnPath::from(column), EnabledStatistics::None);
    }
    let properties = properties.build();
    let mut bytes = Vec::new();
    let schema = build(0..0)?.schema();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties)).map_err(wrong)?;
    for start in (0..rows).step_by(BATCH_ROWS) {
        let batch = build(start..rows.min(start + BATCH_ROWS))?;
        writer.write(&batch).map_err(wrong)?;
    }
    let metadata = writer.close().map_err(wrong)?;
    let (wanted, written) = (rows as i64, metadata.file_metadata().num_rows());
    check_invariant!(Invariant::SegmentRows, wanted == written, "{wanted} rows to write, {written} written");
    Ok(bytes)
}

/// A sealed file, opened and found to hold the rows that the catalogue promises.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    segment: &'a Segment,
    path: std::path::PathBuf,
    file: File,
    metadata: ArrowReaderMetadata,
}

impl<'a> Opened<'a> {
    pub(crate) fn open(dir: &Path, segment: &'a Segment) -> Result<Self, Error> {
        let path = dir.join(&segment.path);
        let file = File::open(&path).map_err(Error::file("open the segment", &path))?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
            .map_err(|err| Error::Parquet { action: "open", path: path.clone(), err })?;
        let rows = metadata.metadata().file_metadata().num_rows();
        if u64::try_from(rows) != Ok(segment.rows) {
            Invariant::SegmentRows.record_breach();
            let detail = format!("it holds {rows} rows, the catalogue says {}", segment.rows);
            return Err(Error::Segment { path, detail });
        }
        Ok(Self { segment, path, file, metadata })
    }

    /// The same for a reader whose list of segments may be older than a retention: `None` when the file is gone.
    pub(crate) fn open_unless_deleted(dir: &Path, segment: &'a Segment) -> Result<Option<Self>, Error> {
        match Self::open(dir, segment) {
            Ok(opened) => Ok(Some(opened)),
            Err(Error::File { err, .. }) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(err) => Err(err),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads all rows of some columns (all when `None`), batch by batch.
    pub(crate) fn batches(
        &self,
        names: Option<&[&str]>,
        mut each: impl FnMut(&RecordBatch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut builder = self.builder()?;
        if let Some(names) = names {
            let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
            builder = builder.with_projection(mask);
        }
        self.run(builder, &mut each)
    }

    /// Reads some rows (ascending numbers) whole.
    pub(crate) fn rows(
        &self,
        rows: &[usize],
        mut each: impl FnMut(&RecordBatch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut selectors = Vec::new();
        let mut at = 0;
        for &row in rows {
            if row > at {
                selectors.push(RowSelector::skip(row - at));
            }
            selectors.push(RowSelector::select(1));
            at = row + 1;
        }
        let total = usize::try_from(self.segment.rows).unwrap_or(usize::MAX);
        if at < total {
            selectors.push(RowSelector::skip(total - at));
        }
        let builder = self.builder()?.with_row_selection(RowSelection::from(selectors));
        self.run(builder, &mut each)
    }

    fn builder(&self) -> Result<ParquetRecordBatchReaderBuilder<File>, Error> {
        let file = self.file.try_clone().map_err(Error::file("open again", &self.path))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        Ok(builder.with_batch_size(GROUP_ROWS))
    }

    fn run(
        &self,
        builder: ParquetRecordBatchReaderBuilder<File>,
        each: &mut impl FnMut(&RecordBatch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let wrong = |err: ParquetError| Error::Parquet { action: "read", path: self.path.clone(), err };
        for batch in builder.build().map_err(wrong)? {
            let batch = batch.map_err(|err| wrong(err.into()))?;
            each(&batch)?;
        }
        Ok(())
    }
}
