//! Where messages go, as written in `[[channel]]`.

use std::path::PathBuf;

use bifocal_model::Span;
use bifocal_watch::alert::Hold;
use serde::{Deserialize, Serialize};

use crate::limits::GROUP_WAIT_SECS_MAX;

/// A channel as written: a name and the keys of one kind. Secrets are named by the variable that holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelConfig {
    /// Its name, which alert rules use.
    pub name: String,
    /// Webhook: where the JSON is posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// Webhook and Alertmanager: name of the environment variable with a bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// Slack: name of the environment variable with the address of an incoming webhook, which is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack_env: Option<String>,
    /// PagerDuty: name of the environment variable with the routing key of an Events API v2 integration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagerduty_env: Option<String>,
    /// PagerDuty: another address than that of the United States, `https://events.eu.pagerduty.com` for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagerduty_url: Option<String>,
    /// Alertmanager: its address, without `/api/v2/alerts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alertmanager: Option<String>,
    /// E-mail: who gets it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub email_to: Vec<String>,
    /// E-mail: whom it is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_from: Option<String>,
    /// E-mail: the server, `smtps://HOST:465` or `smtp://HOST:587` with STARTTLS; plain only to this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<String>,
    /// E-mail: the user at the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_user: Option<String>,
    /// E-mail: name of the environment variable with the user's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_password_env: Option<String>,
    /// SNS: the topic's ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sns: Option<String>,
    /// EventBridge: the event bus, by name or ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eventbridge: Option<String>,
    /// Webhook, Slack, e-mail and SNS: a template of one's own for the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The same in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_file: Option<PathBuf>,
    /// E-mail and SNS: a template for the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Webhook, Slack, e-mail and SNS: alerts of one rule that follow within this time of the last message about it are told
    /// together; default `10s`, and `0s` tells each by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_wait: Option<Hold>,
    /// EventBridge: the region; default: that of the ARN, of the environment, of the profile or of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// How many alerts a message may tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gathering {
    /// One: the receiver tells alerts apart by a key of the message.
    Single,
    /// What is due goes together: the receiver takes a list, and each alert keeps its identity in it.
    Batch,
    /// Alerts of one rule with one status go together when they follow each other within this time.
    Group(Span),
}

/// What kind of channel it is, with what that kind needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One POST of JSON.
    Webhook {
        /// Where to.
        url: String,
        /// The variable with a bearer token.
        token_env: Option<String>,
    },
    /// An incoming webhook of Slack.
    Slack {
        /// The variable with its address.
        url_env: String,
    },
    /// Events API v2 of PagerDuty.
    PagerDuty {
        /// The variable with the routing key.
        key_env: String,
        /// Where to.
        url: String,
    },
    /// API v2 of Prometheus Alertmanager.
    Alertmanager {
        /// Where to.
        url: String,
        /// The variable with a bearer token.
        token_env: Option<String>,
    },
    /// SMTP.
    Email(Mailbox),
    /// A topic of SNS.
    Sns {
        /// Its ARN.
        topic: String,
    },
    /// An event bus of EventBridge.
    EventBridge {
        /// Its name or ARN.
        bus: String,
        /// The region.
        region: Option<String>,
    },
}

/// A server of mail and who writes to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// `smtps://` or `smtp://`.
    pub server: String,
    /// The user at the server.
    pub user: Option<String>,
    /// The variable with the password.
    pub password_env: Option<String>,
    /// Whom it is from.
    pub from: String,
    /// Who gets it.
    pub to: Vec<String>,
}

/// What is waited for further alerts of a rule, unless a channel says otherwise.
const GROUP_WAIT: Hold = Hold::secs(10);
const PAGERDUTY: &str = "https://events.pagerduty.com";

impl ChannelConfig {
    /// A webhook and nothing else.
    pub fn webhook(name: &str, url: &str) -> Self {
        Self { name: name.to_owned(), webhook: Some(url.to_owned()), ..Self::default() }
    }

    /// A variable that the channel needs and that is not set.
    pub fn unset_variable(&self) -> Option<&str> {
        let named = [&self.token_env, &self.slack_env, &self.pagerduty_env, &self.smtp_password_env];
        let mut named = named.into_iter().flatten();
        named.find(|name| !std::env::var(name).is_ok_and(|value| !value.is_empty())).map(String::as_str)
    }

    /// How many alerts a message of this channel may tell of; an error says that the kind cannot group.
    pub fn gathering(&self) -> Result<Gathering, String> {
        let (kind, gathering) = match self.kind()? {
            Kind::PagerDuty { .. } => ("pagerduty_env", Gathering::Single),
            Kind::EventBridge { .. } => ("eventbridge", Gathering::Single),
            Kind::Alertmanager { .. } => ("alertmanager", Gathering::Batch),
            Kind::Sns { topic } if topic.ends_with(".fifo") => ("a FIFO topic", Gathering::Single),
            Kind::Webhook { .. } | Kind::Slack { .. } | Kind::Email(_) | Kind::Sns { .. } => {
                let wait = self.group_wait.unwrap_or(GROUP_WAIT);
                return Ok(match wait.as_secs() {
                    0 => Gathering::Single,
                    1..=GROUP_WAIT_SECS_MAX => Gathering::Group(wait.span()),
                    _ => return Err(format!("group_wait is {wait}; {GROUP_WAIT_SECS_MAX}s is the most")),
                });
            }
        };
        match self.group_wait {
            Some(_) => {
                Err(format!("group_wait does not go with {kind}: each alert has a key of its own there"))
            }
            None => Ok(gathering),
        }
    }

    /// The kind of channel; an error says what is missing or too much.
    pub fn kind(&self) -> Result<Kind, String> {
        let kinds = [
            self.webhook.as_ref().map(|_| "webhook"),
            self.slack_env.as_ref().map(|_| "slack_env"),
            self.pagerduty_env.as_ref().map(|_| "pagerduty_env"),
            self.alertmanager.as_ref().map(|_| "alertmanager"),
            self.smtp.as_ref().map(|_| "smtp"),
            self.sns.as_ref().map(|_| "sns"),
            self.eventbridge.as_ref().map(|_| "eventbridge"),
        ];
        let written: Vec<&str> = kinds.into_iter().flatten().collect();
        let [kind] = written.as_slice() else {
            return Err(match written.as_slice() {
                [] => "it says nowhere to go: give webhook, slack_env, pagerduty_env, alertmanager, smtp, sns or eventbridge".to_owned(),
                several => format!("it goes to several places ({}): make one channel of each", several.join(", ")),
            });
        };
        self.nothing_else(kind)?;
        self.of_kind(kind)
    }

    fn of_kind(&self, kind: &str) -> Result<Kind, String> {
        let token_env = self.token_env.clone();
        match (kind, self) {
            ("webhook", Self { webhook: Some(url), .. }) => {
                Ok(Kind::Webhook { url: address("webhook", url)?, token_env })
            }
            ("slack_env", Self { slack_env: Some(url_env), .. }) => {
                Ok(Kind::Slack { url_env: url_env.clone() })
            }
            ("pagerduty_env", Self { pagerduty_env: Some(key_env), pagerduty_url, .. }) => {
                let base = pagerduty_url.as_deref().unwrap_or(PAGERDUTY);
                let url = format!("{}/v2/enqueue", address("pagerduty_url", base)?);
                Ok(Kind::PagerDuty { key_env: key_env.clone(), url })
            }
            ("alertmanager", Self { alertmanager: Some(base), .. }) => Ok(Kind::Alertmanager {
                url: format!("{}/api/v2/alerts", address("alertmanager", base)?),
                token_env,
            }),
            ("smtp", Self { smtp: Some(server), .. }) => self.mailbox(server).map(Kind::Email),
            ("sns", Self { sns: Some(topic), .. }) => {
                let parts: Vec<&str> = topic.split(':').collect();
                match parts.as_slice() {
                    ["arn", _, "sns", region, _, name] if !region.is_empty() && !name.is_empty() => {
                        Ok(Kind::Sns { topic: topic.clone() })
                    }
                    _ => Err(format!("sns `{topic}` is no topic: arn:aws:sns:REGION:ACCOUNT:NAME")),
                }
            }
            (_, Self { eventbridge: Some(bus), region, .. }) => {
                let of_arn = bus.split(':').nth(3).filter(|_| bus.starts_with("arn:")).map(str::to_owned);
                Ok(Kind::EventBridge { bus: bus.clone(), region: region.clone().or(of_arn) })
            }
            (other, _) => Err(format!("{other} has no value")),
        }
    }

    fn mailbox(&self, server: &str) -> Result<Mailbox, String> {
        let is_local = ["smtp://127.0.0.1", "smtp://localhost", "smtp://[::1]"].iter().any(|local| {
            server.strip_prefix(local).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        });
        if !(server.starts_with("smtp://") || server.starts_with("smtps://")) {
            return Err(format!("smtp `{server}` is no smtps://HOST:465 or smtp://HOST:587"));
        }
        let Some(from) = &self.email_from else { return Err("email_from says whom mail is from".into()) };
        if self.email_to.is_empty() {
            return Err("email_to = [\"sre@example.com\"] says who gets mail".into());
        }
        if let Some(bad) = self.email_to.iter().chain([from]).find(|address| !is_address(address)) {
            return Err(format!("`{bad}` is no address of mail"));
        }
        if self.smtp_user.is_some() != self.smtp_password_env.is_some() {
            return Err("smtp_user and smtp_password_env belong together".into());
        }
        if is_local && self.smtp_user.is_some() {
            return Err("a server on this machine is spoken to in plain text: it gets no password".into());
        }
        Ok(Mailbox {
            server: server.to_owned(),
            user: self.smtp_user.clone(),
            password_env: self.smtp_password_env.clone(),
            from: from.clone(),
            to: self.email_to.clone(),
        })
    }

    /// Keys of another kind are a mistake that would otherwise go unseen.
    fn nothing_else(&self, kind: &str) -> Result<(), String> {
        let others = [
            ("token_env", self.token_env.is_some(), &["webhook", "alertmanager"][..]),
            ("pagerduty_url", self.pagerduty_url.is_some(), &["pagerduty_env"]),
            ("email_to", !self.email_to.is_empty(), &["smtp"]),
            ("email_from", self.email_from.is_some(), &["smtp"]),
            ("smtp_user", self.smtp_user.is_some(), &["smtp"]),
            ("smtp_password_env", self.smtp_password_env.is_some(), &["smtp"]),
            ("region", self.region.is_some(), &["eventbridge"]),
        ];
        match others.iter().find(|(_, written, of)| *written && !of.contains(&kind)) {
            Some((key, ..)) => Err(format!("{key} does not go with {kind}")),
            None => Ok(()),
        }
    }
}

/// One address: several of them are several entries.
fn is_address(text: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | ';');
    text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && !text.contains(is_odd)
}

fn address(key: &str, url: &str) -> Result<String, String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') => Ok(url.trim_end_matches('/').to_owned()),
        _ => Err(format!("{key} is no http://HOST or https://HOST address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Kind, String> {
        toml::from_str::<ChannelConfig>(&format!("name = \"x\"\n{text}")).unwrap().kind()
    }

    #[test]
    fn who_tells_alerts_apart_by_key_gets_them_one_by_one() {
        let gathering = |text: &str| toml::from_str::<ChannelConfig>(text).unwrap().gathering();
        let ten = Gathering::Group(Span::from_secs(10));
        assert_eq!(gathering("webhook = \"http://h\""), Ok(ten));
        assert_eq!(gathering("slack_env = \"S\""), Ok(ten));
        assert_eq!(gathering("sns = \"arn:aws:sns:r:1:t\""), Ok(ten));
        assert_eq!(gathering("sns = \"arn:aws:sns:r:1:t.fifo\""), Ok(Gathering::Single));
        assert_eq!(gathering("pagerduty_env = \"K\""), Ok(Gathering::Single));
        assert_eq!(gathering("eventbridge = \"ops\""), Ok(Gathering::Single));
        assert_eq!(gathering("alertmanager = \"http://h:9093\""), Ok(Gathering::Batch));
        assert_eq!(gathering("webhook = \"http://h\"\ngroup_wait = \"0s\""), Ok(Gathering::Single));
        let thirty = Ok(Gathering::Group(Span::from_secs(30)));
        assert_eq!(gathering("webhook = \"http://h\"\ngroup_wait = \"30s\""), thirty);
        let refused = gathering("pagerduty_env = \"K\"\ngroup_wait = \"30s\"").unwrap_err();
        assert!(refused.contains("does not go with pagerduty_env"), "{refused}");
        let longest = format!("webhook = \"http://h\"\ngroup_wait = \"{}s\"", GROUP_WAIT_SECS_MAX + 1);
        assert!(gathering(&longest).unwrap_err().contains("is the most"), "the limit group_wait_secs");
    }

    #[test]
    fn a_channel_is_of_one_kind_and_has_what_it_needs() {
        let local = "smtp = \"smtp://127.0.0.1:25\"\nemail_from = \"b@x\"\nemail_to = [\"a@x\"]";
        assert!(matches!(of(local), Ok(Kind::Email(_))));
        assert!(matches!(of("webhook = \"http://h/x\"\ntoken_env = \"T\""), Ok(Kind::Webhook { .. })));
        let kind = of("pagerduty_env = \"K\"").unwrap();
        assert_eq!(
            kind,
            Kind::PagerDuty { key_env: "K".into(), url: "https://events.pagerduty.com/v2/enqueue".into() }
        );
        let kind = of("alertmanager = \"http://h:9093/\"").unwrap();
        assert_eq!(kind, Kind::Alertmanager { url: "http://h:9093/api/v2/alerts".into(), token_env: None });
        let kind = of("eventbridge = \"arn:aws:events:eu-west-1:1:event-bus/ops\"").unwrap();
        assert!(matches!(kind, Kind::EventBridge { region: Some(region), .. } if region == "eu-west-1"));
        for (text, said) in [
            ("", "says nowhere to go"),
            ("webhook = \"http://h\"\nsns = \"arn:aws:sns:r:1:t\"", "several places (webhook, sns)"),
            ("webhook = \"h\"", "webhook is no http://HOST"),
            ("slack_env = \"S\"\nregion = \"r\"", "region does not go with slack_env"),
            ("sns = \"topic\"", "is no topic"),
            ("smtp = \"mail\"", "is no smtps://"),
            ("smtp = \"smtps://h\"", "email_from"),
            ("smtp = \"smtps://h\"\nemail_from = \"a@x\"", "email_to"),
            ("smtp = \"smtps://h\"\nemail_from = \"a\"\nemail_to = [\"b@x\"]", "is no address of mail"),
            (
                "smtp = \"smtps://h\"\nemail_from = \"a@x\"\nemail_to = [\"b@x, c@x\"]",
                "is no address of mail",
            ),
            (
                "smtp = \"smtps://h\"\nemail_from = \"a@x\"\nemail_to = [\"b@x\"]\nsmtp_user = \"u\"",
                "belong together",
            ),
            (&format!("{local}\nsmtp_user = \"u\"\nsmtp_password_env = \"P\""), "gets no password"),
        ] {
            let refused = of(text).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
