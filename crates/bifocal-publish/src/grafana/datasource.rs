//! Data sources, for a Grafana that has none yet.

use serde_json::{Value, json};

use super::PREFIX;
use super::desired::Flavour;

/// The uid of a data source that is made.
pub(super) fn uid(flavour: Flavour) -> String {
    format!("{PREFIX}{}", flavour.name())
}

/// Prometheus at an address that Grafana reaches.
pub(super) fn prometheus(url: &str) -> Value {
    json!({
        "uid": uid(Flavour::Prometheus), "name": "Bifocal Prometheus", "type": "prometheus", "access": "proxy", "url": url,
        "isDefault": false, "jsonData": {"httpMethod": "POST"},
    })
}

/// CloudWatch with the credentials of Grafana's own role.
pub(super) fn cloudwatch(region: &str, namespaces: &str) -> Value {
    json!({
        "uid": uid(Flavour::CloudWatch), "name": "Bifocal CloudWatch", "type": "cloudwatch", "access": "proxy",
        "isDefault": false,
        "jsonData": {"authType": "default", "defaultRegion": region, "customMetricsNamespaces": namespaces},
    })
}
