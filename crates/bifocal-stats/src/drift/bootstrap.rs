//! How likely a statistic of two tables of counts is when both are drawn from one distribution.

use super::seeded::Seeded;

/// The share of `rounds` redrawn pairs of tables, of the same sizes and with the pooled shares, whose statistic is at least
/// the observed one; the observed pair counts as one of them, so that it is never 0 (Phipson and Smyth 2010).
///
/// The bins count as given: bins that were laid out by one of the samples make it approximate.
pub(super) fn p_value(
    a: &[u64],
    b: &[u64],
    rounds: u32,
    seed: u64,
    statistic: impl Fn(&[u64], &[u64]) -> f64,
) -> f64 {
    let observed = statistic(a, b);
    let (n, m): (u64, u64) = (a.iter().sum(), b.iter().sum());
    let pooled: Vec<f64> = a.iter().zip(b).map(|(x, y)| (x + y) as f64 / (n + m).max(1) as f64).collect();
    let mut random = Seeded::new(seed);
    let mut at_least = 1u32;
    for _ in 0..rounds {
        let (x, y) = (draw(&mut random, n, &pooled), draw(&mut random, m, &pooled));
        // A hair of room, for sums in another order differ in the last bit.
        at_least += u32::from(statistic(&x, &y) >= observed * (1.0 - 1e-12));
    }
    f64::from(at_least) / f64::from(rounds + 1)
}

/// Counts of `n` draws, bin by bin.
fn draw(random: &mut Seeded, n: u64, shares: &[f64]) -> Vec<u64> {
    let (mut left, mut mass) = (n, 1.0);
    let mut counts = Vec::with_capacity(shares.len());
    for (i, share) in shares.iter().enumerate() {
        let is_last = i + 1 == shares.len();
        let p = if is_last || mass <= *share { 1.0 } else { share / mass };
        let count = random.binomial(left, p);
        counts.push(count);
        left -= count;
        mass -= share;
    }
    counts
}
