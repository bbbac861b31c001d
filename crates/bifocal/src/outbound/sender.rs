//! One channel that messages are sent to.

use std::sync::Arc;

use bifocal_aws::{Aws, BusEvent, Fifo, Options, TopicMessage};
use bifocal_model::{Span, fnv1a};
use bifocal_publish::notify::{
    ChannelConfig, Group, Kind, Letter, Message, Template, Worded, alertmanager, letter, maybe_repeated,
    pagerduty, slack,
};
use bifocal_store::Outgoing;
use bifocal_telemetry::{Clock, Metric, Telemetry};
use reqwest::header::RETRY_AFTER;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::mail::Mail;

/// What EventBridge rules match.
const EVENT_SOURCE: &str = "bifocal";
/// The header of a webhook that says that an attempt before this one was not answered.
const MAYBE_REPEATED: &str = "bifocal-maybe-repeated";
/// SNS takes fewer than 100 characters.
const SUBJECT_CHARS: usize = 99;

type Draw = dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync;

/// Draws an incident, by its id, as PNG; `None`: it is not known any more. Reads the store.
#[derive(Clone)]
pub struct Pictures(pub Arc<Draw>);

impl std::fmt::Debug for Pictures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pictures")
    }
}

/// Sends messages to one place.
#[derive(Debug)]
pub struct Sender {
    channel: String,
    way: Way,
    template: Option<Template>,
    pictures: Option<Pictures>,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
}

#[derive(Debug)]
enum Way {
    Webhook { url: String, token_env: Option<String> },
    Slack { url_env: String },
    PagerDuty { key_env: String, url: String },
    Alertmanager { url: String, token_env: Option<String> },
    Mail(Box<Mail>),
    Topic { aws: OnceCell<Aws>, topic: String },
    Bus { aws: OnceCell<Aws>, bus: String, region: Option<String> },
}

/// Whether the receiver may have a message already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    First,
    /// An attempt before this one was not answered.
    Again,
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For people; without secrets.
    pub why: String,
    /// How long the receiver asks to wait.
    pub wait: Option<Span>,
    /// Whether other messages would meet the same: nobody is there, or nobody who takes anything now.
    pub is_of_receiver: bool,
    /// Whether it is sure that the receiver has not got it: it said no, or was never reached.
    pub is_answered: bool,
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self { why, wait: None, is_of_receiver: false, is_answered: true }
    }
}

impl Sender {
    /// A sender for a channel. Nothing is connected to yet.
    pub fn new(
        channel: &ChannelConfig,
        client: reqwest::Client,
        clock: Arc<dyn Clock>,
        telemetry: Telemetry,
    ) -> Result<Self, String> {
        let way = match channel.kind()? {
            Kind::Webhook { url, token_env } => Way::Webhook { url, token_env },
            Kind::Slack { url_env } => Way::Slack { url_env },
            Kind::PagerDuty { key_env, url } => Way::PagerDuty { key_env, url },
            Kind::Alertmanager { url, token_env } => Way::Alertmanager { url, token_env },
            Kind::Email(mailbox) => Way::Mail(Box::new(Mail::new(&mailbox)?)),
            Kind::Sns { topic } => Way::Topic { aws: OnceCell::new(), topic },
            Kind::EventBridge { bus, region } => Way::Bus { aws: OnceCell::new(), bus, region },
        };
        let (channel, template) = (channel.name.clone(), channel.template()?);
        Ok(Self { channel, way, template, pictures: None, client, clock, telemetry })
    }

    /// With pictures of incidents, for the channel that can carry them: mail.
    #[must_use]
    pub fn with_pictures(self, pictures: Pictures) -> Self {
        Self { pictures: Some(pictures), ..self }
    }

    /// What is drawn of a message's incident. A picture that cannot be drawn keeps no alert back.
    async fn picture(&self, message: &Message) -> Option<Vec<u8>> {
        let (Pictures(draw), id) = (self.pictures.clone()?, message.incident.clone());
        if id.is_empty() {
            return None;
        }
        tokio::task::spawn_blocking(move || draw(&id)).await.ok()?
    }

    /// Sends messages as they lay in the outbox: one, or several that the channel may tell together. After `Ok` the
    /// receiver has them all.
    pub async fn send(&self, waiting: &[Outgoing]) -> Result<(), Failure> {
        let is_repeat = waiting.iter().any(|outgoing| outgoing.unanswered > 0);
        let telling = if is_repeat { Telling::Again } else { Telling::First };
        match waiting {
            [one] => self.tell(&one.key, &one.payload, telling).await,
            several => self.tell_several(several, telling).await,
        }
    }

    /// The messages in the channel's own words, where it has some. A template that fails keeps no alert back.
    fn worded(&self, group: Option<&Group>) -> Worded {
        let (Some(template), Some(group)) = (&self.template, group) else { return Worded::default() };
        template.worded(group).unwrap_or_else(|why| {
            tracing::warn!(channel = self.channel, why, "a template failed; the usual form is sent");
            self.telemetry.count(Metric::TemplateErrors, &[&self.channel], 1);
            Worded::default()
        })
    }

    /// Sends one message that nobody has yet.
    pub async fn send_one(&self, key: &str, payload: &[u8]) -> Result<(), Failure> {
        self.tell(key, payload, Telling::First).await
    }

    async fn tell(&self, key: &str, payload: &[u8], telling: Telling) -> Result<(), Failure> {
        if let (Way::Webhook { url, token_env }, None) = (&self.way, &self.template) {
            let request = with_key(self.json(url, payload.to_vec()), key, telling);
            return self.post(with_token(request, token_env.as_deref())).await;
        }
        let message = Message::from_json(payload)?;
        let worded = self.worded(Group::of(vec![message.clone()]).as_ref());
        match &self.way {
            Way::Webhook { url, token_env } => {
                let request = with_key(self.in_words(url, worded, payload.to_vec()), key, telling);
                self.post(with_token(request, token_env.as_deref())).await
            }
            Way::Slack { url_env } => {
                let body = slack_in_words(slack::body(&message), &worded, telling);
                self.post(self.value(&secret(url_env)?, &body)).await
            }
            Way::PagerDuty { key_env, url } => {
                self.post(self.value(url, &pagerduty::event(&message, &secret(key_env)?))).await
            }
            Way::Alertmanager { .. } => self.send_list(&[message]).await,
            Way::Mail(mail) => {
                let picture = self.picture(&message).await;
                mail.send(&said_again(letter(&message).worded(worded), telling), picture).await
            }
            Way::Topic { topic, .. } => {
                let usual = || format!("{}\n\n{}", letter(&message).text, String::from_utf8_lossy(payload));
                let (text, title) = (worded.body.unwrap_or_else(usual), worded.subject);
                let text = text_again(text, telling);
                let title = title.unwrap_or_else(|| message.title());
                self.publish(topic, &title, &message, message.name(), &text).await
            }
            Way::Bus { aws, bus, region } => {
                let aws = self.aws(aws, region.clone()).await?;
                let detail_type =
                    if message.is_over() { "Bifocal Alert Resolved" } else { "Bifocal Alert Firing" };
                let detail = String::from_utf8_lossy(payload);
                let event =
                    BusEvent { event_bus_name: bus, source: EVENT_SOURCE, detail_type, detail: &detail };
                aws.put_event(event).await.map_err(|err| said(&err))
            }
        }
    }

    async fn tell_several(&self, waiting: &[Outgoing], telling: Telling) -> Result<(), Failure> {
        let messages = waiting.iter().map(|outgoing| Message::from_json(&outgoing.payload));
        let messages = messages.collect::<Result<Vec<_>, _>>()?;
        if let Way::Alertmanager { .. } = &self.way {
            return self.send_list(&messages).await;
        }
        let Some(group) = Group::of(messages) else { return Ok(()) };
        let worded = self.worded(Some(&group));
        match &self.way {
            Way::Webhook { url, token_env } => {
                let usual = group.to_json().to_string().into_bytes();
                let request = with_key(self.in_words(url, worded, usual), &group.key(), telling);
                self.post(with_token(request, token_env.as_deref())).await
            }
            Way::Slack { url_env } => {
                let body = slack_in_words(slack::group_body(&group), &worded, telling);
                self.post(self.value(&secret(url_env)?, &body)).await
            }
            Way::Mail(mail) => mail.send(&said_again(group.letter().worded(worded), telling), None).await,
            Way::Topic { topic, .. } => {
                let usual = || format!("{}\n\n{}", group.letter().text, group.to_json());
                let (text, title) = (worded.body.unwrap_or_else(usual), worded.subject);
                let text = text_again(text, telling);
                let title = title.unwrap_or_else(|| group.title());
                let Some(first) = group.messages().first() else { return Ok(()) };
                self.publish(topic, &title, first, "several", &text).await
            }
            Way::PagerDuty { .. } | Way::Alertmanager { .. } | Way::Bus { .. } => {
                Err(Failure::from("this channel takes alerts one by one".to_owned()))
            }
        }
    }

    async fn send_list(&self, messages: &[Message]) -> Result<(), Failure> {
        let Way::Alertmanager { url, token_env } = &self.way else { return Ok(()) };
        let request = self.value(url, &alertmanager::body(messages));
        self.post(with_token(request, token_env.as_deref())).await
    }

    /// Publishes a text to the topic. Group and de-duplication are those of the message: a FIFO topic gets no groups.
    async fn publish(
        &self,
        topic: &str,
        title: &str,
        message: &Message,
        target: &str,
        text: &str,
    ) -> Result<(), Failure> {
        let Way::Topic { aws, .. } = &self.way else { return Ok(()) };
        let aws = self.aws(aws, topic.split(':').nth(3).map(str::to_owned)).await?;
        let printable = title.chars().map(|c| if c.is_ascii_graphic() { c } else { ' ' });
        let subject: String = printable.take(SUBJECT_CHARS).collect();
        let attributes = [
            ("severity", message.severity.name()),
            ("status", if message.is_over() { "resolved" } else { "firing" }),
            ("target", target),
        ];
        let group = format!("{:016x}", fnv1a(message.alert_id.bytes()));
        let deduplication = format!("{:016x}", fnv1a(message.idempotency_key.bytes()));
        let is_fifo = topic.ends_with(".fifo");
        let fifo = is_fifo.then_some(Fifo { group: &group, deduplication: &deduplication });
        let message = TopicMessage { subject: subject.trim(), message: text, attributes: &attributes, fifo };
        aws.publish(topic, &message).await.map_err(|err| said(&err))
    }

    async fn aws<'a>(&self, cell: &'a OnceCell<Aws>, region: Option<String>) -> Result<&'a Aws, Failure> {
        let options = Options { region, ..Options::default() };
        let connect = || Aws::connect(&options, Arc::clone(&self.clock), self.telemetry.clone());
        cell.get_or_try_init(connect).await.map_err(|err| said(&err))
    }

    fn value(&self, url: &str, body: &Value) -> reqwest::RequestBuilder {
        self.json(url, body.to_string().into_bytes())
    }

    /// What the template made, as what it is, or the usual body.
    fn in_words(&self, url: &str, worded: Worded, usual: Vec<u8>) -> reqwest::RequestBuilder {
        match worded {
            Worded { body: Some(body), is_json: false, .. } => {
                self.client.post(url).header("content-type", "text/plain; charset=utf-8").body(body)
            }
            Worded { body: Some(body), .. } => self.json(url, body.into_bytes()),
            Worded { body: None, .. } => self.json(url, usual),
        }
    }

    fn json(&self, url: &str, body: Vec<u8>) -> reqwest::RequestBuilder {
        self.client.post(url).header("content-type", "application/json").body(body)
    }

    async fn post(&self, request: reqwest::RequestBuilder) -> Result<(), Failure> {
        let sent = request.send().await;
        let response = sent.map_err(|err| {
            let is_of_receiver = !err.is_builder();
            let is_answered = err.is_builder() || err.is_connect();
            Failure { why: err.without_url().to_string(), wait: None, is_of_receiver, is_answered }
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let wait = seconds.filter(|seconds| (0..=3600).contains(seconds)).map(Span::from_secs);
        let is_of_receiver = status.is_server_error() || status.as_u16() == 429;
        // A proxy that waited in vain, or a server that failed half way, does not say that nothing was taken.
        let is_answered = status.as_u16() == 503 || !(status.is_server_error() || status.as_u16() == 408);
        Err(Failure { why: format!("HTTP {}", status.as_u16()), wait, is_of_receiver, is_answered })
    }
}

/// Keys hold names of rules, which may hold letters that a header has not: those are written as in addresses.
fn header_safe(key: &str) -> String {
    let one = |byte: u8| match byte {
        b' '..=b'~' if byte != b'%' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    key.bytes().map(one).collect()
}

fn slack_in_words(body: Value, worded: &Worded, telling: Telling) -> Value {
    let body = match &worded.body {
        Some(text) => slack::worded(body, text),
        None => body,
    };
    match telling {
        Telling::First => body,
        Telling::Again => slack::again(body),
    }
}

fn text_again(text: String, telling: Telling) -> String {
    match telling {
        Telling::First => text,
        Telling::Again => maybe_repeated(&text),
    }
}

fn said_again(letter: Letter, telling: Telling) -> Letter {
    match telling {
        Telling::First => letter,
        Telling::Again => letter.again(),
    }
}

/// The body is the same for every attempt, and so is its key; that it may be a repeat stands beside them.
fn with_key(request: reqwest::RequestBuilder, key: &str, telling: Telling) -> reqwest::RequestBuilder {
    let request = request.header("idempotency-key", header_safe(key));
    match telling {
        Telling::First => request,
        Telling::Again => request.header(MAYBE_REPEATED, "true"),
    }
}

fn with_token(request: reqwest::RequestBuilder, token_env: Option<&str>) -> reqwest::RequestBuilder {
    match token_env.and_then(|name| std::env::var(name).ok()) {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

fn secret(name: &str) -> Result<String, Failure> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    value.ok_or_else(|| Failure::from(format!("the environment variable {name} is not set")))
}

fn said(err: &bifocal_aws::Error) -> Failure {
    let is_answered = err.kind() != bifocal_aws::Kind::Ambiguous;
    Failure { is_answered, ..Failure::from(format!("failed to {err}; {}", err.advice())) }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::routing::post;
    use bifocal_model::Timestamp;
    use bifocal_telemetry::{ManualClock, TaskGroup};
    use bifocal_watch::alert::Status;

    use super::*;

    #[test]
    fn keys_of_any_letters_fit_into_a_header() {
        assert_eq!(header_safe("4f93:18:silent degradation:firing"), "4f93:18:silent degradation:firing");
        let odd = header_safe("ü%\n:firing");
        assert_eq!(odd, "%C3%BC%25%0A:firing");
        assert!(reqwest::header::HeaderValue::from_str(&odd).is_ok());
    }

    /// On the day there are four alerts at once, of which the template's author did not think.
    #[tokio::test]
    async fn a_template_that_fails_on_the_day_keeps_no_alert_back_and_is_counted() {
        let heard: Arc<Mutex<Vec<Value>>> = Arc::default();
        let keep = Arc::clone(&heard);
        let hook = move |body: String| {
            keep.lock().unwrap().push(serde_json::from_str(&body).unwrap());
            std::future::ready(())
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let tasks = TaskGroup::new();
        tasks.spawn("receiver", async move {
            let _ = axum::serve(listener, axum::Router::new().route("/", post(hook))).await;
        });
        let template = "{\"share\": {{ 1 if count < 4 else count.none() }}}";
        let channel =
            ChannelConfig { template: Some(template.into()), ..ChannelConfig::webhook("sre", &url) };
        let now = Timestamp::from_secs(1_800_000_000);
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(now));
        let http = crate::outbound::client(std::time::Duration::from_secs(5)).unwrap();
        let telemetry = Telemetry::new();
        let sender = Sender::new(&channel, http, clock, telemetry.clone()).unwrap();
        let waiting = |n: usize| -> Vec<Outgoing> {
            let message = Message::test("sre", "http://h", Status::Firing, now);
            let one = |i: usize| Outgoing {
                key: format!("k{i}"),
                channel: "sre".into(),
                payload: message.to_json(),
                created: now,
                attempts: 0,
                unanswered: 0,
                parcel: None,
                next_time: now,
                done_at: None,
                outcome: None,
            };
            (0..n).map(one).collect()
        };
        sender.send(&waiting(2)).await.unwrap();
        assert_eq!(telemetry.value(Metric::TemplateErrors, &["sre"]), 0);
        sender.send(&waiting(4)).await.unwrap();
        assert_eq!(telemetry.value(Metric::TemplateErrors, &["sre"]), 1);
        let heard = heard.lock().unwrap().clone();
        assert_eq!(heard[0], serde_json::json!({"share": 1}));
        assert_eq!((&heard[1]["count"], &heard[1]["rule"]), (&4.into(), &"test of the channel".into()));
    }
}
