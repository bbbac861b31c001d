//! How an answer ended and how a call failed.

use serde::{Deserialize, Serialize};

/// Why the model stopped. In JSON a plain string: `stop`, `length`, …; anything else is kept as it was said.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum FinishReason {
    /// It was done.
    Stop,
    /// It ran out of tokens: a truncated answer.
    Length,
    /// It called a tool.
    ToolCalls,
    /// A filter stopped it.
    ContentFilter,
    /// Another word of the server's.
    Other(String),
}

/// Whose fault a failed call was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// 4xx but 408, 409 and 429: the client's.
    Client,
    /// 429: throttled.
    Throttled,
    /// 5xx of the upstream.
    Upstream,
    /// No connection to the upstream, or none in time.
    Unreachable,
    /// The upstream stopped in the middle of its answer.
    MidStream,
    /// The client went away before the answer was whole. Not the service's error.
    ClientGone,
    /// A body that could not be read as what it claims to be.
    Malformed,
}

impl From<String> for FinishReason {
    fn from(text: String) -> Self {
        match text.as_str() {
            "stop" | "eos_token" | "stop_sequence" | "end_turn" => Self::Stop,
            "length" | "max_tokens" => Self::Length,
            "tool_calls" | "function_call" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            _ => Self::Other(text),
        }
    }
}

impl From<FinishReason> for String {
    fn from(reason: FinishReason) -> Self {
        match reason {
            FinishReason::Other(text) => text,
            known => known.name().to_owned(),
        }
    }
}

impl FinishReason {
    /// The canonical word.
    pub fn name(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other(text) => text,
        }
    }
}

impl ErrorClass {
    /// The class of an HTTP status; `None` below 400.
    pub fn of_status(status: u16) -> Option<Self> {
        match status {
            429 => Some(Self::Throttled),
            408 | 500.. => Some(Self::Upstream),
            400..=499 => Some(Self::Client),
            _ => None,
        }
    }

    /// Whether it counts against the service's availability (clients' own mistakes do not).
    pub fn counts_against_service(self) -> bool {
        match self {
            Self::Throttled | Self::Upstream | Self::Unreachable | Self::MidStream => true,
            Self::Client | Self::ClientGone | Self::Malformed => false,
        }
    }

    /// The name used in metrics and API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Throttled => "throttled",
            Self::Upstream => "upstream",
            Self::Unreachable => "unreachable",
            Self::MidStream => "mid_stream",
            Self::ClientGone => "client_gone",
            Self::Malformed => "malformed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_the_right_owner() {
        assert_eq!(ErrorClass::of_status(200), None);
        assert_eq!(ErrorClass::of_status(429), Some(ErrorClass::Throttled));
        assert_eq!(ErrorClass::of_status(404), Some(ErrorClass::Client));
        assert_eq!(ErrorClass::of_status(408), Some(ErrorClass::Upstream));
        assert_eq!(ErrorClass::of_status(503), Some(ErrorClass::Upstream));
    }

    #[test]
    fn unknown_words_survive() {
        let reason: FinishReason = serde_json::from_str("\"tired\"").unwrap();
        assert_eq!(serde_json::to_string(&reason).unwrap(), "\"tired\"");
    }
}
