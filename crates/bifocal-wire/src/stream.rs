//! A streamed answer, put together as the bytes come in.
//!
//! Chunks of OpenAI (chat and completions), token events of TGI, JSON lines of LMI, plain text; usage in the last
//! chunk; `[DONE]`; errors in the middle; all of it also inside the frames of SageMaker's response streams. Only
//! the first of several answers is put together.

mod answer;
mod guess;
mod text;

use crate::error::WireError;
use crate::event_stream::{self, FrameView};
use crate::openai::CallResponse;
use crate::{jsonlines, sse};
use answer::Answer;
use guess::Guess;
use text::Text;

/// How the pieces of a stream are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// Server-sent events.
    Sse,
    /// One JSON object a line.
    JsonLines,
}

/// What some bytes brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Bytes added to the answer's text.
    pub text_bytes_added: usize,
    /// Chunks among them that carried anything the model produced: text, reasoning, a tool call.
    pub chunks_with_text: u32,
    /// Whether the model produced anything in them: the first such bytes end the time to first token.
    pub has_text: bool,
    /// Whether the server has said that the answer is whole.
    pub done: bool,
}

/// Puts a streamed answer together. `push` fails only where a limit is hit or a frame is damaged, and goes on
/// failing then.
#[derive(Debug)]
pub struct StreamDecoder {
    /// Of a stream that comes in frames.
    frames: Option<event_stream::Decoder>,
    inner: Inner,
    answer: Answer,
}

/// What the pieces are.
#[derive(Debug)]
enum Inner {
    /// Not known yet.
    Guess(Guess),
    Sse(sse::Decoder),
    JsonLines(jsonlines::Decoder),
    Text(Text),
}

impl StreamKind {
    /// The kind that a `Content-Type` names; `None` for a response in one piece and for one in frames.
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        match essence(content_type).as_str() {
            "text/event-stream" => Some(Self::Sse),
            "application/jsonlines"
            | "application/jsonl"
            | "application/x-ndjson"
            | "application/x-jsonlines" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

impl StreamDecoder {
    /// At the start of a stream.
    pub fn new(kind: StreamKind) -> Self {
        Self { frames: None, inner: Inner::of(kind), answer: Answer::default() }
    }

    /// At the start of a stream in frames. `inner` is the content type of what is in them, where it is known
    /// (`X-Amzn-SageMaker-Content-Type`); else the first bytes tell.
    pub fn of_frames(inner: Option<&str>) -> Self {
        let kind = inner.and_then(StreamKind::of_content_type);
        let is_text = inner.is_some_and(|inner| essence(inner) == "text/plain");
        let inner = match kind {
            Some(kind) => Inner::of(kind),
            None if is_text => Inner::Text(Text::default()),
            None => Inner::Guess(Guess::default()),
        };
        Self { frames: Some(event_stream::Decoder::default()), inner, answer: Answer::default() }
    }

    /// For the content types of a response; `None` for a response in one piece.
    pub fn of_content_types(outer: &str, inner: Option<&str>) -> Option<Self> {
        if essence(outer) == "application/vnd.amazon.eventstream" {
            return Some(Self::of_frames(inner));
        }
        StreamKind::of_content_type(outer).map(Self::new)
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Delta, WireError> {
        let Self { frames, inner, answer } = self;
        answer.delta = Delta::default();
        match frames {
            None => inner.feed(bytes, answer)?,
            Some(frames) => frames.feed(bytes, &mut |frame| match frame {
                FrameView::Part(payload) => inner.feed(payload, answer),
                FrameView::Failure { kind, payload } => {
                    answer.take_failure(kind, payload);
                    Ok(())
                }
                FrameView::Other => Ok(()),
            })?,
        }
        answer.delta.done = answer.response.complete;
        Ok(answer.delta)
    }

    /// Events so far that were not the JSON they should be; they are left out.
    pub fn bad_events(&self) -> u32 {
        self.answer.bad_events
    }

    /// The end of the stream, or as much of it as there was.
    pub fn finish(self) -> CallResponse {
        let Self { frames, inner, mut answer } = self;
        inner.end(&mut answer);
        if frames.is_some_and(|frames| frames.is_between_frames()) {
            answer.end_of_frames();
        }
        answer.into_response()
    }
}

impl Inner {
    fn of(kind: StreamKind) -> Self {
        match kind {
            StreamKind::Sse => Self::Sse(sse::Decoder::default()),
            StreamKind::JsonLines => Self::JsonLines(jsonlines::Decoder::default()),
        }
    }

    fn feed(&mut self, bytes: &[u8], answer: &mut Answer) -> Result<(), WireError> {
        match self {
            Self::Sse(decoder) => decoder.feed(bytes, &mut |event| answer.take_event(event)),
            Self::JsonLines(decoder) => decoder.feed(bytes, &mut |line: &[u8]| answer.take_data(line)),
            Self::Text(decoder) => {
                decoder.feed(bytes, &mut |text| answer.take_text(text));
                Ok(())
            }
            Self::Guess(guess) => {
                let Some((mut known, first)) = guess.take(bytes) else { return Ok(()) };
                let fed = known.feed(&first, answer);
                *self = known;
                fed
            }
        }
    }

    fn end(self, answer: &mut Answer) {
        match self {
            Self::Sse(mut decoder) => decoder.end(&mut |event| answer.take_event(event)),
            Self::JsonLines(mut decoder) => decoder.end(&mut |line: &[u8]| answer.take_data(line)),
            Self::Text(decoder) => decoder.end(&mut |text| answer.take_text(text)),
            Self::Guess(guess) => {
                let mut text = Text::default();
                text.feed(&guess.rest(), &mut |text| answer.take_text(text));
                text.end(&mut |text| answer.take_text(text));
            }
        }
    }
}

/// A content type without its parameters, in lower case.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
