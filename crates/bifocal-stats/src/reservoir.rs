//! A sample of fixed size of a stream of unknown length, with its inclusion probabilities; any two add up.
//!
//! Bottom-k (Cohen and Kaplan 2007), with weights priority sampling (Duffield, Lund and Thorup 2007): every item has a
//! uniform number u from the hash of its id, its rank is u / w, and the k least ranks are kept. With tau the (k+1)-th
//! rank, each kept item is in the sample with probability min(1, w tau), given all the others' ranks; sums of
//! value / pi over the sample are unbiased, and covariances of two inclusions are zero. Weighted by w itself, an item
//! stands for max(w, 1 / tau). Assumes u uniform, independent between items and of what is measured, which a keyed
//! hash gives.
//!
//! Invariant: the reservoir of a whole is the merge of those of any parts of it, item for item; an item that is in both
//! parts (the same id, so the same rank) counts once.

use bifocal_model::Probability;
use serde::{Deserialize, Serialize};

/// The k items with the least ranks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reservoir<T> {
    size: usize,
    /// By rank, then by item; one more than the size, whose rank is the threshold.
    kept: Vec<Ranked<T>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ranked<T> {
    rank: f64,
    weight: f64,
    item: T,
}

impl<T: Ord + Clone> Reservoir<T> {
    /// An empty one for `size` items.
    pub fn new(size: usize) -> Self {
        Self { size, kept: Vec::new() }
    }

    /// Offers an item, its uniform number in [0, 1) (see [`SampleKey::draw`](crate::SampleKey::draw)) and its weight, 1
    /// where all count the same. An item with a number outside [0, 1) or a weight that is not positive and finite is
    /// not taken, for it would have no inclusion probability; the answer is whether it could be.
    pub fn offer(&mut self, item: T, uniform: f64, weight: f64) -> bool {
        let valid = (0.0..1.0).contains(&uniform) && weight > 0.0 && weight.is_finite();
        if valid {
            self.insert(Ranked { rank: uniform / weight, weight, item });
        }
        valid
    }

    /// Takes in the items of another part. The smaller of the two sizes is kept: of a larger one the least ranks are
    /// known, of a smaller one no more than it has.
    pub fn merge(&mut self, other: &Self) {
        self.size = self.size.min(other.size);
        for ranked in &other.kept {
            self.insert(ranked.clone());
        }
        self.kept.truncate(self.size + 1);
    }

    /// The sample: each item with its inclusion probability.
    pub fn sample(&self) -> impl Iterator<Item = (&T, Probability)> {
        let threshold = self.threshold();
        self.kept.iter().take(self.size).map(move |ranked| {
            let p = threshold.map_or(1.0, |tau| (ranked.weight * tau).clamp(f64::MIN_POSITIVE, 1.0));
            (&ranked.item, Probability::new(p).unwrap_or(Probability::ONE))
        })
    }

    /// The (k+1)-th rank; `None` as long as every item that was offered is kept.
    pub fn threshold(&self) -> Option<f64> {
        self.kept.get(self.size).map(|ranked| ranked.rank)
    }

    /// How many items are in the sample.
    pub fn len(&self) -> usize {
        self.kept.len().min(self.size)
    }

    /// Whether no item is in the sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn insert(&mut self, ranked: Ranked<T>) {
        let order =
            |held: &Ranked<T>| held.rank.total_cmp(&ranked.rank).then_with(|| held.item.cmp(&ranked.item));
        if let Err(at) = self.kept.binary_search_by(order)
            && at <= self.size
        {
            self.kept.insert(at, ranked);
            self.kept.truncate(self.size + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_random::Random;

    fn of(size: usize, items: &[(u32, f64, f64)]) -> Reservoir<u32> {
        let mut reservoir = Reservoir::new(size);
        for (item, uniform, weight) in items {
            assert!(reservoir.offer(*item, *uniform, *weight));
        }
        reservoir
    }

    #[test]
    fn below_its_size_it_keeps_all_with_certainty() {
        let reservoir = of(3, &[(1, 0.9, 1.0), (2, 0.1, 1.0), (3, 0.5, 1.0)]);
        let sample: Vec<_> = reservoir.sample().collect();
        assert_eq!(sample, [(&2, Probability::ONE), (&3, Probability::ONE), (&1, Probability::ONE)]);
        assert_eq!((reservoir.threshold(), reservoir.len()), (None, 3));
        let more = of(2, &[(1, 0.9, 1.0), (2, 0.1, 1.0), (3, 0.5, 1.0)]);
        assert_eq!(more.threshold(), Some(0.9));
        assert!(more.sample().all(|(_, p)| (p.get() - 0.9).abs() < 1e-12));
    }

    #[test]
    fn what_has_no_probability_is_not_taken() {
        let mut reservoir = Reservoir::new(2);
        for (uniform, weight) in
            [(f64::NAN, 1.0), (1.0, 1.0), (-0.1, 1.0), (0.5, 0.0), (0.5, f64::NAN), (0.5, f64::INFINITY)]
        {
            assert!(!reservoir.offer(1, uniform, weight));
        }
        assert!(reservoir.is_empty() && reservoir.sample().next().is_none());
        let mut empty = Reservoir::new(0);
        assert!(empty.offer(1, 0.5, 1.0) && empty.is_empty());
    }

    /// Totals of values of which few are large, over 4,000 draws of 20 of 200 items: without bias, and with weights
    /// much less spread than without.
    #[test]
    fn totals_are_unbiased_and_weights_narrow_them() {
        let mut random = Random::new(71);
        let values: Vec<f64> = (0..200).map(|i| if i % 20 == 0 { 100.0 } else { 1.0 }).collect();
        let truth: f64 = values.iter().sum();
        let mut spread = [0.0; 2];
        for (weighted, spread) in [false, true].into_iter().zip(&mut spread) {
            let (mut sum, runs) = (0.0, 4_000);
            for _ in 0..runs {
                let mut reservoir = Reservoir::new(20);
                for (i, value) in values.iter().enumerate() {
                    reservoir.offer(i, random.uniform(), if weighted { *value } else { 1.0 });
                }
                let total: f64 = reservoir.sample().map(|(i, p)| values[*i] / p.get()).sum();
                sum += total;
                *spread += (total - truth).powi(2) / f64::from(runs);
            }
            let mean = sum / f64::from(runs);
            let bound = 4.0 * (*spread / f64::from(runs)).sqrt();
            assert!((mean - truth).abs() < bound, "weighted {weighted}: {mean} is not {truth}");
        }
        assert!(spread[1] < spread[0] / 10.0, "{spread:?}");
    }

    proptest! {
        #[test]
        fn the_merge_of_parts_is_the_whole(
            items in prop::collection::vec((0..60u32, 0.1..9.0f64), 0..90),
            cut in any::<prop::sample::Index>(),
            size in 0..20usize,
        ) {
            // The same id has the same number and weight wherever it turns up.
            let weights: std::collections::BTreeMap<u32, f64> = items.iter().copied().collect();
            let items: Vec<(u32, f64, f64)> = items
                .iter()
                .map(|(id, _)| (*id, (f64::from(*id) * 0.618_034).fract(), weights[id]))
                .collect();
            let at = cut.index(items.len() + 1);
            let mut parts = of(size, &items[at..]);
            parts.merge(&of(size, &items[..at]));
            let whole = of(size, &items);
            prop_assert_eq!(&parts, &whole);
            let json = serde_json::to_string(&whole).unwrap();
            prop_assert_eq!(serde_json::from_str::<Reservoir<u32>>(&json).unwrap(), whole);
        }
    }
}
