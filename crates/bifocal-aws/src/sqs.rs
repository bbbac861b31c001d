//! SQS: messages of a queue, taken and deleted.

use serde::{Deserialize, Serialize};

use crate::connect::Aws;
use crate::endpoint::Endpoints;
use crate::error::Error;
use crate::limits::MESSAGES_PER_CALL;
use crate::operation::{Operation, Service};

// A message whose answer was lost on the way comes again when its time is over.
const RECEIVE: Operation = Operation::read(Service::Sqs, "ReceiveMessage", "sqs:ReceiveMessage");
// Deleting twice deletes once.
const DELETE: Operation = Operation::read(Service::Sqs, "DeleteMessageBatch", "sqs:DeleteMessage");

/// A queue, as an address or an ARN names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its region, where the name says it.
    pub region: Option<String>,
    /// Its account.
    pub account: String,
    /// Its name.
    pub name: String,
    /// The address that was given.
    address: Option<String>,
}

/// A message that was taken. Others do not see it until its time is over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Message {
    /// The same each time that it is taken.
    pub message_id: String,
    /// Deletes it; another one each time.
    pub receipt_handle: String,
    /// What it says.
    pub body: String,
}

/// How messages are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taking {
    /// Messages at most, 1 to 10.
    pub most: u8,
    /// Seconds to wait for the first, 0 to 20.
    pub wait_seconds: u8,
    /// Seconds for which others do not see them.
    pub hidden_seconds: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveRequest<'a> {
    queue_url: &'a str,
    max_number_of_messages: u8,
    wait_time_seconds: u8,
    visibility_timeout: u32,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ReceiveAnswer {
    messages: Option<Vec<Message>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteRequest<'a> {
    queue_url: &'a str,
    entries: Vec<DeleteEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteEntry<'a> {
    id: String,
    receipt_handle: &'a str,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DeleteAnswer {
    failed: Vec<Failed>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Failed {
    id: String,
}

impl Queue {
    /// Whether both name one queue, as far as their names say: where one says no region it may be the other's.
    pub fn is_same(&self, other: &Self) -> bool {
        let of_one_region = match (&self.region, &other.region) {
            (Some(one), Some(another)) => one == another,
            (None, None) => self.address == other.address,
            _ => true,
        };
        (&self.account, &self.name) == (&other.account, &other.name) && of_one_region
    }

    /// From `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`, another address that ends so, or
    /// `arn:aws:sqs:REGION:ACCOUNT:NAME`; `None` where it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = |name: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !name.is_empty() && name.len() <= 80 && name.chars().all(known)
        };
        let is_account = |account: &str| !account.is_empty() && account.bytes().all(|b| b.is_ascii_digit());
        if let Some(arn) = text.strip_prefix("arn:") {
            let parts: Vec<&str> = arn.split(':').collect();
            let [_, "sqs", region, account, name] = parts[..] else { return None };
            let is_arn = !region.is_empty() && is_account(account) && is_name(name);
            return is_arn.then(|| Self {
                region: Some(region.to_owned()),
                account: account.to_owned(),
                name: name.to_owned(),
                address: None,
            });
        }
        let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let segments: Vec<&str> = url.path_segments()?.collect();
        let [.., account, name] = segments[..] else { return None };
        let host = url.host_str()?;
        let region = host.strip_prefix("sqs.").and_then(|rest| rest.split_once(".amazonaws.com"));
        (is_account(account) && is_name(name)).then(|| Self {
            region: region.map(|(region, _)| region.to_owned()),
            account: account.to_owned(),
            name: name.to_owned(),
            address: Some(text.to_owned()),
        })
    }

    /// Its ARN, in this region where its name says none.
    pub fn arn(&self, region: &str) -> String {
        let region = self.region.as_deref().unwrap_or(region);
        let partition = match region {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        format!("arn:{partition}:sqs:{region}:{}:{}", self.account, self.name)
    }

    fn url(&self, endpoints: &Endpoints, region: &str) -> Result<String, Error> {
        if let Some(address) = &self.address {
            return Ok(address.clone());
        }
        let base = endpoints.base(Service::Sqs, region)?;
        Ok(format!("{}/{}/{}", base.as_str().trim_end_matches('/'), self.account, self.name))
    }
}

impl Aws {
    /// Takes messages; none where the wait ends before one comes.
    pub async fn receive_messages(&self, queue: &Queue, taking: Taking) -> Result<Vec<Message>, Error> {
        let url = queue.url(&self.inner.endpoints, self.region())?;
        let request = ReceiveRequest {
            queue_url: &url,
            max_number_of_messages: taking.most.clamp(1, 10),
            wait_time_seconds: taking.wait_seconds.min(20),
            visibility_timeout: taking.hidden_seconds,
        };
        let answer: ReceiveAnswer = self.json(&RECEIVE, &request).await?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// Deletes messages by their receipt handles, up to ten. Returns the places of those that were not: their time was
    /// over and they were taken again, or the handle is none.
    pub async fn delete_messages(&self, queue: &Queue, handles: &[&str]) -> Result<Vec<usize>, Error> {
        if handles.len() > MESSAGES_PER_CALL {
            self.inner.telemetry.limit_hit("aws_messages_per_call");
            let what = format!("{} messages in one call, {MESSAGES_PER_CALL} are allowed", handles.len());
            return Err(Error::Misuse { action: DELETE.action, what });
        }
        if handles.is_empty() {
            return Ok(Vec::new());
        }
        let url = queue.url(&self.inner.endpoints, self.region())?;
        let numbered = handles.iter().enumerate();
        let entries = numbered.map(|(i, handle)| DeleteEntry { id: i.to_string(), receipt_handle: handle });
        let entries = entries.collect();
        let answer: DeleteAnswer = self.json(&DELETE, &DeleteRequest { queue_url: &url, entries }).await?;
        Ok(answer.failed.iter().filter_map(|failed| failed.id.parse().ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{Fake, Prepared};

    #[test]
    fn a_queue_is_named_by_its_address_or_its_arn() {
        let arn = Queue::parse("arn:aws:sqs:eu-west-1:123456789012:capture").unwrap();
        assert_eq!(arn.region.as_deref(), Some("eu-west-1"));
        assert_eq!(arn.arn("us-east-1"), "arn:aws:sqs:eu-west-1:123456789012:capture");
        let url = arn.url(&Endpoints::of_aws(), "eu-west-1").unwrap();
        assert_eq!(url, "https://sqs.eu-west-1.amazonaws.com/123456789012/capture");
        let again = Queue::parse(&url).unwrap();
        assert_eq!((again.region.as_deref(), again.name.as_str()), (Some("eu-west-1"), "capture"));
        let local = Queue::parse("http://127.0.0.1:5000/123456789012/capture").unwrap();
        assert_eq!(local.arn("us-east-1"), "arn:aws:sqs:us-east-1:123456789012:capture");
        assert_eq!(
            Queue::parse("arn:aws-cn:sqs:cn-north-1:1:q").unwrap().arn("x"),
            "arn:aws-cn:sqs:cn-north-1:1:q"
        );
        for wrong in ["capture", "arn:aws:sns:r:1:q", "arn:aws:sqs:r:x:q", "https://h/capture", "ftp://h/1/q"]
        {
            assert_eq!(Queue::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn one_queue_is_known_by_either_name() {
        let queue = |text: &str| Queue::parse(text).unwrap();
        let arn = queue("arn:aws:sqs:eu-west-1:1:q");
        let local = queue("http://127.0.0.1:5000/1/q");
        for (other, wanted) in [
            (queue("https://sqs.eu-west-1.amazonaws.com/1/q"), true),
            (local.clone(), true),
            (queue("https://sqs.eu-west-2.amazonaws.com/1/q"), false),
            (queue("arn:aws:sqs:eu-west-1:2:q"), false),
            (queue("arn:aws:sqs:eu-west-1:1:r"), false),
        ] {
            assert_eq!((arn.is_same(&other), other.is_same(&arn)), (wanted, wanted), "{other:?}");
        }
        assert!(!local.is_same(&queue("http://127.0.0.1:5001/1/q")));
    }

    #[tokio::test]
    async fn messages_are_taken_and_deleted_as_the_service_wants_it() {
        let taken =
            json!({"Messages": [{"MessageId": "m", "ReceiptHandle": "h", "MD5OfBody": "x", "Body": "{}"}]});
        let deleted = json!({"Successful": [{"Id": "0"}], "Failed": [{"Id": "1", "SenderFault": true, "Code": "ReceiptHandleIsInvalid"}]});
        let answers =
            [Prepared::ok(taken.to_string()), Prepared::ok("{}"), Prepared::ok(deleted.to_string())];
        let fake = Fake::answering(answers).await;
        let queue = Queue::parse("arn:aws:sqs:us-east-1:123456789012:capture").unwrap();
        let taking = Taking { most: 10, wait_seconds: 20, hidden_seconds: 900 };
        let messages = fake.aws.receive_messages(&queue, taking).await.unwrap();
        assert_eq!((messages[0].message_id.as_str(), messages[0].body.as_str()), ("m", "{}"));
        assert_eq!(
            fake.aws.receive_messages(&queue, taking).await.unwrap(),
            [],
            "no list where there is none"
        );
        assert_eq!(fake.aws.delete_messages(&queue, &["h", "old"]).await.unwrap(), [1]);
        let asked = fake.asked();
        assert_eq!(asked[0].headers["x-amz-target"], "AmazonSQS.ReceiveMessage");
        assert_eq!(asked[0].headers["content-type"], "application/x-amz-json-1.0");
        let body: Value = serde_json::from_str(&asked[0].body).unwrap();
        assert!(body["QueueUrl"].as_str().unwrap().ends_with("/123456789012/capture"));
        assert_eq!((&body["WaitTimeSeconds"], &body["VisibilityTimeout"]), (&json!(20), &json!(900)));
        let body: Value = serde_json::from_str(&asked[2].body).unwrap();
        assert_eq!(body["Entries"][1], json!({"Id": "1", "ReceiptHandle": "old"}));
    }

    #[tokio::test]
    async fn ten_are_deleted_at_once_and_no_more() {
        let fake = Fake::answering([Prepared::ok("{}")]).await;
        let queue = Queue::parse("arn:aws:sqs:us-east-1:1:q").unwrap();
        assert!(fake.aws.delete_messages(&queue, &["h"; MESSAGES_PER_CALL]).await.is_ok());
        let err = fake.aws.delete_messages(&queue, &["h"; MESSAGES_PER_CALL + 1]).await.unwrap_err();
        assert!(err.to_string().contains("11 messages"), "{err}");
    }
}
