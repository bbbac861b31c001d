//! Identities: of an inference, and of the thing a source showed us.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Timestamp;

/// The way the data arrived. Never part of a target's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Our own proxy.
    Proxy,
    /// SageMaker Data Capture files.
    DataCapture,
    /// A scrape of a Prometheus endpoint.
    Scrape,
    /// History that the simulator wrote.
    Simulated,
    /// CloudWatch's metrics.
    #[serde(rename = "cloudwatch")]
    CloudWatch,
    /// SageMaker's control plane.
    #[serde(rename = "sagemaker")]
    SageMaker,
}

impl Source {
    /// All of them, for tables.
    pub const ALL: [Self; 6] =
        [Self::Proxy, Self::DataCapture, Self::Scrape, Self::Simulated, Self::CloudWatch, Self::SageMaker];

    /// The name used in metrics, API and ledger.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::DataCapture => "data_capture",
            Self::Scrape => "scrape",
            Self::Simulated => "simulated",
            Self::CloudWatch => "cloudwatch",
            Self::SageMaker => "sagemaker",
        }
    }
}

/// Our id of an inference: a UUID, version 7 where we made it, derived from the source's own id where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InferenceId(Uuid);

/// What makes an inference *the same one* when it arrives twice: the source and the source's own id
/// (a Data Capture eventId, a file fingerprint with its byte offset, our own uuid).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Where it came from.
    pub source: Source,
    /// The source's id of it, unique within the source.
    pub key: String,
}

impl InferenceId {
    /// A version 7 id for a call that began at `time`; the caller brings ten random bytes.
    pub fn v7(time: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(time.as_nanos() / 1_000_000).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// The half that says nothing of the time: a number of the inference's own, to draw by.
    pub fn random_half(self) -> u64 {
        self.0.as_u64_pair().1
    }

    /// The id that belongs to an identity: the same identity always gives the same id. The time leads, so that
    /// ids sort as the calls did.
    pub fn of_identity(identity: &Identity, time: Timestamp) -> Self {
        let first = fnv1a(identity.source.name().bytes().chain([0]).chain(identity.key.bytes()));
        let second = fnv1a(first.to_le_bytes().into_iter().chain(identity.key.bytes().rev()));
        let mut random = [0; 10];
        random[..8].copy_from_slice(&first.to_be_bytes());
        random[8..].copy_from_slice(&second.to_be_bytes()[..2]);
        Self::v7(time, random)
    }

    /// The 128 bits, for keyed hashing and compact columns.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// From the 16 bytes that [`Self::as_bytes`] gave.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for InferenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for InferenceId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// FNV-1a, 64 bits: a stable hash for names, never for anything an attacker may choose to collide.
pub fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_has_one_id_and_ids_sort_by_time() {
        let one = Identity { source: Source::DataCapture, key: "73c27749".into() };
        let early = InferenceId::of_identity(&one, Timestamp::from_secs(100));
        assert_eq!(early, InferenceId::of_identity(&one, Timestamp::from_secs(100)));
        let late = InferenceId::v7(Timestamp::from_secs(200), [0; 10]);
        assert!(early < late);
        assert_eq!(early.to_string().parse::<InferenceId>().unwrap(), early);
    }
}
