//! `messages`, `prompt`, `inputs`, `input`: a text, a list of texts, or a list of messages.

use std::fmt;

use bifocal_model::Message;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::limits::MESSAGES;
use crate::loose::Loose;

/// The messages, oldest first. Token ids have no text and make no message.
#[derive(Debug, Default)]
pub(crate) struct Conversation(pub(crate) Vec<Message<String>>);

struct ConversationVisitor;

impl<'de> Visitor<'de> for ConversationVisitor {
    type Value = Conversation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a list of texts, or a list of messages")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Conversation(vec![from_user(text.to_owned())]))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Conversation(vec![from_user(text)]))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Conversation::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Ok(Conversation(ItemVisitor.visit_map(map)?.into_messages()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut messages = Vec::new();
        while messages.len() < MESSAGES {
            match seq.next_element()? {
                None => return Ok(Conversation(messages)),
                Some(Item::Nothing) => {}
                Some(Item::One(message)) => messages.push(message),
                Some(Item::Dialog(dialog)) => {
                    messages.extend(dialog.into_iter().take(MESSAGES - messages.len()));
                }
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Conversation(messages))
    }
}

impl<'de> Deserialize<'de> for Conversation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConversationVisitor)
    }
}

/// One element of a list.
enum Item {
    /// Nothing with a text.
    Nothing,
    /// A message, or a text of the user.
    One(Message<String>),
    /// A list of them: JumpStart takes a batch of dialogs.
    Dialog(Vec<Message<String>>),
}

impl Item {
    fn into_messages(self) -> Vec<Message<String>> {
        match self {
            Self::Nothing => Vec::new(),
            Self::One(message) => vec![message],
            Self::Dialog(messages) => messages,
        }
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a message")
    }

    fn visit_str<E>(self, text: &str) -> Result<Item, E> {
        Ok(Item::One(from_user(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Item, E> {
        Ok(Item::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Item, E> {
        Ok(Item::Nothing)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Item, E> {
        Ok(Item::Nothing)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Item, E> {
        Ok(Item::Nothing)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Item, E> {
        Ok(Item::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Item, A::Error> {
        let Conversation(messages) = ConversationVisitor.visit_seq(seq)?;
        Ok(if messages.is_empty() { Item::Nothing } else { Item::Dialog(messages) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        let mut role = None;
        let mut text = None;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match key.as_ref() {
                "role" => role = Some(map.next_value::<Loose<'de>>()?),
                "content" | "text" => text = Some(map.next_value::<Loose<'de>>()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if role.is_none() && text.is_none() {
            return Ok(Item::Nothing);
        }
        let role = role.and_then(Loose::text);
        let text = text.unwrap_or_default().text_or_empty().into_owned();
        Ok(Item::One(Message { role: known_role(role.as_deref()).to_owned(), text }))
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

pub(crate) fn from_user(text: String) -> Message<String> {
    Message { role: "user".to_owned(), text }
}

/// A role is stored as it is, so only known ones pass: a client could put a text there.
fn known_role(role: Option<&str>) -> &'static str {
    const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];
    match role {
        None => "user",
        Some(said) => ROLES.into_iter().find(|role| *role == said).unwrap_or("other"),
    }
}
