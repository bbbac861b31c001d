//! The proxy over real sockets on loopback: raw bytes on both sides, so that nothing in between tidies up.

mod boto3;
mod capture;
mod forwarding;
mod harness;
mod recording;
mod sagemaker;
mod streams;
