//! Random numbers that are functions of a key, so that any one of them can be made again without the others.

use std::f64::consts::TAU;

/// A SplitMix64 stream that starts at a key.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The output function of SplitMix64: a bijection that scatters neighbouring numbers.
pub(crate) const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// A number in [0, 1) made of the upper 53 bits.
fn unit_of(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

impl Random {
    /// The stream of a seed and of the parts that name what the numbers are for.
    pub(crate) fn keyed(seed: u64, parts: &[u64]) -> Self {
        let mut state = mix(seed ^ GOLDEN);
        for part in parts {
            state = mix(state.wrapping_add(GOLDEN) ^ mix(part.wrapping_add(GOLDEN)));
        }
        Self { state }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// In [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        unit_of(self.next())
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A number below `count` (0 when there is nothing to choose from).
    pub(crate) fn below(&mut self, count: usize) -> usize {
        // The bias of the remainder is below 2^-50 for the few dozens that are chosen among here.
        usize::try_from(self.next() % (count as u64).max(1)).unwrap_or(0)
    }

    /// One of a list that is not empty.
    pub(crate) fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Between two numbers, evenly.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Log-normal by Box and Muller.
    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        median * (sigma * radius * (TAU * self.unit()).cos()).exp()
    }

    /// Poisson by Knuth's product of uniform numbers: right for the means below 30 that are used here.
    pub(crate) fn poisson(&mut self, mean: f64) -> u64 {
        let floor = (-mean).exp();
        let mut product = self.unit();
        let mut count = 0;
        while product > floor {
            product *= self.unit();
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moments_are_those_of_the_names() {
        let mut random = Random::keyed(7, &[1, 2]);
        let n = 20_000;
        let mean = |draw: &mut dyn FnMut() -> f64| (0..n).map(|_| draw()).sum::<f64>() / f64::from(n);
        assert!((mean(&mut || random.unit()) - 0.5).abs() < 0.01);
        assert!((mean(&mut || random.poisson(11.2) as f64) - 11.2).abs() < 0.1);
        // The mean logarithm of a log-normal number is the logarithm of its median.
        assert!((mean(&mut || random.log_normal(0.35, 0.3).ln()) - 0.35_f64.ln()).abs() < 0.01);
    }

    #[test]
    fn neighbouring_keys_give_unrelated_streams() {
        let first = |seed, part| Random::keyed(seed, &[part]).next();
        assert_eq!(first(1, 1), first(1, 1));
        let firsts: std::collections::HashSet<u64> =
            (0..100).flat_map(|seed| (0..100).map(move |part| first(seed, part))).collect();
        assert_eq!(firsts.len(), 10_000);
    }
}
