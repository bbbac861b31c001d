//! What can go wrong at AWS, and what to do next.

use std::time::Duration;

/// Why a call did not give what was asked for. The texts complete "failed to"; they hold no credential, and of a
/// signature that was refused not the message, which repeats what was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No credentials were found in any of the usual places.
    #[error("find AWS credentials")]
    NoCredentials {
        /// What the chain said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No region was named.
    #[error("find the AWS region: none is configured")]
    NoRegion,
    /// An address that stands in for AWS's is none.
    #[error("use the address in `{name}`: {reason}")]
    Endpoint {
        /// The variable or flag.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// AWS still said "slow down" after the last attempt.
    #[error("call {action}: throttled")]
    Throttled {
        /// The action's name in a policy.
        action: &'static str,
    },
    /// The policy does not allow it.
    #[error("call {action}: access denied: {message}")]
    AccessDenied {
        /// The action's name in a policy.
        action: &'static str,
        /// What AWS said, shortened.
        message: String,
    },
    /// The credentials have expired.
    #[error("call {action}: the credentials have expired")]
    ExpiredCredentials {
        /// The action's name in a policy.
        action: &'static str,
    },
    /// AWS does not know the credentials or refuses their signature.
    #[error("call {action}: the credentials were refused ({code})")]
    RefusedCredentials {
        /// The action's name in a policy.
        action: &'static str,
        /// AWS's code.
        code: String,
    },
    /// What was asked for does not exist.
    #[error("call {action}: not found: {message}")]
    NotFound {
        /// The action's name in a policy.
        action: &'static str,
        /// What AWS said, shortened.
        message: String,
    },
    /// AWS refused the request itself.
    #[error("call {action}: refused with {code}: {message}")]
    Refused {
        /// The action's name in a policy.
        action: &'static str,
        /// AWS's code, or the status.
        code: String,
        /// What AWS said, shortened.
        message: String,
    },
    /// A fault of the service that did not go away.
    #[error("call {action}: the service failed with status {status}")]
    Service {
        /// The action's name in a policy.
        action: &'static str,
        /// The HTTP status.
        status: u16,
    },
    /// No connection, or it broke.
    #[error("call {action}: no answer")]
    Unreachable {
        /// The action's name in a policy.
        action: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It may have been carried out or not, and a second one would count twice.
    #[error("call {action}: it is not known whether it was carried out")]
    Ambiguous {
        /// The action's name in a policy.
        action: &'static str,
    },
    /// The answer is not what the API promises.
    #[error("read the answer of {action}: {what}")]
    Malformed {
        /// The action's name in a policy.
        action: &'static str,
        /// What is wrong with it, never its text.
        what: String,
    },
    /// The answer is longer than what is read.
    #[error("read the answer of {action}: longer than {limit} bytes")]
    TooLarge {
        /// The action's name in a policy.
        action: &'static str,
        /// The cap.
        limit: usize,
    },
    /// Something is asked for that the API does not take.
    #[error("call {action}: {what}")]
    Misuse {
        /// The action's name in a policy.
        action: &'static str,
        /// What.
        what: String,
    },
    /// The machine's clock is wrong by this much and the correction did not help.
    #[error("call {action}: this machine's clock is off by {} s", off.as_secs())]
    ClockSkew {
        /// The action's name in a policy.
        action: &'static str,
        /// Difference to the service's clock.
        off: Duration,
    },
}

/// The kinds of errors, as a label of metrics and for decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Configuration: region, credentials, address.
    Configuration,
    /// Too many calls.
    Throttled,
    /// The policy.
    AccessDenied,
    /// Expired or refused credentials, or the clock.
    Credentials,
    /// It does not exist.
    NotFound,
    /// The request was wrong.
    Refused,
    /// The service or the way to it.
    Unavailable,
    /// Not known whether carried out.
    Ambiguous,
    /// The answer.
    Malformed,
}

impl Error {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::NoCredentials { .. } | Self::NoRegion | Self::Endpoint { .. } => Kind::Configuration,
            Self::Throttled { .. } => Kind::Throttled,
            Self::AccessDenied { .. } => Kind::AccessDenied,
            Self::ExpiredCredentials { .. } | Self::RefusedCredentials { .. } | Self::ClockSkew { .. } => {
                Kind::Credentials
            }
            Self::NotFound { .. } => Kind::NotFound,
            Self::Refused { .. } | Self::Misuse { .. } => Kind::Refused,
            Self::Service { .. } | Self::Unreachable { .. } => Kind::Unavailable,
            Self::Ambiguous { .. } => Kind::Ambiguous,
            Self::Malformed { .. } | Self::TooLarge { .. } => Kind::Malformed,
        }
    }

    /// The action that was called, as a policy names it.
    pub fn action(&self) -> Option<&'static str> {
        match self {
            Self::NoCredentials { .. } | Self::NoRegion | Self::Endpoint { .. } => None,
            Self::Throttled { action }
            | Self::AccessDenied { action, .. }
            | Self::ExpiredCredentials { action }
            | Self::RefusedCredentials { action, .. }
            | Self::NotFound { action, .. }
            | Self::Refused { action, .. }
            | Self::Service { action, .. }
            | Self::Unreachable { action, .. }
            | Self::Ambiguous { action }
            | Self::Malformed { action, .. }
            | Self::TooLarge { action, .. }
            | Self::Misuse { action, .. }
            | Self::ClockSkew { action, .. } => Some(action),
        }
    }

    /// What to do next, for the person who runs Bifocal.
    pub fn advice(&self) -> String {
        match self {
            Self::NoCredentials { .. } => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where a role is attached".into()
            }
            Self::NoRegion => "set AWS_REGION or give a region to the target".into(),
            Self::Endpoint { .. } => "give an address such as http://127.0.0.1:5000".into(),
            Self::Throttled { .. } => "poll less often, or ask AWS for a higher quota".into(),
            Self::AccessDenied { action, .. } => format!("allow {action} in the policy of the role that Bifocal uses"),
            Self::ExpiredCredentials { .. } => "renew the credentials (for a profile: sign in again)".into(),
            Self::RefusedCredentials { .. } => {
                "check the access key, the secret key, the session token and the region".into()
            }
            Self::NotFound { .. } => "check the name, the region and the account".into(),
            Self::Refused { .. } | Self::Misuse { .. } => "check the configuration against the message".into(),
            Self::Service { .. } | Self::Unreachable { .. } => {
                "check the network and the endpoint's address; it is tried again at the next poll".into()
            }
            Self::Ambiguous { .. } => "nothing: sending it again could count the same values twice".into(),
            Self::Malformed { .. } | Self::TooLarge { .. } => {
                "check that the address is AWS's and not that of something between".into()
            }
            Self::ClockSkew { .. } => "set this machine's clock (NTP)".into(),
        }
    }
}

impl Kind {
    /// The label in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Throttled => "throttled",
            Self::AccessDenied => "access_denied",
            Self::Credentials => "credentials",
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Ambiguous => "ambiguous",
            Self::Malformed => "malformed",
        }
    }
}
