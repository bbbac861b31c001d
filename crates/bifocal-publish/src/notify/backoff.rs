//! Pauses between attempts.

use bifocal_model::Span;

use crate::limits::{DELIVERY_ATTEMPTS_MAX, DELIVERY_PAUSE_MAX_SECS};

/// The pause before the next attempt: 2 s, 4 s, 8 s, … up to an hour; `None` when it is given up.
pub fn next_pause(attempts: u32) -> Option<Span> {
    if attempts >= DELIVERY_ATTEMPTS_MAX {
        return None;
    }
    let secs = 1_i64.checked_shl(attempts.min(30)).unwrap_or(DELIVERY_PAUSE_MAX_SECS);
    Some(Span::from_secs(secs.clamp(2, DELIVERY_PAUSE_MAX_SECS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_limits_delivery_pause_secs_and_delivery_attempts() {
        assert_eq!(next_pause(1), Some(Span::from_secs(2)));
        assert_eq!(next_pause(5), Some(Span::from_secs(32)));
        assert_eq!(next_pause(39), Some(Span::from_secs(DELIVERY_PAUSE_MAX_SECS)));
        assert_eq!(next_pause(DELIVERY_ATTEMPTS_MAX), None);
    }
}
