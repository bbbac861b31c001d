//! Grafana's HTTP API: what is there, and making, changing and deleting one thing.

use std::collections::BTreeSet;
use std::time::Duration;

use bifocal_publish::grafana::{FOLDER, Kind, MARK, Object, PREFIX};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::client::{body_within, client};
use crate::config::mask_address;
use crate::limits::{GRAFANA_BYTES, GRAFANA_DASHBOARDS};
use crate::user_error::{Code, UserError};

const TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of Grafana's own words that are passed on.
const WORDS_MAX: usize = 300;

/// A Grafana.
pub struct GrafanaServer {
    http: reqwest::Client,
    base: Url,
    token: String,
    timeout: Duration,
}

impl std::fmt::Debug for GrafanaServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrafanaServer").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// What is in a Grafana of the kinds that Bifocal makes.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The things, foreign ones among them.
    pub objects: Vec<Object>,
    /// Whether alert rules are evaluated; `None`: it does not say.
    pub alerting: Option<bool>,
    /// Whether alert rules can be written at all.
    pub takes_rules: bool,
    /// Whether the token may see data sources.
    pub shows_data_sources: bool,
}

impl GrafanaServer {
    /// The Grafana at an address, which may have a path. Nothing is asked yet.
    pub fn new(address: &str, token: String) -> Result<Self, UserError> {
        Self::with_timeout(address, token, TIMEOUT)
    }

    /// The same with another time that an answer may take.
    pub fn with_timeout(address: &str, token: String, timeout: Duration) -> Result<Self, UserError> {
        let wrong = |what: &str| {
            UserError::new(Code::GrafanaAddress, format!("grafana: --url `{}` {what}", mask_address(address)))
                .hint("give the address that a browser shows, up to Grafana's own path: https://HOST or https://HOST/grafana")
        };
        let mut base = Url::parse(address).map_err(|_| wrong("is no address"))?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(wrong("is no http://HOST or https://HOST address"));
        }
        if !base.username().is_empty() || base.password().is_some() || base.query().is_some() {
            return Err(wrong("holds a user, a password or a query"));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let http = client(timeout).map_err(|err| wrong(&format!("cannot be used: {err:#}")))?;
        Ok(Self { http, base, token, timeout })
    }

    /// Whether the token passes the network unprotected.
    pub fn is_in_the_clear(&self) -> bool {
        let host = self.base.host_str().unwrap_or_default();
        let is_here = host == "localhost"
            || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        self.base.scheme() == "http" && !is_here
    }

    /// What is there. Dashboards are looked for by their mark, and under the uids that are wanted.
    pub async fn look(&self, wanted: &[Object]) -> Result<Found, UserError> {
        let settings =
            self.get(&["api", "frontend", "settings"], &[]).await?.ok_or_else(|| self.no_grafana())?;
        let mut found = Found {
            alerting: settings["unifiedAlertingEnabled"].as_bool(),
            takes_rules: true,
            shows_data_sources: true,
            objects: Vec::new(),
        };
        let mut add = |kind, body: Value| found.objects.push(Object::new(kind, body));
        if let Some(folder) = self.get(&["api", "folders", FOLDER], &[]).await? {
            add(Kind::Folder, folder);
        }
        for uid in self.dashboards(wanted).await? {
            if let Some(answer) = self.get(&["api", "dashboards", "uid", &uid], &[]).await? {
                add(Kind::Dashboard, answer["dashboard"].clone());
            }
        }
        match self.get(&["api", "datasources"], &[]).await {
            Ok(Some(Value::Array(all))) => all.into_iter().for_each(|body| add(Kind::DataSource, body)),
            Ok(_) => return Err(self.no_grafana()),
            // An Editor may not look. Where no data source is to be made, that does no harm.
            Err(err) if err.code == Code::GrafanaPermission && !has(wanted, Kind::DataSource) => {
                found.shows_data_sources = false;
            }
            Err(err) => return Err(err),
        }
        for (kind, name) in [(Kind::ContactPoint, "contact-points"), (Kind::AlertRule, "alert-rules")] {
            match self.get(&["api", "v1", "provisioning", name], &[]).await? {
                Some(Value::Array(all)) => {
                    found.objects.extend(all.into_iter().map(|body| Object::new(kind, body)));
                }
                Some(_) => return Err(self.no_grafana()),
                None => found.takes_rules = false,
            }
        }
        Ok(found)
    }

    /// The uids of dashboards to look at.
    async fn dashboards(&self, wanted: &[Object]) -> Result<BTreeSet<String>, UserError> {
        let limit = GRAFANA_DASHBOARDS.to_string();
        let query = [("type", "dash-db"), ("tag", MARK), ("limit", limit.as_str())];
        let listed = self.get(&["api", "search"], &query).await?.ok_or_else(|| self.no_grafana())?;
        let listed = listed.as_array().ok_or_else(|| self.no_grafana())?;
        if listed.len() >= GRAFANA_DASHBOARDS {
            return Err(UserError::new(
                Code::GrafanaConflict,
                format!("grafana: {} dashboards or more have the tag `{MARK}`", GRAFANA_DASHBOARDS),
            )
            .hint("take the tag off those that are not Bifocal's"));
        }
        let marked =
            listed.iter().filter_map(|item| item["uid"].as_str()).filter(|uid| uid.starts_with(PREFIX));
        let wanted =
            wanted.iter().filter(|object| object.kind == Kind::Dashboard).map(|object| object.uid.as_str());
        Ok(marked.chain(wanted).map(str::to_owned).collect())
    }

    /// Makes a thing.
    pub async fn create(&self, object: &Object) -> Result<(), UserError> {
        let body = &object.body;
        match object.kind {
            Kind::DataSource => self.send(Method::POST, &["api", "datasources"], body, object).await,
            Kind::Folder => self.send(Method::POST, &["api", "folders"], body, object).await,
            Kind::Dashboard => self.save(object, None).await,
            Kind::ContactPoint => {
                self.send(Method::POST, &["api", "v1", "provisioning", "contact-points"], body, object).await
            }
            Kind::AlertRule => {
                self.send(Method::POST, &["api", "v1", "provisioning", "alert-rules"], body, object).await
            }
        }
    }

    /// Changes a thing that was found into what is wanted.
    pub async fn update(&self, wanted: &Object, found: &Object) -> Result<(), UserError> {
        if wanted.kind == Kind::Dashboard {
            return self.save(wanted, found.body["version"].as_i64()).await;
        }
        let mut body = wanted.body.clone();
        if wanted.kind == Kind::Folder {
            body["version"] = found.body["version"].clone();
        }
        self.send(Method::PUT, &path_of(wanted), &body, wanted).await
    }

    /// Deletes a thing. One that is gone already is no error.
    pub async fn delete(&self, object: &Object) -> Result<(), UserError> {
        let answer = self.call(Method::DELETE, &path_of(object), &[], None).await?;
        match answer.0 {
            StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Ok(()),
            status => Err(self.refused(status, &answer.1, &of(object))),
        }
    }

    /// Saves a dashboard over the version that was looked at, and over no other.
    async fn save(&self, object: &Object, version: Option<i64>) -> Result<(), UserError> {
        let mut dashboard = object.body.clone();
        if let Some(version) = version {
            dashboard["version"] = json!(version);
        }
        let body = json!({
            "dashboard": dashboard, "folderUid": FOLDER, "message": "bifocal grafana apply", "overwrite": false,
        });
        self.send(Method::POST, &["api", "dashboards", "db"], &body, object).await
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        body: &Value,
        object: &Object,
    ) -> Result<(), UserError> {
        let (status, answer) = self.call(method, path, &[], Some(body)).await?;
        if status.is_success() { Ok(()) } else { Err(self.refused(status, &answer, &of(object))) }
    }

    /// The JSON at a path; `None` where there is nothing.
    async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Option<Value>, UserError> {
        let (status, body) = self.call(Method::GET, path, query, None).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                serde_json::from_slice(&body).map(Some).map_err(|_| self.no_grafana())
            }
            status => Err(self.refused(status, &body, &format!("reading /{}", path.join("/")))),
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<(StatusCode, Vec<u8>), UserError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self
            .http
            .request(method, url)
            .bearer_auth(&self.token)
            .header("accept", "application/json")
            // What is made stays editable in Grafana; `diff` shows what people changed.
            .header("x-disable-provenance", "true");
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|err| self.unreachable(&err))?;
        let status = response.status();
        let body = body_within(response, GRAFANA_BYTES).await.map_err(|err| self.unreachable(&err))?;
        let body = body.ok_or_else(|| {
            UserError::new(
                Code::GrafanaRefused,
                format!("grafana: an answer of {} is longer than {GRAFANA_BYTES} bytes", self.base),
            )
            .hint("apply to an organisation of its own")
        })?;
        Ok((status, body))
    }

    fn unreachable(&self, err: &reqwest::Error) -> UserError {
        let what = if err.is_timeout() {
            format!("gave no answer within {} s", self.timeout.as_secs_f64())
        } else if err.is_connect() {
            "cannot be connected to".to_owned()
        } else {
            "broke off".to_owned()
        };
        UserError::new(Code::GrafanaUnreachable, format!("grafana: {} {what}", self.base))
            .hint("nothing is lost: what was done stays, and the same command goes on from there")
    }

    fn no_grafana(&self) -> UserError {
        UserError::new(Code::GrafanaMissing, format!("grafana: {} does not answer like Grafana", self.base))
            .hint("give the address of Grafana itself, with its path if it has one")
    }

    fn refused(&self, status: StatusCode, body: &[u8], doing: &str) -> UserError {
        let (code, hint) = match status.as_u16() {
            300..=399 => {
                (Code::GrafanaAddress, "it sends elsewhere: give the address where it ends, with https")
            }
            401 => (
                Code::GrafanaToken,
                "make a new token of a service account; those of Amazon Managed Grafana end after 30 days",
            ),
            403 => {
                (Code::GrafanaPermission, "give the service account the role Editor; for data sources Admin")
            }
            404 => (
                Code::GrafanaMissing,
                "give the address of Grafana itself; alert rules need Grafana 9 or newer",
            ),
            409 | 412 => (
                Code::GrafanaConflict,
                "somebody changed it meanwhile, or another one in the folder has its title: run again, or rename that one",
            ),
            _ => {
                (Code::GrafanaRefused, "see what Grafana said; `bifocal grafana render` writes what is sent")
            }
        };
        let said = self.words(body);
        UserError::new(code, format!("grafana: {doing}: HTTP {}{said}", status.as_u16())).hint(hint)
    }

    /// What Grafana said, without the token, wherever it should stand.
    fn words(&self, body: &[u8]) -> String {
        let said = serde_json::from_slice::<Value>(body)
            .ok()
            .and_then(|body| body["message"].as_str().map(str::to_owned));
        let Some(said) = said.filter(|said| !said.is_empty()) else { return String::new() };
        let said = if self.token.is_empty() { said } else { said.replace(&self.token, "***") };
        let kept: String = said.chars().filter(|c| !c.is_control()).take(WORDS_MAX).collect();
        format!(": {kept}")
    }
}

fn has(objects: &[Object], kind: Kind) -> bool {
    objects.iter().any(|object| object.kind == kind)
}

fn of(object: &Object) -> String {
    format!("{} `{}`", object.kind.name(), object.title())
}

/// Where a thing is changed and deleted.
fn path_of(object: &Object) -> Vec<&str> {
    let uid = object.uid.as_str();
    match object.kind {
        Kind::DataSource => vec!["api", "datasources", "uid", uid],
        Kind::Folder => vec!["api", "folders", uid],
        Kind::Dashboard => vec!["api", "dashboards", "uid", uid],
        Kind::ContactPoint => vec!["api", "v1", "provisioning", "contact-points", uid],
        Kind::AlertRule => vec!["api", "v1", "provisioning", "alert-rules", uid],
    }
}

#[cfg(test)]
mod tests;
