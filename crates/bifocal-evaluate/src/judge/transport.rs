//! How a request reaches a judge. The binary fills this with an HTTP client, its keys and its connection pool.

use std::fmt;
use std::pin::Pin;

/// A future that can be boxed behind a trait.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The path behind the base address that judges are asked at.
pub const PATH: &str = "chat/completions";

/// Sends requests to a judge.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Posts a body to `path` behind the base address with these headers; keys are the transport's own.
    fn post<'a>(
        &'a self,
        path: &'a str,
        body: Vec<u8>,
        headers: &'a [(&'a str, &'a str)],
    ) -> BoxFuture<'a, Result<Reply, TransportError>>;
}

/// What came back, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The body, all of it.
    pub body: Vec<u8>,
}

/// Why nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Not in time.
    #[error("the judge did not answer in time")]
    Timeout,
    /// No connection, or it broke.
    #[error("the judge could not be reached")]
    Unreachable,
}
