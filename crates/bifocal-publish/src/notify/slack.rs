//! The body of Slack's incoming webhook: one attachment with a colour by severity.

use bifocal_watch::alert::Severity;
use serde_json::{Value, json};

use super::Group;
use super::message::{MAYBE_REPEATED, Message, within};

/// Slack refuses a section of more than 3,000 characters.
const SECTION_CHARS: usize = 2900;

/// The body.
pub fn body(message: &Message) -> Value {
    let title = message.title();
    let text = format!("*{}*\n{}", escaped(&title), escaped(&within(&message.summary, SECTION_CHARS / 2)));
    let about = match message.when.as_str() {
        "" => message.lasts(),
        when => format!("`{}` · {}", escaped(&within(when, 200)), message.lasts()),
    };
    // The picture is a button and no image block: Slack would have to fetch it, which the page's token keeps it from, and it
    // refuses the whole message where it cannot.
    let blocks = json!([
        {"type": "section", "text": {"type": "mrkdwn", "text": within(&text, SECTION_CHARS)}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": about}]},
        {"type": "actions", "elements": buttons(&message.link, &message.runbook, &message.chart)},
    ]);
    json!({"text": escaped(&title), "attachments": [{"color": color(message), "blocks": blocks}]})
}

/// A body with a text of its own; buttons and colour stay.
pub fn worded(mut body: Value, text: &str) -> Value {
    body["attachments"][0]["blocks"][0]["text"]["text"] = json!(within(text, SECTION_CHARS));
    body
}

/// The body of an attempt that follows one without an answer. Slack has no key to tell by, so the message says it.
pub fn again(mut body: Value) -> Value {
    let said = json!({"type": "context", "elements": [{"type": "mrkdwn", "text": MAYBE_REPEATED}]});
    if let Some(blocks) = body["attachments"][0]["blocks"].as_array_mut() {
        blocks.push(said);
    }
    body
}

/// The body of several alerts: one line each.
pub fn group_body(group: &Group) -> Value {
    let (title, first) = (group.title(), group.messages().first());
    let lines: Vec<String> = group.lines().iter().map(|line| escaped(line)).collect();
    let text = format!("*{}*\n{}", escaped(&title), lines.join("\n"));
    json!({
        "text": escaped(&title),
        "attachments": [{
            "color": first.map(color),
            "blocks": [
                {"type": "section", "text": {"type": "mrkdwn", "text": within(&text, SECTION_CHARS)}},
                {"type": "actions", "elements": buttons(&group.link(), first.map_or("", |first| first.runbook.as_str()), "")},
            ],
        }],
    })
}

/// The page, and the runbook and the picture where there are any.
fn buttons(link: &str, runbook: &str, picture: &str) -> Vec<Value> {
    let button = |text: &str, url: &str| json!({"type": "button", "text": {"type": "plain_text", "text": text}, "url": url});
    let all = [("Open in Bifocal", link), ("What to do", runbook), ("Picture", picture)];
    all.into_iter().filter(|(_, url)| !url.is_empty()).map(|(text, url)| button(text, url)).collect()
}

fn color(message: &Message) -> &'static str {
    match (message.is_over(), message.severity) {
        (true, _) => "#2f855a",
        (_, Severity::Critical) => "#c53030",
        (_, Severity::Warning) => "#b7791f",
        (_, Severity::Info) => "#4a5568",
    }
}

/// Slack reads these three characters as markup.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use bifocal_watch::alert::Status;

    use super::*;
    use crate::notify::message::tests::message;

    #[test]
    fn markup_of_an_answer_is_text_and_long_texts_are_cut() {
        let mut message = message(Status::Firing);
        message.summary = format!("<!channel> & {}", "x".repeat(5000));
        let body = body(&message);
        let text = body["attachments"][0]["blocks"][0]["text"]["text"].as_str().unwrap();
        assert!(
            text.contains("&lt;!channel&gt; &amp; xxx") && text.chars().count() <= SECTION_CHARS,
            "{text}"
        );
        assert_eq!(body["attachments"][0]["color"], "#c53030");
        let buttons = &body["attachments"][0]["blocks"][2]["elements"];
        assert_eq!(buttons[1]["url"], "http://h/runbooks/r");
        assert_eq!(buttons[2]["url"], "http://h/api/v1/incidents/i1/chart.png");
        let blocks = body["attachments"][0]["blocks"].as_array().unwrap();
        assert!(
            blocks.iter().all(|block| block["type"] != "image"),
            "Slack cannot fetch it without the token"
        );
        assert_eq!(body["text"], "firing critical: r of m");
        let about = |message: &Message| {
            super::body(message)["attachments"][0]["blocks"][1]["elements"][0]["text"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert!(about(&message).ends_with("· since 1970-01-01T00:00:00Z"), "{}", about(&message));
        let over = Message { status: Status::Resolved, when: String::new(), ..message.clone() };
        assert_eq!(about(&over), "began 1970-01-01T00:00:00Z, over 1970-01-01T00:01:00Z", "its rule is gone");
        let repeated = again(body);
        assert_eq!(repeated["attachments"][0]["blocks"][3]["elements"][0]["text"], MAYBE_REPEATED);
        message.target.model = "<!channel>".into();
        assert_eq!(
            super::body(&message)["text"],
            "firing critical: r of &lt;!channel&gt;",
            "a client's word"
        );
    }
}
