//! A rubric's own form of the reply: a JSON Schema that asks for more than a reason and a score.

use bifocal_wire::json_schema::{Fit, Schema};
use serde_json::Value;

use crate::limits::SCHEMA_BYTES;

/// A schema that was read.
#[derive(Clone, Debug)]
pub(crate) struct OwnReply {
    schema: Schema,
    value: Value,
    text: String,
}

impl PartialEq for OwnReply {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl OwnReply {
    /// Reads a schema; an error says what is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.len() as u64 > SCHEMA_BYTES {
            return Err(format!("it has {} bytes, and {SCHEMA_BYTES} are the most", text.len()));
        }
        let schema = Schema::read(text).map_err(|err| err.to_string())?;
        let value: Value = serde_json::from_str(text).map_err(|err| format!("it is no JSON: {err}"))?;
        let is = |pointer: &str, wanted: &[&str]| {
            value.pointer(pointer).and_then(Value::as_str).is_some_and(|found| wanted.contains(&found))
        };
        let is_required = value
            .get("required")
            .and_then(Value::as_array)
            .is_some_and(|list| list.contains(&"score".into()));
        let problem = if !is("/type", &["object"]) {
            "the reply is an object: say \"type\": \"object\""
        } else if !is("/properties/score/type", &["number", "integer"]) {
            "the reply has a score: give `score` of type number or integer in `properties`"
        } else if !is_on_scale(&value["properties"]["score"]) {
            "a score lies between 1 and 5: give `score` no other `minimum`, `maximum`, `const` or `enum`"
        } else if !is_required {
            "the reply must have its score: put `score` into `required`"
        } else if value.pointer("/properties/reason").is_some() && !is("/properties/reason/type", &["string"])
        {
            "`reason` is what is kept and shown of a reply: it is of type string"
        } else {
            let text = value.to_string();
            return Ok(Self { schema, value, text });
        };
        Err(problem.to_owned())
    }

    /// The schema as it is sent.
    pub(crate) fn value(&self) -> &Value {
        &self.value
    }

    /// The schema in one line.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The keyword of the schema that a reply breaks; `None` where it breaks none, or is no JSON.
    pub(crate) fn broken(&self, reply: &str) -> Option<&'static str> {
        let value = serde_json::from_str(reply).ok()?;
        match self.schema.check(&value) {
            Fit::Fits => None,
            Fit::Breaks(keyword) => Some(keyword),
            Fit::TooLong => Some("its size"),
        }
    }
}

/// Whether what a schema names of its score are grades.
fn is_on_scale(score: &Value) -> bool {
    let bounds = ["minimum", "maximum", "const"].into_iter().filter_map(|key| score.get(key));
    let listed = score.get("enum").and_then(Value::as_array).into_iter().flatten();
    bounds.chain(listed).filter_map(Value::as_f64).all(|grade| (1.0..=5.0).contains(&grade))
}
