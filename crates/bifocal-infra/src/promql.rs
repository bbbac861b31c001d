//! CloudWatch's PromQL as a source: what SageMaker's detailed observability collects on the instances (vLLM, SGLang, DCGM,
//! node exporter), through the same map as scraped pages.
//!
//! Life of the data: the names that there are are listed, those that the [map](crate::scrape::map) knows are asked for, an
//! endpoint at a time ([`query`]), what comes back is written as lines of a page ([`lines`]), and a scraper of the endpoint
//! makes readings of it ([`poll`]).
//!
//! Invariants: each series has the target that its own labels name, and one that names none of several components makes no
//! reading; what the server cut off is told and never passed over.

mod lines;
mod poll;
mod query;

pub use poll::{Endpoints, PromPoll};
