//! Amounts that say what they stand on, and amounts per request and per token.

use std::collections::BTreeSet;

use serde::Serialize;

/// An amount of US dollars, or why it is not known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// US dollars; `None` when something that it needs is unknown. Never 0 in its place.
    pub usd: Option<f64>,
    /// What it stands on.
    pub basis: Basis,
    /// What is missing when it is unknown, and what is not certain when it is known.
    pub notes: BTreeSet<String>,
}

/// What an amount stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Price of the instances that run.
    Fleet,
    /// Copies times accelerators: the part of the instances that is reserved.
    Allocation,
    /// The allocation by its share of time in use.
    Use,
    /// What nobody holds.
    Idle,
    /// The whole variant serves one model.
    WholeVariant,
    /// An adapter runs in the copies of its base, which pays.
    PaidByBase,
    /// Tokens times their price.
    TokenPrice,
    /// A price an hour from the configuration.
    Configuration,
}

impl Basis {
    /// The name used in API, metrics and pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::Allocation => "allocation",
            Self::Use => "use",
            Self::Idle => "idle",
            Self::WholeVariant => "whole_variant",
            Self::PaidByBase => "paid_by_base",
            Self::TokenPrice => "token_price",
            Self::Configuration => "configuration",
        }
    }
}

impl Figure {
    /// A known amount.
    pub fn known(usd: f64, basis: Basis) -> Self {
        Self { usd: Some(usd), basis, notes: BTreeSet::new() }
    }

    /// An unknown one.
    pub fn unknown(basis: Basis, missing: impl Into<String>) -> Self {
        Self { usd: None, basis, notes: BTreeSet::from([missing.into()]) }
    }

    /// The sum: known when both are.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.usd = self.usd.zip(other.usd).map(|(a, b)| a + b);
        self.notes.extend(other.notes.iter().cloned());
        self
    }

    /// A multiple on a basis of its own.
    #[must_use]
    pub fn times(mut self, factor: f64, basis: Basis) -> Self {
        self.usd = self.usd.map(|usd| usd * factor);
        self.basis = basis;
        self
    }

    /// With a remark.
    #[must_use]
    pub fn noted(mut self, note: impl Into<String>) -> Self {
        self.notes.insert(note.into());
        self
    }
}

/// What an hour's cost is for a thousand of an hour's requests; unknown when there was none.
pub fn per_1k_requests(usd_per_hour: &Figure, requests_per_hour: f64) -> Figure {
    per(usd_per_hour, requests_per_hour / 1e3, "no request in the window")
}

/// What an hour's cost is for a million of an hour's tokens, prompts and answers together; unknown when there was none.
pub fn per_1m_tokens(usd_per_hour: &Figure, tokens_per_hour: f64) -> Figure {
    per(usd_per_hour, tokens_per_hour / 1e6, "no token in the window")
}

fn per(usd_per_hour: &Figure, amount: f64, nothing: &str) -> Figure {
    if amount.is_finite() && amount > 0.0 {
        usd_per_hour.clone().times(1.0 / amount, usd_per_hour.basis)
    } else {
        let mut figure = usd_per_hour.clone().noted(nothing);
        figure.usd = None;
        figure
    }
}

/// What an upstream charges for tokens, in US dollars for a million.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TokenPrice {
    /// Of prompts.
    pub input_usd_per_1m: f64,
    /// Of answers.
    pub output_usd_per_1m: f64,
    /// Of prompt tokens taken from the cache; `None`: like other prompt tokens.
    pub cached_input_usd_per_1m: Option<f64>,
}

impl TokenPrice {
    /// What tokens cost. `cached` of the `input` tokens came from the cache.
    pub fn of(&self, input: f64, cached: f64, output: f64) -> Figure {
        let all = [input, cached, output, self.input_usd_per_1m, self.output_usd_per_1m];
        if all.iter().any(|x| !x.is_finite() || *x < 0.0) || cached > input {
            return Figure::unknown(Basis::TokenPrice, "a count or a price of tokens is no number");
        }
        let cached_price = self.cached_input_usd_per_1m.unwrap_or(self.input_usd_per_1m);
        let usd = (input - cached) * self.input_usd_per_1m
            + cached * cached_price
            + output * self.output_usd_per_1m;
        Figure::known(usd / 1e6, Basis::TokenPrice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_stays_unknown_and_nothing_is_divided_by_nothing() {
        let fleet = Figure::known(6.0, Basis::Allocation);
        assert_eq!(per_1k_requests(&fleet, 3_000.0).usd, Some(2.0));
        assert_eq!(per_1m_tokens(&fleet, 12e6).usd, Some(0.5));
        assert_eq!(per_1m_tokens(&fleet, 12e6).basis, Basis::Allocation);
        for nothing in [0.0, -1.0, f64::NAN] {
            assert_eq!(per_1k_requests(&fleet, nothing).usd, None);
        }
        let unknown = Figure::unknown(Basis::Fleet, "the price of ml.p4de.24xlarge");
        let sum = fleet.plus(&unknown);
        assert_eq!(sum.usd, None);
        assert!(sum.notes.contains("the price of ml.p4de.24xlarge"));
        assert_eq!(per_1k_requests(&unknown, 5.0).usd, None);
    }

    #[test]
    fn tokens_cost_what_their_kind_costs() {
        let price =
            TokenPrice { input_usd_per_1m: 3.0, output_usd_per_1m: 15.0, cached_input_usd_per_1m: Some(0.3) };
        let figure = price.of(2e6, 1e6, 1e5);
        assert_eq!((figure.usd, figure.basis), (Some(3.0 + 0.3 + 1.5), Basis::TokenPrice));
        let plain = TokenPrice { cached_input_usd_per_1m: None, ..price };
        assert_eq!(plain.of(2e6, 1e6, 0.0).usd, Some(6.0));
        assert_eq!(plain.of(1.0, 2.0, 0.0).usd, None);
        assert_eq!(plain.of(f64::NAN, 0.0, 0.0).usd, None);
    }
}
