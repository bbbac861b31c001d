//! Options of the proxy, and the address of the upstream in the form that the forwarding needs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use bifocal_wire::Fields;
use http::header::{HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits;
use crate::proxy::tls::Tls;

/// Options of one proxy: one listener in front of one upstream.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyOptions {
    /// Where clients connect; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where calls go: `http://host:port` or `https://host`, with a path prefix if the server has one.
    pub upstream: String,
    /// A PEM file of certificates that are trusted in place of the system's.
    #[serde(default)]
    pub upstream_ca: Option<PathBuf>,
    /// The `Host` that the upstream gets and that clients sign for, where it is not the upstream's own: behind an
    /// address of a private network, for one.
    #[serde(default)]
    pub upstream_host: Option<String>,
    /// The upstream's name in the keys of targets.
    pub origin: String,
    /// The request header that says who asks.
    #[serde(default)]
    pub tenant_header: Option<String>,
    /// Bytes of one request body that are captured.
    #[serde(default = "defaults::request_capture_bytes")]
    pub request_capture_bytes: usize,
    /// Bytes of one answer that are captured.
    #[serde(default = "defaults::answer_capture_bytes")]
    pub answer_capture_bytes: usize,
    /// Bytes of all captured bodies in memory at once.
    #[serde(default = "defaults::capture_buffer_bytes")]
    pub capture_buffer_bytes: usize,
    /// Calls that wait for the recorder.
    #[serde(default = "defaults::capture_queue")]
    pub capture_queue: usize,
    /// Calls that are recorded a second, for long; of more a sample is recorded that stands for all.
    #[serde(default = "defaults::recorded_per_second")]
    pub recorded_per_second: u32,
    /// Threads that forward; by default as many as the machine has cores.
    #[serde(default = "defaults::workers")]
    pub workers: usize,
    /// Client connections at once.
    #[serde(default = "defaults::connections")]
    pub connections: usize,
    /// Seconds in which a client connection must bring a whole request head, or the next one.
    #[serde(default = "defaults::head_seconds")]
    pub head_seconds: f64,
    /// Idle connections to the upstream that are kept.
    #[serde(default = "defaults::idle_upstream_connections")]
    pub idle_upstream_connections: usize,
    /// Which inference component serves a model as requested; a model that is not here is its own target.
    #[serde(default)]
    pub components: BTreeMap<String, ComponentRoute>,
    /// Fields of requests that hold what their answers are to be made from.
    #[serde(skip)]
    pub context_fields: Fields,
}

/// The inference component behind a model's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentRoute {
    /// The endpoint's name; the origin's where it is left out.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The production variant; empty where it is left out.
    #[serde(default)]
    pub variant: String,
    /// The inference component; the model's name stays the key where it is left out.
    #[serde(default)]
    pub inference_component: Option<String>,
}

mod defaults {
    use crate::limits;

    pub(super) fn request_capture_bytes() -> usize {
        limits::REQUEST_CAPTURE_BYTES
    }
    pub(super) fn answer_capture_bytes() -> usize {
        limits::ANSWER_CAPTURE_BYTES
    }
    pub(super) fn capture_buffer_bytes() -> usize {
        limits::CAPTURE_BUFFER_BYTES
    }
    pub(super) fn capture_queue() -> usize {
        limits::CAPTURE_QUEUE
    }
    pub(super) fn recorded_per_second() -> u32 {
        limits::RECORDED_PER_SECOND
    }
    pub(super) fn workers() -> usize {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }
    pub(super) fn connections() -> usize {
        limits::CONNECTIONS
    }
    pub(super) fn head_seconds() -> f64 {
        limits::HEAD_SECONDS as f64
    }
    pub(super) fn idle_upstream_connections() -> usize {
        limits::IDLE_UPSTREAM_CONNECTIONS
    }
}

/// The upstream, parsed once.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) host_header: HeaderValue,
    pub(crate) tls: Option<Tls>,
    is_tls: bool,
    prefix: String,
}

impl ProxyOptions {
    /// Options with every limit at its default.
    pub fn new(listen: SocketAddr, upstream: impl Into<String>, origin: impl Into<String>) -> Self {
        Self {
            listen,
            upstream: upstream.into(),
            upstream_ca: None,
            upstream_host: None,
            origin: origin.into(),
            tenant_header: None,
            request_capture_bytes: limits::REQUEST_CAPTURE_BYTES,
            answer_capture_bytes: limits::ANSWER_CAPTURE_BYTES,
            capture_buffer_bytes: limits::CAPTURE_BUFFER_BYTES,
            capture_queue: limits::CAPTURE_QUEUE,
            recorded_per_second: limits::RECORDED_PER_SECOND,
            workers: defaults::workers(),
            connections: limits::CONNECTIONS,
            head_seconds: limits::HEAD_SECONDS as f64,
            idle_upstream_connections: limits::IDLE_UPSTREAM_CONNECTIONS,
            components: BTreeMap::new(),
            context_fields: Fields::default(),
        }
    }

    /// Whether the options can be used, without opening anything.
    pub fn validate(&self) -> Result<(), Error> {
        self.tenant_header_name()?;
        self.upstream().map(drop)
    }

    pub(crate) fn upstream(&self) -> Result<Upstream, Error> {
        let mut upstream = Upstream::parse(&self.upstream)?;
        if upstream.is_tls {
            upstream.tls = Some(Tls::new(&upstream.host, self.upstream_ca.as_deref())?);
        }
        if let Some(host) = &self.upstream_host {
            let authority =
                host.parse::<Authority>().ok().filter(|authority| !authority.as_str().contains('@'));
            let header = authority.as_ref().and_then(host_header);
            let wrong = "the host that it is to get is no host name";
            upstream.host_header =
                header.ok_or_else(|| Error::Upstream { url: self.upstream.clone(), problem: wrong })?;
        }
        Ok(upstream)
    }

    pub(crate) fn tenant_header_name(&self) -> Result<Option<HeaderName>, Error> {
        let parse = |name: &String| name.parse().map_err(|_| Error::TenantHeader { name: name.clone() });
        self.tenant_header.as_ref().map(parse).transpose()
    }
}

impl Upstream {
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        // Credentials of a mistyped address must not reach an error message.
        let shown = url.rsplit_once('@').map_or(url, |(_, rest)| rest).to_owned();
        let wrong = |problem| Error::Upstream { url: shown.clone(), problem };
        let uri: Uri = url.parse().map_err(|_| wrong("not a URL such as http://127.0.0.1:8000"))?;
        let is_tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(wrong("it must begin with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("credentials belong into the client's headers, not into the address"));
        }
        if uri.query().is_some() {
            return Err(wrong("it has a query"));
        }
        let host_header = host_header(authority).ok_or_else(|| wrong("its host is no header value"))?;
        Ok(Self {
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            host_header,
            tls: None,
            is_tls,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// The address that a signature covers: the host as the upstream gets it, and the path as it stands in the request
    /// line.
    pub(crate) fn signed_uri(&self, target: &Uri) -> Option<Uri> {
        let host = self.host_header.to_str().ok()?;
        let path = target.path_and_query().map_or("/", PathAndQuery::as_str);
        format!("https://{host}{path}").parse().ok()
    }

    /// What stands in the request line: the client's path behind the prefix, untouched where there is none.
    pub(crate) fn request_target(&self, uri: &Uri) -> Uri {
        let asked = uri.path_and_query();
        if self.prefix.is_empty() {
            return asked.cloned().map_or_else(|| Uri::from_static("/"), Uri::from);
        }
        let joined = format!("{}{}", self.prefix, asked.map_or("/", PathAndQuery::as_str));
        // Both halves are valid, so their concatenation is.
        joined.parse().unwrap_or_else(|_| uri.clone())
    }
}

fn host_header(authority: &Authority) -> Option<HeaderValue> {
    HeaderValue::from_str(authority.as_str()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_http_with_a_host() {
        let upstream = Upstream::parse("http://127.0.0.1:8000/base/").unwrap();
        assert_eq!((upstream.host.as_str(), upstream.port), ("127.0.0.1", 8000));
        let target = upstream.request_target(&"/v1/models?limit=2".parse().unwrap());
        assert_eq!(target.to_string(), "/base/v1/models?limit=2");
        assert_eq!(Upstream::parse("http://[::1]").unwrap().host, "::1");
        let tls = Upstream::parse("https://runtime.sagemaker.us-east-1.amazonaws.com").unwrap();
        assert_eq!((tls.port, tls.is_tls), (443, true));
        for (url, code) in [
            ("127.0.0.1:8000", "B0201"),
            ("ftp://x", "B0201"),
            ("http://", "B0201"),
            ("http://x/?key=1", "B0201"),
        ] {
            assert_eq!(Upstream::parse(url).unwrap_err().code(), code, "{url}");
        }
    }

    #[test]
    fn limits_are_the_defaults_in_code_and_in_a_file() {
        let in_code = ProxyOptions::new("127.0.0.1:0".parse().unwrap(), "http://x", "local");
        let file = r#"{"listen": "127.0.0.1:0", "upstream": "http://x", "origin": "local"}"#;
        let in_file: ProxyOptions = serde_json::from_str(file).unwrap();
        for options in [in_code, in_file] {
            let bytes =
                (options.request_capture_bytes, options.answer_capture_bytes, options.capture_buffer_bytes);
            let of_bytes =
                (limits::REQUEST_CAPTURE_BYTES, limits::ANSWER_CAPTURE_BYTES, limits::CAPTURE_BUFFER_BYTES);
            assert_eq!(bytes, of_bytes);
            let counts = (options.capture_queue, options.connections, options.idle_upstream_connections);
            let of_counts = (limits::CAPTURE_QUEUE, limits::CONNECTIONS, limits::IDLE_UPSTREAM_CONNECTIONS);
            assert_eq!(counts, of_counts);
            assert_eq!(options.recorded_per_second, limits::RECORDED_PER_SECOND);
            assert_eq!(options.head_seconds.to_bits(), (limits::HEAD_SECONDS as f64).to_bits());
        }
    }

    #[test]
    fn a_password_in_the_address_stays_out_of_the_message() {
        let error = Upstream::parse("http://me:hunter2@host:80").unwrap_err().to_string();
        assert!(error.contains("credentials") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn absolute_targets_lose_their_authority() {
        let upstream = Upstream::parse("http://127.0.0.1:8000").unwrap();
        let target = upstream.request_target(&"http://elsewhere/v1/models".parse().unwrap());
        assert_eq!(target.to_string(), "/v1/models");
    }
}
