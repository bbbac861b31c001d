//! A channel's own words: templates (Jinja's language) over what a message tells.
//!
//! A template is tried when the configuration is read: on a beginning, on an end and on several alerts, once with plain texts and once
//! with texts that hold quotes and line breaks. What fails then is refused with its line. What fails all the same when an alert is sent
//! keeps no alert back: the channel's usual form goes.

use bifocal_model::{Severity, Timestamp};
use bifocal_watch::alert::Status;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Value, json};

use super::channel::{ChannelConfig, Kind};
use super::slack;
use super::{Group, Message};
use crate::limits::{TEMPLATE_BYTES, TEMPLATE_FUEL, TEMPLATE_TEXT_BYTES};

const BODY: &str = "template";
const SUBJECT: &str = "subject";

/// Takes the markup out of a text.
type Escape = fn(&str) -> String;

/// The templates of one channel.
#[derive(Debug)]
pub struct Template {
    templates: Environment<'static>,
    /// What of a text is markup to the receiver, and must not be.
    escaped: Option<Escape>,
    is_json: bool,
}

/// A message in a channel's own words; what has no template has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worded {
    /// The body.
    pub body: Option<String>,
    /// The subject, in one line.
    pub subject: Option<String>,
    /// Whether the body is JSON.
    pub is_json: bool,
}

impl ChannelConfig {
    /// The channel's templates; `None`: it speaks as its kind does. An error says what is wrong with them, where.
    pub fn template(&self) -> Result<Option<Template>, String> {
        if self.template.is_none() && self.subject.is_none() {
            return Ok(None);
        }
        let kind = self.kind()?;
        let (takes_subject, escaped): (bool, Option<Escape>) = match kind {
            Kind::Webhook { .. } => (false, None),
            Kind::Slack { .. } => (false, Some(slack::escaped)),
            Kind::Email(_) | Kind::Sns { .. } => (true, None),
            Kind::PagerDuty { .. } | Kind::Alertmanager { .. } | Kind::EventBridge { .. } => {
                return Err("template and subject go with webhook, slack_env, smtp and sns: the others have a form of their own".into());
            }
        };
        if self.subject.is_some() && !takes_subject {
            return Err("subject goes with smtp and sns only".into());
        }
        Template::new(self.template.as_deref(), self.subject.as_deref(), escaped).map(Some)
    }
}

impl Template {
    fn new(body: Option<&str>, subject: Option<&str>, escaped: Option<Escape>) -> Result<Self, String> {
        let mut templates = Environment::new();
        templates.set_auto_escape_callback(|_| AutoEscape::None);
        templates.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        templates.set_fuel(Some(TEMPLATE_FUEL));
        for (name, source) in [(BODY, body), (SUBJECT, subject)] {
            let Some(source) = source else { continue };
            if source.len() > TEMPLATE_BYTES {
                return Err(format!("{name} has {} bytes; {TEMPLATE_BYTES} are the most", source.len()));
            }
            templates.add_template_owned(name, source.to_owned()).map_err(|err| said(&err))?;
        }
        let mut template = Self { templates, escaped, is_json: false };
        template.is_json = template.tried()?;
        Ok(template)
    }

    /// Whether the body is JSON, found on examples of all that may come.
    fn tried(&self) -> Result<bool, String> {
        // Each severity, a beginning, an end, one that became worse, and several at once; every text may hold anything.
        let examples = |text: &str| {
            let one = |status, severity, raised_from| {
                let message = Message::test("sample", "http://127.0.0.1:7700", status, Timestamp::default());
                let mut message = Message { severity, raised_from, incident: "i1".into(), ..message };
                for field in [&mut message.summary, &mut message.rule, &mut message.when] {
                    text.clone_into(field);
                }
                let target = &mut message.target;
                for field in
                    [&mut target.model, &mut target.endpoint, &mut target.variant, &mut target.origin]
                {
                    text.clone_into(field);
                }
                message
            };
            let firing = |severity| one(Status::Firing, severity, None);
            let worse = one(Status::Firing, Severity::Critical, Some(Severity::Warning));
            let mut all: Vec<Vec<Message>> = Severity::ALL.map(|severity| vec![firing(severity)]).to_vec();
            all.extend([
                vec![one(Status::Resolved, Severity::Warning, None)],
                vec![worse],
                vec![firing(Severity::Critical); 3],
            ]);
            all
        };
        let is_json = |messages: Vec<Message>| -> Result<Option<bool>, String> {
            let Some(group) = Group::of(messages) else { return Ok(None) };
            let worded = self.rendered(&group)?;
            if let Some(body) = worded.body.as_ref().filter(|body| looks_like_json(body) && !is_object(body))
            {
                // With quotes it may be the text that breaks it, which is said below.
                let is_plain = group.messages().iter().all(|message| !message.summary.contains('"'));
                if is_plain {
                    let start: String = body.trim().chars().take(60).collect();
                    return Err(format!("template makes what looks like JSON and is none: {start}…"));
                }
            }
            Ok(worded.body.map(|body| is_object(&body)))
        };
        let all = |summary: &str| {
            examples(summary).into_iter().map(is_json).collect::<Result<Option<Vec<bool>>, String>>()
        };
        let (Some(plain), Some(quoted)) = (all("it answers worse")?, all("\"it\" answers\n\\worse <&>")?)
        else {
            return Ok(false);
        };
        let is_always = |found: &[bool]| found.iter().all(|is| *is);
        match (plain.contains(&true), is_always(&plain) && is_always(&quoted)) {
            (false, _) => Ok(false),
            (true, true) => Ok(true),
            (true, false) if is_always(&plain) => Err(
                "template makes no JSON of a text with quotes: write {{ summary | tojson }} in the place of \"{{ summary }}\"".into(),
            ),
            (true, false) => {
                Err("template makes JSON of some messages and not of others, such as an end or several alerts".into())
            }
        }
    }

    /// The message in the channel's words. An error is for people, and the usual form is to be sent.
    pub fn worded(&self, group: &Group) -> Result<Worded, String> {
        let worded = self.rendered(group)?;
        match &worded.body {
            Some(body) if self.is_json && !is_object(body) => {
                Err("template made no JSON of this message".into())
            }
            _ => Ok(Worded { is_json: self.is_json, ..worded }),
        }
    }

    fn rendered(&self, group: &Group) -> Result<Worded, String> {
        let mut told = told(group);
        if let Some(escaped) = self.escaped {
            in_every_text(&mut told, escaped);
        }
        let told = minijinja::Value::from(minijinja::value::Serde(&told));
        let render = |name: &str| -> Result<Option<String>, String> {
            let Ok(template) = self.templates.get_template(name) else { return Ok(None) };
            let text = template.render(told.clone()).map_err(|err| said(&err))?;
            if text.len() > TEMPLATE_TEXT_BYTES {
                return Err(format!("{name} made {} bytes; {TEMPLATE_TEXT_BYTES} are the most", text.len()));
            }
            if text.trim().is_empty() {
                let title = group.title();
                return Err(format!("{name} makes nothing of `{title}`: every message must say something"));
            }
            Ok(Some(text))
        };
        let subject = render(SUBJECT)?.map(|subject| super::letter::subject(subject.trim()));
        Ok(Worded { body: render(BODY)?, subject, is_json: false })
    }
}

/// What a template may ask for: the fields of the first message, and all of them in `alerts`.
fn told(group: &Group) -> Value {
    let one = |message: &Message| {
        let mut fields = json!(message);
        fields["name"] = json!(message.name());
        fields["title"] = json!(message.title());
        fields["raised_from"] = json!(message.raised_from);
        fields
    };
    let alerts: Vec<Value> = group.messages().iter().map(one).collect();
    let mut told = alerts.first().cloned().unwrap_or_default();
    told["count"] = json!(alerts.len());
    if alerts.len() > 1 {
        told["title"] = json!(group.title());
        told["link"] = json!(group.link());
    }
    told["alerts"] = Value::Array(alerts);
    told
}

fn in_every_text(value: &mut Value, change: fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| in_every_text(item, change)),
        Value::Object(fields) => fields.values_mut().for_each(|field| in_every_text(field, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

fn is_object(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object() || value.is_array())
}

/// What is wrong, with the place.
fn said(err: &minijinja::Error) -> String {
    let place = match (err.name(), err.line()) {
        (Some(name), Some(line)) => format!("{name}, line {line}: "),
        _ => "template: ".to_owned(),
    };
    let detail = err.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let names = match err.kind() {
        minijinja::ErrorKind::UndefinedError => {
            "; there are title, name, status, rule, severity, raised_from, summary, when, since, time, target, link, runbook, \
             incident, chart, count, alerts"
        }
        _ => "",
    };
    format!("{place}{}{detail}{names}", err.kind())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::message::tests::message;

    fn channel(text: &str) -> ChannelConfig {
        toml::from_str(&format!("name = \"x\"\n{text}")).unwrap()
    }

    fn worded(text: &str, messages: Vec<Message>) -> Worded {
        let template = channel(text).template().unwrap().unwrap();
        template.worded(&Group::of(messages).unwrap()).unwrap()
    }

    const TEAMS: &str = "webhook = \"http://h\"\ntemplate = '{\"text\": {{ (title ~ \": \" ~ summary) | tojson }}, \"n\": {{ count }}}'";

    #[test]
    fn a_webhook_says_it_in_its_own_words_and_texts_stay_texts() {
        let mut nasty = message(Status::Firing);
        nasty.summary = "\"m\" answers\nworse".into();
        let said = worded(TEAMS, vec![nasty]);
        assert!(said.is_json);
        let body: Value = serde_json::from_str(&said.body.unwrap()).unwrap();
        assert_eq!(body, json!({"text": "firing critical: r of m: \"m\" answers\nworse", "n": 1}));
        let several = worded(TEAMS, vec![message(Status::Firing), message(Status::Firing)]);
        assert!(several.body.unwrap().contains("2 alerts of r"));
        let plain = worded(
            "webhook = \"http://h\"\ntemplate = \"{{ rule }} {{ status }}\"",
            vec![message(Status::Resolved)],
        );
        assert_eq!((plain.body.as_deref(), plain.is_json), (Some("r resolved"), false));
    }

    #[test]
    fn mail_has_a_subject_in_one_line_and_slack_s_markup_is_the_template_s_alone() {
        let mail = "smtp = \"smtp://127.0.0.1:25\"\nemail_from = \"b@x\"\nemail_to = [\"a@x\"]\n";
        let said = worded(
            &format!(
                "{mail}subject = \"[{{{{ severity }}}}]\\n{{{{ name }}}}\"\ntemplate = \"{{% for alert in alerts %}}{{{{ alert.name }}}}{{% endfor %}}\""
            ),
            vec![message(Status::Firing)],
        );
        assert_eq!((said.subject.as_deref(), said.body.as_deref()), (Some("[critical] m"), Some("m")));
        let mut nasty = message(Status::Firing);
        nasty.summary = "<!channel>".into();
        let said =
            worded("slack_env = \"S\"\ntemplate = \"<{{ link }}|{{ rule }}> {{ summary }}\"", vec![nasty]);
        assert!(said.body.as_deref().unwrap().ends_with("|r> &lt;!channel&gt;"), "{said:?}");
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_place() {
        let refused = |text: &str| channel(text).template().unwrap_err();
        let hook = |template: &str| refused(&format!("webhook = \"http://h\"\ntemplate = '''{template}'''"));
        let wrong = hook("line one\n{{ summry }}");
        assert!(wrong.contains("template, line 2") && wrong.contains("summary"), "{wrong}");
        let wrong = hook("{% if %}");
        assert!(wrong.contains("template, line 1: syntax error"), "{wrong}");
        assert!(hook("{\"text\": \"{{ summary }}\"}").contains("| tojson"));
        assert!(hook("{\"text\": \"{{ name }}\"}").contains("| tojson"), "a model may have any name");
        assert!(hook("{{ '{}' if status == 'firing' else 'no' }}").contains("such as an end"));
        assert!(hook("{\"a\": {{ title | tojson }}, }").contains("looks like JSON and is none"));
        assert!(hook("{% if severity == 'critical' %}x{% endif %}").contains("makes nothing"));
        assert!(hook("x{% if raised_from %}{{ nope }}{% endif %}").contains("undefined value"));
        assert!(refused("pagerduty_env = \"K\"\ntemplate = \"x\"").contains("a form of their own"));
        assert!(refused("webhook = \"http://h\"\nsubject = \"x\"").contains("smtp and sns only"));
        assert!(channel("webhook = \"http://h\"").template().unwrap().is_none());
    }

    fn too_much(template: &str) -> String {
        let hook = ChannelConfig::webhook("x", "http://h");
        ChannelConfig { template: Some(template.to_owned()), ..hook }.template().unwrap_err()
    }

    /// limit template_bytes
    #[test]
    fn a_template_that_is_too_long_is_refused() {
        assert!(too_much(&"x".repeat(TEMPLATE_BYTES + 1)).contains("are the most"));
    }

    /// limit template_fuel
    #[test]
    fn a_template_that_does_not_end_is_refused() {
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}";
        assert!((endless.len() as u64) < TEMPLATE_FUEL, "it is short, and takes a hundred million steps");
        assert!(too_much(endless).contains("fuel"), "{}", too_much(endless));
    }

    /// limit template_text_bytes
    #[test]
    fn a_template_that_makes_too_much_is_refused() {
        let long = "{% for a in range(9000) %}0123456789012345678901234567890123456789{% endfor %}";
        assert!(
            too_much(long).contains(&format!("made 360000 bytes; {TEMPLATE_TEXT_BYTES}")),
            "{}",
            too_much(long)
        );
    }

    #[test]
    fn what_fails_on_the_day_is_an_error_and_no_panic() {
        let text = "webhook = \"http://h\"\ntemplate = '''{\"a\": {{ 1 if count < 4 else count.none() }}}'''";
        let template = channel(text).template().unwrap().unwrap();
        let group = |n| Group::of(vec![message(Status::Firing); n]).unwrap();
        assert!(template.worded(&group(2)).is_ok());
        assert!(template.worded(&group(4)).is_err());
    }
}
