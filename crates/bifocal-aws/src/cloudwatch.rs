//! CloudWatch metrics, in the JSON 1.0 form that boto3 speaks too, and PromQL.

mod alarms;
mod promql;
mod read;
mod write;

pub use alarms::Alarms;
pub use read::{
    Dimension, DimensionFilter, Metric, MetricPage, MetricQuery, MetricStat, ResultStatus, Series, SeriesPage,
};
pub use write::{Datum, SampleSet};
