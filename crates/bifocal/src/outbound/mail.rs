//! Mail by SMTP. To another machine only encrypted; to this one in plain text.

use std::time::Duration;

use bifocal_publish::notify::{Letter, Mailbox};
use lettre::message::{Attachment, Mailbox as Address, MultiPart, SinglePart, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::sender::Failure;

const TIMEOUT: Duration = Duration::from_secs(10);
/// For a whole conversation.
const WHOLE: Duration = Duration::from_secs(20);

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
    pub(super) async fn send(&self, letter: &Letter, picture: Option<Vec<u8>>) -> Result<(), Failure> {
        let message = self.written(letter, picture)?;
        // The transport's own time-out is for connecting: a server that takes the connection and says nothing would hold it for good.
        match tokio::time::timeout(WHOLE, self.transport.send(message)).await {
            Ok(sent) => sent.map(drop).map_err(|err| Failure {
                is_answered: !broke_off(&err),
                ..Failure::from(format!("send mail: {err}"))
            }),
            Err(_) => Err(Failure {
                is_answered: false,
                ..Failure::from(format!("send mail: the server was not done in {} s", WHOLE.as_secs()))
            }),
        }
    }

    /// Text, with a picture behind it where there is one (PNG).
    fn written(&self, letter: &Letter, picture: Option<Vec<u8>>) -> Result<Message, String> {
        let mut message = Message::builder()
            .from(self.from.clone())
            .message_id(Some(letter.id.clone()))
            .references(letter.thread.clone())
            .subject(&letter.subject);
        for to in &self.to {
            message = message.to(to.clone());
        }
        let wrong = |err| format!("write the mail: {err}");
        let Some(picture) = picture else {
            let message = message.header(header::ContentType::TEXT_PLAIN);
            return message.body(letter.text.clone()).map_err(wrong);
        };
        let kind = header::ContentType::parse("image/png").map_err(|err| format!("write the mail: {err}"))?;
        let picture = Attachment::new("incident.png".to_owned()).body(picture, kind);
        let parts = MultiPart::mixed().singlepart(SinglePart::plain(letter.text.clone())).singlepart(picture);
        message.multipart(parts).map_err(wrong)
    }
}

/// Whether the conversation ended without a word of the server about the mail.
fn broke_off(err: &lettre::transport::smtp::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let mut cause = std::error::Error::source(err);
    while let Some(err) = cause {
        if let Some(err) = err.downcast_ref::<std::io::Error>() {
            return [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof].contains(&err.kind());
        }
        cause = err.source();
    }
    err.is_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_stands_behind_the_text() {
        let mail = Mail::new(&Mailbox {
            server: "smtp://127.0.0.1:25".into(),
            user: None,
            password_env: None,
            from: "bifocal@example.com".into(),
            to: vec!["sre@example.com".into()],
        })
        .unwrap();
        let letter = Letter {
            subject: "firing".into(),
            text: "m answers worse".into(),
            id: "<a@bifocal>".into(),
            thread: "<b@bifocal>".into(),
        };
        let written =
            |picture| String::from_utf8(mail.written(&letter, picture).unwrap().formatted()).unwrap();
        let plain = written(None);
        assert!(plain.contains("Content-Type: text/plain") && !plain.contains("multipart"), "{plain}");
        let both = written(Some(b"\x89PNG\r\n\x1a\n".to_vec()));
        let place = |what: &str| both.find(what).unwrap_or_else(|| panic!("{what} is not in {both}"));
        assert!(place("multipart/mixed") < place("m answers worse"));
        assert!(place("m answers worse") < place("Content-Type: image/png"));
        assert!(both.contains("filename=\"incident.png\"") && both.contains("iVBORw0KGgo"), "{both}");
    }
}
