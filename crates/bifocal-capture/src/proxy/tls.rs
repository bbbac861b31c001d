//! TLS to an upstream: the system's certificates, and those of a file that the user names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;

use crate::error::Error;

/// How to begin TLS with one upstream.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) connector: TlsConnector,
    pub(crate) name: ServerName<'static>,
}

impl Tls {
    /// For the upstream of this host. `authorities` is a PEM file: what it holds is trusted in place of the system's
    /// certificates.
    pub(crate) fn new(host: &str, authorities: Option<&Path>) -> Result<Self, Error> {
        let failed = |what: String| Error::UpstreamTls { what };
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| failed(format!("`{host}` is no host name")))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|err| failed(err.to_string()))?;
        let builder = match authorities {
            Some(path) => builder.with_root_certificates(roots(path)?),
            None => {
                let verifier = Verifier::new(provider).map_err(|err| failed(err.to_string()))?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
        };
        let mut config = builder.with_no_client_auth();
        // The proxy speaks HTTP/1.1 and says so, else a server might choose HTTP/2.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }
}

fn roots(path: &Path) -> Result<RootCertStore, Error> {
    let failed = |what: &str| Error::UpstreamTls { what: format!("`{}` {what}", path.display()) };
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(PathBuf::from(path)).map_err(|_| failed("cannot be read"))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|_| failed("is no PEM file"))?;
        roots
            .add(certificate)
            .map_err(|_| failed("holds something that is no certificate of an authority"))?;
    }
    if roots.is_empty() { Err(failed("holds no certificate")) } else { Ok(roots) }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}
