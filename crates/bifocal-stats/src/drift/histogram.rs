//! The distribution of a column in a few kilobytes, whatever the traffic.
//!
//! A bin is a run of floats with the same sign, exponent and first bits of the mantissa, so that finding it is a shift. It
//! starts with 14 bits of the mantissa and gives one up, joining bins in pairs, whenever more than 4,096 bins would lie between
//! the smallest and the largest value; it stops at six bits: no bin is wider than 1/64 of its lower edge, and its middle is
//! within 0.8% of every value in it. Magnitudes below 2^-40 count as 0, those from 2^64 on count in the last bin.
//!
//! Invariant: a histogram of a whole is the merge of the histograms of any parts of it, count for count; for how many bits
//! it has depends on the smallest and the largest value alone.

use serde::{Deserialize, Serialize};

use crate::limits::HISTOGRAM_BINS;

const FINE_BITS: u32 = 14;
const COARSE_BITS: u32 = 6;
const SHIFT: u32 = f64::MANTISSA_DIGITS - 1 - FINE_BITS;
/// Bits of 2^-40 and of 2^64 without the part that bins ignore.
const SMALLEST: i64 = (1023 - 40) << FINE_BITS;
const LARGEST: i64 = ((1023 + 64) << FINE_BITS) - 1;

/// Counts by bin. Values that are not finite are counted apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Sparse", from = "Sparse")]
pub struct Histogram {
    /// Bits of the mantissa that were given up.
    given_up: u32,
    zeros: u64,
    /// Bin of the first count; zeros are counted apart, so that they keep no room for the bins between.
    first: i32,
    counts: Vec<u64>,
    total: u64,
    not_finite: u64,
}

/// As it is written: bins that hold something, each with its count.
#[derive(Serialize, Deserialize)]
struct Sparse {
    given_up: u32,
    bins: Vec<(i32, u64)>,
    not_finite: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::with_given_up(0)
    }
}

impl Histogram {
    /// With six bits of the mantissa from the start: bins that do not depend on the data.
    pub fn of_fixed_bins() -> Self {
        Self::with_given_up(FINE_BITS - COARSE_BITS)
    }

    /// Takes a value. One that is not finite is counted apart.
    #[inline]
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            self.not_finite += 1;
            return;
        }
        self.add_to_bin(self.bin_of(value), 1);
    }

    /// Takes many values.
    pub fn extend(&mut self, values: &[f64]) {
        for value in values {
            self.add(*value);
        }
    }

    /// Takes all values of another.
    pub fn merge(&mut self, other: &Self) {
        while self.given_up < other.given_up {
            self.give_up_a_bit();
        }
        for (bin, count) in other.bins() {
            // Taking a bin may cost a bit.
            self.add_to_bin(coarser(bin, self.given_up - other.given_up), count);
        }
        self.not_finite += other.not_finite;
    }

    /// Finite values.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// Values that were not finite.
    pub fn not_finite(&self) -> u64 {
        self.not_finite
    }

    /// Whether it holds no finite value.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The `q`-quantile, q in [0, 1], within 0.8% (mass spread evenly within a bin). `None` when empty, or q is no such number.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if !(0.0..=1.0).contains(&q) {
            return None;
        }
        let rank = q * self.total as f64;
        let mut below = 0.0;
        let mut last = None;
        for (bin, count) in self.bins() {
            let (lower, upper) = self.edges(bin);
            if below + count as f64 >= rank {
                return Some(lower + (upper - lower) * ((rank - below) / count as f64).clamp(0.0, 1.0));
            }
            below += count as f64;
            last = Some(upper);
        }
        last
    }

    /// Bins that hold something, in order of value, with their counts.
    pub(super) fn bins(&self) -> impl Iterator<Item = (i32, u64)> + '_ {
        let zeros = std::iter::once((0, self.zeros)).filter(|(_, count)| *count > 0);
        self.numbered()
            .take_while(|(bin, _)| *bin < 0)
            .chain(zeros)
            .chain(self.numbered().skip_while(|(bin, _)| *bin < 0))
    }

    /// Fixed bins with these counts.
    pub(super) fn of_bins(bins: impl Iterator<Item = (i32, u64)>, not_finite: u64) -> Self {
        let mut histogram = Self { not_finite, ..Self::of_fixed_bins() };
        bins.for_each(|(bin, count)| histogram.add_to_bin(bin, count));
        histogram
    }

    fn numbered(&self) -> impl Iterator<Item = (i32, u64)> + '_ {
        let numbered = (self.first..).zip(&self.counts);
        numbered.filter(|(_, count)| **count > 0).map(|(bin, count)| (bin, *count))
    }

    /// The bin of a finite value: 0 for zero, negative for negative values, in the order of the values.
    #[inline]
    pub(super) fn bin_of(&self, value: f64) -> i32 {
        coarser(finest(value), self.given_up)
    }

    /// The edges of a bin, lower first. Zero's bin has no width.
    pub(super) fn edges(&self, bin: i32) -> (f64, f64) {
        if bin == 0 {
            return (0.0, 0.0);
        }
        let edge =
            |bins: i64| f64::from_bits((((bins << self.given_up) + SMALLEST) << SHIFT).cast_unsigned());
        let bins = i64::from(bin.unsigned_abs());
        let (near, far) = (edge(bins - 1), edge(bins));
        if bin > 0 { (near, far) } else { (-far, -near) }
    }

    /// The same counts in bins as coarse as these.
    pub(super) fn as_coarse_as(&self, other: &Self) -> Self {
        let mut coarse = self.clone();
        while coarse.given_up < other.given_up {
            coarse.give_up_a_bit();
        }
        coarse
    }

    fn with_given_up(given_up: u32) -> Self {
        Self { given_up, zeros: 0, first: 0, counts: Vec::new(), total: 0, not_finite: 0 }
    }

    #[inline]
    fn add_to_bin(&mut self, bin: i32, count: u64) {
        self.total += count;
        if bin == 0 {
            self.zeros += count;
            return;
        }
        let at = usize::try_from(i64::from(bin) - i64::from(self.first)).unwrap_or(usize::MAX);
        match self.counts.get_mut(at) {
            Some(slot) => *slot += count,
            None => self.widen(bin, count),
        }
    }

    #[cold]
    fn widen(&mut self, bin: i32, count: u64) {
        let mut bin = bin;
        if self.counts.is_empty() {
            self.first = bin;
        }
        while self.given_up < FINE_BITS - COARSE_BITS && self.span_with(bin) > HISTOGRAM_BINS {
            self.give_up_a_bit();
            bin = coarser(bin, 1);
        }
        if bin < self.first {
            let missing = usize::try_from(self.first - bin).unwrap_or_default();
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = bin;
        }
        let at = usize::try_from(bin - self.first).unwrap_or_default();
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        if let Some(slot) = self.counts.get_mut(at) {
            *slot += count;
        }
    }

    /// Bins from the first to the last, with one more to hold.
    fn span_with(&self, bin: i32) -> u64 {
        let last = i64::from(self.first) + self.counts.len() as i64 - 1;
        let (first, last) = (i64::from(self.first.min(bin)), last.max(i64::from(bin)));
        (last - first + 1).unsigned_abs()
    }

    /// Joins the bins in pairs.
    fn give_up_a_bit(&mut self) {
        let fine = std::mem::replace(self, Self::with_given_up(self.given_up + 1));
        (self.not_finite, self.zeros) = (fine.not_finite, fine.zeros);
        let mut bins = fine.numbered().map(|(bin, count)| (coarser(bin, 1), count));
        if let Some((first, count)) = bins.next() {
            self.first = first;
            self.counts.push(count);
            for (bin, count) in bins {
                let at = usize::try_from(bin - first).unwrap_or_default();
                if at >= self.counts.len() {
                    self.counts.resize(at + 1, 0);
                }
                self.counts[at] += count;
            }
        }
        self.total = fine.total;
    }
}

impl From<Histogram> for Sparse {
    fn from(histogram: Histogram) -> Self {
        Self {
            given_up: histogram.given_up,
            bins: histogram.bins().collect(),
            not_finite: histogram.not_finite,
        }
    }
}

impl From<Sparse> for Histogram {
    fn from(sparse: Sparse) -> Self {
        let mut histogram = Self::with_given_up(sparse.given_up.min(FINE_BITS - COARSE_BITS));
        histogram.not_finite = sparse.not_finite;
        for (bin, count) in sparse.bins {
            histogram.add_to_bin(bin.clamp(-BINS_A_SIDE, BINS_A_SIDE), count);
        }
        histogram
    }
}

/// Bins on either side of zero at the finest.
#[expect(clippy::cast_possible_truncation, reason = "104 octaves of 16,384")]
const BINS_A_SIDE: i32 = (LARGEST - SMALLEST + 1) as i32;

/// The bin of a finite value among fixed bins.
#[inline]
pub(super) fn fixed_bin(value: f64) -> i32 {
    coarser(finest(value), FINE_BITS - COARSE_BITS)
}

/// The bin of a finite value at the finest.
#[inline]
fn finest(value: f64) -> i32 {
    let magnitude = (value.abs().to_bits() >> SHIFT).cast_signed();
    #[expect(clippy::cast_possible_truncation, reason = "in [0, BINS_A_SIDE]")]
    let bin = (magnitude.min(LARGEST) - SMALLEST + 1).max(0) as i32;
    if value < 0.0 { -bin } else { bin }
}

/// The bin that holds a bin when bits are given up. Bins of either side are joined from zero outward.
#[inline]
fn coarser(bin: i32, bits: u32) -> i32 {
    let joined = ((bin.abs() - 1) >> bits) + 1;
    if bin < 0 { -joined } else { joined * i32::from(bin != 0) }
}
