//! Channels with their templates read, each checked.

use std::io::Read as _;

use bifocal_publish::TEMPLATE_BYTES;
use bifocal_publish::notify::ChannelConfig;
use bifocal_watch::alert::RuleConfig;

use crate::limits::CHANNEL_NAME_CHARS;
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
    for (i, channel) in channels.iter().enumerate() {
        if channels[..i].iter().any(|other| other.name == channel.name) {
            return Err(channel_error(
                &channel.name,
                "it is there twice: what one took the other would not get",
            ));
        }
    }
    check_names(rules, &channels)?;
    Ok(channels)
}

fn checked(mut channel: ChannelConfig) -> Result<ChannelConfig, String> {
    let is_plain = |c: char| c.is_alphanumeric() || " -_.:".contains(c);
    let (name, chars) = (&channel.name, channel.name.chars().count());
    if !(1..=CHANNEL_NAME_CHARS).contains(&chars) || name.trim() != name || !name.chars().all(is_plain) {
        return Err(format!("a name has 1 to {CHANNEL_NAME_CHARS} letters, digits, blanks or any of -_.:"));
    }
    channel.gathering()?;
    if let Some(path) = channel.template_file.take() {
        if channel.template.is_some() {
            return Err("template and template_file are both there: one of them".into());
        }
        let wrong = |what: String| format!("read template_file `{}`: {what}", path.display());
        // A file without an end would be read without one: one byte more than a template may have is enough to refuse it.
        let mut text = String::new();
        let file = std::fs::File::open(&path)
            .map_err(|err| wrong(format!("{err} (from the folder that Bifocal runs in)")))?;
        let most = TEMPLATE_BYTES as u64 + 1;
        file.take(most).read_to_string(&mut text).map_err(|err| wrong(err.to_string()))?;
        channel.template = Some(text);
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
    fn names_are_told_apart_limit_channel_name_chars() {
        let named = |names: &[&str]| {
            let all = names.iter().map(|name| ChannelConfig::webhook(name, "http://h")).collect();
            channels(all, &[]).map_err(|err| err.message)
        };
        assert!(named(&["sre", "ops", "sre"]).unwrap_err().contains("it is there twice"));
        for odd in ["", "a\nb", " sre", "a\"b", &"n".repeat(CHANNEL_NAME_CHARS + 1)] {
            assert!(named(&[odd]).unwrap_err().contains("a name has"), "{odd:?}");
        }
        assert!(named(&["sre", "Bereitschaft Süd", &"n".repeat(CHANNEL_NAME_CHARS)]).is_ok());
    }

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
        std::fs::write(&path, "x".repeat(TEMPLATE_BYTES + 100)).unwrap();
        assert!(refused(&hook).contains("are the most"), "{}", refused(&hook));
        let both = ChannelConfig { template: Some("x".into()), ..hook };
        assert!(refused(&both).contains("one of them"));
    }
}
