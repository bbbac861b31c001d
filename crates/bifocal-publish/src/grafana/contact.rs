//! Contact points: whom Grafana tells. Amazon Managed Grafana and Grafana itself take two shapes of SNS.

use serde::Serialize;
use serde_json::{Value, json};

use super::PREFIX;

/// Whom Grafana tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Contact {
    /// A topic of SNS, by its ARN.
    Sns {
        /// The ARN.
        topic: String,
        /// Which Grafana reads it.
        shape: SnsShape,
    },
    /// An address that takes Grafana's JSON.
    Webhook {
        /// The address.
        url: String,
    },
}

/// The two shapes of an SNS contact point. Both have the type `sns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum SnsShape {
    /// Amazon Managed Grafana: the workspace's role publishes.
    Managed,
    /// Grafana itself: signed with the credentials of its environment.
    OpenSource,
}

impl Contact {
    /// The name by which rules send to it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sns { .. } => "Bifocal SNS",
            Self::Webhook { .. } => "Bifocal webhook",
        }
    }

    pub(super) fn uid(&self) -> String {
        let kind = match self {
            Self::Sns { .. } => "sns",
            Self::Webhook { .. } => "webhook",
        };
        format!("{PREFIX}{kind}")
    }

    /// The body of the provisioning API.
    pub(super) fn json(&self) -> Value {
        let (kind, settings) = match self {
            Self::Sns { topic, shape: SnsShape::Managed } => {
                ("sns", json!({"topic": topic, "authProvider": "default", "messageFormat": "text"}))
            }
            Self::Sns { topic, shape: SnsShape::OpenSource } => {
                // arn:PARTITION:sns:REGION:ACCOUNT:NAME
                let region = topic.split(':').nth(3).unwrap_or_default();
                ("sns", json!({"topic_arn": topic, "sigv4": {"region": region}}))
            }
            Self::Webhook { url } => ("webhook", json!({"url": url, "httpMethod": "POST"})),
        };
        json!({
            "uid": self.uid(), "name": self.name(), "type": kind, "settings": settings, "disableResolveMessage": false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_topic_has_two_shapes() {
        let topic = "arn:aws:sns:eu-west-1:123456789012:grafana-llm".to_owned();
        let settings = |shape| Contact::Sns { topic: topic.clone(), shape }.json()["settings"].clone();
        let managed = json!({"topic": topic, "authProvider": "default", "messageFormat": "text"});
        assert_eq!(settings(SnsShape::Managed), managed);
        let own = json!({"topic_arn": topic, "sigv4": {"region": "eu-west-1"}});
        assert_eq!(settings(SnsShape::OpenSource), own);
    }
}
