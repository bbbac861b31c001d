//! What a client asked.

use bifocal_model::{FormatAsked, Message};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::conversation::{Conversation, from_user};
use super::tools::Tools;
use crate::error::WireError;
use crate::fields::Fields;
use crate::loose::{Loose, aside};

/// A request of any family: chat (`messages`), completions (`prompt`), LMI and TGI (`inputs`), responses (`input`),
/// older JumpStart (`text_inputs`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallRequest {
    /// The model as requested; `None` where the request names none or an empty one.
    pub model: Option<String>,
    /// The conversation, oldest first; a bare prompt is one `user` message, token ids are none.
    pub messages: Vec<Message<String>>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The format that the answer must have.
    pub format_asked: FormatAsked,
    /// Whether the stream was asked to end with its usage (`stream_options.include_usage`).
    pub include_usage: bool,
    /// How the answer was to be drawn.
    pub sampling: Sampling,
    /// The tools that the answer may call.
    pub tools: Option<Tools>,
}

/// How an answer is to be drawn; `None` leaves it to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sampling {
    /// Tokens of the answer at most.
    pub max_tokens: Option<u32>,
    /// Temperature; 0 takes the likeliest token each time.
    pub temperature: Option<f64>,
    /// The share of the likeliest tokens that are drawn from.
    pub top_p: Option<f64>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    model: Loose<'a>,
    messages: Option<Conversation>,
    prompt: Option<Conversation>,
    inputs: Option<Conversation>,
    input: Option<Conversation>,
    text_inputs: Option<Conversation>,
    #[serde(borrow, default)]
    instructions: Loose<'a>,
    #[serde(borrow, default)]
    stream: Loose<'a>,
    #[serde(borrow)]
    stream_options: Option<&'a RawValue>,
    #[serde(borrow)]
    response_format: Option<&'a RawValue>,
    #[serde(borrow, default)]
    guided_json: Loose<'a>,
    #[serde(borrow)]
    structured_outputs: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow)]
    functions: Option<&'a RawValue>,
    #[serde(borrow, default)]
    max_tokens: Loose<'a>,
    #[serde(borrow, default)]
    max_completion_tokens: Loose<'a>,
    #[serde(borrow, default)]
    max_output_tokens: Loose<'a>,
    #[serde(borrow, default)]
    temperature: Loose<'a>,
    #[serde(borrow, default)]
    top_p: Loose<'a>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: bool,
}

/// `{"type": "json_object"}`.
#[derive(Deserialize)]
struct Format<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Loose<'a>,
}

#[derive(Deserialize)]
struct TextOptions<'a> {
    #[serde(borrow)]
    format: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct StructuredOutputs<'a> {
    #[serde(borrow, default)]
    json: Loose<'a>,
    #[serde(borrow, default)]
    json_object: Loose<'a>,
}

/// `parameters` of LMI and TGI.
#[derive(Deserialize)]
struct Parameters<'a> {
    #[serde(borrow, default)]
    max_new_tokens: Loose<'a>,
    #[serde(borrow, default)]
    temperature: Loose<'a>,
    #[serde(borrow, default)]
    top_p: Loose<'a>,
    #[serde(borrow)]
    grammar: Option<&'a RawValue>,
    #[serde(borrow)]
    response_format: Option<&'a RawValue>,
}

impl CallRequest {
    /// Reads the body of a request.
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        Self::parse_with(body, &Fields::default())
    }

    /// As [`Self::parse`], with what stands in these fields as messages of the role `context` before the others.
    pub fn parse_with(body: &[u8], fields: &Fields) -> Result<Self, WireError> {
        Self::parse_str(std::str::from_utf8(body)?, fields)
    }

    /// As [`Self::parse_with`], of a text.
    pub(crate) fn parse_str(body: &str, fields: &Fields) -> Result<Self, WireError> {
        let contexts = fields.messages(body);
        let body: Body<'_> = serde_json::from_str(body).map_err(|err| WireError::json(&err))?;
        let parameters = aside::<Parameters<'_>>(body.parameters);
        let sampling = body.sampling(parameters.as_ref());
        let format_asked = if body.asks_for_json(parameters) { FormatAsked::Json } else { FormatAsked::Free };
        let tools = Tools::of(body.tools, body.functions);
        let include_usage = aside::<StreamOptions>(body.stream_options).is_some_and(|o| o.include_usage);
        let conversations = [body.messages, body.prompt, body.inputs, body.input, body.text_inputs];
        let Some(Conversation(mut messages)) = conversations.into_iter().flatten().next() else {
            return Err(WireError::UnknownPayload);
        };
        if let Some(system) = body.instructions.text() {
            messages.insert(0, Message { role: "system".to_owned(), text: system.into_owned() });
        }
        messages.splice(0..0, contexts);
        Ok(Self {
            model: body.model.name(),
            messages,
            stream: body.stream.is_true(),
            format_asked,
            include_usage,
            sampling,
            tools,
        })
    }

    /// A request that is no JSON: one message with all of it.
    pub(crate) fn of_text(text: String) -> Self {
        Self { messages: vec![from_user(text)], ..Self::default() }
    }

    /// A rough count of the prompt's tokens where the server counts none: bytes / 4.
    pub fn estimated_tokens(&self) -> u32 {
        let bytes: usize = self.messages.iter().map(|message| message.text.len()).sum();
        u32::try_from(bytes.div_ceil(4)).unwrap_or(u32::MAX)
    }
}

impl Body<'_> {
    fn sampling(&self, parameters: Option<&Parameters<'_>>) -> Sampling {
        let tokens = [&self.max_completion_tokens, &self.max_tokens, &self.max_output_tokens];
        let tokens = tokens.into_iter().chain(parameters.map(|said| &said.max_new_tokens));
        let temperature = self.temperature.number().or_else(|| parameters?.temperature.number());
        let top_p = self.top_p.number().or_else(|| parameters?.top_p.number());
        Sampling { max_tokens: tokens.filter_map(Loose::count).next(), temperature, top_p }
    }

    fn asks_for_json(&self, parameters: Option<Parameters<'_>>) -> bool {
        let text_format = aside::<TextOptions<'_>>(self.text).and_then(|text| text.format);
        let (grammar, lmi_format) = parameters.map_or((None, None), |p| (p.grammar, p.response_format));
        let structured = aside::<StructuredOutputs<'_>>(self.structured_outputs);
        let formats = [self.response_format, text_format, grammar, lmi_format];
        formats.into_iter().any(is_json)
            || self.guided_json.is_present()
            || structured.is_some_and(|s| s.json.is_present() || s.json_object.is_true())
    }
}

fn is_json(format: Option<&RawValue>) -> bool {
    let kind = aside::<Format<'_>>(format).and_then(|format| format.kind.text());
    matches!(kind.as_deref(), Some("json_object" | "json_schema" | "json"))
}

#[cfg(test)]
mod tests;
