//! The picture of an incident: which stretch of time it shows, and what was judged then.

use bifocal_model::{Incident, Span, Timestamp, Window};
use bifocal_store::{Error, Reader};

use crate::chart::{self, Shown};
use crate::routes::signals::{chart_step, points_of};

/// A picture of more would show nothing of the change.
const LONGEST: Span = Span::from_secs(7 * 24 * 3600);

/// As PNG, from an hour before the onset, or as long before as it has lasted, to its end or `now`. Reads the store: not for a thread
/// that serves others.
pub fn incident_picture(reader: &Reader, incident: &Incident, now: Timestamp) -> Result<Vec<u8>, Error> {
    let to = incident.closed.map_or(now, |closed| (closed + Span::from_mins(30)).min(now));
    let before = to.since(incident.onset_from).max(Span::from_mins(60));
    let from = (incident.onset_from - before).max(to - LONGEST);
    let step = chart_step(from, to);
    let cells = reader.series(&incident.target, Window { start: from, end: to }, step)?;
    let (points, step_seconds) = points_of(&cells, step, incident.dimension.as_str(), incident.fingerprint);
    Ok(chart::png(&Shown { incident, points: &points, from, to, step_seconds }))
}
