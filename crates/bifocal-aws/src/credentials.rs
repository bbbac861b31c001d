//! Who calls: keys that were given, the standard chain, or a role that is assumed with either.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use bifocal_model::Timestamp;
use tokio::sync::Mutex;

use crate::connect::Aws;
use crate::error::Error;

/// Renewed this long before they expire.
const RENEW_BEFORE: Duration = Duration::from_secs(300);

/// An access key with its secret. `Debug` shows neither secret nor token.
#[derive(Clone)]
pub struct Credentials(pub(crate) Keys);

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// `arn:aws:iam::ACCOUNT:role/NAME`.
    pub arn: String,
    /// The secret that the role's owner agreed on, where there is one.
    pub external_id: Option<String>,
}

/// Where credentials come from, with those that are still good.
pub(crate) struct Source {
    origin: Origin,
    kept: Mutex<Option<Credentials>>,
}

pub(crate) enum Origin {
    Given(Credentials),
    /// Environment, shared files, web identity, container, instance.
    Chain(SharedCredentialsProvider),
    Role {
        base: Box<Aws>,
        role: Role,
    },
}

impl Credentials {
    /// Keys; the token belongs to temporary ones.
    pub fn new(access_key_id: &str, secret_access_key: &str, session_token: Option<&str>) -> Self {
        Self::until(access_key_id, secret_access_key, session_token, None)
    }

    pub(crate) fn until(id: &str, secret: &str, token: Option<&str>, expires: Option<Timestamp>) -> Self {
        Self(Keys::new(id, secret, token.map(str::to_owned), expires.map(system_time), "bifocal"))
    }

    /// The public half.
    pub fn access_key_id(&self) -> &str {
        self.0.access_key_id()
    }

    fn is_good_at(&self, now: Timestamp) -> bool {
        self.0.expiry().is_none_or(|expires| expires > system_time(now) + RENEW_BEFORE)
    }
}

impl Source {
    pub(crate) fn new(origin: Origin) -> Self {
        Self { origin, kept: Mutex::new(None) }
    }

    /// Good credentials, fetched when there are none.
    pub(crate) async fn credentials(&self, now: Timestamp) -> Result<Credentials, Error> {
        let mut kept = self.kept.lock().await;
        if let Some(credentials) = kept.as_ref().filter(|credentials| credentials.is_good_at(now)) {
            return Ok(credentials.clone());
        }
        let fresh = self.fetch().await?;
        *kept = Some(fresh.clone());
        Ok(fresh)
    }

    /// Forgets what AWS called expired. Returns whether asking again can give others.
    pub(crate) async fn forget(&self) -> bool {
        *self.kept.lock().await = None;
        !matches!(self.origin, Origin::Given(_))
    }

    async fn fetch(&self) -> Result<Credentials, Error> {
        match &self.origin {
            Origin::Given(credentials) => Ok(credentials.clone()),
            Origin::Chain(chain) => {
                let found = chain.provide_credentials().await;
                found.map(Credentials).map_err(|err| Error::NoCredentials { source: Box::new(err) })
            }
            // Boxed: a call needs credentials and credentials need a call.
            Origin::Role { base, role } => Box::pin(base.assume_role(role)).await,
        }
    }
}

/// AWS's crates count in the system's time.
pub(crate) fn system_time(time: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(time.as_nanos()).unwrap_or(0))
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = match &self.origin {
            Origin::Given(_) => "given",
            Origin::Chain(_) => "chain",
            Origin::Role { role, .. } => role.arn.as_str(),
        };
        f.debug_struct("Source").field("origin", &origin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let text = format!("{:?}", Credentials::new("AKIDEXAMPLE", "SECRET", Some("TOKEN")));
        assert!(
            text.contains("AKIDEXAMPLE") && !text.contains("SECRET") && !text.contains("TOKEN"),
            "{text}"
        );
    }

    #[test]
    fn they_are_renewed_before_they_expire() {
        let credentials = Credentials::until("id", "secret", None, Some(Timestamp::from_secs(1000)));
        assert!(credentials.is_good_at(Timestamp::from_secs(699)));
        assert!(!credentials.is_good_at(Timestamp::from_secs(701)));
    }
}
