//! CloudWatch's metrics of SageMaker as readings.
//!
//! Life of the data: ListMetrics says which metrics there are, [`choose`] takes exactly one set of dimensions for each
//! number of each target, [`plan`] says how often the budget lets them be asked, and [`Poll`] asks, in batches, from a
//! watermark on, and again a little before it, since points come late.
//!
//! Invariants: the same requests are counted under several sets of dimensions, and two sets are never added; a point
//! that is not there is no reading; a point becomes a reading once.
//!
//! The period is always a minute. AWS keeps points of a minute for 15 days and makes them of the 10-second points
//! itself, which vanish after three hours: nothing is lost by asking every five minutes, or after an outage of a day.

mod calls;
mod choose;
mod plan;
mod poll;

pub use calls::{Calls, calls};
pub use choose::{Choice, Detail, NAMESPACES, Series, Watched, choose};
pub use plan::{Budget, PERIOD, Plan, batch_size, plan};
pub use poll::Poll;
