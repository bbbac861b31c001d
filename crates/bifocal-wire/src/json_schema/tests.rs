use super::*;

fn fit(schema: &str, value: &str) -> Fit {
    Schema::read(schema).unwrap().check(&serde_json::from_str(value).unwrap())
}

/// 800 random schemas and values: `tests/golden/json_schema.py` makes the file with Python's jsonschema.
#[test]
fn verdicts_are_those_of_jsonschema() {
    let golden: Value = serde_json::from_str(include_str!("../../tests/golden/json_schema.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 800);
    for case in cases {
        let schema = Schema::read(&case[0].to_string()).unwrap_or_else(|err| panic!("{}: {err}", case[0]));
        let expected = case[2].as_bool().unwrap();
        let fit = schema.check(&case[1]);
        assert_eq!(fit == Fit::Fits, expected, "{case}: {fit:?}");
    }
}

#[test]
fn what_is_broken_is_named() {
    let schema = r##"{"type": "object", "required": ["name", "age"], "additionalProperties": false,
        "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}, "age": {"$ref": "#/$defs/age"}},
        "$defs": {"age": {"type": "integer", "minimum": 0}}}"##;
    for (value, expected) in [
        (r#"{"name": "Ann", "age": 4}"#, Fit::Fits),
        (r#"{"name": "Ann"}"#, Fit::Breaks("required")),
        (r#"{"name": "Ann", "age": -1}"#, Fit::Breaks("minimum")),
        (r#"{"name": "Ann", "age": 1.5}"#, Fit::Breaks("type")),
        (r#"{"name": "ann", "age": 1}"#, Fit::Breaks("pattern")),
        (r#"{"name": "Ann", "age": 1, "shoe": 43}"#, Fit::Breaks("additionalProperties")),
        ("[]", Fit::Breaks("type")),
    ] {
        assert_eq!(fit(schema, value), expected, "{value}");
    }
}

#[test]
fn what_would_not_be_checked_is_refused() {
    for (schema, part) in [
        ("{", "no JSON"),
        ("7", "an object, true or false"),
        (r#"{"propertyNames": {}}"#, "propertyNames"),
        (r#"{"items": {"uniqueItems": true}}"#, "#/items"),
        (r#"{"type": "text"}"#, "cannot have this value"),
        (r#"{"pattern": "("}"#, "#/pattern"),
        (r#"{"pattern": "(?=a)"}"#, "#/pattern"),
        (r##"{"$ref": "#/$defs/none"}"##, "#/$ref"),
        (r#"{"$ref": "https://example.com/schema"}"#, "#/$ref"),
        (r#"{"minLength": -1}"#, "#/minLength"),
        (r#"{"anyOf": []}"#, "#/anyOf"),
        (r#"{"pattern": "(a{1000}){1000}"}"#, "#/pattern"),
    ] {
        let err = Schema::read(schema).unwrap_err().to_string();
        assert!(err.contains(part), "{schema}: {err}");
    }
}

#[test]
fn work_and_depth_are_bounded() {
    assert_eq!(fit(r##"{"$ref": "#"}"##, "1"), Fit::TooLong, "a reference to itself");
    let deep = format!("{}{}", "[".repeat(SCHEMA_DEPTH + 2), "]".repeat(SCHEMA_DEPTH + 2));
    assert_eq!(fit(r##"{"items": {"$ref": "#"}}"##, &deep), Fit::TooLong);
    let long = format!("[{}1]", "1,".repeat(SCHEMA_STEPS));
    assert_eq!(fit(r#"{"items": {"type": "integer"}}"#, &long), Fit::TooLong);
    let nested = (0..=SCHEMA_DEPTH).fold("{}".to_owned(), |inner, _| format!(r#"{{"not": {inner}}}"#));
    assert!(Schema::read(&nested).is_err());
    let two = r##"{"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}"##;
    assert_eq!(fit(two, "1"), Fit::TooLong, "two ways at each level");
}

#[test]
fn limit_schema_regex_bytes() {
    let pattern = |n: usize| Schema::read(&format!(r#"{{"pattern": "a{{{n}}}"}}"#));
    assert!(pattern(10).is_ok());
    assert!(matches!(pattern(crate::limits::REGEX_BYTES / 16), Err(SchemaError::Value { .. })));
}
