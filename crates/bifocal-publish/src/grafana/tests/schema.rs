//! Checks a dashboard against the JSON schema that was made from the types of Grafana's own SDK.
//!
//! The schema uses a dozen words of draft 7. A word that is not known here is an error, so that nothing passes because
//! it was not understood.

use std::sync::LazyLock;

use serde_json::{Map, Value};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../testdata/grafana-dashboard.schema.json");
    serde_json::from_str(text).unwrap()
});

/// What is wrong, each with its place.
pub(super) fn errors(dashboard: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    check(&SCHEMA, dashboard, "", &mut errors);
    errors
}

fn check(schema: &Value, value: &Value, place: &str, errors: &mut Vec<String>) {
    let Some(words) = schema.as_object() else { panic!("{place}: {schema} is no schema") };
    for (word, wanted) in words {
        match word.as_str() {
            "$schema" | "title" | "description" | "definitions" | "deprecated" | "then" => {}
            "$ref" => check(resolve(wanted), value, place, errors),
            "type" => {
                let is = |name: &Value| has_type(value, name.as_str().unwrap());
                let fits = wanted.as_array().map_or_else(|| is(wanted), |any| any.iter().any(is));
                require(fits, errors, || format!("{place}: {value} is no {wanted}"));
            }
            "const" => require(value == wanted, errors, || format!("{place}: {value} is not {wanted}")),
            "enum" => {
                let known = wanted.as_array().unwrap().contains(value);
                require(known, errors, || format!("{place}: {value} is none of {wanted}"));
            }
            "required" => {
                for name in wanted.as_array().unwrap() {
                    let there = value.as_object().is_none_or(|it| it.contains_key(name.as_str().unwrap()));
                    require(there, errors, || format!("{place}: no {name}"));
                }
            }
            "properties" => {
                for (name, inner) in value.as_object().into_iter().flatten() {
                    if let Some(schema) = wanted.get(name) {
                        check(schema, inner, &format!("{place}/{name}"), errors);
                    }
                }
            }
            "additionalProperties" => additional(words, wanted, value, place, errors),
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(wanted, item, &format!("{place}/{i}"), errors);
                }
            }
            "anyOf" => any_of(wanted.as_array().unwrap(), value, place, errors),
            "allOf" => wanted.as_array().unwrap().iter().for_each(|each| check(each, value, place, errors)),
            "if" => {
                let mut unmet = Vec::new();
                check(wanted, value, place, &mut unmet);
                if unmet.is_empty() {
                    check(&words["then"], value, place, errors);
                }
            }
            other => panic!("the schema uses `{other}`, which this check does not know"),
        }
    }
}

fn additional(
    words: &Map<String, Value>,
    wanted: &Value,
    value: &Value,
    place: &str,
    errors: &mut Vec<String>,
) {
    let known = words.get("properties").and_then(Value::as_object);
    for (name, inner) in value.as_object().into_iter().flatten() {
        if known.is_some_and(|known| known.contains_key(name)) {
            continue;
        }
        match wanted {
            Value::Bool(true) => {}
            Value::Bool(false) => errors.push(format!("{place}: `{name}` is not known")),
            schema => check(schema, inner, &format!("{place}/{name}"), errors),
        }
    }
}

/// The errors of the way that comes closest.
fn any_of(ways: &[Value], value: &Value, place: &str, errors: &mut Vec<String>) {
    let each = ways.iter().map(|way| {
        let mut errors = Vec::new();
        check(way, value, place, &mut errors);
        errors
    });
    errors.extend(each.min_by_key(Vec::len).unwrap_or_default());
}

fn resolve(reference: &Value) -> &'static Value {
    let name = reference.as_str().unwrap().strip_prefix("#/definitions/").unwrap();
    &SCHEMA["definitions"][name]
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the schema has the type `{other}`, which this check does not know"),
    }
}

fn require(holds: bool, errors: &mut Vec<String>, what: impl FnOnce() -> String) {
    if !holds {
        errors.push(what());
    }
}
