//! Channels with their templates read, each checked.

use bifocal_publish::notify::ChannelConfig;
use bifocal_watch::alert::RuleConfig;

use crate::user_error::{Code, UserError};

/// The channels of a configuration, which the rules may name.
pub(super) fn channels(
    written: Vec<ChannelConfig>,
    rules: &[RuleConfig],
) -> Result<Vec<ChannelConfig>, UserError> {
    let read = |channel: ChannelConfig| {
        let name = channel.name.clone();
        checked(channel).map_err(|what| channel_error(&name, &what))
    };
    let channels = written.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    check_names(rules, &channels)?;
    Ok(channels)
}

fn checked(mut channel: ChannelConfig) -> Result<ChannelConfig, String> {
    channel.gathering()?;
    if let Some(path) = channel.template_file.take() {
        if channel.template.is_some() {
            return Err("template and template_file are both there: one of them".into());
        }
        let read = std::fs::read_to_string(&path);
        channel.template =
            Some(read.map_err(|err| format!("read template_file `{}`: {err}", path.display()))?);
    }
    channel.template()?;
    Ok(channel)
}

/// What is wrong with a channel.
pub fn channel_error(name: &str, what: &str) -> UserError {
    UserError::new(Code::ConfigInvalid, format!("[[channel]] `{name}`: {what}"))
        .hint("each kind of channel with an example is in docs/guide/channels.md")
}

fn check_names(rules: &[RuleConfig], channels: &[ChannelConfig]) -> Result<(), UserError> {
    for rule in rules {
        for wanted in &rule.channels {
            if channels.iter().all(|channel| channel.name != *wanted) {
                let known: Vec<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
                return Err(UserError::new(
                    Code::ConfigInvalid,
                    format!("[[alert]] `{}`: there is no channel `{wanted}`", rule.name),
                )
                .hint(format!(
                    "channels: {}",
                    if known.is_empty() { "none".into() } else { known.join(", ") }
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_read_and_refused_before_anything_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hook.jinja");
        let hook =
            ChannelConfig { template_file: Some(path.clone()), ..ChannelConfig::webhook("sre", "http://h") };
        let refused = |channel: &ChannelConfig| channels(vec![channel.clone()], &[]).unwrap_err().message;
        assert!(refused(&hook).contains("[[channel]] `sre`: read template_file"), "{}", refused(&hook));
        std::fs::write(&path, "{{ rule }").unwrap();
        assert!(refused(&hook).contains("template, line 1: syntax error"), "{}", refused(&hook));
        std::fs::write(&path, "{{ rule }}").unwrap();
        assert_eq!(channels(vec![hook.clone()], &[]).unwrap()[0].template.as_deref(), Some("{{ rule }}"));
        let both = ChannelConfig { template: Some("x".into()), ..hook };
        assert!(refused(&both).contains("one of them"));
    }
}
