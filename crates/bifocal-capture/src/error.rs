//! What can go wrong before a source runs. What goes wrong with a single call is recorded, not returned.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// An error of a source. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The upstream's address cannot be used.
    #[error("use `{url}` as upstream: {problem}")]
    Upstream {
        /// What was configured, without credentials.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// TLS to the upstream cannot be set up.
    #[error("set up TLS to the upstream: {what}")]
    UpstreamTls {
        /// What is wrong.
        what: String,
    },
    /// Signing is asked for, and not for which endpoints.
    #[error("sign calls with the proxy's own credentials: name the endpoints (`sign_for`), each in full")]
    SigningWithoutEndpoints,
    /// Signing is asked for, and clients would not have to show who they are.
    #[error(
        "sign calls with the proxy's own credentials: name the token that clients show (`client_token_env`)"
    )]
    SigningWithoutToken,
    /// The header that names the tenant is no header name.
    #[error("use `{name}` as tenant header: not a header name")]
    TenantHeader {
        /// What was configured.
        name: String,
    },
    /// The proxy cannot listen.
    #[error("listen on {address} for the proxy")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        err: io::Error,
    },
    /// A path to backfill from cannot be read.
    #[error("read `{path}`", path = .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        err: io::Error,
    },
    /// The capture files in S3 cannot be listed or read.
    #[error("read the capture files in `{place}`")]
    Bucket {
        /// Where.
        place: String,
        /// Why not.
        #[source]
        err: Box<bifocal_aws::Error>,
    },
    /// The queue with notifications of capture files cannot be used.
    #[error("take notifications of capture files from `{queue}`")]
    Queue {
        /// Its ARN.
        queue: String,
        /// Why not.
        #[source]
        err: Box<bifocal_aws::Error>,
    },
    /// A path to backfill from holds no `.jsonl` file.
    #[error("find `.jsonl` files in `{path}`", path = .path.display())]
    NothingToRead {
        /// Which.
        path: PathBuf,
    },
    /// The journal closed while a backfill ran; what it acknowledged before is durable.
    #[error("store a batch of `{path}` from byte {offset} on: the journal is closed", path = .path.display())]
    JournalClosed {
        /// The file.
        path: PathBuf,
        /// Where the batch begins: a later run goes on from here.
        offset: u64,
    },
}

impl Error {
    /// What AWS said, where it was AWS.
    pub fn of_aws(&self) -> Option<&bifocal_aws::Error> {
        match self {
            Self::Bucket { err, .. } | Self::Queue { err, .. } => Some(err),
            _ => None,
        }
    }

    /// The code whose page explains it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Upstream { .. } => "B0201",
            Self::UpstreamTls { .. } => "B0202",
            Self::TenantHeader { .. } => "B0203",
            Self::SigningWithoutEndpoints | Self::SigningWithoutToken => "B0235",
            Self::Listen { .. } => "B0204",
            Self::Read { .. } => "B0210",
            Self::Bucket { .. } | Self::Queue { .. } => "B0213",
            Self::NothingToRead { .. } => "B0211",
            Self::JournalClosed { .. } => "B0212",
        }
    }
}
