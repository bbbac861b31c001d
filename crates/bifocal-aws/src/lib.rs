//! Signed requests to AWS and the shapes of the few calls that Bifocal makes.
//!
//! Life of a call: an operation's module makes a request in the service's protocol, [`Aws`] finds the endpoint,
//! signs with the credentials of the standard chain, sends, tries again what is worth it, reads no more than a cap,
//! and the module reads the answer into a shape whose every field may be absent. Each attempt is counted.
//!
//! Invariants: credentials and what a container is given in its environment are kept in no shape, error or log line;
//! a call that may have been carried out is not repeated unless that changes nothing; an answer is read to a cap.

pub mod bedrock;
mod call;
mod cloudwatch;
mod connect;
mod connector;
mod credentials;
mod endpoint;
mod error;
mod events;
mod fault;
mod invoke;
mod limits;
mod logs;
mod operation;
pub mod permission;
mod protocol;
mod retry;
mod s3;
pub mod sagemaker;
mod sign;
mod sns;
mod sqs;
mod sts;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod xml;

pub use cloudwatch::{
    Alarms, Datum, Dimension, DimensionFilter, Metric, MetricPage, MetricQuery, MetricStat, ResultStatus,
    SampleSet, Series, SeriesPage,
};
pub use connect::{Aws, Options};
pub use credentials::{Credentials, Role};
pub use endpoint::Endpoints;
pub use error::{Error, Kind};
pub use events::BusEvent;
pub use limits::{
    LIMITS, LOG_BYTES_PER_CALL, LOG_EVENTS_PER_CALL, MESSAGES_PER_CALL, METRIC_DATUMS_PER_CALL,
    QUERIES_PER_CALL,
};
pub use logs::{Created, FoundEvent, FoundEvents, LogEvent, LogSearch};
pub use operation::Service;
pub use s3::{Object, ObjectBody, ObjectPage};
pub use sns::{Fifo, TopicMessage};
pub use sqs::{Message, Queue, Taking};
pub use sts::Identity;
