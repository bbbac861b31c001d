//! What the bytes of an answer show beside its text, in a few numbers: nothing of it can be read back.

/// Measured where an answer is read and used where it is evaluated; it is recorded as what evaluators say of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signs {
    /// How its calls of tools fit the tools of the request; `None` where it called none, or none were listed.
    pub tool_use: Option<ToolUse>,
    /// How sure the model was of its tokens; `None` where the server did not say.
    pub tokens: Option<TokenSigns>,
}

/// Calls of tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolUse {
    /// How many calls could be checked.
    pub calls: u32,
    /// What is wrong with the first that does not fit: `unknown_tool`, `no_json`, or the keyword of the schema that it breaks.
    pub fault: Option<&'static str>,
}

/// Logarithms of the probabilities of an answer's tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenSigns {
    /// Tokens that had one.
    pub tokens: u32,
    /// Their mean, natural logarithms; never above 0.
    pub mean: f64,
    /// The least.
    pub min: f64,
    /// The one that 5% lie below.
    pub p5: f64,
    /// The mean entropy of the alternatives at each token, as a share of the most that so many alternatives can have, in [0, 1];
    /// `None` where no alternatives were told.
    pub entropy: Option<f64>,
}
