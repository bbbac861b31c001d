//! What is normal: the distribution of each column over a first stretch of traffic, learned once and then frozen.
//!
//! It is fixed because one that goes on learning would take the change in and go blind to it.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits::DRIFT_COLUMNS;

use super::histogram::Histogram;

/// A reference in the making.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Learning {
    rows: u64,
    columns: Vec<Histogram>,
}

/// A frozen reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    rows: u64,
    columns: Vec<Column>,
}

/// One column of a reference. A value that is missing (not finite) is a value of its own, below all others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Histogram", from = "Histogram")]
pub struct Column {
    histogram: Histogram,
    first: i32,
    /// How many rows lie in bins below; one entry for each bin from `first` on, and one past the last.
    below: Vec<u64>,
}

impl Learning {
    /// Of so many columns.
    ///
    /// # Errors
    /// [`Error::TooMany`] above 64 columns.
    pub fn new(columns: usize) -> Result<Self, Error> {
        if columns > DRIFT_COLUMNS {
            return Err(Error::TooMany { have: columns, limit: DRIFT_COLUMNS });
        }
        Ok(Self { rows: 0, columns: vec![Histogram::of_fixed_bins(); columns] })
    }

    /// Takes a row. One value for each column; a missing one is NaN, as is what a short row lacks.
    pub fn take(&mut self, row: &[f64]) {
        for (i, column) in self.columns.iter_mut().enumerate() {
            column.add(row.get(i).copied().unwrap_or(f64::NAN));
        }
        self.rows += 1;
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The reference of the rows so far.
    ///
    /// # Errors
    /// [`Error::EmptySample`] before the first row.
    pub fn freeze(&self) -> Result<Reference, Error> {
        if self.rows == 0 {
            return Err(Error::EmptySample);
        }
        Ok(Reference { rows: self.rows, columns: self.columns.iter().cloned().map(Column::from).collect() })
    }
}

impl Reference {
    /// How many rows it was learned from.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Its columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }
}

impl Column {
    /// Where a new value ranks among those of the reference, in [0, 1]: (#below + u (#equal + 1)) / (n + 1) with `u` uniform on
    /// [0, 1]. Over the draw of reference and value it is uniform, whatever the distribution, ties included (Vovk, Gammerman
    /// and Shafer, "Algorithmic Learning in a Random World", 2005); "equal" is "in the same bin", which is a coarser value.
    #[inline]
    pub fn rank(&self, value: f64, u: f64) -> f64 {
        let missing = self.histogram.not_finite();
        let rows = missing + self.histogram.count();
        let (below, equal) = if value.is_finite() {
            let at = i64::from(self.histogram.bin_of(value)) - i64::from(self.first);
            let (below, equal) = self.around(at);
            (below + missing, equal)
        } else {
            (0, missing)
        };
        (below as f64 + u.clamp(0.0, 1.0) * (equal as f64 + 1.0)) / (rows as f64 + 1.0)
    }

    /// Its distribution.
    pub fn histogram(&self) -> &Histogram {
        &self.histogram
    }

    /// How many finite values lie below the bin at this place, and how many in it.
    #[inline]
    fn around(&self, at: i64) -> (u64, u64) {
        let Ok(at) = usize::try_from(at) else { return (0, 0) };
        match (self.below.get(at), self.below.get(at + 1)) {
            (Some(below), Some(up_to)) => (*below, up_to - below),
            _ => (self.histogram.count(), 0),
        }
    }
}

impl From<Histogram> for Column {
    fn from(histogram: Histogram) -> Self {
        let first = histogram.bins().next().map_or(0, |(bin, _)| bin);
        let mut below = vec![0];
        let mut total = 0;
        for (bin, count) in histogram.bins() {
            let at = usize::try_from(bin - first).unwrap_or_default();
            below.resize(at + 1, total);
            total += count;
            below.push(total);
        }
        Self { histogram, first, below }
    }
}

impl From<Column> for Histogram {
    fn from(column: Column) -> Self {
        column.histogram
    }
}
