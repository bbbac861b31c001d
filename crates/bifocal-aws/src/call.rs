//! One call: sign, send, try again what is worth it, read to a cap.

use std::time::Duration;

use bifocal_model::{Span, Timestamp};
use bifocal_telemetry::{Metric, sleep};
use bytes::Bytes;
use reqwest::Response;

use crate::connect::Aws;
use crate::error::Error;
use crate::fault::{Fault, Meaning};
use crate::limits::{ATTEMPTS, FAULT_BYTES};
use crate::operation::{Operation, Repeat};
use crate::retry::Why;
use crate::sign;

/// A whole call that is not a stream takes no longer.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// AWS refuses a signature that is five minutes off; a smaller difference is not why it refused.
const SKEW: Duration = Duration::from_secs(240);

/// How the answer's body is taken.
#[derive(Clone, Copy)]
enum Body {
    ToCap(usize),
    Left,
}

enum Answer {
    Read(Vec<u8>),
    Open(Box<Response>),
}

/// What failed, and whether another attempt is worth it.
struct Failure {
    error: Error,
    again: Again,
}

#[derive(Clone, Copy)]
enum Again {
    No,
    After(Why),
    /// With AWS's time.
    WithTime,
    /// With new credentials.
    WithCredentials,
}

impl Aws {
    /// The body of a successful answer, no longer than `cap`.
    pub(crate) async fn call(
        &self,
        operation: &Operation,
        request: &http::Request<Bytes>,
        cap: usize,
    ) -> Result<Vec<u8>, Error> {
        match self.repeat(operation, request, Body::ToCap(cap)).await? {
            Answer::Read(body) => Ok(body),
            Answer::Open(_) => Err(Error::Malformed { action: operation.action, what: "no body".into() }),
        }
    }

    /// A successful answer whose body is still to be read.
    pub(crate) async fn open(
        &self,
        operation: &Operation,
        request: &http::Request<Bytes>,
    ) -> Result<Response, Error> {
        match self.repeat(operation, request, Body::Left).await? {
            Answer::Open(response) => Ok(*response),
            Answer::Read(_) => Err(Error::Malformed { action: operation.action, what: "no stream".into() }),
        }
    }

    async fn repeat(
        &self,
        operation: &Operation,
        request: &http::Request<Bytes>,
        body: Body,
    ) -> Result<Answer, Error> {
        let (mut corrected, mut renewed) = (false, false);
        let mut failed = 0;
        loop {
            let failure = match self.attempt(operation, request, body).await {
                Ok(answer) => {
                    self.count(operation, "ok");
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            self.count(operation, failure.error.kind().label());
            failed += 1;
            if failed >= ATTEMPTS {
                self.inner.telemetry.limit_hit("aws_attempts");
                return Err(failure.error);
            }
            match failure.again {
                Again::After(why) => sleep(&*self.inner.clock, self.inner.jitter.wait(why, failed)).await,
                Again::WithTime if !corrected => corrected = true,
                Again::WithCredentials if !renewed && self.inner.source.forget().await => renewed = true,
                Again::No | Again::WithTime | Again::WithCredentials => return Err(failure.error),
            }
        }
    }

    async fn attempt(
        &self,
        operation: &Operation,
        request: &http::Request<Bytes>,
        body: Body,
    ) -> Result<Answer, Failure> {
        let action = operation.action;
        let last = |error| Failure { error, again: Again::No };
        let now = self.now();
        let credentials = self.inner.source.credentials(now).await.map_err(last)?;
        let mut request = request.clone();
        sign::apply(operation.service, self.region(), &credentials, now, &mut request).map_err(last)?;
        let mut request = reqwest::Request::try_from(request)
            .map_err(|err| last(Error::Misuse { action, what: err.without_url().to_string() }))?;
        if let Body::ToCap(_) = body {
            *request.timeout_mut() = Some(CALL_TIMEOUT);
        }
        let response = self.inner.http.execute(request).await.map_err(|err| unreachable(operation, err))?;
        if !response.status().is_success() {
            return Err(self.refused(operation, response).await);
        }
        match body {
            Body::Left => Ok(Answer::Open(Box::new(response))),
            Body::ToCap(cap) => match read_to(response, cap).await {
                Ok(Some(bytes)) => Ok(Answer::Read(bytes)),
                Ok(None) => {
                    self.inner.telemetry.limit_hit(if cap == crate::limits::JSON_BYTES {
                        "aws_json_bytes"
                    } else {
                        "aws_xml_bytes"
                    });
                    Err(last(Error::TooLarge { action, limit: cap }))
                }
                Err(err) => Err(unreachable(operation, err)),
            },
        }
    }

    async fn refused(&self, operation: &Operation, response: Response) -> Failure {
        let action = operation.action;
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let (error_type, query_error) = (header("x-amzn-errortype"), header("x-amzn-query-error"));
        let date = header("date").and_then(|date| http_date(&date));
        let body = match read_to(response, FAULT_BYTES).await {
            Ok(Some(body)) => body,
            Ok(None) => {
                self.inner.telemetry.limit_hit("aws_fault_bytes");
                Vec::new()
            }
            Err(_) => Vec::new(),
        };
        let fault = Fault::read(status, error_type.as_deref(), query_error.as_deref(), &body);
        let meaning = fault.meaning();
        if matches!(meaning, Meaning::Skewed | Meaning::RefusedCredentials)
            && let Some(off) = date.map(|date| distance(date, self.now())).filter(|off| *off > SKEW)
        {
            if let Some(date) = date {
                self.correct_clock(date);
            }
            return Failure { error: Error::ClockSkew { action, off }, again: Again::WithTime };
        }
        let again = match meaning {
            Meaning::Throttled => Again::After(Why::Throttled),
            // 503 is said before anything is done.
            Meaning::Service if operation.repeat == Repeat::Harmless || status == 503 => {
                Again::After(Why::Failed)
            }
            Meaning::Service => return Failure { error: Error::Ambiguous { action }, again: Again::No },
            Meaning::Expired => Again::WithCredentials,
            Meaning::AccessDenied
            | Meaning::RefusedCredentials
            | Meaning::Skewed
            | Meaning::NotFound
            | Meaning::Refused => Again::No,
        };
        Failure { error: fault.into_error(action), again }
    }

    fn count(&self, operation: &Operation, outcome: &str) {
        let labels = [operation.service.label(), operation.name, outcome];
        self.inner.telemetry.count(Metric::AwsCalls, &labels, 1);
    }
}

fn unreachable(operation: &Operation, err: reqwest::Error) -> Failure {
    let action = operation.action;
    // A connection that never came about carried nothing.
    if operation.repeat == Repeat::OnlyIfRefused && !err.is_connect() {
        return Failure { error: Error::Ambiguous { action }, again: Again::No };
    }
    let source = Box::new(err.without_url());
    Failure { error: Error::Unreachable { action, source }, again: Again::After(Why::Failed) }
}

/// The body, or `None` when it is longer than the cap.
async fn read_to(mut response: Response, cap: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > cap {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn distance(a: Timestamp, b: Timestamp) -> Duration {
    let longer = |span: Span, other: Span| if span > other { span } else { other };
    longer(a.since(b), b.since(a)).to_duration()
}

/// `Tue, 24 Nov 2026 12:00:00 GMT`.
fn http_date(text: &str) -> Option<Timestamp> {
    let date =
        aws_smithy_types::DateTime::from_str(text, aws_smithy_types::date_time::Format::HttpDate).ok()?;
    Some(Timestamp::from_secs(date.secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http_are_read() {
        let time = http_date("Tue, 24 Nov 2026 12:00:00 GMT").unwrap();
        assert_eq!(time.to_string(), "2026-11-24T12:00:00Z");
        assert_eq!(http_date("yesterday"), None);
    }
}
