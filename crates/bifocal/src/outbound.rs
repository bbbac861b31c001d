//! To the outside: the judge, the pages that are scraped, the channels of alerts, CloudWatch, Grafana.

mod bedrock;
mod client;
mod cloudwatch;
mod delivery;
mod endpoint_judge;
mod exporter;
mod fetch;
mod gatherer;
mod grafana;
mod judge;
mod logs;
mod mail;
mod sender;

pub use bedrock::BedrockJudge;
pub use client::client;
pub use cloudwatch::MetricWriter;
pub use delivery::Courier;
pub use endpoint_judge::EndpointJudge;
pub use exporter::{Collector, Exporter};
pub use fetch::HttpFetch;
pub use grafana::{Found, GrafanaServer};
pub use judge::HttpJudge;
pub use logs::{LogWriter, stream as log_stream};
pub use sender::{Pictures, Sender};
