//! When did it begin? A range, not a point.

use bifocal_model::Timestamp;

/// Bets tried, as in the detector: shares of the largest stake.
const BETS: [f64; 5] = [0.02, 0.08, 0.2, 0.45, 0.9];
/// Starts whose evidence is within this factor of the best one's stay in the range.
const WITHIN: f64 = 20.0;

/// The range of starting points that the samples before an alarm support.
///
/// For each start `s` the evidence is the product over the samples from `s` to the alarm of `1 + λ (m0 - x)`, at
/// the stake that makes the best start's product largest. The range holds every start whose product lies within
/// a factor 20 of the best (statistics.md section 7: the running products within log 20 of the maximum). It
/// assumes one change that lasts until the alarm; it is a likelihood range, not a confidence interval.
///
/// `samples` are (time, value) in order, `m0` the baseline's lower bound, `upper` the largest possible value.
pub(crate) fn range(samples: &[(Timestamp, f64)], m0: f64, upper: f64) -> Option<(Timestamp, Timestamp)> {
    let best = BETS
        .iter()
        .map(|share| suffix_sums(samples, m0, share / (upper - m0).max(1e-9)))
        .max_by(|a, b| max_of(a).total_cmp(&max_of(b)))?;
    let floor = max_of(&best) - WITHIN.ln();
    let first = best.iter().position(|&sum| sum >= floor)?;
    let last = best.iter().rposition(|&sum| sum >= floor)?;
    // The change lies after the sample before the first supported start and at or before the last.
    let from = samples[first.saturating_sub(1)].0;
    let to = samples[last].0;
    Some((from.min(to), from.max(to)))
}

fn suffix_sums(samples: &[(Timestamp, f64)], m0: f64, stake: f64) -> Vec<f64> {
    let mut sums = vec![0.0; samples.len()];
    let mut sum = 0.0;
    for (i, (_, x)) in samples.iter().enumerate().rev() {
        sum += (stake * (m0 - x)).max(-0.999_999).ln_1p();
        sums[i] = sum;
    }
    sums
}

fn max_of(sums: &[f64]) -> f64 {
    sums.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_holds_the_true_start() {
        // 300 samples around 0.85, then 60 around 0.55; noise from a fixed generator.
        let mut state = 7u64;
        let mut noise = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1 << 24) - 0.5
        };
        let samples: Vec<(Timestamp, f64)> = (0..360)
            .map(|i| (Timestamp::from_secs(i), if i < 300 { 0.85 } else { 0.55 } + 0.3 * noise()))
            .collect();
        let (from, to) = range(&samples, 0.83, 1.0).unwrap();
        let truth = Timestamp::from_secs(300);
        assert!(from <= truth && truth <= to, "{from} to {to}");
        assert!(to.since(from).as_secs_f64() < 40.0, "a useful range: {from} to {to}");
    }

    #[test]
    fn no_samples_no_range() {
        assert_eq!(range(&[], 0.8, 1.0), None);
    }
}
