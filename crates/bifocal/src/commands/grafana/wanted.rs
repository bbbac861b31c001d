//! What the flags and the configuration want of a Grafana.

use bifocal_publish::grafana::{Component, Contact, DataSource, Flavour, Options, SnsShape};

use crate::cli::{GrafanaFlavour, GrafanaKind, GrafanaWanted};
use crate::commands::named::{checked_rules, named_components};
use crate::config::{ConfigFile, load};
use crate::user_error::{Code, UserError};

/// Reads flags and configuration. Alert rules whose conditions cannot be used are refused here.
pub(super) fn options(wanted: &GrafanaWanted) -> Result<Options, UserError> {
    let config = match &wanted.config {
        Some(path) => load(path)?,
        None => ConfigFile::default(),
    };
    let named = named_components(&config, &wanted.component)?;
    let components = named.into_iter().map(|(endpoint, name)| Component { endpoint, name });
    let rules = checked_rules(&config)?;
    let mut contacts = Vec::new();
    if let Some(topic) = &wanted.sns_topic {
        contacts.push(Contact::Sns { topic: arn(topic)?, shape: shape(wanted.kind) });
    }
    if let Some(url) = &wanted.webhook {
        contacts.push(Contact::Webhook { url: address("--webhook", url)? });
    }
    let prometheus_url =
        wanted.prometheus_url.as_deref().map(|url| address("--prometheus-url", url)).transpose()?;
    Ok(Options {
        flavours: match wanted.flavour {
            GrafanaFlavour::Prometheus => vec![Flavour::Prometheus],
            GrafanaFlavour::Cloudwatch => vec![Flavour::CloudWatch],
            GrafanaFlavour::Both => vec![Flavour::Prometheus, Flavour::CloudWatch],
        },
        prometheus: source(wanted.prometheus_uid.as_ref(), prometheus_url),
        cloudwatch: source(wanted.cloudwatch_uid.as_ref(), wanted.region.clone()),
        rules,
        written: config.cloudwatch,
        components: components.collect(),
        contacts,
        page: wanted.page.as_deref().map(|url| address("--page", url)).transpose()?,
    })
}

fn source(there: Option<&String>, made: Option<String>) -> DataSource {
    match (there, made) {
        (Some(uid), _) => DataSource::There(uid.clone()),
        (None, Some(place)) => DataSource::Made(place),
        (None, None) => DataSource::Chosen,
    }
}

fn shape(kind: GrafanaKind) -> SnsShape {
    match kind {
        GrafanaKind::Oss => SnsShape::OpenSource,
        GrafanaKind::Managed => SnsShape::Managed,
    }
}

fn arn(text: &str) -> Result<String, UserError> {
    let parts: Vec<&str> = text.split(':').collect();
    let is_topic = matches!(parts[..], ["arn", _, "sns", region, account, name]
        if !region.is_empty() && account.len() == 12 && !name.is_empty());
    if is_topic {
        return Ok(text.to_owned());
    }
    Err(UserError::new(Code::Usage, format!("grafana: --sns-topic `{text}` is no ARN of a topic"))
        .hint("such as arn:aws:sns:us-east-1:123456789012:grafana-llm"))
}

/// An `http` or `https` address. It stands in Grafana for everybody to read, so it may hold no password.
fn address(flag: &str, text: &str) -> Result<String, UserError> {
    let url =
        url::Url::parse(text).ok().filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
    match url {
        Some(url) if url.username().is_empty() && url.password().is_none() => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        Some(_) => Err(UserError::new(Code::Usage, format!("grafana: {flag} holds a user or a password"))
            .hint("leave them out; everybody who may read the data source or contact point would see them")),
        None => Err(UserError::new(
            Code::Usage,
            format!("grafana: {flag} is no http://HOST or https://HOST address"),
        )
        .hint("give the address as Grafana reaches it, such as http://prometheus:9090")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command, GrafanaCommand};

    fn wanted(flags: &[&str]) -> GrafanaWanted {
        use clap::Parser as _;
        let words = ["bifocal", "grafana", "render", "--out", "x"].iter().chain(flags);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Grafana(GrafanaCommand::Render(args)) => args.wanted,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn flags_and_configuration_are_joined() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bifocal.toml");
        let text = "[[target]]\nupstream = \"http://h:1\"\nendpoint = \"llm-prod\"\ncomponents = { m = \"qwen\" }\n\
                    [[alert]]\nname = \"outage\"\nwhen = \"value('error_ratio') > 0.5\"\n[cloudwatch]\nwrite = true\nstates = true\n";
        std::fs::write(&path, text).unwrap();
        let config = path.display().to_string();
        let flags = [
            "--config",
            &config,
            "--component",
            "llm-prod/llama",
            "--component",
            "llm-prod/qwen",
            "--region",
            "eu-west-1",
        ];
        let options = options(&wanted(&flags)).unwrap();
        let names: Vec<&str> = options.components.iter().map(|component| component.name.as_str()).collect();
        assert_eq!(names, ["llama", "qwen"]);
        assert!(options.written.states);
        assert_eq!(options.cloudwatch, DataSource::Made("eu-west-1".into()));
        let outage: Vec<_> = options.rules.iter().filter(|rule| rule.name == "outage").collect();
        assert_eq!((outage.len(), outage[0].when.as_str()), (1, "value('error_ratio') > 0.5"));
    }

    #[test]
    fn mistakes_are_told_before_anything_is_done() {
        for (flags, part) in [
            (vec!["--component", "qwen"], "ENDPOINT/NAME"),
            (vec!["--sns-topic", "grafana-llm"], "no ARN"),
            (vec!["--prometheus-url", "prometheus:9090"], "--prometheus-url"),
            (vec!["--webhook", "https://me:secret@h/x"], "password"),
        ] {
            let error = options(&wanted(&flags)).unwrap_err();
            assert!(error.message.contains(part) && !error.message.contains("secret"), "{error}");
            assert!(error.hint.is_some());
        }
    }

    #[test]
    fn a_rule_that_cannot_be_used_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bifocal.toml");
        std::fs::write(&path, "[[alert]]\nname = \"x\"\nwhen = \"value('relevence') < 0.5\"\n").unwrap();
        let error = options(&wanted(&["--config", &path.display().to_string()])).unwrap_err();
        assert_eq!(error.code, Code::AlertRule);
    }
}
