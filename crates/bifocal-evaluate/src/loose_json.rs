//! JSON as models write it: bare, in a fence, or somewhere in prose.

use serde::de::IgnoredAny;

/// How the JSON in a text has to be dug out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The whole text is JSON.
    Strict,
    /// The whole text is one fence around JSON.
    Fenced,
    /// Between the first opening and the last closing brace, raw control characters in strings tolerated.
    Lenient,
}

/// The JSON in a text, if there is any, and how it had to be dug out.
pub(crate) fn find(text: &str) -> Option<(Form, std::borrow::Cow<'_, str>)> {
    let text = text.trim();
    if is_json(text) {
        return Some((Form::Strict, text.into()));
    }
    if let Some(inside) = inside_fence(text)
        && is_json(inside)
    {
        return Some((Form::Fenced, inside.into()));
    }
    let braces = between(text, '{', '}').or_else(|| between(text, '[', ']'))?;
    if is_json(braces) {
        return Some((Form::Lenient, braces.into()));
    }
    let spaced = braces.replace(|c: char| c.is_ascii_control(), " ");
    is_json(&spaced).then(|| (Form::Lenient, spaced.into()))
}

/// What one fence holds, when the text is one fence and nothing else.
pub(crate) fn inside_fence(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix("```")?.strip_suffix("```")?;
    let (language, inside) = inside.split_once('\n')?;
    let bare = language.trim().chars().all(char::is_alphanumeric);
    (bare && !inside.contains("\n```")).then(|| inside.trim())
}

pub(crate) fn is_json(text: &str) -> bool {
    // An object or a list: a bare `7` or `"no"` is JSON to the letter, but nobody who asked for JSON means it.
    text.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn between(text: &str, open: char, close: char) -> Option<&str> {
    text.get(text.find(open)?..=text.rfind(close)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        let form = |text| find(text).map(|(form, json)| (form, json.into_owned()));
        let some = |form, json: &str| Some((form, json.to_owned()));
        assert_eq!(form(" {\"a\": 1}\n"), some(Form::Strict, "{\"a\": 1}"));
        assert_eq!(form("[1, 2]"), some(Form::Strict, "[1, 2]"));
        assert_eq!(form("```json\n{\"a\": 1}\n```"), some(Form::Fenced, "{\"a\": 1}"));
        assert_eq!(form("```\n{}\n```\n"), some(Form::Fenced, "{}"));
        assert_eq!(form("Sure: {\"a\": 1}. Done"), some(Form::Lenient, "{\"a\": 1}"));
        assert_eq!(form("{\"a\": \"x\ny\"}"), some(Form::Lenient, "{\"a\": \"x y\"}"));
        assert_eq!(form("``` json\n{}\n``` and ```\n{}\n```"), None);
        for none in ["", "7", "no", "{", "}{", "{a: 1}", "{\"a\": 1", "ä{ü}ö"] {
            assert_eq!(form(none), None, "{none}");
        }
    }
}
