//! What can go wrong in the simulator itself.

use std::path::PathBuf;

/// Why the simulator could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// No incident of this name.
    #[error("find an incident named `{name}` (known: silent-degradation, overload, outage, cost-waste)")]
    UnknownIncident {
        /// What was asked for.
        name: String,
    },
    /// A file of recorded answers or arrivals could not be read.
    #[error("read recorded data `{path}`")]
    ReadRecorded {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        err: std::io::Error,
    },
    /// A line of recorded data is not what it should be.
    #[error("understand line {line} of recorded data `{path}`")]
    BadRecord {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// The recorded data hold nothing of a model.
    #[error("find answers of the model `{model}` to prompts that `{before}` answered too")]
    NoSuchModel {
        /// Which model is missing.
        model: String,
        /// The one it was to follow.
        before: String,
    },
    /// A scenario of SageMaker is not one.
    #[error("understand the scenario: {what}")]
    BadScenario {
        /// What is wrong, and where.
        what: String,
    },
    /// The address could not be listened on.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        #[source]
        err: std::io::Error,
    },
    /// The simulator is for this machine alone.
    #[error("listen on {address}: the simulator serves loopback addresses only")]
    NotLoopback {
        /// The address.
        address: std::net::SocketAddr,
    },
}
