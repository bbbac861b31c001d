//! The store's roll-ups answer the watch's questions about latencies.

use bifocal_model::{Span, TargetKey, Window};
use bifocal_store::Reader;
use bifocal_watch::Quantiles;

/// A reader that the watch may ask.
#[derive(Clone, Debug)]
pub(crate) struct StoreQuantiles(pub(crate) Reader);

impl Quantiles for StoreQuantiles {
    fn quantile(&self, target: &TargetKey, signal: &str, q: f64, window: Window) -> Option<f64> {
        // Roll-ups are whole minutes: the minute that runs belongs to the window.
        let window = Window { end: window.end + Span::from_mins(1), ..window };
        let cell = self.0.total(target, window).ok()?;
        match signal {
            "ttft_seconds" => cell.ttft.quantile(q),
            "itl_seconds" => cell.itl.quantile(q),
            "duration_seconds" => cell.duration.quantile(q),
            _ => None,
        }
    }
}
