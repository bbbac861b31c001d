//! Conditions that other systems can evaluate themselves: a comparison of one number, or a state by its name.

use bifocal_model::StateName;

/// A condition of this kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Simple {
    /// `upper('safety_pass_rate') < 0.8`.
    Compare {
        /// Which number of the signal.
        of: Of,
        /// The signal.
        signal: String,
        /// Which side is bad.
        side: Side,
        /// The threshold, in the signal's unit.
        threshold: f64,
    },
    /// `state == 'outage'`.
    State(StateName),
}

/// Which number of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Value,
    Lower,
    Upper,
    /// In per cent.
    Quantile(u8),
}

/// Which side of a threshold is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Simple {
    /// Reads a condition; `None` when it is of another kind, which only Bifocal can evaluate.
    pub(crate) fn parse(when: &str) -> Option<Self> {
        let when = when.trim();
        if let Some(rest) = when.strip_prefix("state") {
            let name = quoted(rest.trim_start().strip_prefix("==")?.trim())?;
            return StateName::ALL.into_iter().find(|state| state.name() == name).map(Self::State);
        }
        let (function, rest) = when.split_once('(')?;
        let of = match function.trim() {
            "value" => Of::Value,
            "lower" => Of::Lower,
            "upper" => Of::Upper,
            "p50" => Of::Quantile(50),
            "p95" => Of::Quantile(95),
            "p99" => Of::Quantile(99),
            _ => return None,
        };
        let (argument, rest) = rest.split_once(')')?;
        let signal = quoted(argument.trim())?.to_owned();
        let rest = rest.trim();
        let (side, number) = match rest.strip_prefix('<') {
            Some(number) => (Side::Below, number),
            None => (Side::Above, rest.strip_prefix('>')?),
        };
        let (side, number) = match (side, number.strip_prefix('=')) {
            (Side::Below, Some(number)) => (Side::AtMost, number),
            (_, Some(number)) => (Side::AtLeast, number),
            (side, None) => (side, number),
        };
        let threshold = number.trim().parse().ok().filter(|number: &f64| number.is_finite())?;
        Some(Self::Compare { of, signal, side, threshold })
    }
}

/// Several conditions that other systems can evaluate, joined in one way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Joined {
    /// One alone.
    One(Simple),
    /// All of them at once.
    All(Vec<Simple>),
    /// Any of them.
    Any(Vec<Simple>),
}

impl Joined {
    /// Reads a condition; `None` when a part is of another kind, or when both ways of joining are mixed.
    pub(crate) fn parse(when: &str) -> Option<Self> {
        let parts = |joint: &str| when.split(joint).map(Simple::parse).collect::<Option<Vec<_>>>();
        match (when.contains("&&"), when.contains("||")) {
            (false, false) => Simple::parse(when).map(Self::One),
            (true, false) => parts("&&").map(Self::All),
            (false, true) => parts("||").map(Self::Any),
            (true, true) => None,
        }
    }

    /// The parts, in their order.
    pub(crate) fn parts(&self) -> &[Simple] {
        match self {
            Self::One(part) => std::slice::from_ref(part),
            Self::All(parts) | Self::Any(parts) => parts,
        }
    }
}

/// The text between quotes of one kind, when there is nothing else.
fn quoted(text: &str) -> Option<&str> {
    let inner = ['\'', '"'].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))?;
    inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_and_states_are_read_and_all_else_is_left() {
        assert_eq!(
            Simple::parse("upper('safety_pass_rate') < 0.8"),
            Some(Simple::Compare {
                of: Of::Upper,
                signal: "safety_pass_rate".into(),
                side: Side::Below,
                threshold: 0.8
            })
        );
        assert_eq!(
            Simple::parse("value( \"error_ratio\" ) >= 0.05 "),
            Some(Simple::Compare {
                of: Of::Value,
                signal: "error_ratio".into(),
                side: Side::AtLeast,
                threshold: 0.05
            })
        );
        assert_eq!(Simple::parse("state == 'outage'"), Some(Simple::State(StateName::Outage)));
        for other in [
            "degraded('relevance')",
            "state != 'healthy'",
            "state == 'fine'",
            "p90('ttft_seconds') < 2.0",
            "value('a') < value('b')",
            "value('a') < 1.0 && value('b') < 1.0",
            "value('a') < 1.0 || state == 'outage'",
            "judge_drifted()",
            "",
        ] {
            assert_eq!(Simple::parse(other), None, "{other}");
        }
    }
    #[test]
    fn parts_are_joined_in_one_way() {
        let fast = "value('error_ratio') < 0.01";
        let bad = "upper('relevance') < 0.7";
        let joined = |joint: &str| Joined::parse(&format!("{bad} {joint} {fast}"));
        assert!(matches!(joined("&&"), Some(Joined::All(parts)) if parts.len() == 2));
        assert!(matches!(joined("||"), Some(Joined::Any(parts)) if parts.len() == 2));
        assert_eq!(Joined::parse(bad).map(|joined| joined.parts().len()), Some(1));
        assert_eq!(Joined::parse(&format!("{bad} && {fast} || {bad}")), None);
        assert_eq!(Joined::parse(&format!("degraded('relevance') && {fast}")), None);
    }
}
