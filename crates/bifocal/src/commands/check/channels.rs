//! Whether channels can be reached, and, when asked for, whether they take a message.

use std::sync::Arc;

use bifocal_publish::notify::{ChannelConfig, Kind, Message};
use bifocal_telemetry::{Clock, SystemClock, Telemetry};
use bifocal_watch::alert::Status;

use super::{TIMEOUT, Tried};
use crate::outbound::Sender;

/// Connects and sends nothing: a check must not page anybody.
pub(super) async fn connect(channel: &ChannelConfig) -> Tried {
    let what = format!("channel {}", channel.name);
    let kind = match channel.kind() {
        Ok(kind) => kind,
        Err(detail) => return Tried { what, ok: false, detail },
    };
    let (address, variable) = match kind {
        Kind::Webhook { url, token_env } | Kind::Alertmanager { url, token_env } => (Some(url), token_env),
        Kind::PagerDuty { key_env, url } => (Some(url), Some(key_env)),
        Kind::Slack { url_env } => (std::env::var(&url_env).ok(), Some(url_env)),
        Kind::Email(mailbox) => (Some(mailbox.server), mailbox.password_env),
        Kind::Sns { .. } | Kind::EventBridge { .. } => {
            let detail = "AWS is called with a message alone: bifocal check --send-test".to_owned();
            return Tried { what, ok: true, detail };
        }
    };
    if let Some(unset) = unset(what.clone(), variable) {
        return unset;
    }
    connect_to(what, address.as_deref().and_then(host_and_port)).await
}

/// Host and port of an address.
pub(super) fn host_and_port(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok()?;
    let port = url.port_or_known_default().or_else(|| match url.scheme() {
        "smtps" => Some(465),
        "smtp" => Some(587),
        _ => None,
    });
    Some(format!("{}:{}", url.host_str()?, port?))
}

/// Connects and says nothing.
pub(super) async fn connect_to(what: String, address: Option<String>) -> Tried {
    let Some(address) = address else {
        return Tried { what, ok: false, detail: "where it goes is no address".to_owned() };
    };
    match tokio::time::timeout(TIMEOUT, tokio::net::TcpStream::connect(&address)).await {
        Ok(Ok(_)) => Tried { what, ok: true, detail: "can be connected to (nothing was sent)".to_owned() },
        Ok(Err(err)) => Tried { what, ok: false, detail: err.to_string() },
        Err(_) => Tried { what, ok: false, detail: "no connection in 5 s".to_owned() },
    }
}

/// What is said of a variable that is named and not set: a message would go without what it should hold.
pub(super) fn unset(what: String, variable: Option<String>) -> Option<Tried> {
    let name = variable.filter(|name| !std::env::var(name).is_ok_and(|value| !value.is_empty()))?;
    Some(Tried { what, ok: false, detail: format!("the environment variable {name} is not set") })
}

/// Sends the beginning and the end of an alert that says that it is a test, with a link to the page.
pub(super) async fn send_test(channel: &ChannelConfig, page: &str, http: &reqwest::Client) -> Tried {
    let what = format!("channel {}", channel.name);
    if let Some(unset) = unset(what.clone(), channel.token_env.clone()) {
        return unset;
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let now = clock.now();
    let sender = match Sender::new(channel, http.clone(), clock, Telemetry::new()) {
        Ok(sender) => sender,
        Err(detail) => return Tried { what, ok: false, detail },
    };
    for status in [Status::Firing, Status::Resolved] {
        let message = Message::test(&channel.name, page, status, now);
        if let Err(failure) = sender.send_one(&message.idempotency_key, &message.to_json()).await {
            return Tried {
                what,
                ok: false,
                detail: format!("a test message was not taken: {}", failure.why),
            };
        }
    }
    Tried { what, ok: true, detail: "took a test alert and its end".to_owned() }
}
