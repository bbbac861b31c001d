//! The proxy: forwards first, captures beside.
//!
//! Life of a call: [`service`] accepts the connection for a [`worker`], [`forward`] sends the request over a kept connection of
//! [`pool`], the [`tap`] lets the call into the record ([`admission`]) or leaves it out, [`tee`] hands every frame on
//! as it came and keeps a handle of it in a [`call`], which at the call's end becomes an [`Exchange`] in the bounded
//! queue of the [`recorder`]; its worker makes an inference of it ([`decode`]), redacts it and gives it to the
//! [`Sink`].
//!
//! Invariants: nothing on the way of a byte waits for capture (`try_send`, counters for what did not fit); body
//! bytes, status and end-to-end headers are those of the upstream; events of a stream are neither merged nor
//! delayed; a stream that breaks upstream breaks at the client too, never a clean end.

mod admission;
mod call;
mod config;
mod decode;
mod forward;
mod headers;
mod pace;
mod pool;
mod recorder;
mod refusal;
mod sagemaker;
mod service;
mod signing;
mod tap;
mod tee;
mod tls;
mod worker;

#[cfg(test)]
mod tests;

pub use config::{ComponentRoute, ProxyOptions};
pub use decode::{Decoder, Ended, Exchange};
pub use recorder::{Recorder, Sink};
pub use sagemaker::SageMakerCall;
pub use service::Proxy;
pub use signing::Signing;
