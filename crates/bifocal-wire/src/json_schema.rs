//! The part of JSON Schema (2020-12) that structured answers are described with, checked within bounds.
//!
//! What is not in the table of keywords is refused when the schema is read, for a keyword that nobody checks promises
//! what nobody keeps. `format` and the like are notes, as the specification has it. References go inside the schema
//! only. Work and depth are capped: what is beyond gets no verdict.

use regex::Regex;
use serde_json::{Map, Value};

use crate::limits::{REGEX_BYTES, SCHEMA_DEPTH, SCHEMA_STEPS};

/// A schema that was read.
#[derive(Clone, Debug)]
pub struct Schema {
    root: Value,
    patterns: Vec<(String, Regex)>,
}

/// How a value stands to a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is as described.
    Fits,
    /// It breaks this keyword.
    Breaks(&'static str),
    /// It is too long or too deep to be told.
    TooLong,
}

/// Why a schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// It is no JSON.
    #[error("it is no JSON: {0}")]
    NoJson(String),
    /// A keyword that is not checked.
    #[error("`{place}` uses `{keyword}`, which is not checked here")]
    Keyword {
        /// Where, as a JSON pointer.
        place: String,
        /// Which.
        keyword: String,
    },
    /// A keyword with a value that it cannot have.
    #[error("`{place}`: {what}")]
    Value {
        /// Where, as a JSON pointer.
        place: String,
        /// What is wrong.
        what: String,
    },
}

/// Keywords that say nothing about the value.
const NOTES: [&str; 13] = [
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
];
/// Keywords with one schema.
const ONE: [&str; 2] = ["items", "not"];
/// Keywords with a list of schemas.
const LISTS: [&str; 3] = ["anyOf", "oneOf", "allOf"];
/// Keywords with a map of schemas.
const MAPS: [&str; 3] = ["properties", "$defs", "definitions"];
/// Keywords with a number.
const NUMBERS: [&str; 4] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
/// Keywords with a count.
const COUNTS: [&str; 6] =
    ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"];
const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "integer", "string"];

impl Schema {
    /// Reads a schema and refuses what would not be checked.
    pub fn read(text: &str) -> Result<Self, SchemaError> {
        let root = serde_json::from_str(text).map_err(|err| SchemaError::NoJson(err.to_string()))?;
        let mut schema = Self { root, patterns: Vec::new() };
        let root = schema.root.clone();
        schema.look_over(&root, "#", 0)?;
        Ok(schema)
    }

    /// How a value stands to it.
    pub fn check(&self, value: &Value) -> Fit {
        let mut steps = 0;
        match self.validate(&self.root, value, 0, &mut steps) {
            Ok(None) => Fit::Fits,
            Ok(Some(keyword)) => Fit::Breaks(keyword),
            Err(TooLong) => Fit::TooLong,
        }
    }

    fn look_over(&mut self, schema: &Value, place: &str, depth: usize) -> Result<(), SchemaError> {
        let wrong = |what: &str| Err(SchemaError::Value { place: place.to_owned(), what: what.to_owned() });
        if depth > SCHEMA_DEPTH {
            return wrong("schemas are nested too deep");
        }
        let keywords = match schema {
            Value::Bool(_) => return Ok(()),
            Value::Object(keywords) => keywords,
            _ => return wrong("a schema is an object, true or false"),
        };
        for (keyword, value) in keywords {
            let inside = format!("{place}/{keyword}");
            let name = keyword.as_str();
            let fits = match (name, value) {
                (_, Value::Object(all)) if MAPS.contains(&name) => {
                    for (key, one) in all {
                        self.look_over(one, &format!("{inside}/{key}"), depth + 1)?;
                    }
                    true
                }
                _ if NOTES.contains(&name) => true,
                ("additionalProperties", _) => {
                    self.look_over(value, &inside, depth + 1)?;
                    true
                }
                _ if ONE.contains(&name) => {
                    self.look_over(value, &inside, depth + 1)?;
                    true
                }
                (_, Value::Array(all)) if LISTS.contains(&name) && !all.is_empty() => {
                    for (at, one) in all.iter().enumerate() {
                        self.look_over(one, &format!("{inside}/{at}"), depth + 1)?;
                    }
                    true
                }
                ("type", _) => names(value).is_some_and(|all| all.iter().all(|one| TYPES.contains(one))),
                ("required", Value::Array(_)) => names(value).is_some(),
                ("enum", Value::Array(all)) => !all.is_empty(),
                ("const", _) => true,
                ("$ref", Value::String(to)) => self.root_at(to).is_some(),
                ("pattern", Value::String(pattern)) => self.remember(pattern),
                _ if NUMBERS.contains(&name) => value.is_number(),
                _ if COUNTS.contains(&name) => value.as_u64().is_some(),
                _ => {
                    let known = LISTS.contains(&name) || MAPS.contains(&name);
                    let known = known || ["required", "enum", "$ref", "pattern"].contains(&name);
                    if known {
                        false
                    } else {
                        let (place, keyword) = (place.to_owned(), keyword.clone());
                        return Err(SchemaError::Keyword { place, keyword });
                    }
                }
            };
            if !fits {
                let what = "the keyword cannot have this value".to_owned();
                return Err(SchemaError::Value { place: inside, what });
            }
        }
        Ok(())
    }

    /// Compiles a pattern once; whether it can be used.
    fn remember(&mut self, pattern: &str) -> bool {
        if self.patterns.iter().any(|(known, _)| known == pattern) {
            return true;
        }
        let built = regex::RegexBuilder::new(pattern).size_limit(REGEX_BYTES).build();
        let is_built = built.is_ok();
        self.patterns.extend(built.ok().map(|regex| (pattern.to_owned(), regex)));
        is_built
    }

    /// The part of the schema that a reference names: `#`, `#/$defs/x`.
    fn root_at(&self, reference: &str) -> Option<&Value> {
        self.root.pointer(reference.strip_prefix('#')?)
    }

    /// The keyword that is broken, if one is.
    fn validate(&self, schema: &Value, value: &Value, depth: usize, steps: &mut usize) -> Validated {
        *steps += 1;
        if depth > SCHEMA_DEPTH || *steps > SCHEMA_STEPS {
            return Err(TooLong);
        }
        let keywords = match schema {
            Value::Object(keywords) => keywords,
            Value::Bool(false) => return Ok(Some("false")),
            _ => return Ok(None),
        };
        if let Some(Value::String(to)) = keywords.get("$ref")
            && let Some(target) = self.root_at(to)
            && let Some(broken) = self.validate(target, value, depth + 1, steps)?
        {
            return Ok(Some(broken));
        }
        if let Some(broken) = plain(keywords, value) {
            return Ok(Some(broken));
        }
        if let (Some(Value::String(pattern)), Value::String(text)) = (keywords.get("pattern"), value) {
            *steps += text.len() / 64;
            let regex = self.patterns.iter().find(|(known, _)| known == pattern);
            if regex.is_some_and(|(_, regex)| !regex.is_match(text)) {
                return Ok(Some("pattern"));
            }
        }
        match value {
            Value::Object(fields) => {
                if let Some(broken) = self.fields(keywords, fields, depth, steps)? {
                    return Ok(Some(broken));
                }
            }
            Value::Array(items) => {
                if let Some(of_items) = keywords.get("items") {
                    for item in items {
                        if let Some(broken) = self.validate(of_items, item, depth + 1, steps)? {
                            return Ok(Some(broken));
                        }
                    }
                }
            }
            _ => {}
        }
        self.combined(keywords, value, depth, steps)
    }

    fn fields(
        &self,
        keywords: &Map<String, Value>,
        fields: &Map<String, Value>,
        depth: usize,
        steps: &mut usize,
    ) -> Validated {
        let properties = keywords.get("properties").and_then(Value::as_object);
        let others = keywords.get("additionalProperties");
        for (name, value) in fields {
            let own = properties.and_then(|properties| properties.get(name));
            let (Some(schema), keyword) =
                (own.or(others), own.map_or("additionalProperties", |_| "properties"))
            else {
                continue;
            };
            match self.validate(schema, value, depth + 1, steps)? {
                Some("false") => return Ok(Some(keyword)),
                Some(broken) => return Ok(Some(broken)),
                None => {}
            }
        }
        Ok(None)
    }

    fn combined(
        &self,
        keywords: &Map<String, Value>,
        value: &Value,
        depth: usize,
        steps: &mut usize,
    ) -> Validated {
        let mut fitting = |schemas: &[Value]| -> Result<usize, TooLong> {
            let mut count = 0;
            for schema in schemas {
                count += usize::from(self.validate(schema, value, depth + 1, steps)?.is_none());
            }
            Ok(count)
        };
        for (keyword, fits) in [("allOf", 0), ("anyOf", 1), ("oneOf", 2)] {
            let Some(schemas) = keywords.get(keyword).and_then(Value::as_array) else { continue };
            let count = fitting(schemas)?;
            let is_broken = match fits {
                0 => count < schemas.len(),
                1 => count == 0,
                _ => count != 1,
            };
            if is_broken {
                return Ok(Some(keyword));
            }
        }
        match keywords.get("not") {
            Some(schema) if self.validate(schema, value, depth + 1, steps)?.is_none() => Ok(Some("not")),
            _ => Ok(None),
        }
    }
}

/// The work or the depth is beyond its limit.
struct TooLong;
type Validated = Result<Option<&'static str>, TooLong>;

/// A name, or a list of names.
fn names(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(one) => Some(vec![one]),
        Value::Array(all) => all.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Keywords that hold no schemas.
fn plain(keywords: &Map<String, Value>, value: &Value) -> Option<&'static str> {
    if let Some(types) = keywords.get("type").and_then(names)
        && !types.iter().any(|name| is_of(value, name))
    {
        return Some("type");
    }
    if keywords.get("const").is_some_and(|constant| !same(constant, value)) {
        return Some("const");
    }
    let among = |all: &Value| all.as_array().is_some_and(|all| all.iter().any(|one| same(one, value)));
    if keywords.get("enum").is_some_and(|all| !among(all)) {
        return Some("enum");
    }
    let number = |keyword: &str| keywords.get(keyword).and_then(Value::as_f64);
    if let Some(x) = value.as_f64() {
        let broken = [
            ("minimum", number("minimum").is_some_and(|end| x < end)),
            ("maximum", number("maximum").is_some_and(|end| x > end)),
            ("exclusiveMinimum", number("exclusiveMinimum").is_some_and(|end| x <= end)),
            ("exclusiveMaximum", number("exclusiveMaximum").is_some_and(|end| x >= end)),
        ];
        return first(&broken);
    }
    let count = |keyword: &str| keywords.get(keyword).and_then(Value::as_u64);
    let (least, most, size) = match value {
        Value::String(text) => ("minLength", "maxLength", text.chars().count()),
        Value::Array(items) => ("minItems", "maxItems", items.len()),
        Value::Object(fields) => {
            let required = keywords.get("required").and_then(names).unwrap_or_default();
            if required.iter().any(|name| !fields.contains_key(*name)) {
                return Some("required");
            }
            ("minProperties", "maxProperties", fields.len())
        }
        _ => return None,
    };
    let size = size as u64;
    first(&[
        (least, count(least).is_some_and(|end| size < end)),
        (most, count(most).is_some_and(|end| size > end)),
    ])
}

fn first(broken: &[(&'static str, bool)]) -> Option<&'static str> {
    broken.iter().find(|(_, is_broken)| *is_broken).map(|(keyword, _)| *keyword)
}

fn is_of(value: &Value, name: &str) -> bool {
    match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Object(_) => name == "object",
        Value::Array(_) => name == "array",
        Value::String(_) => name == "string",
        Value::Number(x) => {
            // 1.0 is an integer, as the specification has it.
            let is_whole = x.is_i64() || x.is_u64() || x.as_f64().is_some_and(|x| x.fract() == 0.0);
            name == "number" || (name == "integer" && is_whole)
        }
    }
}

/// Equal as JSON: 1 and 1.0 are.
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests;
