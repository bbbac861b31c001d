//! Pseudo-random numbers from a seed that the caller passes in, so that the same seed gives the same answer.

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): good enough for permutations and bootstraps, useless for secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeded(u64);

impl Seeded {
    /// From a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform on [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A whole number below `n`; 0 for `n` = 0. The bias is below n / 2^53.
    pub fn below(&mut self, n: usize) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number in [0, n)"
        )]
        let index = (self.uniform() * n as f64) as usize;
        index.min(n.saturating_sub(1))
    }

    /// A standard normal number (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// How many of `n` trials of probability `p` succeed. Exact up to 256 trials; a rounded normal number above, whose
    /// error in a bootstrap of counts is below that of the bootstrap itself.
    pub fn binomial(&mut self, n: u64, p: f64) -> u64 {
        if n <= 256 {
            return (0..n).filter(|_| self.uniform() < p).count() as u64;
        }
        let sd = (n as f64 * p * (1.0 - p)).max(0.0).sqrt();
        let drawn = (n as f64 * p + sd * self.normal()).round().clamp(0.0, n as f64);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number in [0, n]"
        )]
        let drawn = drawn as u64;
        drawn
    }

    /// Puts the items into an order in which every order is as likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}
