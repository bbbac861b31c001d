//! One captured call becomes one inference. No clock, no I/O: the simulation in process uses it as the proxy does.

mod encoding;
mod target;

use std::collections::BTreeMap;

use bifocal_model::{
    Completeness, ErrorClass, Identity, Inference, InferenceId, Message, Probability, Source, Timestamp,
    Timing, TokenCount, Usage,
};
use bifocal_telemetry::Telemetry;
use bifocal_wire::{CallRequest, CallResponse, StreamDecoder, WireError};
use bytes::Bytes;

use crate::proxy::call;
use crate::proxy::sagemaker::SageMakerCall;
use crate::signs;
use encoding::Pieces;
pub use target::Decoder;

/// Ends of the paths whose calls are captured.
pub(crate) const CAPTURED_PATHS: [&str; 4] =
    ["/v1/chat/completions", "/v1/completions", "/invocations", "/invocations-response-stream"];

/// One call as it passed.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The random part of its id.
    pub id: [u8; 10],
    /// With which probability it came to be captured.
    pub capture_probability: Probability,
    /// The path that was asked for.
    pub path: String,
    /// Who asked.
    pub tenant: Option<String>,
    /// The inference component that the request named in SageMaker's header.
    pub component: Option<String>,
    /// What else is SageMaker's; `None` on other paths.
    pub sagemaker: Option<Box<SageMakerCall>>,
    /// The request's body.
    pub request_body: Bytes,
    /// Whether the body is only the head of it.
    pub request_truncated: bool,
    /// The status that the client saw; `None` when it went away before one.
    pub status: Option<u16>,
    /// The answer's content type.
    pub content_type: Option<String>,
    /// The answer's content encoding.
    pub content_encoding: Option<String>,
    /// The answer's pieces, each with the time at which the client's connection took it.
    pub chunks: Vec<(Timestamp, Bytes)>,
    /// Whether the pieces are only the head of it.
    pub answer_truncated: bool,
    /// When the request's head was read.
    pub started: Timestamp,
    /// When the answer's last piece was taken, or the call was given up.
    pub ended: Timestamp,
    /// How it ended.
    pub ending: Ended,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The answer came to its end.
    Complete,
    /// The upstream broke off in the answer.
    UpstreamError,
    /// The client went away.
    ClientGone,
    /// No connection to the upstream, or no response from it.
    Unreachable,
}

/// What the answer's bytes say.
#[derive(Debug, Default)]
struct Answer {
    response: CallResponse,
    /// Whether the bytes could be read.
    readable: bool,
    /// Whether they are only the head of what would be unpacked.
    is_cut: bool,
    streamed: bool,
    ttft_seconds: Option<f64>,
    itl_seconds: Option<f64>,
}

impl Decoder {
    /// The inference that the call was.
    pub fn decode(&self, exchange: &Exchange) -> Inference<String> {
        let request = match exchange.request_truncated {
            false => CallRequest::parse_with(&exchange.request_body, &self.fields).ok(),
            true => None,
        };
        let cut_model = || target::model_in_head(&exchange.request_body);
        let model = request.as_ref().map_or_else(cut_model, |request| request.model.clone());
        let target = self.target(exchange, model.as_deref());

        let answer = Answer::read(exchange, &self.telemetry);
        let ending = ending(exchange, &answer);
        let error = error_class(exchange, ending, &answer);
        let completeness = completeness(exchange, request.is_some(), &answer);
        let request = request.unwrap_or_default();
        let usage = usage(&request.messages, answer.response.usage, error);
        let signs = signs::of(request.tools.as_ref(), &answer.response, &completeness);
        let succeeded = exchange.status.is_some_and(|status| status < 400);
        let id = InferenceId::v7(exchange.started, exchange.id);
        Inference {
            id,
            identity: Identity { source: Source::Proxy, key: id.to_string() },
            target,
            labels: labels(exchange, answer.response.served_model),
            tenant: exchange.tenant.clone(),
            time: exchange.started,
            messages: request.messages,
            answer: if succeeded { answer.response.text } else { String::new() },
            finish_reason: answer.response.finish_reason,
            usage,
            timing: Timing {
                ttft_seconds: answer.ttft_seconds,
                itl_seconds: answer.itl_seconds,
                duration_seconds: duration(exchange, ending),
            },
            status: exchange.status,
            error,
            completeness,
            capture_probability: exchange.capture_probability,
            format_asked: request.format_asked,
            streamed: answer.streamed || request.stream,
            redactions: Vec::new(),
            findings: bifocal_model::Findings::default(),
            chance: None,
            signs,
        }
    }
}

impl Answer {
    fn read(exchange: &Exchange, telemetry: &Telemetry) -> Self {
        let Some(Pieces { chunks, is_cut }) = encoding::pieces(exchange, telemetry) else {
            return Self::default();
        };
        if chunks.is_empty() {
            return Self::default();
        }
        let inner = exchange.sagemaker.as_ref().and_then(|call| call.inner_content_type.as_deref());
        let stream = exchange.content_type.as_deref();
        let answer = match stream.and_then(|outer| StreamDecoder::of_content_types(outer, inner)) {
            Some(decoder) => Self::read_stream(exchange, &chunks, decoder, telemetry),
            None => Self::read_whole(exchange, &chunks),
        };
        Self { is_cut, ..answer }
    }

    fn read_stream(
        exchange: &Exchange,
        chunks: &[(Timestamp, Bytes)],
        mut decoder: StreamDecoder,
        telemetry: &Telemetry,
    ) -> Self {
        let (mut first, mut last) = (None, None);
        let mut chunks_with_text = 0_u32;
        for (time, bytes) in chunks {
            let delta = match decoder.push(bytes) {
                Ok(delta) => delta,
                // A limit was hit, or a frame is damaged: what came before it counts.
                Err(err) => {
                    if let WireError::TooLong { name, .. } = err {
                        telemetry.limit_hit(name);
                    }
                    break;
                }
            };
            if delta.has_text {
                first.get_or_insert(*time);
                last = Some(*time);
                chunks_with_text = chunks_with_text.saturating_add(delta.chunks_with_text);
            }
        }
        let gaps = chunks_with_text.saturating_sub(1);
        let spread = first.zip(last).map(|(first, last)| last.since(first).as_secs_f64());
        Self {
            response: decoder.finish(),
            readable: true,
            is_cut: false,
            streamed: true,
            ttft_seconds: first.map(|first| first.since(exchange.started).as_secs_f64()),
            // All in one piece has no pace: absent, not zero.
            itl_seconds: spread
                .filter(|spread| gaps > 0 && *spread > 0.0)
                .map(|spread| spread / f64::from(gaps)),
        }
    }

    fn read_whole(exchange: &Exchange, chunks: &[(Timestamp, Bytes)]) -> Self {
        let body = call::join(chunks.iter().map(|(_, bytes)| bytes.clone()).collect());
        if let Ok(response) = CallResponse::parse(&body) {
            return Self { response, readable: true, ..Self::default() };
        }
        let is_text = exchange.content_type.as_deref().is_some_and(|kind| kind.starts_with("text/plain"));
        if !is_text {
            return Self::default();
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        let tokens = u32::try_from(text.len().div_ceil(4)).unwrap_or(u32::MAX);
        let usage = Usage { input: None, output: Some(TokenCount::estimate(tokens)) };
        let response = CallResponse { text, usage, complete: true, ..CallResponse::default() };
        Self { response, readable: true, ..Self::default() }
    }
}

fn labels(exchange: &Exchange, served_model: Option<String>) -> BTreeMap<String, String> {
    let served = served_model.map(|model| ("served_model", model));
    let Some(call) = &exchange.sagemaker else {
        return served.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    };
    let said = [
        ("inference_id", &call.inference_id),
        ("target_variant", &call.target_variant),
        ("target_model", &call.target_model),
    ];
    let said = said.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
    said.chain(served).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A client that leaves after the stream's last event had all of its answer: clients read up to `[DONE]` and close.
fn ending(exchange: &Exchange, answer: &Answer) -> Ended {
    let has_all = answer.streamed && answer.response.complete && !exchange.answer_truncated;
    match exchange.ending {
        Ended::ClientGone if has_all => Ended::Complete,
        ending => ending,
    }
}

fn error_class(exchange: &Exchange, ending: Ended, answer: &Answer) -> Option<ErrorClass> {
    match ending {
        Ended::Unreachable => return Some(ErrorClass::Unreachable),
        Ended::ClientGone => return Some(ErrorClass::ClientGone),
        Ended::UpstreamError => return Some(ErrorClass::MidStream),
        Ended::Complete => {}
    }
    if let Some((status, class)) = exchange.status.and_then(|s| Some((s, ErrorClass::of_status(s)?))) {
        let of_service = exchange.sagemaker.as_ref();
        let of_service = of_service.and_then(|call| call.error_class(status, answer.response.error.as_ref()));
        return Some(of_service.unwrap_or(class));
    }
    if let Some(error) = &answer.response.error {
        let by_code = error.code.and_then(ErrorClass::of_status);
        let unnamed = if answer.streamed { ErrorClass::MidStream } else { ErrorClass::Upstream };
        return Some(by_code.unwrap_or(unnamed));
    }
    if exchange.answer_truncated || answer.is_cut || !answer.readable && exchange.content_encoding.is_some() {
        return None;
    }
    if answer.streamed && !answer.response.complete {
        // A clean end of the bytes without the server's word that it was done.
        return Some(ErrorClass::MidStream);
    }
    (!answer.readable).then_some(ErrorClass::Malformed)
}

fn completeness(exchange: &Exchange, has_request: bool, answer: &Answer) -> Completeness {
    let is_cut = exchange.answer_truncated || answer.is_cut;
    let answer_lost = !answer.readable && (is_cut || exchange.content_encoding.is_some());
    if answer_lost {
        Completeness::RequestOnly
    } else if is_cut || answer.response.truncated {
        Completeness::AnswerTruncated
    } else if !has_request {
        Completeness::ResponseOnly
    } else {
        Completeness::Complete
    }
}

/// The server's count where there is one; for the prompt else a rough one, so that throughput is never silently 0.
fn usage(messages: &[Message<String>], said: Usage, error: Option<ErrorClass>) -> Usage {
    let bytes: usize = messages.iter().map(|message| message.text.len()).sum();
    let counted =
        (bytes > 0 && error.is_none()).then(|| u32::try_from(bytes.div_ceil(4)).unwrap_or(u32::MAX));
    Usage { input: said.input.or_else(|| counted.map(TokenCount::estimate)), output: said.output }
}

/// A client that left did not see a duration.
fn duration(exchange: &Exchange, ending: Ended) -> Option<f64> {
    (ending != Ended::ClientGone).then(|| exchange.ended.since(exchange.started).as_secs_f64())
}

#[cfg(test)]
mod tests;
