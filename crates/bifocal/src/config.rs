//! The configuration: one TOML file, every key optional, unknown keys refused with their line and nearest name.

mod file;
mod load;
mod resolved;
mod secret;

pub use file::{ConfigFile, EvaluateRule, ServerSection, TargetSection};
pub use load::{load, parse};
pub use resolved::{Addresses, Resolved, UpstreamTarget};
pub use secret::{mask_address, masked};
