//! What the hardware costs, once a minute, as readings.

use std::collections::BTreeMap;

use bifocal_infra::cost::Prices;
use bifocal_model::{Reading, Span, TargetKey, Timestamp, Window};
use bifocal_store::Reader;

use crate::config::UpstreamTarget;

const EVERY: Span = Span::from_mins(1);
/// A whole upstream's price is shared by output tokens over this span.
const SHARED_OVER: Span = Span::from_mins(60);

/// The prices of all upstreams.
#[derive(Clone, Debug, Default)]
pub struct Costs {
    upstreams: Vec<Price>,
    last: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Price {
    origin: String,
    whole: Option<f64>,
    components: Vec<(TargetKey, f64)>,
}

impl Costs {
    /// From the configured upstreams.
    pub fn of(targets: &[UpstreamTarget]) -> Self {
        let price = |target: &UpstreamTarget| Price {
            origin: target.name.clone(),
            whole: target.usd_per_hour,
            components: target
                .component_usd_per_hour
                .iter()
                .map(|(model, usd)| (target.key(model), *usd))
                .collect(),
        };
        Self { upstreams: targets.iter().map(price).collect(), last: None }
    }

    /// The readings that are due.
    pub(crate) fn readings(
        &mut self,
        now: Timestamp,
        reader: &Reader,
    ) -> Result<Vec<Reading>, bifocal_store::Error> {
        if self.last.is_some_and(|last| now.since(last) < EVERY) {
            return Ok(Vec::new());
        }
        self.last = Some(now);
        let mut readings = Vec::new();
        for upstream in &self.upstreams {
            readings.extend(Prices::new(upstream.components.iter().cloned()).readings(now));
            if let Some(whole) = upstream.whole {
                readings.extend(Prices::split(whole, &shares(&upstream.origin, now, reader)?).readings(now));
            }
        }
        Ok(readings)
    }
}

/// Output tokens of the last hour by target; every target that had calls counts at least one token.
fn shares(
    origin: &str,
    now: Timestamp,
    reader: &Reader,
) -> Result<BTreeMap<TargetKey, f64>, bifocal_store::Error> {
    let window = Window::ending_at(now + EVERY, SHARED_OVER);
    let mut shares = BTreeMap::new();
    for key in reader.targets().into_keys().filter(|key| key.origin == origin) {
        let cell = reader.total(&key, window)?;
        if cell.calls > 0 {
            shares.insert(key, cell.output_tokens.max(1.0));
        }
    }
    Ok(shares)
}
