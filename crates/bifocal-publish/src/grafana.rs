//! Grafana as code: three dashboards over two data sources, alert rules and contact points, as JSON.
//!
//! [`Desired::of`] says what should be in a Grafana, from a few [`Options`] and the alert rules of the configuration.
//! [`files`] lays that out as files; [`steps`] compares it with what is there and says what to create, change and
//! delete. Nothing here speaks to anyone: the binary does.
//!
//! Each panel is described once, with its query for each [`Flavour`]. Queries read our own `/metrics` (names as in
//! `prometheus`) or CloudWatch (SageMaker's metrics, and those of `cloudwatch`).

mod alerts;
mod contact;
mod dashboard;
mod datasource;
mod desired;
mod difference;
mod files;
mod panel;
mod quality;
mod quantity;
mod query;
mod rules;
mod together;
mod variables;
mod yaml;

pub use contact::{Contact, SnsShape};
pub use desired::{Component, DataSource, Desired, Flavour, Kind, Object, Options, is_ours};
pub(crate) use difference::differences;
pub use difference::{Step, steps};
pub use files::files;
pub use rules::prometheus_rules;

/// What the uid of everything that is made begins with.
pub const PREFIX: &str = "bifocal-";
/// The tag of dashboards and the label of alert rules, by which what was made is known again.
pub const MARK: &str = "bifocal";
/// The folder.
pub const FOLDER: &str = "bifocal-llm";

#[cfg(test)]
mod tests;
