//! One line of a score file.
//!
//! The form is public (docs/guide/backtest.md): `t`, `target`, `dimension`, `score` (null when not judged), `proxy`, `pi`,
//! `stratum`, `judge`; a re-score of a frozen answer has `anchor` and may have `frozen`. What else a line holds is left
//! out; its names are kept, so that a misspelt one is seen.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use bifocal_model::{Probability, Timestamp};
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};

use crate::limits::{HISTORY_NAME_BYTES, HISTORY_UNKNOWN_FIELDS};

/// One line: an inference that was or was not judged, or a re-score of an anchor.
#[derive(Clone, Debug, PartialEq)]
pub enum Line<'a> {
    /// An inference.
    Score(ScoreLine<'a>),
    /// A frozen answer that was scored again.
    Anchor(AnchorLine<'a>),
}

/// One inference on one dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreLine<'a> {
    /// When it took place.
    pub time: Timestamp,
    /// What answered.
    pub target: Cow<'a, str>,
    /// What is judged.
    pub dimension: Cow<'a, str>,
    /// Who judges; scores of two judges are never pooled. `None`: not said.
    pub judge: Option<Cow<'a, str>>,
    /// The kind of question. `None`: not said.
    pub stratum: Option<Cow<'a, str>>,
    /// A cheap prediction of the score, finite.
    pub proxy: Option<f64>,
    /// The score; `None` when it was not judged.
    pub judged: Option<Judged>,
    /// The inference's id, by which repeated lines are told.
    pub id: Option<Cow<'a, str>>,
    /// What judging cost, dollars.
    pub cost_usd: Option<f64>,
}

/// A score and how it came to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// In [0, 1], 1 is good.
    pub score: f64,
    /// With which probability the inference came to be judged.
    pub pi: Probability,
}

/// A frozen answer, scored again.
#[derive(Clone, Debug, PartialEq)]
pub struct AnchorLine<'a> {
    /// When.
    pub time: Timestamp,
    /// The anchor's id.
    pub anchor: Cow<'a, str>,
    /// The target beside which it was scored. `None`: not said.
    pub target: Option<Cow<'a, str>>,
    /// What is judged.
    pub dimension: Cow<'a, str>,
    /// Who judges.
    pub judge: Option<Cow<'a, str>>,
    /// The score now, in [0, 1].
    pub score: f64,
    /// The score that was frozen with the text; `None`: the anchor's first re-score is.
    pub frozen: Option<f64>,
    /// What judging cost, dollars.
    pub cost_usd: Option<f64>,
}

/// What is wrong with a line, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct LineError {
    /// The byte of the line, from 1; `None`: the line as a whole.
    pub column: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl<'a> Line<'a> {
    /// Reads a line. Names of fields that are not known are added to `unknown`, up to a limit.
    pub fn parse(bytes: &'a [u8], unknown: &mut BTreeSet<String>) -> Result<Self, LineError> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let line = reader.deserialize_map(LineVisitor { unknown }).and_then(|line| {
            reader.end()?;
            Ok(line)
        });
        line.map_err(|err| LineError::of_json(&err))
    }
}

impl LineError {
    /// The message without its place, and the place.
    pub(super) fn of_json(err: &serde_json::Error) -> Self {
        let text = err.to_string();
        let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned();
        let what = match what.strip_prefix("invalid type: sequence, ") {
            Some(_) => "a list, expected one JSON object a line".to_owned(),
            None => what,
        };
        Self { column: (err.column() > 0).then_some(err.column()), what }
    }
}

struct LineVisitor<'u> {
    unknown: &'u mut BTreeSet<String>,
}

/// The fields as they were read.
#[derive(Default)]
struct Fields<'a> {
    t: Option<Timestamp>,
    target: Option<Cow<'a, str>>,
    dimension: Option<Cow<'a, str>>,
    /// Outer: the field is there. Inner: it is not null.
    score: Option<Option<f64>>,
    proxy: Option<f64>,
    pi: Option<Probability>,
    stratum: Option<Cow<'a, str>>,
    judge: Option<Cow<'a, str>>,
    anchor: Option<Cow<'a, str>>,
    frozen: Option<f64>,
    id: Option<Cow<'a, str>>,
    cost_usd: Option<f64>,
}

impl<'de> Visitor<'de> for LineVisitor<'_> {
    type Value = Line<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one JSON object a line")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line<'de>, A::Error> {
        let mut fields = Fields::default();
        while let Some(Text(key)) = map.next_key_seed(TextSeed)? {
            match &*key {
                "t" => fields.t = Some(time(&map.next_value_seed(NamedText("t"))?.0)?),
                "target" => fields.target = name(&mut map, "target")?,
                "dimension" => fields.dimension = name(&mut map, "dimension")?,
                "stratum" => fields.stratum = name(&mut map, "stratum")?,
                "judge" => fields.judge = name(&mut map, "judge")?,
                "anchor" => fields.anchor = name(&mut map, "anchor")?,
                "id" => fields.id = name(&mut map, "id")?,
                "score" => fields.score = Some(unit(&mut map, "score")?),
                "frozen" => fields.frozen = unit(&mut map, "frozen")?,
                "proxy" => fields.proxy = map.next_value()?,
                "pi" => fields.pi = probability(&mut map)?,
                "cost_usd" => fields.cost_usd = cost(&mut map)?,
                _ => {
                    map.next_value::<serde::de::IgnoredAny>()?;
                    if self.unknown.len() < HISTORY_UNKNOWN_FIELDS {
                        self.unknown.insert(key.chars().take(40).collect());
                    }
                }
            }
        }
        fields.line()
    }
}

impl<'a> Fields<'a> {
    fn line<E: serde::de::Error>(self) -> Result<Line<'a>, E> {
        let missing = |name: &str, what: &str| E::custom(format_args!("`{name}` is missing: {what}"));
        let time = self.t.ok_or_else(|| missing("t", "when the inference took place, RFC 3339"))?;
        let dimension =
            self.dimension.ok_or_else(|| missing("dimension", "what is judged, such as \"relevance\""))?;
        let score =
            self.score.ok_or_else(|| missing("score", "a number in [0, 1], or null when not judged"))?;
        let cost_usd = self.cost_usd;
        if let Some(anchor) = self.anchor {
            let score = score.ok_or_else(|| E::custom("an anchor's `score` is null: give the score now"))?;
            let (target, judge, frozen) = (self.target, self.judge, self.frozen);
            return Ok(Line::Anchor(AnchorLine {
                time,
                anchor,
                target,
                dimension,
                judge,
                score,
                frozen,
                cost_usd,
            }));
        }
        let target = self.target.ok_or_else(|| missing("target", "the name of what answered"))?;
        let judged = match score {
            None => None,
            Some(score) => {
                let pi = self.pi.ok_or_else(|| {
                    missing("pi", "the probability with which it came to be judged; 1 when all are judged")
                })?;
                Some(Judged { score, pi })
            }
        };
        let Self { judge, stratum, proxy, id, .. } = self;
        Ok(Line::Score(ScoreLine { time, target, dimension, judge, stratum, proxy, judged, id, cost_usd }))
    }
}

fn time<E: serde::de::Error>(text: &str) -> Result<Timestamp, E> {
    text.parse().map_err(|_| {
        let text: String = text.chars().take(40).collect();
        E::custom(format_args!("`t` is `{text}`, no RFC 3339 time such as 2026-11-24T13:51:00Z"))
    })
}

fn name<'de, A: MapAccess<'de>>(map: &mut A, field: &'static str) -> Result<Option<Cow<'de, str>>, A::Error> {
    let text = map.next_value_seed(OptionalText(field))?;
    match text {
        Some(text) if text.len() > HISTORY_NAME_BYTES => {
            let long = format!("`{field}` has {} bytes, at most {HISTORY_NAME_BYTES} are read", text.len());
            Err(A::Error::custom(long))
        }
        text => Ok(text),
    }
}

fn unit<'de, A: MapAccess<'de>>(map: &mut A, field: &str) -> Result<Option<f64>, A::Error> {
    match map.next_value::<Option<f64>>()? {
        Some(x) if !(0.0..=1.0).contains(&x) => Err(A::Error::custom(format_args!(
            "`{field}` is {x}, not in [0, 1]: map scales such as 1 to 10 to [0, 1] first"
        ))),
        x => Ok(x),
    }
}

fn probability<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Probability>, A::Error> {
    let Some(p) = map.next_value::<Option<f64>>()? else { return Ok(None) };
    match Probability::new(p) {
        Some(p) => Ok(Some(p)),
        None => Err(A::Error::custom(format_args!(
            "`pi` is {p}, no inclusion probability in (0, 1]: what can never be judged has no weight"
        ))),
    }
}

fn cost<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<f64>, A::Error> {
    match map.next_value::<Option<f64>>()? {
        Some(usd) if usd < 0.0 => Err(A::Error::custom(format_args!("`cost_usd` is {usd}, below 0"))),
        usd => Ok(usd),
    }
}

/// A text that is borrowed from the line where it has no escapes.
struct Text<'a>(Cow<'a, str>);

struct TextSeed;

struct NamedText(&'static str);

struct OptionalText(&'static str);

struct TextVisitor(&'static str);

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Text<'de>;
    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Text<'de>, D::Error> {
        reader.deserialize_str(TextVisitor("the name of a field")).map(Text)
    }
}

impl<'de> DeserializeSeed<'de> for NamedText {
    type Value = Text<'de>;
    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Text<'de>, D::Error> {
        reader.deserialize_str(TextVisitor(self.0)).map(Text)
    }
}

impl<'de> DeserializeSeed<'de> for OptionalText {
    type Value = Option<Cow<'de, str>>;
    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for OptionalText {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text for `{}`", self.0)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(TextVisitor(self.0)).map(Some)
    }
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text for `{}`", self.0)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text))
    }
}

#[cfg(test)]
mod tests;
