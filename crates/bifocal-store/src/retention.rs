//! What is kept for how long. Whole segments go: first from the catalogue, then from the disk, so that a crash
//! between leaves files that the next start deletes.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::PoisonError;

use bifocal_model::{Span, Timestamp};

use crate::segment::Table;
use crate::{Error, Store};

/// Days of event time that each table keeps; a table that is not named keeps everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Days by table.
    pub days: BTreeMap<Table, u32>,
}

impl Store {
    /// Deletes segments whose newest row is older than their table keeps. Returns how many.
    pub fn retain(&mut self, retention: &Retention, now: Timestamp) -> Result<u64, Error> {
        let mut hot = self.hot.write().unwrap_or_else(PoisonError::into_inner);
        let is_old = |table: Table, newest: Timestamp| {
            let days = retention.days.get(&table);
            days.is_some_and(|&days| newest < now - Span::from_secs(i64::from(days) * 86_400))
        };
        let old = hot.segments.iter().filter(|segment| is_old(segment.table, segment.max_time));
        let paths: Vec<PathBuf> = old.map(|segment| segment.path.clone()).collect();
        if paths.is_empty() {
            return Ok(0);
        }
        self.catalogue.remove(&paths)?;
        hot.segments.retain(|segment| !is_old(segment.table, segment.max_time));
        drop(hot);
        for path in &paths {
            let path = self.options.dir.join(path);
            fs::remove_file(&path).map_err(Error::file("delete", &path))?;
        }
        Ok(paths.len() as u64)
    }
}
