//! Rows of sealed segments in the order of calls, newest first. Two passes: narrow columns to find the rows, then
//! only those rows whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use bifocal_model::Timestamp;

use crate::hot::Place;
use crate::segment::{Opened, Segment, Table, Wanted, place_columns, read_places};
use crate::{Error, Seq};

/// Which rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a> {
    pub(super) table: Table,
    pub(super) wanted: Wanted<'a>,
    /// Not older than this.
    pub(super) from: Timestamp,
    /// Older than this place.
    pub(super) before: Place,
    /// Distinct calls wanted; more may come.
    pub(super) calls: usize,
}

/// A row found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    pub(super) place: Place,
    segment: usize,
    row: usize,
}

/// Segments of a table, the one with the newest row first.
pub(super) fn newest_first(segments: &[Arc<Segment>], table: Table) -> Vec<Arc<Segment>> {
    let mut found: Vec<_> = segments.iter().filter(|segment| segment.table == table).cloned().collect();
    found.sort_by_key(|segment| std::cmp::Reverse((segment.max_time, segment.sealed)));
    found
}

/// The newest rows that the scan wants, newest first.
pub(super) fn find(dir: &Path, segments: &[Arc<Segment>], scan: Scan<'_>) -> Result<Vec<Hit>, Error> {
    let mut hits: Vec<Hit> = Vec::new();
    let mut places: BTreeSet<Place> = BTreeSet::new();
    for (i, segment) in segments.iter().enumerate() {
        // Nothing in this or any later segment can be newer than what is there already.
        let enough =
            places.len() >= scan.calls && places.first().is_some_and(|place| segment.max_time < place.0);
        if enough {
            break;
        }
        if segment.max_time < scan.from || segment.min_time > scan.before.0 {
            continue;
        }
        let Some(opened) = Opened::open_unless_deleted(dir, segment)? else { continue };
        let mut start = 0;
        opened.batches(Some(place_columns(scan.table)), |batch| {
            read_places(batch, opened.path(), scan.table, scan.wanted, |row, time, id| {
                let place = (time, id);
                if time >= scan.from && place < scan.before {
                    hits.push(Hit { place, segment: i, row: start + row });
                    places.insert(place);
                    if places.len() > scan.calls {
                        places.pop_first();
                    }
                }
            })?;
            start += batch.num_rows();
            Ok(())
        })?;
    }
    if let Some(oldest) = places.first() {
        hits.retain(|hit| hit.place >= *oldest);
    }
    hits.sort_by(|a, b| b.cmp(a));
    Ok(hits)
}

/// The rows of these hits, whole, by place.
pub(super) fn fetch<T>(
    dir: &Path,
    segments: &[Arc<Segment>],
    hits: &[Hit],
    read: impl Fn(&RecordBatch, &Path) -> Result<Vec<(Seq, T)>, Error>,
) -> Result<Vec<T>, Error> {
    let mut by_segment: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for hit in hits {
        by_segment.entry(hit.segment).or_default().push(hit.row);
    }
    let mut found = Vec::with_capacity(hits.len());
    for (segment, mut rows) in by_segment {
        rows.sort_unstable();
        let Some(opened) = Opened::open_unless_deleted(dir, &segments[segment])? else { continue };
        opened.rows(&rows, |batch| {
            found.extend(read(batch, opened.path())?.into_iter().map(|(_, row)| row));
            Ok(())
        })?;
    }
    Ok(found)
}
