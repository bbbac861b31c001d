//! What a judge may cost a day (UTC). Work is reserved at its highest possible cost before it starts and settled at
//! its real cost afterwards, so that calls in flight together cannot pass the cap.

use bifocal_model::{Cost, Timestamp};
use serde::{Deserialize, Serialize};

use super::config::Prices;

const NANOS_PER_DAY: i64 = 86_400 * 1_000_000_000;

/// The daily cap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cap {
    /// Tokens, in and out together.
    Tokens(u64),
    /// Dollars.
    Usd {
        /// How many.
        usd: f64,
        /// What tokens cost.
        prices: Prices,
    },
}

/// What was spent on one day. Kept over a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Days since 1970 UTC.
    pub day: i64,
    /// Tokens, in and out together.
    pub tokens: u64,
    /// Dollars, where prices are known.
    pub usd: f64,
    /// Hours since 1970 UTC.
    #[serde(default)]
    pub hour: i64,
    /// Spent in this hour, in the unit of the cap.
    #[serde(default)]
    pub in_hour: f64,
}

/// The cap and what is left of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    cap: Cap,
    /// An hour's cap in the same unit.
    hourly: Option<f64>,
    spent: Spent,
    reserved_tokens: u64,
}

impl Budget {
    /// With what was spent before a restart (`Spent::default()` at the first start).
    pub fn new(cap: Cap, spent: Spent) -> Self {
        Self { cap, hourly: None, spent, reserved_tokens: 0 }
    }

    /// With a cap on every hour as well, in the unit of the day's.
    #[must_use]
    pub fn hourly(self, cap: Option<f64>) -> Self {
        Self { hourly: cap, ..self }
    }

    /// The cap.
    pub fn cap(&self) -> Cap {
        self.cap
    }

    /// What was spent on the day of the last call.
    pub fn spent(&self) -> Spent {
        self.spent
    }

    /// Sets tokens aside when they fit under the cap: true. What is set aside must be settled.
    pub fn try_reserve(&mut self, now: Timestamp, tokens: u64) -> bool {
        self.turn(now);
        let wanted = self.reserved_tokens.saturating_add(tokens);
        let in_day = match self.cap {
            Cap::Tokens(cap) => self.spent.tokens.saturating_add(wanted) <= cap,
            Cap::Usd { usd, .. } => self.spent.usd + self.at_most(wanted) <= usd,
        };
        let fits = in_day && self.hourly.is_none_or(|cap| self.spent.in_hour + self.at_most(wanted) <= cap);
        if fits {
            self.reserved_tokens = wanted;
        }
        fits
    }

    /// Gives back what was set aside and books what it did cost.
    pub fn settle(&mut self, now: Timestamp, reserved: u64, actual: &Cost) {
        self.reserved_tokens = self.reserved_tokens.saturating_sub(reserved);
        self.charge(now, actual);
    }

    /// Books a cost without a reservation: a score of today that is read back from the journal.
    pub fn charge(&mut self, now: Timestamp, actual: &Cost) {
        if day(now) < self.spent.day {
            return;
        }
        self.turn(now);
        let tokens = u64::from(actual.input_tokens) + u64::from(actual.output_tokens);
        self.spent.tokens = self.spent.tokens.saturating_add(tokens);
        let usd = actual.usd.or_else(|| match self.cap {
            Cap::Usd { prices, .. } => Some(prices.usd(actual.input_tokens, actual.output_tokens)),
            Cap::Tokens(_) => None,
        });
        self.spent.usd += usd.unwrap_or(0.0);
        self.spent.in_hour += match self.cap {
            Cap::Tokens(_) => tokens as f64,
            Cap::Usd { .. } => usd.unwrap_or(0.0),
        };
    }

    /// Tokens in the unit of the cap, at the dearer of the two prices: an estimate does not know the verdict's length.
    fn at_most(&self, tokens: u64) -> f64 {
        match self.cap {
            Cap::Tokens(_) => tokens as f64,
            Cap::Usd { prices, .. } => {
                tokens as f64 * prices.usd_per_million_input.max(prices.usd_per_million_output) / 1e6
            }
        }
    }

    /// A new day begins with nothing spent; what is in flight stays set aside.
    fn turn(&mut self, now: Timestamp) {
        if day(now) > self.spent.day {
            self.spent = Spent { day: day(now), ..Spent::default() };
        }
        let hour = now.as_nanos().div_euclid(NANOS_PER_DAY / 24);
        if hour > self.spent.hour {
            (self.spent.hour, self.spent.in_hour) = (hour, 0.0);
        }
    }
}

fn day(now: Timestamp) -> i64 {
    now.as_nanos().div_euclid(NANOS_PER_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(input_tokens: u32, output_tokens: u32) -> Cost {
        Cost { usd: None, input_tokens, output_tokens }
    }

    #[test]
    fn a_day_has_its_cap_and_survives_a_restart() {
        let noon = Timestamp::from_secs(86_400 * 20_000 + 43_200);
        let tomorrow = Timestamp::from_secs(86_400 * 20_001);
        let mut budget = Budget::new(Cap::Tokens(1_000), Spent::default());
        assert!(budget.try_reserve(noon, 600));
        assert!(!budget.try_reserve(noon, 600), "what is in flight counts");
        budget.settle(noon, 600, &cost(300, 50));
        assert!(budget.try_reserve(noon, 600));
        budget.settle(noon, 600, &cost(550, 50));
        assert_eq!((budget.spent().day, budget.spent().tokens, budget.spent().usd), (20_000, 950, 0.0));

        let saved = serde_json::to_string(&budget.spent()).unwrap();
        let mut budget = Budget::new(Cap::Tokens(1_000), serde_json::from_str(&saved).unwrap());
        assert!(!budget.try_reserve(noon, 51));
        assert!(budget.try_reserve(noon, 50));
        assert!(budget.try_reserve(tomorrow, 950), "a new day, with 50 still in flight");
        assert!(!budget.try_reserve(tomorrow, 1));
        budget.charge(noon, &cost(10, 0));
        assert_eq!(budget.spent().tokens, 0, "yesterday's cost is not today's");
    }

    #[test]
    fn an_hour_has_its_cap_too() {
        let at = |secs: i64| Timestamp::from_secs(86_400 * 20_000 + secs);
        let mut budget = Budget::new(Cap::Tokens(1_000), Spent::default()).hourly(Some(300.0));
        assert!(!budget.try_reserve(at(0), 301));
        assert!(budget.try_reserve(at(0), 300));
        budget.settle(at(10), 300, &cost(200, 50));
        assert!(!budget.try_reserve(at(3_599), 51) && budget.try_reserve(at(3_599), 50));
        budget.settle(at(3_599), 50, &cost(50, 0));
        for hour in 1..=2 {
            assert!(budget.try_reserve(at(hour * 3_600), 300), "a new hour");
            budget.settle(at(hour * 3_600), 300, &cost(300, 0));
        }
        assert!(!budget.try_reserve(at(3 * 3_600), 101), "the day's cap still holds");
        assert!(budget.try_reserve(at(3 * 3_600), 100));
    }

    #[test]
    fn dollars_are_reserved_at_the_dearer_price() {
        let prices = Prices { usd_per_million_input: 1.0, usd_per_million_output: 10.0 };
        let mut budget = Budget::new(Cap::Usd { usd: 0.01, prices }, Spent::default());
        let now = Timestamp::from_secs(1);
        assert!(!budget.try_reserve(now, 1_001));
        assert!(budget.try_reserve(now, 1_000));
        budget.settle(now, 1_000, &cost(900, 100));
        assert!((budget.spent().usd - 0.0019).abs() < 1e-12);
        assert!(budget.try_reserve(now, 810));
    }
}
