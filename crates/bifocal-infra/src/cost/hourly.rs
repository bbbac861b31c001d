//! What a target's hardware costs per hour, as a reading like any other, so that its history can be seen.

use std::collections::BTreeMap;

use bifocal_model::{Reading, ReadingSubject, Source, TargetKey, Timestamp};

/// Prices by target, in US dollars an hour, from the configuration.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    usd_per_hour: BTreeMap<TargetKey, f64>,
}

impl Prices {
    /// Prices that are not finite or negative are left out: no price is not a price of zero.
    pub fn new(usd_per_hour: impl IntoIterator<Item = (TargetKey, f64)>) -> Self {
        let usable = usd_per_hour.into_iter().filter(|(_, price)| price.is_finite() && *price >= 0.0);
        Self { usd_per_hour: usable.collect() }
    }

    /// One upstream's price split over the targets that share it, by the share of output tokens each made.
    /// Where none was made the price is split evenly: it is paid all the same.
    pub fn split(usd_per_hour: f64, output_tokens: &BTreeMap<TargetKey, f64>) -> Self {
        let total: f64 = output_tokens.values().sum();
        let even = 1.0 / output_tokens.len().max(1) as f64;
        let share = |tokens: f64| if total > 0.0 { tokens / total } else { even };
        Self::new(
            output_tokens.iter().map(|(target, tokens)| (target.clone(), usd_per_hour * share(*tokens))),
        )
    }

    /// The readings of one moment.
    pub fn readings(&self, now: Timestamp) -> Vec<Reading> {
        let reading = |(target, price): (&TargetKey, &f64)| Reading {
            signal: "cost_usd_per_hour".to_owned(),
            subject: ReadingSubject::Target(target.clone()),
            part: String::new(),
            time: now,
            value: *price,
            source: Source::Scrape,
        };
        self.usd_per_hour.iter().map(reading).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(model: &str) -> TargetKey {
        TargetKey::of_model("local", model)
    }

    #[test]
    fn a_price_is_a_reading_and_no_price_is_none() {
        let prices = Prices::new([(target("a"), 1.41), (target("b"), f64::NAN), (target("c"), -1.0)]);
        let readings = prices.readings(Timestamp::from_secs(5));
        assert_eq!(readings.len(), 1);
        assert_eq!((readings[0].signal.as_str(), readings[0].value), ("cost_usd_per_hour", 1.41));
        assert_eq!(readings[0].subject, ReadingSubject::Target(target("a")));
    }

    #[test]
    fn a_shared_price_is_split_by_tokens_and_stays_whole() {
        let value = |tokens: [f64; 2]| -> Vec<f64> {
            let tokens = BTreeMap::from([(target("a"), tokens[0]), (target("b"), tokens[1])]);
            Prices::split(4.0, &tokens).readings(Timestamp::default()).iter().map(|r| r.value).collect()
        };
        assert_eq!(value([300.0, 100.0]), [3.0, 1.0]);
        assert_eq!(value([0.0, 0.0]), [2.0, 2.0]);
    }
}
