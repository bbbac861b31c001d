//! The connection to one region of one account.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use bifocal_model::{Span, Timestamp};
use bifocal_telemetry::{Clock, Telemetry};

use crate::connector::Connector;
use crate::credentials::{Credentials, Origin, Role, Source};
use crate::endpoint::Endpoints;
use crate::error::Error;
use crate::retry::Jitter;

/// What the user says about AWS; everything may be left to the environment and the shared files.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The region; else `AWS_REGION`, the profile, the instance.
    pub region: Option<String>,
    /// The profile of the shared files; else `AWS_PROFILE`, `default`.
    pub profile: Option<String>,
    /// One address in place of all of AWS's; else `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`.
    pub endpoint: Option<String>,
}

/// Calls AWS in one region with one identity. Cheap to clone; clones share credentials and the clock's correction.
#[derive(Clone)]
pub struct Aws {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) region: String,
    pub(crate) http: reqwest::Client,
    pub(crate) endpoints: Endpoints,
    pub(crate) source: Arc<Source>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: Telemetry,
    pub(crate) jitter: Arc<Jitter>,
    /// Nanoseconds to add to our clock to tell AWS's time.
    skew_nanos: Arc<AtomicI64>,
}

impl Aws {
    /// With what the environment, the shared files and the machine say. No call of a service is made yet.
    pub async fn connect(
        options: &Options,
        clock: Arc<dyn Clock>,
        telemetry: Telemetry,
    ) -> Result<Self, Error> {
        let endpoints = match &options.endpoint {
            Some(address) => Endpoints::at(address)?,
            None => Endpoints::from_variables(|name| std::env::var(name).ok())?,
        };
        let http = http_client()?;
        let mut loader =
            aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(Connector::new(http.clone()));
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
        }
        let loaded = loader.load().await;
        let region = loaded.region().ok_or(Error::NoRegion)?.to_string();
        let chain = loaded
            .credentials_provider()
            .ok_or_else(|| Error::NoCredentials { source: "the chain is empty".into() })?;
        Ok(Self::of(region, Origin::Chain(chain), endpoints, http, clock, telemetry))
    }

    /// With keys that are given.
    pub fn with_credentials(
        region: &str,
        credentials: Credentials,
        endpoints: Endpoints,
        clock: Arc<dyn Clock>,
        telemetry: Telemetry,
    ) -> Result<Self, Error> {
        let origin = Origin::Given(credentials);
        Ok(Self::of(region.to_owned(), origin, endpoints, http_client()?, clock, telemetry))
    }

    fn of(
        region: String,
        origin: Origin,
        endpoints: Endpoints,
        http: reqwest::Client,
        clock: Arc<dyn Clock>,
        telemetry: Telemetry,
    ) -> Self {
        let seed = u64::try_from(clock.now().as_nanos()).unwrap_or_default();
        let inner = Inner {
            region,
            http,
            endpoints,
            source: Arc::new(Source::new(origin)),
            clock,
            telemetry,
            jitter: Arc::new(Jitter::new(seed)),
            skew_nanos: Arc::new(AtomicI64::new(0)),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The same identity in another region.
    pub fn in_region(&self, region: &str) -> Self {
        self.changed(region, Arc::clone(&self.inner.source))
    }

    /// With a role that is assumed with this identity when the first call needs it.
    pub fn assuming(&self, role: Role) -> Self {
        let origin = Origin::Role { base: Box::new(self.clone()), role };
        self.changed(&self.inner.region, Arc::new(Source::new(origin)))
    }

    fn changed(&self, region: &str, source: Arc<Source>) -> Self {
        let inner = &self.inner;
        let inner = Inner {
            region: region.to_owned(),
            http: inner.http.clone(),
            endpoints: inner.endpoints.clone(),
            source,
            clock: Arc::clone(&inner.clock),
            telemetry: inner.telemetry.clone(),
            jitter: Arc::clone(&inner.jitter),
            skew_nanos: Arc::clone(&inner.skew_nanos),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The region that is called.
    pub fn region(&self) -> &str {
        &self.inner.region
    }

    /// The addresses that are called.
    pub fn endpoints(&self) -> &Endpoints {
        &self.inner.endpoints
    }

    /// The time at AWS, as far as it is known.
    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now() + Span::from_nanos(self.inner.skew_nanos.load(Ordering::Relaxed))
    }

    /// Remembers AWS's time. Returns how far ours is off.
    pub(crate) fn correct_clock(&self, aws: Timestamp) -> Span {
        let off = aws.as_nanos().saturating_sub(self.inner.clock.now().as_nanos());
        self.inner.skew_nanos.store(off, Ordering::Relaxed);
        Span::from_nanos(off)
    }
}

/// A client that follows no redirect and asks no proxy of the environment: credentials go to AWS alone.
fn http_client() -> Result<reqwest::Client, Error> {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(60))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .build()
        .map_err(|err| Error::Endpoint { name: "TLS".into(), reason: err.to_string() })
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws")
            .field("region", &self.inner.region)
            .field("source", &self.inner.source)
            .finish_non_exhaustive()
    }
}
