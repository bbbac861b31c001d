//! Jensen-Shannon divergence of two tables of counts: languages, topics, finish reasons, templates.

use crate::error::Error;

use super::bootstrap;

/// The divergence and how likely it is without a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Divergence {
    /// In bits: 0 for equal shares, 1 for tables without a common category. Its root is a distance.
    pub jsd: f64,
    /// Share of redrawn pairs of tables with a divergence at least as large.
    pub p_value: f64,
}

/// The divergence of two tables over the same categories, with `rounds` bootstrap rounds from `seed`.
///
/// # Errors
/// [`Error::CategoriesDiffer`] when the tables have different lengths, [`Error::EmptySample`] when one counts nothing.
pub fn jensen_shannon(a: &[u64], b: &[u64], rounds: u32, seed: u64) -> Result<Divergence, Error> {
    if a.len() != b.len() {
        return Err(Error::CategoriesDiffer { left: a.len(), right: b.len() });
    }
    if a.iter().all(|count| *count == 0) || b.iter().all(|count| *count == 0) {
        return Err(Error::EmptySample);
    }
    Ok(Divergence { jsd: divergence(a, b), p_value: bootstrap::p_value(a, b, rounds, seed, divergence) })
}

fn divergence(a: &[u64], b: &[u64]) -> f64 {
    let (n, m) = (a.iter().sum::<u64>().max(1) as f64, b.iter().sum::<u64>().max(1) as f64);
    let part = |p: f64, middle: f64| if p > 0.0 { p * (p / middle).log2() } else { 0.0 };
    let terms = a.iter().zip(b).map(|(x, y)| {
        let (p, q) = (*x as f64 / n, *y as f64 / m);
        let middle = 0.5 * (p + q);
        0.5 * (part(p, middle) + part(q, middle))
    });
    terms.sum::<f64>().clamp(0.0, 1.0)
}
