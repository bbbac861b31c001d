//! Sources of inferences: the proxy in front of an upstream, and files of SageMaker Data Capture; and a source of
//! [`events`].
//!
//! Life of the data: the [`proxy`] forwards a call and tees it into an [`Exchange`](proxy::Exchange); a worker
//! behind a bounded queue decodes it to an `Inference<String>`, redacts it and hands the `Inference<Redacted>`
//! to a [`Sink`](proxy::Sink). [`data_capture`] reads files of a delivery that already happened and hands
//! records to the store's intake, waiting until they are durable before it moves its checkpoint.
//!
//! Invariants: the proxy never waits for capture; what the client gets is what the upstream sent; text leaves
//! this crate only as `Redacted`; a checkpoint is never ahead of the records that it vouches for.

#[cfg(test)]
mod aws_mock;
pub mod data_capture;
mod error;
pub mod events;
mod limits;
pub mod proxy;
mod signs;

pub use error::Error;
pub use limits::LIMITS;
