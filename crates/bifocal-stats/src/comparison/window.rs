//! The newest values with their mean.

use serde::{Deserialize, Serialize};

/// A ring of the newest values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Recent {
    length: usize,
    next: usize,
    sum: f64,
    values: Vec<f64>,
}

impl Recent {
    /// At least one value long.
    pub(super) fn new(length: usize) -> Self {
        Self { length: length.max(1), next: 0, sum: 0.0, values: Vec::new() }
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The values, in no order.
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    pub(super) fn clear(&mut self) {
        (self.next, self.sum) = (0, 0.0);
        self.values.clear();
    }

    /// Takes a value and gives the mean once the ring is full.
    pub(super) fn push(&mut self, x: f64) -> Option<f64> {
        match self.values.get_mut(self.next) {
            Some(old) => {
                self.sum += x - *old;
                *old = x;
            }
            None => {
                self.sum += x;
                self.values.push(x);
            }
        }
        self.next += 1;
        if self.next == self.length {
            self.next = 0;
            // Once around: what rounding has gathered is dropped.
            self.sum = self.values.iter().sum();
        }
        (self.values.len() == self.length).then(|| self.sum / self.length as f64)
    }
}
