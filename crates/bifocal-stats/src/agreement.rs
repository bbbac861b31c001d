//! How well a judge agrees with people, and what people would have said of all that it judged.
//!
//! [`kappa`] (Cohen 1960, weighted 1968) compares two raters on categories; [`krippendorff`] any number of raters with
//! gaps; [`bootstrap`] gives either an interval; [`rogan_gladen`] corrects a share for what the judge gets wrong. The
//! mean of people's marks over everything judged is [`crate::prediction::powered`], with the judge as the prediction.
//!
//! One unit is one answer with everything that was said of it: units are drawn together, so that several people on one
//! answer do not count as several answers.

pub mod bootstrap;
pub mod kappa;
pub mod krippendorff;
pub mod rogan_gladen;

pub use bootstrap::bootstrap;
pub use kappa::{Disagreement, kappa};
pub use krippendorff::{Metric, krippendorff};
pub use rogan_gladen::{Confusion, Corrected, rogan_gladen};
