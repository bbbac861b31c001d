//! HTTP to the outside: the judge, the pages that are scraped, the webhooks, CloudWatch.

mod client;
mod cloudwatch;
mod delivery;
mod fetch;
mod judge;

pub use client::client;
pub use cloudwatch::MetricWriter;
pub use delivery::Courier;
pub use fetch::HttpFetch;
pub use judge::HttpJudge;
