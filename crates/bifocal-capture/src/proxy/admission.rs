//! Which calls are recorded when the recorder falls behind. It is decided at a call's head, before anything of it is
//! kept, and costs a call that is left out no copy, no decoding and no wait.
//!
//! Random early detection (Floyd and Jacobson, 1993): while at least half of the room is free, every call is recorded.
//! From there on the probability falls in a straight line with what is free, and a coin decides. The probability
//! depends on the queue and on nothing that the call brings or will bring, least of all its answer; it is kept with
//! the record as its capture probability, and every count divides by it. So the estimates of an overloaded proxy stay
//! unbiased (Horvitz and Thompson, 1952), and only their intervals grow. Where no room is left at all a call is left
//! out without a coin: nothing stands for it, and the ledger says how many there were.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use bifocal_model::Probability;

/// The share of the room below which a coin decides.
const CALM: f64 = 0.5;
/// The least probability that a record is made with: at most 16 calls stand behind one.
const LEAST: f64 = 1.0 / 16.0;

/// Why a call is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// The coin said so. The calls that were recorded beside it stand for it.
    Sampled,
    /// There was no room.
    Full,
}

/// Makes the random part of ids, and coins: a keyed hash (the key is the operating system's randomness) of a counter.
#[derive(Debug, Default)]
pub(crate) struct Random {
    key: RandomState,
    count: AtomicU64,
}

/// Decides for a call that begins now. `free` is the share of the room that is free.
pub(crate) fn decide(free: f64, random: &Random) -> Result<Probability, LeftOut> {
    if free >= CALM {
        return Ok(Probability::ONE);
    }
    if free <= 0.0 {
        return Err(LeftOut::Full);
    }
    let probability = Probability::new((free / CALM).max(LEAST)).unwrap_or(Probability::ONE);
    if random.unit() < probability.get() { Ok(probability) } else { Err(LeftOut::Sampled) }
}

impl LeftOut {
    /// All reasons, in the order of their numbers.
    pub(crate) const ALL: [Self; 2] = [Self::Sampled, Self::Full];

    /// The name used in ledger and metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sampled => "sampled_out",
            Self::Full => "buffer_full",
        }
    }
}

impl Random {
    /// The random part of an id.
    pub(crate) fn id(&self) -> [u8; 10] {
        let count = self.next();
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.key.hash_one(count).to_le_bytes());
        random[8..].copy_from_slice(&self.key.hash_one(!count).to_le_bytes()[..2]);
        random
    }

    /// A number in [0, 1).
    fn unit(&self) -> f64 {
        (self.key.hash_one(self.next()) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_half_of_the_room_every_call_is_recorded_and_without_room_none() {
        let random = Random::default();
        for _ in 0..1_000 {
            assert_eq!(decide(1.0, &random), Ok(Probability::ONE));
            assert_eq!(decide(CALM, &random), Ok(Probability::ONE));
            assert_eq!(decide(0.0, &random), Err(LeftOut::Full));
        }
    }

    /// What is recorded stands for all calls, whatever the queue did meanwhile.
    #[test]
    fn weights_add_up_to_the_calls() {
        let random = Random::default();
        let calls = 200_000;
        let (mut weight, mut variance, mut recorded) = (0.0, 0.0, 0);
        for n in 0..calls {
            // The room goes up and down between 1% and 60%.
            let free = 0.01 + 0.59 * f64::from(n % 1_000) / 1_000.0;
            let expected = (free / CALM).clamp(LEAST, 1.0);
            variance += (1.0 - expected) / expected;
            match decide(free, &random) {
                Ok(probability) => {
                    assert_eq!(probability.get().to_bits(), expected.to_bits());
                    weight += probability.weight();
                    recorded += 1;
                }
                Err(left_out) => assert_eq!(left_out, LeftOut::Sampled),
            }
        }
        assert!(recorded < calls * 3 / 4, "{recorded} were recorded");
        // Five standard deviations: one run in a million is outside.
        let off = (weight - f64::from(calls)).abs();
        assert!(off < 5.0 * f64::sqrt(variance), "{weight} for {calls} calls");
    }

    #[test]
    fn ids_differ() {
        let random = Random::default();
        let ids: std::collections::BTreeSet<_> = (0..10_000).map(|_| random.id()).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
