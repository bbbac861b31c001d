//! Where one rule stands for one target: pending, firing, resolved.
//!
//! The table of moves: a condition that holds makes it pending and, once it has held for the rule's span, firing;
//! a condition that does not hold ends a pending one at once and a firing one after a minute; no data leaves
//! things as they are, for absent is not zero. A rule with a condition for its end stays while neither holds: that is the
//! gap between the two thresholds in which nothing flaps.

use bifocal_model::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// A firing alert ends when its condition has not held for this long.
pub(crate) const CLEAR_FOR: Span = Span::from_secs(60);

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The condition holds, not yet for long enough.
    Pending,
    /// It is told to the channels.
    Firing,
    /// It is over.
    Resolved,
}

/// One rule and one target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) status: Status,
    /// Since when the condition has held.
    pub(crate) since: Timestamp,
    /// Since when it has not, while firing.
    pub(crate) clear_since: Option<Timestamp>,
}

/// What the channels must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    Fired,
    Resolved,
}

/// One look at a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Whether it holds; `None`: there is no data.
    pub(crate) holds: Option<bool>,
    /// Whether it has held for long enough to fire.
    pub(crate) is_ripe: bool,
    /// Whether what ends it holds, where that is said of its own; `None`: there is no data.
    pub(crate) recovered: Option<bool>,
}

/// One step.
pub(crate) fn step(
    before: Option<Standing>,
    look: Look,
    now: Timestamp,
) -> (Option<Standing>, Option<Transition>) {
    match (before, look.holds) {
        (None, Some(true)) => {
            let pending = Standing { status: Status::Pending, since: now, clear_since: None };
            fire_when_ripe(pending, look.is_ripe)
        }
        (Some(standing), Some(true)) if standing.status == Status::Pending => {
            fire_when_ripe(standing, look.is_ripe)
        }
        (Some(standing), Some(true)) => (Some(Standing { clear_since: None, ..standing }), None),
        (Some(standing), Some(false)) if standing.status == Status::Firing => {
            match look.recovered {
                Some(true) => {}
                // Between the two thresholds.
                Some(false) => return (Some(Standing { clear_since: None, ..standing }), None),
                None => return (before, None),
            }
            // A clock that was set back makes the moment one of the future: the minute begins anew.
            let clear_since = standing.clear_since.filter(|since| *since <= now).unwrap_or(now);
            if now.since(clear_since) >= CLEAR_FOR {
                (None, Some(Transition::Resolved))
            } else {
                (Some(Standing { clear_since: Some(clear_since), ..standing }), None)
            }
        }
        (_, Some(false)) => (None, None),
        (before, None) => (before, None),
    }
}

fn fire_when_ripe(standing: Standing, is_ripe: bool) -> (Option<Standing>, Option<Transition>) {
    if is_ripe {
        (Some(Standing { status: Status::Firing, ..standing }), Some(Transition::Fired))
    } else {
        (Some(standing), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a string of looks, one every 30 s: `t` holds, `f` does not, `-` no data, `g` it does not and what ends it does not
    /// either. Gives the transitions.
    fn run(looks: &str, hold_secs: i64) -> Vec<(usize, Transition)> {
        let (mut standing, mut held_since) = (None, None);
        let mut seen = Vec::new();
        for (i, look) in looks.chars().enumerate() {
            let holds = match look {
                't' => Some(true),
                'f' | 'g' => Some(false),
                _ => None,
            };
            let now = Timestamp::from_secs(30 * i64::try_from(i).unwrap());
            match holds {
                Some(true) => held_since = held_since.or(Some(now)),
                Some(false) => held_since = None,
                None => {}
            }
            let is_ripe = held_since.is_some_and(|since| now.since(since) >= Span::from_secs(hold_secs));
            let look = Look { holds, is_ripe, recovered: Some(look != 'g') };
            let (after, transition) = step(standing, look, now);
            standing = after;
            seen.extend(transition.map(|transition| (i, transition)));
        }
        seen
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nothing_from_ending() {
        let at = Timestamp::from_secs;
        let firing = |clear_since| Standing { status: Status::Firing, since: at(0), clear_since };
        let over = Look { holds: Some(false), is_ripe: false, recovered: Some(true) };
        // It was clear since ten o'clock; then the clock says nine.
        let (after, told) = step(Some(firing(Some(at(36_000)))), over, at(32_400));
        assert_eq!((after, told), (Some(firing(Some(at(32_400)))), None));
        assert_eq!(step(after, over, at(32_460)), (None, Some(Transition::Resolved)));
    }

    #[test]
    fn the_moves() {
        use Transition::{Fired, Resolved};
        assert_eq!(run("fffff", 0), []);
        assert_eq!(run("t", 0), [(0, Fired)]);
        assert_eq!(run("ttt", 60), [(2, Fired)]);
        assert_eq!(run("tftttt", 60), [(4, Fired)], "an interrupted hold starts again");
        assert_eq!(run("tfff", 0), [(0, Fired), (3, Resolved)], "resolved after a minute of clear looks");
        assert_eq!(run("tftff", 0), [(0, Fired)], "a flap does not resolve");
        assert_eq!(run("t-----", 0), [(0, Fired)], "no data resolves nothing");
        assert_eq!(run("-----", 0), [], "no data fires nothing");
        assert_eq!(run("tggggg", 0), [(0, Fired)], "between the thresholds it goes on");
        assert_eq!(run("tfgffff", 0), [(0, Fired), (5, Resolved)], "the minute begins anew behind the gap");
    }
}
