//! Has what comes in, what goes out, or how it is written become something else?
//!
//! Two questions, two kinds of answer. *How far apart* are a reference and a window: [`Distances`] (Kolmogorov-Smirnov,
//! Wasserstein, energy), [`psi()`], [`jensen_shannon`], [`Mmd`] and [`DomainClassifier`] for vectors, each with a p-value that
//! holds for one look. *When* did it change, looked at after every inference: [`DriftDetector`], whose false alarms have
//! a rate. A page of distances is for reading; only the detector may alert.
//!
//! Cost does not grow with traffic: [`Histogram`] keeps counts by the bits of a float and adds up over workers and minutes,
//! a [`Reference`] is such counts once and for all, [`Topics`] are frozen centres.

mod bootstrap;
mod classifier;
mod conformal;
mod distance;
mod histogram;
mod jensen_shannon;
mod kolmogorov;
pub(crate) mod linear;
mod mmd;
mod psi;
mod reference;
mod seeded;
mod topics;

pub use classifier::{DomainClassifier, Separation};
pub use conformal::{ColumnEvidence, Direction, DriftDetector};
pub use distance::{Distances, Scale, distances};
pub use histogram::Histogram;
pub use jensen_shannon::{Divergence, jensen_shannon};
pub use kolmogorov::p_value as ks_p_value;
pub use mmd::{FourierFeatures, MeanEmbedding, Mmd, median_distance, mmd};
pub use psi::{StabilityIndex, psi};
pub use reference::{Column, Learning, Reference};
pub use seeded::Seeded;
pub use topics::{TopicLearner, Topics};

#[cfg(test)]
mod tests;
