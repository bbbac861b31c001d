//! Points and spans of time. Storage counts nanoseconds since 1970 UTC; people and JSON see RFC 3339 with `Z`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

const NANOS_PER_SEC: i64 = 1_000_000_000;

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z. In JSON an RFC 3339 string, in binary formats an i64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A length of time in nanoseconds, never negative when it was measured, possibly negative as a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span(i64);

/// A half-open interval `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First point inside.
    pub start: Timestamp,
    /// First point after.
    pub end: Timestamp,
}

impl Timestamp {
    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole seconds since the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(NANOS_PER_SEC))
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch, with a fraction.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// The start of the step of this length that holds the point (for one-minute and one-hour buckets).
    pub const fn floor_to(self, step: Span) -> Self {
        if step.0 <= 0 {
            return self;
        }
        Self(self.0.div_euclid(step.0).saturating_mul(step.0))
    }

    /// The time that passed since `earlier`, zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0).max(0))
    }

    /// The calendar day in UTC as `YYYY-MM-DD` and the hour 0..=23.
    pub fn date_and_hour(self) -> (String, u8) {
        let text = self.to_string();
        let hour = text.get(11..13).and_then(|hour| hour.parse().ok()).unwrap_or(0);
        (text.get(..10).unwrap_or_default().to_owned(), hour)
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From whole seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(NANOS_PER_SEC))
    }

    /// From whole minutes.
    pub const fn from_mins(mins: i64) -> Self {
        Self::from_secs(mins.saturating_mul(60))
    }

    /// From nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From seconds with a fraction; anything that is not finite becomes zero.
    pub fn from_secs_f64(secs: f64) -> Self {
        if !secs.is_finite() {
            return Self::ZERO;
        }
        #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, which is what is wanted here")]
        Self((secs * NANOS_PER_SEC as f64) as i64)
    }

    /// Nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Seconds with a fraction.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// For `tokio` and `std`; a negative span becomes zero.
    pub fn to_duration(self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }
}

impl Window {
    /// The window of this length that ends at `end`.
    pub fn ending_at(end: Timestamp, length: Span) -> Self {
        Self { start: end - length, end }
    }

    /// Whether the point lies inside.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }

    /// Its length.
    pub fn length(&self) -> Span {
        self.end.since(self.start)
    }
}

impl std::ops::Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl std::ops::Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub<Span> for Timestamp {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

/// The text is no RFC 3339 time.
#[derive(Debug, thiserror::Error)]
#[error("read `{text}` as an RFC 3339 time such as 2026-11-24T13:51:00Z")]
pub struct NotATime {
    text: String,
}

impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let wrong = || NotATime { text: text.chars().take(40).collect() };
        let time: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
        i64::try_from(time.as_nanosecond()).map(Self).map_err(|_| wrong())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_moments_that_can_be_written_have_a_step_too() {
        let first = Timestamp::from_nanos(i64::MIN);
        assert_eq!(first.floor_to(Span::from_secs(60)), first);
        assert!(
            Timestamp::from_nanos(i64::MIN + 7).floor_to(Span::from_mins(60))
                <= Timestamp::from_nanos(i64::MIN + 7)
        );
    }

    #[test]
    fn text_and_nanoseconds_agree() {
        let time: Timestamp = "2026-11-24T13:51:00.25Z".parse().unwrap();
        assert_eq!(time.as_nanos(), 1_795_528_260_250_000_000);
        assert_eq!(time.to_string(), "2026-11-24T13:51:00.25Z");
        assert_eq!(time.date_and_hour(), ("2026-11-24".to_owned(), 13));
        assert_eq!(time.floor_to(Span::from_mins(60)).to_string(), "2026-11-24T13:00:00Z");
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn windows_are_half_open() {
        let window = Window::ending_at(Timestamp::from_secs(100), Span::from_secs(10));
        assert!(window.contains(Timestamp::from_secs(90)));
        assert!(!window.contains(Timestamp::from_secs(100)));
    }
}
