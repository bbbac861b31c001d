//! Bodies that hand on the frames that they are given. A frame is never split, merged, copied or held back; what
//! capture needs of it is a handle of its bytes and the time of the poll that took it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::proxy::call::{Call, RequestCapture};
use crate::proxy::decode::Ended;
use crate::proxy::pool::Lease;
use crate::proxy::service::{InFlight, Outcome};

/// The body of a request on its way to the upstream.
#[derive(Debug)]
pub(crate) struct RequestTee {
    body: RequestBody,
    capture: Option<Arc<RequestCapture>>,
    broken: BrokenOff,
}

/// Whether the client broke off in its request: then no response says nothing of the upstream.
#[derive(Clone, Debug, Default)]
pub(crate) struct BrokenOff(Arc<AtomicBool>);

impl BrokenOff {
    /// Whether it did.
    pub(crate) fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request's body.
#[derive(Debug)]
enum RequestBody {
    /// As it comes.
    Passing(Incoming),
    /// Read before, to be signed.
    Whole(Option<Bytes>),
}

/// The body of an answer on its way to the client.
#[derive(Debug)]
pub(crate) enum AnswerTee {
    /// The upstream's.
    Upstream(Box<Passing>),
    /// The proxy's own.
    Own(Option<Bytes>),
}

/// An answer that passes. Dropped before its end: the client is gone, and with it the upstream's connection.
#[derive(Debug)]
pub(crate) struct Passing {
    body: Incoming,
    open: Option<Open>,
    /// Whether the newest frame ended with the last event of a stream. Clients close when they have read it, often
    /// before the end of the body is here; such a client has all of its answer.
    said_done: bool,
}

/// The last event of a stream.
const DONE: &[u8] = b"[DONE]";

/// What is settled once, at the end.
#[derive(Debug)]
struct Open {
    call: Option<Call>,
    lease: Lease,
    in_flight: InFlight,
}

impl RequestTee {
    pub(crate) fn new(body: Incoming, capture: Option<Arc<RequestCapture>>, broken: BrokenOff) -> Self {
        let mut tee = Self { body: RequestBody::Passing(body), capture, broken };
        tee.settle_at_end();
        tee
    }

    /// A body that was read before.
    pub(crate) fn whole(body: Bytes, capture: Option<Arc<RequestCapture>>) -> Self {
        let body = RequestBody::Whole(Some(body).filter(|body| !body.is_empty()));
        let mut tee = Self { body, capture, broken: BrokenOff::default() };
        tee.settle_at_end();
        tee
    }

    /// Whether the capture still takes frames.
    pub(crate) fn wants_more(&self) -> bool {
        self.capture.is_some()
    }

    fn settle_at_end(&mut self) {
        if Body::is_end_stream(self)
            && let Some(capture) = self.capture.take()
        {
            capture.end();
        }
    }
}

impl Body for RequestTee {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = match &mut self.body {
            RequestBody::Passing(body) => ready!(Pin::new(body).poll_frame(cx)),
            RequestBody::Whole(body) => body.take().map(|body| Ok(Frame::data(body))),
        };
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref()
                    && let Some(capture) = &self.capture
                    && !capture.frame(data)
                {
                    self.capture = None;
                }
                self.settle_at_end();
            }
            Some(Err(_)) => {
                self.broken.0.store(true, Ordering::Relaxed);
                self.capture = None;
            }
            None => {
                if let Some(capture) = self.capture.take() {
                    capture.end();
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            RequestBody::Passing(body) => body.is_end_stream(),
            RequestBody::Whole(body) => body.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            RequestBody::Passing(body) => body.size_hint(),
            RequestBody::Whole(body) => {
                SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64))
            }
        }
    }
}

impl AnswerTee {
    pub(crate) fn upstream(body: Incoming, call: Option<Call>, lease: Lease, in_flight: InFlight) -> Self {
        let mut passing = Passing { body, open: Some(Open { call, lease, in_flight }), said_done: false };
        // HEAD, 204, 304 and `content-length: 0` are over before they begin; nobody polls them.
        passing.settle_at_end();
        Self::Upstream(Box::new(passing))
    }
}

impl Passing {
    fn settle_at_end(&mut self) {
        if self.open.is_some() && self.body.is_end_stream() {
            self.settle(Ended::Complete);
        }
    }

    fn settle(&mut self, ending: Ended) {
        let Some(Open { call, lease, mut in_flight }) = self.open.take() else { return };
        match ending {
            Ended::Complete => {
                lease.give_back();
                in_flight.outcome(Outcome::Forwarded);
            }
            Ended::UpstreamError | Ended::Unreachable => in_flight.outcome(Outcome::MidStream),
            // The connection is not given back: its answer was not read to the end.
            Ended::ClientGone if self.said_done => in_flight.outcome(Outcome::Forwarded),
            Ended::ClientGone => in_flight.outcome(Outcome::ClientGone),
        }
        if let Some(call) = call {
            call.end(ending);
        }
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // With a known length the last poll may have ended it; what is left open now was left by the client.
        self.settle(Ended::ClientGone);
    }
}

impl Body for AnswerTee {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let passing = match self.get_mut() {
            Self::Own(body) => return Poll::Ready(body.take().map(|data| Ok(Frame::data(data)))),
            Self::Upstream(passing) => passing,
        };
        let frame = ready!(Pin::new(&mut passing.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    passing.said_done = data.trim_ascii_end().ends_with(DONE);
                    if let Some(Open { call: Some(call), .. }) = &mut passing.open {
                        call.answer(data);
                    }
                }
                passing.settle_at_end();
            }
            Some(Err(_)) => passing.settle(Ended::UpstreamError),
            None => passing.settle(Ended::Complete),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(body) => body.is_none(),
            Self::Upstream(passing) => passing.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(body) => SizeHint::with_exact(body.as_ref().map_or(0, |data| data.len() as u64)),
            Self::Upstream(passing) => passing.body.size_hint(),
        }
    }
}
