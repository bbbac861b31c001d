//! The capture of one call, from the request's head to the last frame. When it is dropped the call is over, for
//! whatever reason, and what was captured goes to the recorder without waiting.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bifocal_store::Arrival;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use http::request;

use crate::limits::TENANT_BYTES;
use crate::proxy::decode::{Ended, Exchange};
use crate::proxy::recorder::{Captured, Message};
use crate::proxy::sagemaker::SageMakerCall;
use crate::proxy::tap::{Admitted, Tap};

const COMPONENT_HEADER: HeaderName = HeaderName::from_static("x-amzn-sagemaker-inference-component");

/// The capture of one call.
#[derive(Debug)]
pub(crate) struct Call {
    exchange: Option<Box<Exchange>>,
    arrival: Option<Arrival>,
    request: Arc<RequestCapture>,
    answer_bytes: usize,
    answer_open: bool,
}

/// The request's bytes, written by the request's tee and read at the end of the call.
#[derive(Debug)]
pub(crate) struct RequestCapture {
    kept: Mutex<Kept>,
    tap: Arc<Tap>,
}

#[derive(Debug, Default)]
struct Kept {
    parts: Vec<Bytes>,
    bytes: usize,
    /// Whether the whole body passed.
    ended: bool,
    truncated: bool,
    starved: bool,
}

impl Call {
    /// The capture of a call with this head; `None` when it is left out.
    pub(crate) fn begin(tap: &Arc<Tap>, head: &request::Parts) -> Option<Self> {
        let Admitted { id, time: started, probability, arrival } = tap.admit()?;
        let mut tenant = tap.tenant_header.as_ref().and_then(|name| text(&head.headers, name));
        if tenant.as_ref().is_some_and(|tenant| tenant.len() > TENANT_BYTES) {
            tap.telemetry.limit_hit("tenant_bytes");
            tenant = None;
        }
        let exchange = Exchange {
            id,
            capture_probability: probability,
            path: head.uri.path().to_owned(),
            tenant,
            component: text(&head.headers, &COMPONENT_HEADER),
            sagemaker: SageMakerCall::of_request(head.uri.path(), &head.headers),
            request_body: Bytes::new(),
            request_truncated: false,
            status: None,
            content_type: None,
            content_encoding: None,
            chunks: Vec::new(),
            answer_truncated: false,
            started,
            ended: started,
            ending: Ended::ClientGone,
        };
        Some(Self {
            exchange: Some(Box::new(exchange)),
            arrival: Some(arrival),
            request: Arc::new(RequestCapture { kept: Mutex::default(), tap: Arc::clone(tap) }),
            answer_bytes: 0,
            answer_open: true,
        })
    }

    pub(crate) fn request(&self) -> Arc<RequestCapture> {
        Arc::clone(&self.request)
    }

    /// The response's head is here.
    pub(crate) fn head(&mut self, status: u16, headers: &HeaderMap) {
        if let Some(exchange) = &mut self.exchange {
            exchange.status = Some(status);
            exchange.content_type = text(headers, &CONTENT_TYPE);
            exchange.content_encoding = text(headers, &CONTENT_ENCODING);
            if let Some(sagemaker) = &mut exchange.sagemaker {
                sagemaker.answered(headers);
            }
        }
    }

    /// A frame of the answer passes to the client now.
    pub(crate) fn answer(&mut self, data: &Bytes) {
        let Some(exchange) = &mut self.exchange else { return };
        if !self.answer_open || data.is_empty() {
            return;
        }
        let tap = &self.request.tap;
        if self.answer_bytes + data.len() > tap.answer_capture_bytes {
            self.answer_open = false;
            exchange.answer_truncated = true;
            tap.telemetry.limit_hit("answer_capture_bytes");
        } else if tap.budget.take(data.len()) {
            self.answer_bytes += data.len();
            exchange.chunks.push((tap.clock.now(), data.clone()));
        } else {
            self.starve();
        }
    }

    /// No room in the buffer: a call is recorded whole (or cut at its own limit) or not at all.
    fn starve(&mut self) {
        self.exchange = None;
        self.answer_open = false;
        self.request.tap.budget.give(std::mem::take(&mut self.answer_bytes));
        if let Some(arrival) = self.arrival.take() {
            self.request.tap.starved(arrival);
        }
    }

    /// How it ended; the first word counts. Without one the client went away.
    pub(crate) fn end(mut self, ending: Ended) {
        if let Some(exchange) = &mut self.exchange {
            exchange.ending = ending;
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let kept = self.request.close();
        if kept.starved && self.exchange.is_some() {
            self.starve();
        }
        let (Some(mut exchange), Some(arrival)) = (self.exchange.take(), self.arrival.take()) else {
            self.request.tap.budget.give(kept.bytes);
            return;
        };
        let tap = &self.request.tap;
        exchange.ended = tap.clock.now();
        exchange.request_truncated = kept.truncated || !kept.ended;
        let held = tap.budget.hold(kept.bytes + self.answer_bytes);
        tap.offer(Message::Captured(Captured { exchange, request_parts: kept.parts, held, arrival }));
    }
}

impl RequestCapture {
    /// A frame of the request passes to the upstream now. `false` when nothing more will be kept.
    pub(crate) fn frame(&self, data: &Bytes) -> bool {
        let mut kept = self.kept();
        if kept.truncated || kept.starved {
            return false;
        }
        if kept.bytes + data.len() > self.tap.request_capture_bytes {
            kept.truncated = true;
            self.tap.telemetry.limit_hit("request_capture_bytes");
        } else if self.tap.budget.take(data.len()) {
            kept.bytes += data.len();
            kept.parts.push(data.clone());
        } else {
            kept.starved = true;
        }
        true
    }

    /// The request's last frame has passed.
    pub(crate) fn end(&self) {
        self.kept().ended = true;
    }

    /// Takes what was kept; a request that goes on after its answer is kept no longer.
    fn close(&self) -> Kept {
        std::mem::replace(&mut *self.kept(), Kept { truncated: true, ..Kept::default() })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The parts as one; no copy where there is only one.
pub(crate) fn join(mut parts: Vec<Bytes>) -> Bytes {
    if parts.len() <= 1 {
        return parts.pop().unwrap_or_default();
    }
    let mut joined = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
    for part in parts {
        joined.extend_from_slice(&part);
    }
    joined.freeze()
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
