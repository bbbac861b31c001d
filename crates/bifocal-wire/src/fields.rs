//! Texts in fields of a request's body beside the conversation: what an answer is to be made from, where a client hands it over as
//! `documents` or `context`.

use std::fmt;

use bifocal_model::{CONTEXT_ROLE, Message};
use serde_json::Value;

use crate::limits::{FIELD_BYTES, FIELD_TEXTS};

/// Fields, as JSON pointers (RFC 6901) in which `*` stands for every item of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<Vec<Step>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Every,
}

/// Why a field cannot be looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// It is no pointer to anything inside the body.
    #[error("`{0}` is no field: write it as `/documents/*/text`, with a `/` before each part")]
    NoPointer(String),
    /// It is longer than the limit.
    #[error("a field is longer than {FIELD_BYTES} bytes")]
    TooLong,
}

impl Fields {
    /// Reads pointers.
    pub fn of(pointers: &[String]) -> Result<Self, FieldError> {
        let fields: Result<Vec<_>, _> = pointers.iter().map(|pointer| steps(pointer)).collect();
        fields.map(Self)
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The texts of each field that the body has, joined by line ends, as messages of the role `context`.
    pub(crate) fn messages(&self, body: &str) -> Vec<Message<String>> {
        if self.is_empty() {
            return Vec::new();
        }
        let Ok(body) = serde_json::from_str::<Value>(body) else { return Vec::new() };
        let mut messages = Vec::new();
        for field in &self.0 {
            let mut texts = Vec::new();
            walk(&body, field, &mut texts);
            if !texts.is_empty() {
                messages.push(Message { role: CONTEXT_ROLE.to_owned(), text: texts.join("\n") });
            }
        }
        messages
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, field) in self.0.iter().enumerate() {
            let gap = if at == 0 { "" } else { ", " };
            f.write_str(gap)?;
            for step in field {
                match step {
                    Step::Every => f.write_str("/*")?,
                    Step::Key(key) => write!(f, "/{}", key.replace('~', "~0").replace('/', "~1"))?,
                }
            }
        }
        Ok(())
    }
}

fn steps(pointer: &str) -> Result<Vec<Step>, FieldError> {
    if pointer.len() > FIELD_BYTES {
        return Err(FieldError::TooLong);
    }
    let no_pointer = || FieldError::NoPointer(pointer.to_owned());
    let path = pointer.strip_prefix('/').filter(|path| !path.is_empty()).ok_or_else(no_pointer)?;
    let step = |part: &str| match part {
        "" => Err(no_pointer()),
        "*" => Ok(Step::Every),
        key => Ok(Step::Key(key.replace("~1", "/").replace("~0", "~"))),
    };
    path.split('/').map(step).collect()
}

/// Adds the texts at the end of a path. Its depth is that of the path, and the body's is bounded by the reader of JSON.
fn walk<'a>(value: &'a Value, path: &[Step], texts: &mut Vec<&'a str>) {
    let Some((step, rest)) = path.split_first() else {
        collect(value, texts);
        return;
    };
    match (step, value) {
        (Step::Every, Value::Array(items)) => items.iter().for_each(|item| walk(item, rest, texts)),
        (Step::Key(key), Value::Object(fields)) => {
            if let Some(inside) = fields.get(key) {
                walk(inside, rest, texts);
            }
        }
        (Step::Key(key), Value::Array(items)) => {
            if let Some(inside) = key.parse().ok().and_then(|at: usize| items.get(at)) {
                walk(inside, rest, texts);
            }
        }
        _ => {}
    }
}

/// All texts in a value, in its order; a number or a truth is none.
fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if texts.len() < FIELD_TEXTS && !text.is_empty() => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pointers: &[&str], body: &str) -> Vec<String> {
        let pointers: Vec<String> = pointers.iter().map(|pointer| (*pointer).to_owned()).collect();
        let messages = Fields::of(&pointers).unwrap().messages(body);
        assert!(messages.iter().all(|message| message.role == "context"));
        messages.into_iter().map(|message| message.text).collect()
    }

    #[test]
    fn texts_are_found_where_the_pointers_lead() {
        let cohere = r#"{"documents": [{"id": "d1", "data": {"text": "Bees fly."}}, {"data": {"text": "Ants walk."}}], "k": 3}"#;
        assert_eq!(found(&["/documents/*/data/text"], cohere), ["Bees fly.\nAnts walk."]);
        assert_eq!(found(&["/documents/1/data/text"], cohere), ["Ants walk."]);
        assert_eq!(found(&["/documents"], cohere), ["Bees fly.\nd1\nAnts walk."], "all texts of a list");
        assert_eq!(found(&["/context", "/documents/*/id"], cohere), ["d1"], "one that is not there is none");
        assert_eq!(found(&["/context"], r#"{"context": "It closes at six."}"#), ["It closes at six."]);
        assert_eq!(found(&["/a~1b/~0c"], r#"{"a/b": {"~c": ["x", 7, null, true, "y"]}}"#), ["x\ny"]);
        assert!(found(&["/k", "/documents/7", "/documents/*/*"], cohere).is_empty());
        assert!(found(&["/a"], "{\"a\": \"x\"").is_empty(), "no JSON");
        assert!(Fields::default().messages(cohere).is_empty());
    }

    #[test]
    fn what_is_no_pointer_is_refused_with_an_example() {
        for wrong in ["", "/", "documents", "/documents//text", "$.documents"] {
            let said = Fields::of(&[wrong.to_owned()]).unwrap_err().to_string();
            assert!(said.contains("/documents/*/text"), "{said}");
        }
        let long = format!("/{}", "x".repeat(FIELD_BYTES));
        assert_eq!(Fields::of(&[long]), Err(FieldError::TooLong));
        let written = ["/documents/*/a~1b".to_owned(), "/context".to_owned()];
        assert_eq!(Fields::of(&written).unwrap().to_string(), "/documents/*/a~1b, /context");
    }

    #[test]
    fn limit_field_texts() {
        let body = format!("{{\"d\": [{}\"z\"]}}", "\"x\",".repeat(FIELD_TEXTS));
        let texts = found(&["/d"], &body);
        assert_eq!(texts[0].matches('x').count(), FIELD_TEXTS);
        assert!(!texts[0].contains('z'));
    }
}
