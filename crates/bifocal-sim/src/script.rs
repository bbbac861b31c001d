//! What a simulated server serves: scripted answers or recorded ones, behind one surface.

use std::fmt;

use bifocal_model::Timestamp;
use serde_json::Value;

use crate::component::{COMPONENTS, Component};
use crate::exchange::{Arrival, Request, Response};
use crate::fleet::Fleet;
use crate::incident::Incidents;
use crate::openai::Dialect;

/// Traffic and answers of some models, as functions of number and time.
pub trait Script: fmt::Debug + Send + Sync {
    /// The models that are served.
    fn models(&self) -> Vec<String>;

    /// The requests to a model that are due in `[from, to)`.
    fn arrivals(&self, model: &str, from: Timestamp, to: Timestamp, incidents: &Incidents) -> Vec<Arrival>;

    /// What the client of an arrival sends; `None` where there is no such arrival.
    fn request(&self, model: &str, index: u64, incidents: &Incidents) -> Option<Request>;

    /// What is answered to an arrival; `None` where there is no such arrival.
    fn respond(&self, model: &str, index: u64, incidents: &Incidents) -> Option<Response>;

    /// What is answered to a request of somebody else; `None` where the model is not served.
    fn improvise(&self, ask: &Ask, at: Timestamp, incidents: &Incidents) -> Option<Response>;

    /// The `/metrics` page.
    fn metrics_text(&self, at: Timestamp, incidents: &Incidents) -> String;
}

/// A request that is no scripted arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The model as requested.
    pub model: String,
    /// The last thing that the user says.
    pub question: String,
    pub(crate) streamed: bool,
    pub(crate) dialect: Dialect,
}

impl Ask {
    /// Reads a request body; `None` where it is no JSON object with a model and a conversation or a prompt.
    pub(crate) fn read(dialect: Dialect, body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let question = match dialect {
            Dialect::Completions => body.get("prompt")?.as_str()?.to_owned(),
            Dialect::Chat => {
                let messages = body.get("messages")?.as_array()?;
                let of_user = |message: &&Value| message.get("role").and_then(Value::as_str) == Some("user");
                let last = messages.iter().rev().find(of_user).or_else(|| messages.last())?;
                text_of(last.get("content")?)
            }
        };
        Some(Self {
            model: body.get("model")?.as_str()?.to_owned(),
            question,
            streamed: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
            dialect,
        })
    }
}

/// The text of a message's content: a string, or the text parts of a list.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

impl Script for Fleet {
    fn models(&self) -> Vec<String> {
        COMPONENTS.iter().map(|component| component.name.to_owned()).collect()
    }

    fn arrivals(&self, model: &str, from: Timestamp, to: Timestamp, incidents: &Incidents) -> Vec<Arrival> {
        let arrivals = |component: &Component| Self::arrivals(self, component, from, to, incidents);
        Self::component(model).map_or_else(Vec::new, arrivals)
    }

    fn request(&self, model: &str, index: u64, incidents: &Incidents) -> Option<Request> {
        let component = Self::component(model)?;
        let time = self.time_of(component, index)?;
        Some(Self::request(self, component, index, time, incidents))
    }

    fn respond(&self, model: &str, index: u64, incidents: &Incidents) -> Option<Response> {
        let component = Self::component(model)?;
        let time = self.time_of(component, index)?;
        Some(self.response(component, index, time, incidents))
    }

    fn improvise(&self, ask: &Ask, at: Timestamp, incidents: &Incidents) -> Option<Response> {
        Some(Self::improvise(self, Self::component(&ask.model)?, ask, at, incidents))
    }

    fn metrics_text(&self, at: Timestamp, incidents: &Incidents) -> String {
        Self::metrics_text(self, at, incidents)
    }
}
