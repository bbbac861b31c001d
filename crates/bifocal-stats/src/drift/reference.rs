//! What is normal: the distribution of each column over a first stretch of traffic, learned once and then frozen.
//!
//! It is fixed because one that goes on learning would take the change in and go blind to it.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits::DRIFT_COLUMNS;

use super::histogram::{Histogram, fixed_bin};

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
    /// The bins that hold something, in order.
    bins: Vec<i32>,
    /// How many finite values lie below each of these bins, and last how many there are.
    below: Vec<u64>,
    missing: u64,
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
        let finite = self.below.last().copied().unwrap_or_default();
        let (below, equal) = if value.is_finite() {
            let (at, upper) = match self.bins.binary_search(&fixed_bin(value)) {
                Ok(at) => (at, at + 1),
                Err(at) => (at, at),
            };
            let (below, up_to) = (self.below.get(at), self.below.get(upper));
            let (below, up_to) = (below.copied().unwrap_or(finite), up_to.copied().unwrap_or(finite));
            (below + self.missing, up_to - below)
        } else {
            (0, self.missing)
        };
        (below as f64 + u.clamp(0.0, 1.0) * (equal as f64 + 1.0)) / ((self.missing + finite) as f64 + 1.0)
    }

    /// Its distribution.
    pub fn histogram(&self) -> Histogram {
        let counts = self.below.windows(2).map(|pair| pair[1] - pair[0]);
        Histogram::of_bins(self.bins.iter().copied().zip(counts), self.missing)
    }
}

impl From<Histogram> for Column {
    fn from(histogram: Histogram) -> Self {
        let (mut bins, mut below, mut total) = (Vec::new(), vec![0], 0);
        for (bin, count) in histogram.bins() {
            bins.push(bin);
            total += count;
            below.push(total);
        }
        Self { bins, below, missing: histogram.not_finite() }
    }
}

impl From<Column> for Histogram {
    fn from(column: Column) -> Self {
        column.histogram()
    }
}
