//! Where one rule stands for one target: pending, firing, resolved.
//!
//! The table of moves: a condition that holds makes it pending and, once it has held for the rule's span, firing;
//! a condition that does not hold ends a pending one at once and a firing one after a minute; no data leaves
//! things as they are, for absent is not zero.

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

/// One look at the condition. `holds` is `None` when there is no data.
pub(crate) fn step(
    before: Option<Standing>,
    holds: Option<bool>,
    now: Timestamp,
    hold: Span,
) -> (Option<Standing>, Option<Transition>) {
    match (before, holds) {
        (None, Some(true)) => {
            let pending = Standing { status: Status::Pending, since: now, clear_since: None };
            fire_when_held(pending, now, hold)
        }
        (Some(standing), Some(true)) if standing.status == Status::Pending => {
            fire_when_held(standing, now, hold)
        }
        (Some(standing), Some(true)) => (Some(Standing { clear_since: None, ..standing }), None),
        (Some(standing), Some(false)) if standing.status == Status::Firing => {
            let clear_since = standing.clear_since.unwrap_or(now);
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

fn fire_when_held(standing: Standing, now: Timestamp, hold: Span) -> (Option<Standing>, Option<Transition>) {
    if now.since(standing.since) >= hold {
        (Some(Standing { status: Status::Firing, ..standing }), Some(Transition::Fired))
    } else {
        (Some(standing), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a string of looks, one every 30 s: `t` holds, `f` does not, `-` no data. Gives the transitions.
    fn run(looks: &str, hold_secs: i64) -> Vec<(usize, Transition)> {
        let mut standing = None;
        let mut seen = Vec::new();
        for (i, look) in looks.chars().enumerate() {
            let holds = match look {
                't' => Some(true),
                'f' => Some(false),
                _ => None,
            };
            let now = Timestamp::from_secs(30 * i64::try_from(i).unwrap());
            let (after, transition) = step(standing, holds, now, Span::from_secs(hold_secs));
            standing = after;
            seen.extend(transition.map(|transition| (i, transition)));
        }
        seen
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
    }
}
