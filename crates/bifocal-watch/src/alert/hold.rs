//! Spans as people write them in a configuration: `90s`, `5m`, `1h`.

use std::fmt;

use bifocal_model::Span;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A span of whole seconds, written `90s`, `5m`, `2h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hold(u32);

impl Hold {
    /// From seconds.
    pub const fn secs(secs: u32) -> Self {
        Self(secs)
    }

    /// As a span of time.
    pub fn span(self) -> Span {
        Span::from_secs(i64::from(self.0))
    }

    /// In seconds.
    pub fn as_secs(self) -> u32 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
        let (digits, unit) = text.split_at(unit_at);
        let factor = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        digits.parse::<u32>().ok()?.checked_mul(factor).map(Self)
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            secs if secs > 0 && secs % 3600 == 0 => write!(f, "{}h", secs / 3600),
            secs if secs > 0 && secs % 60 == 0 => write!(f, "{}m", secs / 60),
            secs => write!(f, "{secs}s"),
        }
    }
}

impl Serialize for Hold {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no span such as 90s, 5m or 1h")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, secs) in [("90s", 90), ("5m", 300), ("2h", 7200), ("0s", 0)] {
            let hold = Hold::parse(text).unwrap();
            assert_eq!((hold.as_secs(), hold.to_string().as_str()), (secs, text));
        }
        for wrong in ["5", "m", "5 m", "-5m", "5d", "99999999h"] {
            assert_eq!(Hold::parse(wrong), None, "{wrong}");
        }
    }
}
