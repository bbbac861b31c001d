//! SQS: queues in memory, and the two calls that take messages and delete them. Messages come in no order, are hidden
//! while somebody has them, and come again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bifocal_model::{Span, Timestamp};
use serde_json::{Value, json};

use super::policy::Asked;
use super::{Refusal, World};
use crate::random::Random;

/// Between two looks while a call waits for messages.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The queues of an account by their names. Cheap to clone; clones are the same queues.
#[derive(Clone, Debug, Default)]
pub struct Queues(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    queues: BTreeMap<String, BTreeMap<u64, Message>>,
    /// Messages and takings so far.
    numbered: u64,
}

#[derive(Debug)]
struct Message {
    body: String,
    /// The newest receipt handle.
    handle: String,
    visible_from: Timestamp,
}

impl Queues {
    /// Makes a queue, or empties it.
    pub fn create(&self, queue: &str) {
        self.lock().queues.insert(queue.to_owned(), BTreeMap::new());
    }

    /// Puts a message into a queue, which is made if it is not there.
    pub fn send(&self, queue: &str, body: impl Into<String>) {
        let mut state = self.lock();
        state.numbered += 1;
        let number = state.numbered;
        let message =
            Message { body: body.into(), handle: String::new(), visible_from: Timestamp::default() };
        state.queues.entry(queue.to_owned()).or_default().insert(number, message);
    }

    /// Messages that nobody has deleted.
    pub fn len(&self, queue: &str) -> usize {
        self.lock().queues.get(queue).map_or(0, BTreeMap::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self, queue: &str) -> bool {
        self.len(queue) == 0
    }

    /// From now on everybody sees all messages, as if the time of those who have them were over.
    pub fn reveal(&self) {
        let mut state = self.lock();
        let messages = state.queues.values_mut().flat_map(BTreeMap::values_mut);
        messages.for_each(|message| message.visible_from = Timestamp::default());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up to `most` of the visible messages, in no order.
    fn take(&self, queue: &str, most: usize, now: Timestamp, hidden: Span) -> Vec<Value> {
        let mut state = self.lock();
        state.numbered += 1;
        let taking = state.numbered;
        let Some(messages) = state.queues.get_mut(queue) else { return Vec::new() };
        let mut visible: Vec<u64> =
            messages.iter().filter(|(_, message)| message.visible_from <= now).map(|(id, _)| *id).collect();
        visible.sort_by_key(|id| Random::keyed(0x5175, &[taking, *id]).next());
        visible.truncate(most);
        let mut taken = Vec::new();
        for id in visible {
            let Some(message) = messages.get_mut(&id) else { continue };
            message.handle = format!("{id}#{taking}");
            message.visible_from = now + hidden;
            taken.push(json!({"MessageId": format!("message-{id}"), "ReceiptHandle": message.handle, "Body": message.body}));
        }
        taken
    }

    /// `false`: the handle is not the newest of a message.
    fn delete(&self, queue: &str, handle: &str) -> bool {
        let mut state = self.lock();
        let id = handle.split('#').next().and_then(|id| id.parse().ok());
        let (Some(messages), Some(id)) = (state.queues.get_mut(queue), id) else { return false };
        let is_newest = messages.get(&id).is_some_and(|message| message.handle == handle);
        if is_newest {
            messages.remove(&id);
        }
        // Deleting what is gone is no error.
        is_newest || !messages.contains_key(&id)
    }
}

impl World {
    pub(super) async fn sqs(&self, operation: &str, input: &Value) -> Result<Value, Refusal> {
        let url = input["QueueUrl"].as_str().unwrap_or_default();
        let name = url.rsplit('/').next().unwrap_or_default();
        let arn = format!("arn:aws:sqs:{}:{}:{name}", self.scenario.region, self.scenario.account);
        let asked = |action| Asked { action, resource: &arn, context: &[] };
        match operation {
            "ReceiveMessage" => self.call(asked("sqs:ReceiveMessage"), || self.queue(name))?,
            "DeleteMessageBatch" => self.call(asked("sqs:DeleteMessage"), || self.queue(name))?,
            _ => return Err(Refusal::new("UnknownOperationException", operation)),
        };
        let number = |field: &str, default: u64| input[field].as_u64().unwrap_or(default);
        if operation == "DeleteMessageBatch" {
            let (mut done, mut failed) = (Vec::new(), Vec::new());
            for entry in input["Entries"].as_array().into_iter().flatten() {
                if self.queues.delete(name, entry["ReceiptHandle"].as_str().unwrap_or_default()) {
                    done.push(json!({"Id": entry["Id"]}));
                } else {
                    let code = "ReceiptHandleIsInvalid";
                    failed
                        .push(json!({"Id": entry["Id"], "Code": code, "SenderFault": true, "Message": code}));
                }
            }
            return Ok(json!({"Successful": done, "Failed": failed}));
        }
        let most = usize::try_from(number("MaxNumberOfMessages", 1)).unwrap_or(1);
        if !(1..=10).contains(&most) {
            return Err(Refusal::new(
                "InvalidParameterValue",
                "MaxNumberOfMessages must be between 1 and 10",
            ));
        }
        let hidden = Span::from_secs(i64::try_from(number("VisibilityTimeout", 30)).unwrap_or(30));
        // A call waits in real time, as its client does.
        let looks = 1 + number("WaitTimeSeconds", 0) * 1000 / 20;
        for look in 0..looks {
            let taken = self.queues.take(name, most, self.clock.now(), hidden);
            if !taken.is_empty() {
                return Ok(json!({ "Messages": taken }));
            }
            if look + 1 < looks {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(json!({}))
    }

    fn queue(&self, name: &str) -> Result<Value, Refusal> {
        if self.queues.lock().queues.contains_key(name) {
            return Ok(Value::Null);
        }
        Err(Refusal::new("com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_hidden_comes_again_and_goes_with_its_newest_handle() {
        let queues = Queues::default();
        (0..3).for_each(|n| queues.send("q", n.to_string()));
        let (now, hidden) = (Timestamp::from_secs(1_795_521_600), Span::from_secs(30));
        let first = queues.take("q", 10, now, hidden);
        assert_eq!(first.len(), 3);
        assert!(queues.take("q", 10, now + Span::from_secs(29), hidden).is_empty());
        let again = queues.take("q", 2, now + Span::from_secs(30), hidden);
        assert_eq!(again.len(), 2);
        let newest = again[0]["ReceiptHandle"].as_str().unwrap();
        let (id, _) = newest.split_once('#').unwrap();
        let old = first.iter().filter_map(|taken| taken["ReceiptHandle"].as_str());
        let old = old.filter(|handle| handle.starts_with(&format!("{id}#"))).collect::<Vec<_>>();
        assert!(!queues.delete("q", old[0]) && queues.len("q") == 3);
        assert!(queues.delete("q", newest) && queues.len("q") == 2);
        assert!(queues.delete("q", newest), "deleting twice deletes once");
        queues.reveal();
        assert_eq!(queues.take("q", 10, now + Span::from_secs(30), hidden).len(), 2);
    }
}
