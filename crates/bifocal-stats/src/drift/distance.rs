//! Distances between two distributions of numbers, from the samples or from their histograms.
//!
//! All three are integrals of the difference of the two distribution functions F and G (Kolmogorov-Smirnov its largest
//! absolute value, Wasserstein-1 the integral of its absolute value, energy distance twice that of its square; Székely and
//! Rizzo, "Energy statistics", 2013). Between two neighbouring values of the samples the difference is a constant; within a
//! bin of a histogram it is a line.

use crate::error::Error;

use super::histogram::Histogram;
use super::kolmogorov;

/// How far apart two distributions are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distances {
    /// Kolmogorov-Smirnov: the largest difference of the two distribution functions, in [0, 1].
    pub ks: f64,
    /// The probability of such a difference between two samples of one distribution; conservative where values are tied.
    pub ks_p_value: f64,
    /// Wasserstein-1: how far the mass has to be moved on average, in the unit of the values, or of ln(1 + x).
    pub wasserstein: f64,
    /// Energy distance, 2 E|X - Y| - E|X - X'| - E|Y - Y'|, in the same unit.
    pub energy: f64,
}

/// On which scale values are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// As they are.
    #[default]
    Linear,
    /// By ln(1 + x), and -ln(1 - x) below 0: for lengths, latencies and costs, where a change is a ratio.
    Log,
}

/// The distances between two samples. Values that are not finite are left out.
///
/// # Errors
/// [`Error::EmptySample`] when a side has no finite value.
pub fn distances(a: &[f64], b: &[f64], scale: Scale) -> Result<Distances, Error> {
    let sorted = |values: &[f64]| {
        let mut values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    };
    let (a, b) = (sorted(a), sorted(b));
    let mut sums = Sums::new(a.len() as u64, b.len() as u64)?;
    let (mut i, mut j, mut before) = (0, 0, None);
    let (n, m) = (a.len() as f64, b.len() as f64);
    while i < a.len() || j < b.len() {
        let here = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.min(*y),
            (Some(x), None) | (None, Some(x)) => *x,
            (None, None) => break,
        };
        let at = scale.of(here);
        let difference = i as f64 / n - j as f64 / m;
        sums.add(before.map_or(0.0, |before| at - before), difference, difference);
        i += a[i..].iter().take_while(|x| **x <= here).count();
        j += b[j..].iter().take_while(|x| **x <= here).count();
        before = Some(at);
    }
    Ok(sums.distances())
}

impl Histogram {
    /// The distances to another: those of the samples themselves, but for the width of a bin.
    ///
    /// # Errors
    /// [`Error::EmptySample`] when one of the two is empty.
    pub fn distances(&self, other: &Self, scale: Scale) -> Result<Distances, Error> {
        let mut sums = Sums::new(self.count(), other.count())?;
        let (n, m) = (self.count() as f64, other.count() as f64);
        let (this, other) = (&self.as_coarse_as(other), &other.as_coarse_as(self));
        let (mut own, mut theirs) = (this.bins().peekable(), other.bins().peekable());
        let (mut f, mut g, mut before) = (0.0, 0.0, None);
        while let Some(bin) = earliest(own.peek(), theirs.peek()) {
            let (lower, upper) = this.edges(bin);
            let (lower, upper) = (scale.of(lower), scale.of(upper));
            let start: f64 = f - g;
            sums.add(before.map_or(0.0, |before| lower - before), start, start);
            f += own.next_if(|(b, _)| *b == bin).map_or(0.0, |(_, count)| count as f64) / n;
            g += theirs.next_if(|(b, _)| *b == bin).map_or(0.0, |(_, count)| count as f64) / m;
            sums.add(upper - lower, start, f - g);
            before = Some(upper);
        }
        Ok(sums.distances())
    }
}

impl Scale {
    fn of(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.abs().ln_1p().copysign(value),
        }
    }
}

/// The integrals so far.
struct Sums {
    n: u64,
    m: u64,
    largest: f64,
    absolute: f64,
    squared: f64,
}

impl Sums {
    fn new(n: u64, m: u64) -> Result<Self, Error> {
        if n == 0 || m == 0 {
            return Err(Error::EmptySample);
        }
        Ok(Self { n, m, largest: 0.0, absolute: 0.0, squared: 0.0 })
    }

    /// A piece of the axis on which the difference goes from `start` to `end` in a line.
    fn add(&mut self, width: f64, start: f64, end: f64) {
        self.largest = self.largest.max(start.abs()).max(end.abs());
        if width <= 0.0 {
            return;
        }
        let crosses = start * end < 0.0;
        let area = if crosses {
            0.5 * (start * start + end * end) / (start.abs() + end.abs())
        } else {
            0.5 * (start.abs() + end.abs())
        };
        self.absolute += width * area;
        self.squared += width * (start * start + start * end + end * end) / 3.0;
    }

    /// Infinities of extreme values are cut to the largest float.
    fn distances(&self) -> Distances {
        let ks = self.largest.min(1.0);
        Distances {
            ks,
            ks_p_value: kolmogorov::p_value(ks, self.n, self.m),
            wasserstein: self.absolute.min(f64::MAX),
            energy: (2.0 * self.squared).min(f64::MAX),
        }
    }
}

fn earliest(a: Option<&(i32, u64)>, b: Option<&(i32, u64)>) -> Option<i32> {
    a.into_iter().chain(b).map(|(bin, _)| *bin).min()
}
