//! Scrapes of Prometheus pages: inference servers (vLLM, SGLang, TGI, DJL, llama.cpp), GPU exporters (DCGM) and hosts.
//!
//! [`map`] is the table of what is known, as data. Life of a page: each line is looked up in the map, counters are
//! compared with the last page (`growth`), numbers gather by signal, model and part (`sheet`), and what is whole
//! becomes a reading (`read`). [`service`] does so at an interval.

mod growth;
pub mod map;
mod read;
mod service;
mod sheet;

pub(crate) use growth::FORGOTTEN_AFTER;
pub(crate) use read::Labels;
pub use read::{Oddities, Scraper};
pub use service::{Fetch, Options, Scrape, Unfetched};
