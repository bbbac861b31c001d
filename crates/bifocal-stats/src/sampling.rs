//! Which inferences are judged: decided by a keyed hash of the id, so that the same id is decided the same way
//! in every process and after every restart, and a sample at a low rate lies inside the one at a higher rate.
//!
//! Consistent probability sampling as OpenTelemetry's tracestate defines it: R = 56 bits of randomness, rejection
//! threshold T = round((1 - p) 2^56), included iff R >= T, inclusion probability (2^56 - T) / 2^56. Here R is
//! SipHash-1-3 under a secret key, because ids and trace ids are chosen by callers, and a caller must not be able
//! to predict what is judged.
//!
//! Invariant: the recorded draw and inclusion reproduce the decision exactly, `included == (draw >= 1 - inclusion)`.
//! For that both are kept to 53 of the 56 bits, which f64 holds without rounding.

use std::fmt;
use std::hash::Hasher as _;

use bifocal_model::Probability;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

const RANDOM_BITS: u32 = 56;
const SPARE_BITS: u32 = RANDOM_BITS - f64::MANTISSA_DIGITS;
const F64_STEPS: f64 = (1u64 << f64::MANTISSA_DIGITS) as f64;

/// The secret that decides which inferences are judged. Not serialised and not printed: who knows it can predict
/// what is judged.
#[derive(Clone, PartialEq, Eq)]
pub struct SampleKey([u8; 16]);

/// One decision with what is needed to weigh its outcome and to replay it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draw {
    /// The random number in [0, 1) that decided.
    pub draw: f64,
    /// Whether the inference is in the sample.
    pub included: bool,
    /// With which probability it had to come in.
    pub inclusion: Probability,
}

impl SampleKey {
    /// From 16 secret bytes.
    pub const fn new(secret: [u8; 16]) -> Self {
        Self(secret)
    }

    /// The 56 random bits of an id, R in the terms of OpenTelemetry.
    ///
    /// Assumes that SipHash-1-3 under an unknown key looks random to who chooses the ids; broken by a leaked key.
    pub fn randomness(&self, id: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(id);
        hasher.finish() >> (u64::BITS - RANDOM_BITS)
    }

    /// The random number of an id in [0, 1): R / 2^56, rounded down to what f64 holds.
    pub fn draw(&self, id: &[u8]) -> f64 {
        (self.randomness(id) >> SPARE_BITS) as f64 / F64_STEPS
    }

    /// Whether the inference with this id is in the sample of this rate.
    pub fn include(&self, id: &[u8], rate: Probability) -> Draw {
        let threshold = threshold(rate.get());
        let bits = self.randomness(id);
        let inclusion = 1.0 - (threshold >> SPARE_BITS) as f64 / F64_STEPS;
        Draw {
            draw: (bits >> SPARE_BITS) as f64 / F64_STEPS,
            included: bits >= threshold,
            inclusion: Probability::new(inclusion).unwrap_or(rate),
        }
    }
}

impl fmt::Debug for SampleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SampleKey(secret)")
    }
}

/// The rejection threshold T of a rate p: (1 - p) 2^56, a multiple of 8. A rate above 0 keeps at least 8 of the
/// 2^56 draws, for an inclusion probability is never 0; anything that is no rate (p <= 0, NaN) counts as the least.
pub fn threshold(p: f64) -> u64 {
    let rejected = if p > 0.0 { 1.0 - p.min(1.0) } else { 1.0 };
    let steps = (rejected * F64_STEPS).round().min(F64_STEPS - 1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number in [0, 2^53)"
    )]
    let steps = steps as u64;
    steps << SPARE_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SampleKey {
        SampleKey::new(*b"0123456789abcdef")
    }

    fn rate(p: f64) -> Probability {
        Probability::new(p).unwrap()
    }

    #[test]
    fn a_low_rate_is_a_subset_of_a_higher_one() {
        let key = key();
        for i in 0..20_000u32 {
            let id = i.to_be_bytes();
            let decisions: Vec<bool> = [0.01, 0.05, 0.1, 0.5, 0.999, 1.0]
                .iter()
                .map(|p| key.include(&id, rate(*p)).included)
                .collect();
            assert!(decisions.is_sorted(), "{i}: {decisions:?}");
            assert!(decisions[5], "a rate of 1 takes all");
        }
    }

    #[test]
    fn the_share_is_the_rate() {
        let key = key();
        for p in [0.01, 0.1, 0.5] {
            let n = 100_000u32;
            let hits = (0..n).filter(|i| key.include(&i.to_be_bytes(), rate(p)).included).count() as f64;
            let sd = (p * (1.0 - p) / f64::from(n)).sqrt();
            assert!((hits / f64::from(n) - p).abs() < 4.0 * sd, "{p}: {hits}");
        }
    }

    #[test]
    fn the_record_replays_the_decision() {
        let key = key();
        for i in 0..50_000u32 {
            for p in [1e-300, 0.001, 0.3, 1.0 / 3.0, 0.9999999, 1.0] {
                let draw = key.include(&i.to_be_bytes(), rate(p));
                assert!((0.0..1.0).contains(&draw.draw));
                assert_eq!(draw.included, draw.draw >= 1.0 - draw.inclusion.get());
                assert_eq!(draw.draw, key.draw(&i.to_be_bytes()));
                assert!((draw.inclusion.get() - p).abs() < 1e-15);
            }
        }
    }

    #[test]
    fn thresholds_at_the_edges() {
        assert_eq!(threshold(1.0), 0);
        assert_eq!(threshold(2.0), 0);
        assert_eq!(threshold(0.5), 1 << 55);
        // 1% as in the OpenTelemetry text: fd70a3d70a3d71, to the last 3 bits.
        assert_eq!(threshold(0.01) >> 3, 0x00fd_70a3_d70a_3d71 >> 3);
        let all_but_8 = (1u64 << 56) - 8;
        for p in [0.0, -1.0, f64::NAN, 1e-300] {
            assert_eq!(threshold(p), all_but_8);
        }
    }

    #[test]
    fn another_key_draws_another_sample_and_no_key_is_printed() {
        let other = SampleKey::new([7; 16]);
        let same = (0..10_000u32)
            .filter(|i| {
                let id = i.to_be_bytes();
                key().include(&id, rate(0.5)).included == other.include(&id, rate(0.5)).included
            })
            .count();
        assert!((4_800..5_200).contains(&same), "{same}");
        assert_eq!(format!("{:?}", key()), "SampleKey(secret)");
    }

    #[test]
    fn the_hash_is_the_reference_siphash_1_3() {
        // A change here would re-draw every sample of every deployment.
        assert_eq!(key().randomness(b"bifocal"), GOLDEN_RANDOMNESS);
    }

    /// From `tests/golden/siphash.py`.
    const GOLDEN_RANDOMNESS: u64 = 0x0013_f7f4_46bc_9a4c;
}
