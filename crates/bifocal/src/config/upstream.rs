//! One upstream with its proxy, as it is run.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use bifocal_model::{Component, TargetKey, TargetNames};
use serde::Serialize;

use super::file::TargetSection;
use super::secret::mask_address;
use crate::user_error::{Code, UserError};

/// One upstream with its proxy.
#[derive(Clone, Debug, Serialize)]
pub struct UpstreamTarget {
    /// The origin.
    pub name: String,
    /// Where the proxy listens.
    pub proxy_listen: SocketAddr,
    /// Where it forwards to.
    pub upstream: String,
    /// Certificates that are trusted in place of the system's.
    pub upstream_ca: Option<PathBuf>,
    /// The `Host` that the upstream gets, where it is not its own.
    pub upstream_host: Option<String>,
    /// How the proxy signs calls of SageMaker's runtime; `None`: clients do.
    pub signing: Option<SigningConfig>,
    /// What is scraped; `None`: nothing.
    pub scrape: Option<String>,
    /// Seconds between two scrapes.
    pub scrape_every_seconds: f64,
    /// Dollars an hour for all of it.
    pub usd_per_hour: Option<f64>,
    /// Dollars an hour of single components.
    pub component_usd_per_hour: BTreeMap<String, f64>,
    /// The endpoint.
    pub endpoint: String,
    /// The variant.
    pub variant: String,
    /// Inference components by requested model.
    pub components: BTreeMap<String, String>,
    /// The header that names the tenant.
    pub tenant_header: Option<String>,
}

/// Signing by the proxy.
#[derive(Clone, Debug, Serialize)]
pub struct SigningConfig {
    /// The endpoints.
    pub sign_for: Vec<String>,
    /// Name of the environment variable with the clients' token.
    pub client_token_env: String,
    /// The region; `None`: that of the environment.
    pub region: Option<String>,
}

impl UpstreamTarget {
    pub(super) fn of(
        index: usize,
        target: TargetSection,
        first_proxy: Option<SocketAddr>,
    ) -> Result<Self, UserError> {
        let upstream = target.upstream.trim_end_matches('/').to_owned();
        let url = url::Url::parse(&upstream).ok().filter(|url| url.host_str().is_some());
        let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https")) else {
            return Err(UserError::new(
                Code::UpstreamAddress,
                format!(
                    "[[target]] upstream `{}` is no http://HOST:PORT or https://HOST address",
                    mask_address(&upstream)
                ),
            )
            .hint("give the address that clients use now, such as http://127.0.0.1:8000"));
        };
        let name = target.name.unwrap_or_else(|| {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}{port}", url.host_str().unwrap_or("upstream"))
        });
        let proxy_listen = match (target.proxy_listen, index) {
            (Some(address), _) => address,
            (None, 0) => first_proxy.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 7701))),
            (None, _) => {
                return Err(UserError::new(
                    Code::ConfigInvalid,
                    format!("[[target]] `{name}`: the second target needs a proxy address of its own"),
                )
                .hint("add proxy_listen = \"127.0.0.1:7702\" to it"));
            }
        };
        let scrape = match target.scrape.as_deref() {
            Some("off") => None,
            Some(address) => Some(address.to_owned()),
            None => Some(format!("{upstream}/metrics")),
        };
        let scrape_every_seconds = target.scrape_every_seconds.unwrap_or(10.0);
        if !(1.0..=3600.0).contains(&scrape_every_seconds) {
            let what =
                format!("[[target]] `{name}`: scrape_every_seconds = {scrape_every_seconds}: from 1 to 3600");
            return Err(UserError::new(Code::ConfigInvalid, what)
                .hint("scrape = \"off\" asks the server for nothing"));
        }
        let signing = signing(&name, target.sign_for, target.client_token_env, target.region)?;
        Ok(Self {
            upstream_ca: target.upstream_ca,
            upstream_host: target.upstream_host,
            signing,
            endpoint: target.endpoint.unwrap_or_else(|| name.clone()),
            name,
            proxy_listen,
            upstream,
            scrape,
            scrape_every_seconds,
            usd_per_hour: target.usd_per_hour,
            component_usd_per_hour: target.component_usd_per_hour,
            variant: target.variant.unwrap_or_default(),
            components: target.components,
            tenant_header: target.tenant_header,
        })
    }

    /// The target of a model as requested.
    pub fn key(&self, model: &str) -> TargetKey {
        let component = match self.components.get(model) {
            Some(component) => Component::InferenceComponent(component.clone()),
            None => Component::Model(model.to_owned()),
        };
        TargetKey::new(TargetNames {
            origin: self.name.clone(),
            endpoint: self.endpoint.clone(),
            variant: self.variant.clone(),
            component,
        })
    }
}

/// Whoever reaches a proxy that signs borrows its role: it needs to know for which endpoints, and whom.
fn signing(
    name: &str,
    sign_for: Vec<String>,
    client_token_env: Option<String>,
    region: Option<String>,
) -> Result<Option<SigningConfig>, UserError> {
    let wrong = |what: &str, hint: &str| {
        let message = format!("[[target]] `{name}`: {what}");
        Err(UserError::new(Code::SigningOpen, message).hint(hint))
    };
    match client_token_env {
        None if sign_for.is_empty() => Ok(None),
        None => {
            wrong("sign_for without client_token_env", "name the variable with the token that clients show")
        }
        Some(_) if sign_for.is_empty() => {
            wrong("client_token_env without sign_for", "list the endpoints that the proxy signs for")
        }
        Some(token) if std::env::var(&token).is_ok_and(|value| !value.trim().is_empty()) => {
            Ok(Some(SigningConfig { sign_for, client_token_env: token, region }))
        }
        Some(token) => wrong(
            &format!("the environment variable `{token}` is not set or empty"),
            "set it to a long random text",
        ),
    }
}
