//! YAML for people, from JSON. Strings that are not plain words are written in quotes, which YAML reads like JSON's.

use std::fmt::Write as _;

use serde_json::Value;

/// A document, under a comment.
pub(super) fn document(comment: &str, value: &Value) -> String {
    let mut out = format!("# {comment}\n");
    write(&mut out, value, 0);
    out
}

/// The same for Grafana's file provisioning, which puts the environment in the place of `$NAME`: dollars are doubled.
pub(super) fn for_grafana(comment: &str, value: &Value) -> String {
    document(comment, value).replace('$', "$$")
}

fn write(out: &mut String, value: &Value, depth: usize) {
    // Writing to a String cannot fail.
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                let _ =
                    write!(out, "{:indent$}{}:", "", scalar(&Value::from(key.as_str())), indent = depth * 2);
                inner(out, value, depth + 1);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let _ = write!(out, "{:indent$}-", "", indent = depth * 2);
                match item {
                    // The first field of an item stands behind its dash.
                    Value::Object(fields) if !fields.is_empty() => {
                        let mut lines = String::new();
                        write(&mut lines, item, depth + 1);
                        let _ = write!(out, " {}", lines.trim_start());
                    }
                    _ => inner(out, item, depth + 1),
                }
            }
        }
        _ => {
            let _ = writeln!(out, "{:indent$}{}", "", scalar(value), indent = depth * 2);
        }
    }
}

fn inner(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            write(out, value, depth);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            write(out, value, depth);
        }
        _ => {
            let _ = writeln!(out, " {}", scalar(value));
        }
    }
}

/// Words that YAML takes for something else than text.
const NOT_TEXT: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let is_plain = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/'))
                && !NOT_TEXT.contains(&text.to_ascii_lowercase().as_str());
            if is_plain { text.clone() } else { value.to_string() }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_and_fields_stand_under_each_other_and_what_is_no_word_in_quotes() {
        let value = json!({
            "apiVersion": 1, "groups": [{"name": "a: b", "rules": [{"on": "yes"}, {"e": "a\"$b\n"}]}],
            "none": [], "list": ["x", 1.5, []],
        });
        let wanted = "# c\napiVersion: 1\ngroups:\n  - name: \"a: b\"\n    rules:\n      - \"on\": \"yes\"\n      - e: \"a\\\"$$b\\n\"\n\
                      list:\n  - x\n  - 1.5\n  - []\nnone: []\n";
        assert_eq!(for_grafana("c", &value), wanted);
    }
}
