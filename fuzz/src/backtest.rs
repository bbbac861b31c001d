//! Lines of a history that outside people bring to `bifocal backtest`.

use std::collections::BTreeSet;

use bifocal_watch::backtest::{HistoryEvent, Line};

/// Longest name that a line may hold, bytes: the limit of the reader, said again.
const NAME_BYTES: usize = 512;

/// A line of scores and one of events: an error with its place, or values in their ranges.
pub fn backtest(bytes: &[u8]) {
    let mut unknown = BTreeSet::new();
    match Line::parse(bytes, &mut unknown) {
        Ok(Line::Score(line)) => {
            assert!(line.target.len() <= NAME_BYTES && line.dimension.len() <= NAME_BYTES);
            if let Some(judged) = line.judged {
                assert!((0.0..=1.0).contains(&judged.score), "{}", judged.score);
                assert!(judged.pi.get() > 0.0 && judged.pi.get() <= 1.0, "{:?}", judged.pi);
            }
            assert!(line.proxy.is_none_or(f64::is_finite));
        }
        Ok(Line::Anchor(line)) => {
            assert!((0.0..=1.0).contains(&line.score), "{}", line.score);
            assert!(line.frozen.is_none_or(|frozen| (0.0..=1.0).contains(&frozen)));
        }
        Err(err) => assert!(!err.what.is_empty()),
    }
    if let Ok(event) = HistoryEvent::parse(bytes) {
        assert!(event.kind.len() <= NAME_BYTES && event.id.len() <= NAME_BYTES);
    }
}
