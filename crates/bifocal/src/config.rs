//! The configuration: one TOML file, every key optional, unknown keys refused with their line and nearest name.

mod channels;
mod file;
mod load;
mod probe;
mod resolved;
mod sagemaker;
mod secret;
mod upstream;

pub use bifocal_evaluate::rule::EvaluateRule;
pub use channels::channel_error;
pub use file::{ConfigFile, PriceSection, ProbeSection, ServerSection, TargetSection};
pub use load::{load, parse};
pub use probe::ProbeConfig;
pub use resolved::{Addresses, Resolved, alert_rules, customs, slos};
pub use sagemaker::SageMakerTarget;
pub use secret::{judge_place, mask_address, masked};
pub use upstream::{SigningConfig, UpstreamTarget};
