//! EventBridge: events to a bus.

use serde::{Deserialize, Serialize};

use crate::connect::Aws;
use crate::error::Error;
use crate::operation::{Operation, Repeat, Service};

const PUT_EVENTS: Operation = Operation {
    service: Service::Events,
    name: "PutEvents",
    action: "events:PutEvents",
    // A second event would be acted on twice.
    repeat: Repeat::OnlyIfRefused,
};

/// An event for a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BusEvent<'a> {
    /// The bus, by name or ARN.
    pub event_bus_name: &'a str,
    /// Who says it; rules match it.
    pub source: &'a str,
    /// What is said; rules match it.
    pub detail_type: &'a str,
    /// JSON. With the rest up to 256 KiB.
    pub detail: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutRequest<'a> {
    entries: [BusEvent<'a>; 1],
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct PutAnswer {
    failed_entry_count: u32,
    entries: Vec<Entry>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    error_code: Option<String>,
    error_message: Option<String>,
}

impl Aws {
    /// Puts one event. The service answers 200 also where it refuses the event: that is an error here.
    pub async fn put_event(&self, event: BusEvent<'_>) -> Result<(), Error> {
        let answer: PutAnswer = self.json(&PUT_EVENTS, &PutRequest { entries: [event] }).await?;
        if answer.failed_entry_count == 0 {
            return Ok(());
        }
        let entry = answer.entries.into_iter().next().unwrap_or_default();
        Err(Error::Refused {
            action: PUT_EVENTS.action,
            code: entry.error_code.unwrap_or_else(|| "unknown".to_owned()),
            message: entry.error_message.unwrap_or_default(),
        })
    }
}
