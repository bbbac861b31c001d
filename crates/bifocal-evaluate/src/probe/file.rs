//! The file of a probe: JSON lines with `id`, `prompt` or `messages`, and what is known of the answer.

use std::fs;
use std::path::Path;

use bifocal_model::{Dimension, Fingerprint};
use regex::RegexBuilder;
use serde::Deserialize;
use serde_json::{Value, json};

use super::check::{Check, plain, stated, words};
use super::{Manner, Probe, Prompt, VERSION};
use crate::Error;
use crate::limits::{PROBE_FILE_BYTES, PROBE_PROMPTS, REGEX_BYTES};

/// A line; other keys are the user's.
#[derive(Deserialize)]
struct Line {
    id: String,
    #[serde(default)]
    prompt: Option<String>,
    #[serde(default)]
    messages: Option<Vec<Message>>,
    #[serde(default)]
    reference: Option<Value>,
    #[serde(default)]
    check: Option<Kind>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Exact,
    Numeric,
    Json,
    Regex,
    RougeL,
}

impl Probe {
    /// Reads the file of a probe.
    pub fn open(name: &str, path: &Path, manner: &Manner) -> Result<Self, Error> {
        let wrong = |what: String| Error::Probe { path: path.to_owned(), what };
        let size = fs::metadata(path).map_err(|err| wrong(err.to_string()))?.len();
        if size > PROBE_FILE_BYTES {
            return Err(wrong(format!("it is longer than {PROBE_FILE_BYTES} bytes")));
        }
        let text = fs::read_to_string(path).map_err(|err| wrong(err.to_string()))?;
        Self::read(name, &text, manner).map_err(wrong)
    }

    /// From the text of a file; what is wrong is told with its line.
    pub fn read(name: &str, text: &str, manner: &Manner) -> Result<Self, String> {
        let mut prompts: Vec<Prompt> = Vec::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |what: String| format!("line {}: {what}", at + 1);
            let prompt = prompt(line).map_err(wrong)?;
            if prompts.iter().any(|other| other.id == prompt.id) {
                return Err(wrong(format!("the id `{}` is there twice", prompt.id)));
            }
            if prompts.len() == PROBE_PROMPTS {
                return Err(wrong(format!("a probe has at most {PROBE_PROMPTS} prompts")));
            }
            prompts.push(prompt);
        }
        if prompts.is_empty() {
            return Err("it holds no prompt".to_owned());
        }
        let Manner { model, max_tokens, temperature } = manner;
        let manner = format!("{model}:{max_tokens}:{temperature}");
        Ok(Self {
            dimension: Dimension::new(&Self::dimension_of(name)),
            evaluator: format!("probe:{name}"),
            fingerprint: Fingerprint::of(&["probe", VERSION, name, &manner, text]),
            prompts,
        })
    }
}

fn prompt(line: &str) -> Result<Prompt, String> {
    let Line { id, prompt, messages, reference, check } =
        serde_json::from_str(line).map_err(|err| err.to_string())?;
    let messages = match (prompt, messages) {
        (Some(prompt), None) => vec![json!({"role": "user", "content": prompt})],
        (None, Some(messages)) if !messages.is_empty() => {
            messages.into_iter().map(|m| json!({"role": m.role, "content": m.content})).collect()
        }
        _ => return Err("give either `prompt` or `messages`".to_owned()),
    };
    Ok(Prompt { id, messages, check: checked(reference, check)? })
}

fn checked(reference: Option<Value>, kind: Option<Kind>) -> Result<Check, String> {
    let Some(reference) = reference.filter(|reference| !reference.is_null()) else {
        return match kind {
            None => Ok(Check::Answered),
            Some(_) => Err("`check` needs a `reference`".to_owned()),
        };
    };
    let text = reference.as_str().map_or_else(|| reference.to_string(), str::to_owned);
    match kind.unwrap_or(Kind::Exact) {
        Kind::Exact => Ok(Check::Exact(plain(&text))),
        Kind::Numeric => {
            stated(&text).map(Check::Numeric).ok_or_else(|| format!("`reference` {text:?} holds no number"))
        }
        Kind::Json => match &reference {
            Value::String(text) => {
                serde_json::from_str(text).map_err(|err| format!("`reference`: {err}")).map(Check::Json)
            }
            _ => Ok(Check::Json(reference)),
        },
        Kind::Regex => {
            let built = RegexBuilder::new(&text).size_limit(REGEX_BYTES).build();
            built.map(Check::Pattern).map_err(|err| format!("`reference`: {err}"))
        }
        Kind::RougeL => Ok(Check::Like(words(&text))),
    }
}
