//! Scrapes of Prometheus pages: inference servers (llama.cpp, vLLM) and GPU exporters (DCGM).
//!
//! [`map`] is the table of what is known, [`read`] turns a page into readings, [`service`] does so at an interval.

pub mod map;
mod read;
mod service;

pub use read::Scraper;
pub use service::{Fetch, Options, Scrape, Unfetched};
