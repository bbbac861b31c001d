//! The numbers behind every claim about quality: sampling, estimates with intervals, detectors with a budget.
//!
//! Life of the data: [`SampleKey`] decides which inferences are judged and with which probability; [`interval`]
//! makes an estimate of the judged scores of a window ([`design::shown`] for strata and cheap predictions);
//! [`Baseline`] learns and freezes what is normal;
//! [`Detector`] bets against "still normal" with every judged score, and alarms when its evidence reaches
//! the [`threshold`](budget::threshold) that the false-alarm budget buys.
//!
//! Invariants: pure f64, no clock, no randomness of its own, no I/O. Every state can be serialised and goes on
//! bit for bit after it was read back. No function panics, and no number that leaves this crate is a NaN.
//!
//! Every item names its theorem, what it assumes and what breaks it. WSR is Waudby-Smith and Ramdas,
//! "Estimating means of bounded random variables by betting" (arXiv 2010.09686); SRR is Shin, Ramdas and
//! Rinaldo, "E-detectors" (arXiv 2203.03532).

pub mod agreement;
pub mod asymptotic;
pub mod attribution;
pub mod baseline;
pub mod betting;
pub mod binomial;
pub mod bridge;
pub mod budget;
pub mod burn;
pub mod clip;
pub mod comparison;
pub mod conditions;
pub mod design;
pub mod distribution;
pub mod drift;
pub mod edetector;
pub mod empirical_bernstein;
mod error;
pub mod estimate;
pub mod explained;
pub mod fieller;
mod limits;
mod mean_bound;
pub mod mix;
pub mod moments;
pub mod monitor;
pub mod order_statistics;
pub mod pairs;
pub mod pairwise;
pub mod planner;
pub mod poisson;
pub mod powered;
pub mod prediction;
pub mod quantile;
pub mod rates;
pub mod ratio;
pub mod repeatability;
pub mod reservoir;
pub mod sampling;
pub mod sums;
#[cfg(test)]
mod test_random;
pub mod two_sample;
mod unweighted;

pub use asymptotic::AsymptoticSequence;
pub use baseline::Baseline;
pub use betting::BettingSequence;
pub use comparison::Comparison;
pub use edetector::{Detector, OnsetSet, Step, TwoSided};
pub use empirical_bernstein::BernsteinSequence;
pub use error::Error;
pub use estimate::{Interval, Weighted, interval};
pub use explained::Explained;
pub use limits::LIMITS;
pub use moments::Moments;
pub use monitor::Monitor;
pub use pairs::PairSums;
pub use quantile::QuantileSketch;
pub use sampling::{Draw, SampleKey};
