//! Numbers that are what they claim to be.

use serde::{Deserialize, Serialize};

/// A probability of inclusion: in (0, 1]. Zero is no inclusion probability: what can never be seen has no weight.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Probability(f64);

/// A number in [0, 1]: a score, a share.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Unit(f64);

/// The number lies outside the range of its type.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("accept {0} as {1}")]
pub struct OutOfRange(f64, &'static str);

impl Probability {
    /// Certain.
    pub const ONE: Self = Self(1.0);

    /// `None` unless 0 < p <= 1.
    pub fn new(p: f64) -> Option<Self> {
        (p > 0.0 && p <= 1.0).then_some(Self(p))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// What one seen item stands for: 1/p.
    pub fn weight(self) -> f64 {
        1.0 / self.0
    }

    /// Both of two independent inclusions.
    pub fn and_independent(self, other: Self) -> Self {
        Self((self.0 * other.0).max(f64::MIN_POSITIVE))
    }
}

impl Unit {
    /// The best score.
    pub const ONE: Self = Self(1.0);
    /// The worst score.
    pub const ZERO: Self = Self(0.0);

    /// `None` unless 0 <= x <= 1 (so NaN is refused too).
    pub fn new(x: f64) -> Option<Self> {
        (0.0..=1.0).contains(&x).then_some(Self(x))
    }

    /// The nearest number in the range; NaN becomes 0.
    pub fn clamped(x: f64) -> Self {
        Self(if x.is_nan() { 0.0 } else { x.clamp(0.0, 1.0) })
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Probability {
    type Error = OutOfRange;
    fn try_from(p: f64) -> Result<Self, OutOfRange> {
        Self::new(p).ok_or(OutOfRange(p, "an inclusion probability in (0, 1]"))
    }
}

impl TryFrom<f64> for Unit {
    type Error = OutOfRange;
    fn try_from(x: f64) -> Result<Self, OutOfRange> {
        Self::new(x).ok_or(OutOfRange(x, "a number in [0, 1]"))
    }
}

impl From<Probability> for f64 {
    fn from(p: Probability) -> Self {
        p.0
    }
}

impl From<Unit> for f64 {
    fn from(x: Unit) -> Self {
        x.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges() {
        for wrong in [0.0, -0.1, 1.0 + f64::EPSILON, f64::NAN, f64::INFINITY] {
            assert!(Probability::new(wrong).is_none(), "{wrong}");
        }
        assert_eq!(Probability::new(0.25).unwrap().weight(), 4.0);
        assert!(Unit::new(f64::NAN).is_none());
        assert_eq!(Unit::clamped(f64::NAN), Unit::ZERO);
        assert!(serde_json::from_str::<Probability>("0").is_err());
    }
}
