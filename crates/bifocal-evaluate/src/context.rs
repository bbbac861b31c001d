//! Where answers find what they are to be made from: the field map of groundedness and of rubrics that show the context.
//!
//! What stands in a field of the request beside the conversation arrives as messages of the role `context`: it is taken out where the
//! request is read, and redacted and recorded like the rest of it.

use bifocal_model::{CONTEXT_ROLE, Fingerprint, Inference};
use bifocal_redact::Redacted;
use bifocal_wire::Fields;
use serde::{Deserialize, Serialize};

use crate::limits::{CONTEXT_DELIMITERS, CONTEXT_PLACES};

/// `[context]`: where the context of an answer stands. Since 0.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContextConfig {
    /// Fields of the request's body, as JSON pointers; `*` is every item of a list. All texts in them count.
    pub fields: Vec<String>,
    /// Roles whose messages are context: `system`, `developer`, `user`, `assistant`, `tool`, `function`.
    pub roles: Vec<String>,
    /// Pairs of what stands before and behind it inside of messages.
    pub between: Vec<[String; 2]>,
}

/// A field map, ready to be asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(into = "ContextConfig")]
pub struct ContextMap(Map);

#[derive(Clone, Debug, Default, PartialEq)]
enum Map {
    /// Messages of tools, else what stands between `<context>` and `</context>`.
    #[default]
    Usual,
    /// One's own.
    Own { config: ContextConfig, fields: Fields },
}

/// A part of an inference's context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passage<'a> {
    /// The message that it stands in, by its place.
    pub(crate) message: usize,
    /// Its text.
    pub(crate) text: &'a str,
    /// Whether it is all of that message.
    pub(crate) is_whole: bool,
}

const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

impl ContextMap {
    /// Reads and checks one; an error says what is wrong with which key.
    pub fn of(config: ContextConfig) -> Result<Self, String> {
        let ContextConfig { fields, roles, between } = &config;
        if fields.len() + roles.len() + between.len() > CONTEXT_PLACES {
            return Err(format!("[context] names more than {CONTEXT_PLACES} places"));
        }
        if fields.is_empty() && roles.is_empty() && between.is_empty() {
            return Err(
                "[context] names no place: give `fields`, `roles` or `between`, or leave it out".to_owned()
            );
        }
        if let Some(role) = roles.iter().find(|role| !ROLES.contains(&role.as_str())) {
            return Err(format!("[context] roles: `{role}` is none of {}", ROLES.join(", ")));
        }
        let is_bad = |text: &String| text.trim().is_empty() || text.len() > CONTEXT_DELIMITERS;
        if between.iter().flatten().any(is_bad) {
            return Err(format!("[context] between: a delimiter has 1 to {CONTEXT_DELIMITERS} bytes"));
        }
        let fields = Fields::of(fields).map_err(|problem| format!("[context] fields: {problem}"))?;
        Ok(Self(Map::Own { config, fields }))
    }

    /// Whether it is the one that is used where none is given.
    pub fn is_usual(&self) -> bool {
        self.0 == Map::Usual
    }

    /// What is taken out of a request's body.
    pub fn fields(&self) -> Fields {
        match &self.0 {
            Map::Usual => Fields::default(),
            Map::Own { fields, .. } => fields.clone(),
        }
    }

    /// What makes it another map than the usual one; `None` where it is that one.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        let Map::Own { config: ContextConfig { fields, roles, between }, .. } = &self.0 else { return None };
        let mut parts = Vec::new();
        for (kind, texts) in [
            ("fields", fields.iter().collect::<Vec<_>>()),
            ("roles", roles.iter().collect()),
            ("between", between.iter().flatten().collect()),
        ] {
            parts.push(kind);
            parts.extend(texts.into_iter().map(String::as_str));
        }
        Some(Fingerprint::of(&parts))
    }

    /// The context of an inference: what stood in a field, else whole messages by their role, else what stands between
    /// delimiters. Empty where none was given.
    pub(crate) fn passages<'a>(&self, inference: &'a Inference<Redacted>) -> Vec<Passage<'a>> {
        let whole = |is_one: &dyn Fn(&str) -> bool| -> Vec<Passage<'a>> {
            let messages = inference.messages.iter().enumerate().filter(|(_, message)| is_one(&message.role));
            messages
                .map(|(at, one)| Passage { message: at, text: one.text.as_str(), is_whole: true })
                .collect()
        };
        let inside = |begin: &str, end: &str, most: usize| -> Vec<Passage<'a>> {
            let mut found = Vec::new();
            for (message, one) in inference.messages.iter().enumerate() {
                let texts = between(one.text.as_str(), begin, end).into_iter().take(most);
                found.extend(texts.map(|text| Passage { message, text, is_whole: false }));
            }
            found
        };
        match &self.0 {
            Map::Usual => {
                let tools = whole(&|role| role == "tool");
                if tools.is_empty() { inside("<context>", "</context>", 1) } else { tools }
            }
            Map::Own { config: ContextConfig { roles, between, .. }, .. } => {
                let fields = whole(&|role| role == CONTEXT_ROLE);
                if !fields.is_empty() {
                    return fields;
                }
                let messages = whole(&|role| roles.iter().any(|wanted| wanted == role));
                if !messages.is_empty() {
                    return messages;
                }
                between.iter().flat_map(|[begin, end]| inside(begin, end, CONTEXT_PLACES)).collect()
            }
        }
    }
}

impl From<ContextMap> for ContextConfig {
    fn from(map: ContextMap) -> Self {
        match map.0 {
            Map::Usual => Self::default(),
            Map::Own { config, .. } => config,
        }
    }
}

/// What stands between two delimiters, each time up to the limit; what is never closed is none.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut rest = text;
    while found.len() < CONTEXT_PLACES {
        let Some((inside, after)) = rest.split_once(begin).and_then(|(_, behind)| behind.split_once(end))
        else {
            break;
        };
        found.push(inside);
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests;
