//! How sure the model was of its tokens.

use bifocal_model::TokenSigns;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::limits::{ALTERNATIVES, LOG_PROBS};
use crate::loose::{Loose, aside};

/// Natural logarithms of the probabilities of an answer's tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogProbs {
    /// Their sum; never positive but for rounding by the server.
    pub sum: f64,
    /// Tokens that had one.
    pub tokens: u32,
    /// The first of them, each.
    first: Vec<f32>,
    /// Entropies of alternatives, as shares of the most, and how many.
    entropies: (f64, u32),
}

/// `logprobs` of a choice: chat has tokens with everything about them, completions a list of numbers.
#[derive(Deserialize)]
struct OfChoice<'a> {
    #[serde(borrow)]
    content: Option<Vec<OfToken<'a>>>,
    #[serde(borrow)]
    token_logprobs: Option<Vec<Loose<'a>>>,
}

#[derive(Deserialize)]
struct OfToken<'a> {
    #[serde(borrow, default)]
    logprob: Loose<'a>,
    #[serde(borrow)]
    top_logprobs: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Alternative<'a> {
    #[serde(borrow, default)]
    logprob: Loose<'a>,
}

impl LogProbs {
    /// The mean over the tokens; `None` where there are none.
    pub fn mean(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.sum / f64::from(self.tokens))
    }

    /// What they come to; the least and the 5% point are of the first 4,096 tokens.
    pub fn signs(&self) -> Option<TokenSigns> {
        let mean = self.mean()?.min(0.0);
        let mut sorted = self.first.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let at = |share: usize| sorted.get(sorted.len() * share / 100).copied().map(f64::from);
        let (sum, n) = self.entropies;
        Some(TokenSigns {
            tokens: self.tokens,
            mean,
            min: at(0)?.min(0.0),
            p5: at(5)?.min(0.0),
            entropy: (n > 0).then(|| (sum / f64::from(n)).clamp(0.0, 1.0)),
        })
    }

    /// One more token. What is no finite number is left out: some servers write -9999 or -inf for "none".
    pub(crate) fn add(&mut self, log_prob: Option<f64>) {
        let Some(log_prob) = log_prob.filter(|log_prob| is_told(*log_prob)) else { return };
        self.sum += log_prob;
        self.tokens = self.tokens.saturating_add(1);
        if self.first.len() < LOG_PROBS {
            #[expect(clippy::cast_possible_truncation, reason = "seven digits of a logarithm")]
            self.first.push(log_prob as f32);
        }
    }

    /// The alternatives at a token, that token among them or not.
    fn add_alternatives(&mut self, log_probs: impl Iterator<Item = f64>) {
        if let Some(entropy) = entropy(log_probs) {
            self.entropies.0 += entropy;
            self.entropies.1 = self.entropies.1.saturating_add(1);
        }
    }

    pub(crate) fn add_all(&mut self, other: Self) {
        self.sum += other.sum;
        self.tokens = self.tokens.saturating_add(other.tokens);
        let room = LOG_PROBS.saturating_sub(self.first.len());
        self.first.extend(other.first.into_iter().take(room));
        self.entropies.0 += other.entropies.0;
        self.entropies.1 = self.entropies.1.saturating_add(other.entropies.1);
    }

    pub(crate) fn if_any(self) -> Option<Self> {
        (self.tokens > 0).then_some(self)
    }
}

impl FromIterator<Option<f64>> for LogProbs {
    fn from_iter<I: IntoIterator<Item = Option<f64>>>(log_probs: I) -> Self {
        let mut all = Self::default();
        log_probs.into_iter().for_each(|log_prob| all.add(log_prob));
        all
    }
}

/// The entropy of alternatives with these log-probabilities and of all others as one, over the most that it can be.
fn entropy(log_probs: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut mass, mut sum, mut n) = (0.0, 0.0, 0_u32);
    for log_prob in log_probs.filter(|log_prob| is_told(*log_prob)).take(ALTERNATIVES) {
        let p = log_prob.min(0.0).exp();
        mass += p;
        sum -= p * log_prob.min(0.0);
        n += 1;
    }
    if n < 2 || mass > 1.01 {
        return None;
    }
    let rest = (1.0 - mass).max(0.0);
    if rest > 0.0 {
        sum -= rest * rest.ln();
    }
    Some(sum / f64::from(n + 1).ln())
}

fn is_told(log_prob: f64) -> bool {
    log_prob.is_finite() && log_prob > -9999.0
}

/// Those of a choice; of another shape they count as absent.
pub(crate) fn log_probs_of_choice(raw: Option<&RawValue>) -> LogProbs {
    let Some(said) = aside::<OfChoice<'_>>(raw) else { return LogProbs::default() };
    let mut all = LogProbs::default();
    for token in said.content.into_iter().flatten() {
        all.add(token.logprob.number());
        let top = aside::<Vec<Alternative<'_>>>(token.top_logprobs).unwrap_or_default();
        all.add_alternatives(top.iter().filter_map(|one| one.logprob.number()));
    }
    said.token_logprobs.into_iter().flatten().for_each(|log_prob| all.add(log_prob.number()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn the_least_the_five_per_cent_point_and_the_entropy_by_hand() {
        let tokens: Vec<String> = (1..=40)
            .map(|i| {
                let half = -std::f64::consts::LN_2;
                format!(
                    r#"{{"token":"a","logprob":{},"top_logprobs":[{{"token":"a","logprob":{half}}},{{"token":"b","logprob":{half}}}]}}"#,
                    -f64::from(i) / 10.0
                )
            })
            .collect();
        let said = log_probs_of_choice(Some(&raw(&format!("{{\"content\":[{}]}}", tokens.join(",")))));
        let signs = said.signs().unwrap();
        assert_eq!(signs.tokens, 40);
        assert!((signs.mean + 2.05).abs() < 1e-9, "{signs:?}");
        assert!((signs.min + 4.0).abs() < 1e-6 && (signs.p5 + 3.8).abs() < 1e-6, "{signs:?}");
        // Two halves and nothing beside them, of three that there may be.
        assert!((signs.entropy.unwrap() - 2.0_f64.ln() / 3.0_f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn without_alternatives_there_is_no_entropy_and_without_tokens_nothing() {
        let said = log_probs_of_choice(Some(&raw(r#"{"token_logprobs":[null,-0.5,-9999.0,"x",-1.5]}"#)));
        let signs = said.signs().unwrap();
        assert_eq!((signs.tokens, signs.mean, signs.min, signs.entropy), (2, -1.0, -1.5, None));
        assert_eq!(log_probs_of_choice(Some(&raw(r#"{"content":7}"#))).signs(), None);
        assert_eq!(entropy([-0.1, -0.1].into_iter()), None, "more than all");
        assert_eq!(entropy([0.0, f64::NEG_INFINITY].into_iter()), None);
    }

    #[test]
    fn limits_log_probs_and_alternatives() {
        let mut all: LogProbs = (0..=LOG_PROBS).map(|_| Some(-0.5)).collect();
        all.add(Some(-9.0));
        assert_eq!((all.first.len(), all.tokens as usize), (LOG_PROBS, LOG_PROBS + 2));
        assert_eq!(all.signs().unwrap().min, -0.5, "of the first");
        all.add_all(all.clone());
        assert_eq!(all.first.len(), LOG_PROBS);
        let tiny = -30.0;
        let most = entropy(std::iter::repeat_n(tiny, ALTERNATIVES));
        assert_eq!(entropy(std::iter::repeat_n(tiny, ALTERNATIVES + 5)), most);
    }
}
