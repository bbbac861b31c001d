//! Quality written back to CloudWatch, beside the metrics that SageMaker writes itself.
//!
//! [`WriteBack`] follows what passes and says once a minute what to put: the estimates of the dimensions that were judged
//! since the last time, and how long evaluation took. Nothing is written for a dimension that nobody judged: absent is not
//! zero. It makes values only; the binary sends them, and counts a put whose fate is not known instead of sending it
//! again, for CloudWatch would add it up twice.
//!
//! [`LogBook`] does the same for the judged answers themselves, as events of a log, and [`embedded`] for metrics that are to
//! leave as such.
//!
//! [`Template`] is the other direction: alarms and a dashboard over these metrics and SageMaker's, as CloudFormation, from
//! the alert rules of the configuration.

mod apply;
mod asked;
mod book;
mod config;
mod detailed;
mod log;
mod put;
mod template;
mod volume;

pub use apply::{
    Alarm, AlarmKind, AlarmStep, OWNER, PREFIX, Parameters, Wanted, alarm_steps, is_our_dashboard,
    same_dashboard,
};
pub(crate) use asked::{Asked, Bad, asked};
pub use book::WriteBack;
pub(crate) use book::{DIMENSIONS, LATENCY, STATE, metric, pass_rate};
pub use config::{Namespace, NamespaceError, WriteBackConfig};
pub use log::{Entry as LogEntry, Judged, LogBook, embedded};
pub use put::{Datum, Put, Unit, Value};
pub use template::{AlarmOptions, Template, TemplateError};
