//! Alerts, and what keeps them from being told.

use bifocal_watch::Snapshot;
use bifocal_watch::alert::Status;
use bifocal_watch::mute::{MutedBy, SilenceStatus};

use super::exposition::with;
use super::text::Text;

/// Alerts that fire, those of them that are muted, and messages that were withheld. Silences are bounded by the watch's limit.
pub(super) fn render(text: &mut Text, snapshot: &Snapshot) {
    let firing = || snapshot.alerts.iter().filter(|alert| alert.status == Status::Firing);
    text.family("bifocal_alert_firing", "gauge", "1 while an alert rule fires for a target");
    for alert in firing() {
        let labels = [("alert", alert.rule.as_str()), ("severity", alert.severity.name())];
        text.sample("bifocal_alert_firing", &with(&alert.target, &labels), 1.0);
    }
    text.family(
        "bifocal_alert_muted",
        "gauge",
        "1 while an alert fires and a silence, maintenance or another alert keeps it from being told",
    );
    for alert in firing() {
        if let Some(muted) = &alert.muted {
            let labels = [("alert", alert.rule.as_str()), ("by", muted.by.name())];
            text.sample("bifocal_alert_muted", &with(&alert.target, &labels), 1.0);
        }
    }
    text.family(
        "bifocal_alert_messages_withheld_total",
        "counter",
        "messages that were not sent, since the data folder was made",
    );
    for by in MutedBy::ALL {
        let count = snapshot.withheld.by(by) as f64;
        text.sample("bifocal_alert_messages_withheld_total", &[("by", by.name())], count);
    }
    text.family("bifocal_silences", "gauge", "silences that are active");
    let active = || snapshot.silences.iter().filter(|silence| silence.status == SilenceStatus::Active);
    text.sample("bifocal_silences", &[], active().count() as f64);
    text.family("bifocal_silence_messages_withheld", "gauge", "messages that an active silence has withheld");
    for silence in active() {
        let labels = [("silence", silence.id.as_str())];
        text.sample("bifocal_silence_messages_withheld", &labels, silence.withheld as f64);
    }
}
