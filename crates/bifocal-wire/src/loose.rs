//! JSON values read for what they hold, whatever their shape: servers and clients disagree about most of them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::limits::{NAME_BYTES, head};

/// Any JSON value. A list becomes the texts in it, joined by line ends; an object becomes its text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Loose<'a> {
    #[default]
    Absent,
    Bool(bool),
    Number(f64),
    Text(Cow<'a, str>),
    /// A list or an object without any text.
    Other,
}

impl<'a> Loose<'a> {
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text, empty where there is none.
    pub(crate) fn text_or_empty(self) -> Cow<'a, str> {
        self.text().unwrap_or_default()
    }

    /// A name: trimmed, cut, without control characters, and not empty.
    pub(crate) fn name(self) -> Option<String> {
        let text = self.text()?;
        let text = text.trim();
        let mut name = head(text, NAME_BYTES).to_owned();
        if text.contains(char::is_control) {
            let shown: String = text.chars().filter(|c| !c.is_control()).collect();
            head(&shown, NAME_BYTES).clone_into(&mut name);
        }
        (!name.is_empty()).then_some(name)
    }

    /// A count: a whole number that is not negative, also as text.
    pub(crate) fn count(&self) -> Option<u32> {
        let number = match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        let whole = number >= 0.0 && number.fract() == 0.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates, which is wanted"
        )]
        whole.then_some(number as u32)
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    pub(crate) fn is_present(&self) -> bool {
        *self != Self::Absent
    }
}

/// Reads a value that matters little: of another shape it counts as absent.
pub(crate) fn aside<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Loose::Absent)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Loose::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Loose::Number(value as f64))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Loose::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Loose::Number(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut joined: Option<Cow<'de, str>> = None;
        while let Some(item) = seq.next_element::<Loose<'de>>()? {
            let Loose::Text(text) = item else { continue };
            joined = Some(match joined {
                None => text,
                Some(before) => {
                    let mut before = before.into_owned();
                    before.push('\n');
                    before.push_str(&text);
                    Cow::Owned(before)
                }
            });
        }
        Ok(joined.map_or(Loose::Other, Loose::Text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut text = Loose::Other;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Text => text = map.next_value()?,
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(if matches!(text, Loose::Text(_)) { text } else { Loose::Other })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

/// Whether a key of an object is the one that holds its text.
enum Key {
    Text,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_str<E>(self, key: &str) -> Result<Key, E> {
                Ok(if matches!(key, "text" | "content" | "generated_text") { Key::Text } else { Key::Other })
            }
        }
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loose(json: &str) -> Loose<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn any_shape_gives_its_text() {
        assert_eq!(loose(r#""plain""#), Loose::Text(Cow::Borrowed("plain")));
        assert!(matches!(loose(r#""plain""#), Loose::Text(Cow::Borrowed(_))), "no copy without escapes");
        let parts = r#"[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"x"}},"b",7]"#;
        assert_eq!(loose(parts).text_or_empty(), "a\nb");
        assert_eq!(loose(r#"[1,[2,3]]"#), Loose::Other);
        assert_eq!(loose("null"), Loose::Absent);
        assert_eq!(loose(r#"{"type":"x"}"#), Loose::Other);
    }

    #[test]
    fn counts_are_whole_and_not_negative() {
        for (json, want) in
            [("8", Some(8)), ("8.0", Some(8)), ("\"8\"", Some(8)), ("-1", None), ("1.5", None)]
        {
            assert_eq!(loose(json).count(), want, "{json}");
        }
        assert_eq!(loose("1e30").count(), Some(u32::MAX));
        assert_eq!(loose("true").count(), None);
    }

    #[test]
    fn names_are_cut_at_their_limit() {
        let long = format!("\"{}é\"", "m".repeat(NAME_BYTES - 1));
        assert_eq!(loose(&long).name().unwrap(), "m".repeat(NAME_BYTES - 1));
        assert_eq!(loose(r#"" a\u0007b ""#).name().unwrap(), "ab");
        assert_eq!(loose(r#""  ""#).name(), None);
    }
}
