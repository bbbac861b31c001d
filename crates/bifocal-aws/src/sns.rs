//! SNS: messages to a topic.

use crate::connect::Aws;
use crate::error::Error;
use crate::operation::{Operation, Repeat, Service};

const VERSION: &str = "2010-03-31";
const PUBLISH: Operation = Operation {
    service: Service::Sns,
    name: "Publish",
    action: "sns:Publish",
    // A second message would be read twice.
    repeat: Repeat::OnlyIfRefused,
};

/// A message to a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicMessage<'a> {
    /// Fewer than 100 characters, no line breaks: the subject of mail.
    pub subject: &'a str,
    /// Up to 256 KiB.
    pub message: &'a str,
    /// Names and values that subscriptions filter by.
    pub attributes: &'a [(&'a str, &'a str)],
    /// Of a FIFO topic: what keeps its order, and what makes a second message the same one.
    pub fifo: Option<Fifo<'a>>,
}

/// What a FIFO topic needs. Both up to 128 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fifo<'a> {
    /// Messages of one group are delivered in order.
    pub group: &'a str,
    /// The same id within five minutes is the same message.
    pub deduplication: &'a str,
}

impl Aws {
    /// Publishes a message; [`Error::Ambiguous`] when it is not known whether it was taken.
    pub async fn publish(&self, topic: &str, message: &TopicMessage<'_>) -> Result<(), Error> {
        let mut fields: Vec<(String, &str)> = vec![
            ("TopicArn".into(), topic),
            ("Subject".into(), message.subject),
            ("Message".into(), message.message),
        ];
        for (i, (name, value)) in message.attributes.iter().enumerate() {
            let entry = format!("MessageAttributes.entry.{}", i + 1);
            fields.push((format!("{entry}.Name"), name));
            fields.push((format!("{entry}.Value.DataType"), "String"));
            fields.push((format!("{entry}.Value.StringValue"), value));
        }
        if let Some(fifo) = message.fifo {
            fields.push(("MessageGroupId".into(), fifo.group));
            fields.push(("MessageDeduplicationId".into(), fifo.deduplication));
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        self.form(&PUBLISH, VERSION, &fields).await.map(drop)
    }
}
