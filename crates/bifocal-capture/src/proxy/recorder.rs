//! Behind the proxy: one worker that makes inferences of finished calls.
//!
//! The worker pauses between batches: while it pauses it is not waiting on the queue, so a finished call costs its
//! connection no wake-up of another thread, and a batch becomes durable with one write. While the [`Sink`] has no room
//! it pauses too: what cannot be kept is left out at the head of a call ([`admission`](crate::proxy::admission)), before
//! any work went into it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bifocal_model::{Inference, LedgerOutcome, Loss, Source};
use bifocal_redact::{Redacted, redact_inference};
use bifocal_store::{Arrival, Door};
use bifocal_telemetry::Clock;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::proxy::admission::LeftOut;
use crate::proxy::call;
use crate::proxy::decode::{Decoder, Exchange};
use crate::proxy::tap::{Held, Losses};

const BATCH: usize = 256;
/// At 40,000 requests a second a quarter of the queue fills in this time.
const PAUSE: Duration = Duration::from_millis(25);

/// Where recorded inferences go. Called from the recorder's own thread: it may take its time, and what does not
/// fit in the meantime is left out and counted.
pub trait Sink: Send + Sync {
    /// Where calls arrive: each that is to be recorded, as soon as its head was read.
    fn door(&self) -> Door;

    /// Whether there is room for more. While there is none the recorder waits, unless the proxy has ended.
    fn has_room(&self) -> bool {
        true
    }

    /// Calls that are recorded, and how many were forwarded and left out, with the arrival of all of them.
    fn take(&self, inferences: Vec<Inference<Redacted>>, losses: Vec<Loss>, arrival: Arrival);
}

/// The worker's end of the queue.
pub struct Recorder {
    queue: mpsc::Receiver<Message>,
    losses: Arc<Losses>,
    decoder: Decoder,
    sink: Arc<dyn Sink>,
    clock: Arc<dyn Clock>,
}

/// What waits for the recorder.
#[derive(Debug)]
pub(crate) enum Message {
    Captured(Captured),
    /// Something was left out: wakes a worker that would otherwise not report it.
    Lost,
}

/// A finished call.
#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) exchange: Box<Exchange>,
    pub(crate) request_parts: Vec<Bytes>,
    pub(crate) held: Held,
    pub(crate) arrival: Arrival,
}

impl Recorder {
    pub(crate) fn new(
        queue: mpsc::Receiver<Message>,
        losses: Arc<Losses>,
        decoder: Decoder,
        sink: Arc<dyn Sink>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { queue, losses, decoder, sink, clock }
    }

    /// Works until the proxy has ended and the queue is empty. Blocks: run it on a thread of its own.
    pub fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let taken = self.queue.blocking_recv_many(&mut batch, BATCH);
            self.pass_on(batch.drain(..));
            if taken == 0 {
                return;
            }
            if taken < BATCH && self.proxy_runs() {
                std::thread::sleep(PAUSE);
            }
            while !self.sink.has_room() && self.proxy_runs() {
                std::thread::sleep(PAUSE);
            }
        }
    }

    fn proxy_runs(&self) -> bool {
        self.queue.sender_strong_count() > 0
    }

    fn pass_on(&self, messages: impl Iterator<Item = Message>) {
        let (mut inferences, mut losses) = (Vec::with_capacity(BATCH), Vec::new());
        let mut arrivals = Vec::with_capacity(BATCH);
        for message in messages {
            if let Message::Captured(captured) = message {
                let (inference, arrival) = self.recorded(captured);
                inferences.push(inference);
                arrivals.push(arrival);
            }
        }
        for (left_out, arrival) in self.losses.take() {
            losses.push(self.loss(left_out, arrival.count()));
            arrivals.push(arrival);
        }
        // All are of one door, so nothing comes back from a join.
        let together = arrivals.into_iter().reduce(|mut all, arrival| {
            drop(all.join(arrival));
            all
        });
        if let Some(arrival) = together {
            self.sink.take(inferences, losses, arrival);
        }
    }

    fn recorded(&self, captured: Captured) -> (Inference<Redacted>, Arrival) {
        let Captured { mut exchange, request_parts, held: _held, arrival } = captured;
        exchange.request_body = call::join(request_parts);
        (redact_inference(self.decoder.decode(&exchange)), arrival)
    }

    fn loss(&self, left_out: LeftOut, count: u64) -> Loss {
        Loss {
            source: Source::Proxy,
            target: None,
            time: self.clock.now(),
            outcome: LedgerOutcome::Dropped,
            reason: left_out.name().to_owned(),
            count,
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("decoder", &self.decoder).finish_non_exhaustive()
    }
}
