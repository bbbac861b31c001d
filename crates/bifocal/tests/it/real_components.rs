//! The binary between real components: OpenAI's Python client before it, llama.cpp behind it, Prometheus beside it.
//!
//! The scripts of `testbed/` start them. A component that cannot run here is a skip for a person and a failure in CI.
//! The model has 135 million parameters, so nothing is asserted about its words beyond their way through the proxy.

mod bed;
mod bedrock;
mod bifocal;
mod channels;
mod client;
mod cloudformation;
mod exports;
mod grafana;
mod llama;
mod ministack;
mod moto;
mod prometheus;
