//! How sure the model was of its tokens.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::loose::{Loose, aside};

/// Natural logarithms of the probabilities of an answer's tokens, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogProbs {
    /// Their sum; never positive but for rounding by the server.
    pub sum: f64,
    /// Tokens that had one.
    pub tokens: u32,
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
}

impl LogProbs {
    /// The mean over the tokens; `None` where there are none.
    pub fn mean(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.sum / f64::from(self.tokens))
    }

    /// One more token. What is no finite number is left out: some servers write -9999 or -inf for "none".
    pub(crate) fn add(&mut self, log_prob: Option<f64>) {
        let Some(log_prob) = log_prob.filter(|log_prob| log_prob.is_finite() && *log_prob > -9999.0) else {
            return;
        };
        self.sum += log_prob;
        self.tokens = self.tokens.saturating_add(1);
    }

    pub(crate) fn add_all(&mut self, other: Self) {
        self.sum += other.sum;
        self.tokens = self.tokens.saturating_add(other.tokens);
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

/// Those of a choice; of another shape they count as absent.
pub(crate) fn log_probs_of_choice(raw: Option<&RawValue>) -> LogProbs {
    let Some(said) = aside::<OfChoice<'_>>(raw) else { return LogProbs::default() };
    let of_chat = said.content.into_iter().flatten().map(|token| token.logprob.number());
    let of_completions = said.token_logprobs.into_iter().flatten().map(|log_prob| log_prob.number());
    of_chat.chain(of_completions).collect()
}
