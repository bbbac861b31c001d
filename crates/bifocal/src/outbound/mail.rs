//! Mail by SMTP. To another machine only encrypted; to this one in plain text.

use std::time::Duration;

use bifocal_publish::notify::{Letter, Mailbox};
use lettre::message::{Mailbox as Address, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Writes mail from one address to others.
#[derive(Debug)]
pub(super) struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Address,
    to: Vec<Address>,
}

impl Mail {
    /// Nothing is connected to yet.
    pub(super) fn new(mailbox: &Mailbox) -> Result<Self, String> {
        let address = |text: &String| {
            text.parse::<Address>().map_err(|err| format!("`{text}` is no address of mail: {err}"))
        };
        let wrong = |err| format!("smtp `{}`: {err}", mailbox.server);
        let url =
            url::Url::parse(&mailbox.server).map_err(|err| format!("smtp `{}`: {err}", mailbox.server))?;
        let host = url.host_str().ok_or_else(|| format!("smtp `{}` names no host", mailbox.server))?;
        let is_local = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
        let builder = match url.scheme() {
            "smtps" => AsyncSmtpTransport::<Tokio1Executor>::relay(host).map_err(wrong)?,
            _ if is_local => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host),
            _ => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host).map_err(wrong)?,
        };
        let builder = match url.port() {
            Some(port) => builder.port(port),
            None => builder,
        };
        let password = mailbox.password_env.as_ref().map(|name| {
            std::env::var(name).map_err(|_| format!("the environment variable {name} is not set"))
        });
        let builder = match (&mailbox.user, password.transpose()?) {
            (Some(user), Some(password)) => builder.credentials(Credentials::new(user.clone(), password)),
            _ => builder,
        };
        Ok(Self {
            transport: builder.timeout(Some(TIMEOUT)).build(),
            from: address(&mailbox.from)?,
            to: mailbox.to.iter().map(address).collect::<Result<_, _>>()?,
        })
    }

    /// The server took it.
    pub(super) async fn send(&self, letter: &Letter) -> Result<(), String> {
        let mut message = Message::builder()
            .from(self.from.clone())
            .message_id(Some(letter.id.clone()))
            .references(letter.thread.clone())
            .subject(&letter.subject)
            .header(header::ContentType::TEXT_PLAIN);
        for to in &self.to {
            message = message.to(to.clone());
        }
        let message = message.body(letter.text.clone()).map_err(|err| format!("write the mail: {err}"))?;
        self.transport.send(message).await.map(drop).map_err(|err| format!("send mail: {err}"))
    }
}
