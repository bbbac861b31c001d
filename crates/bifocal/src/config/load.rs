//! Reading the file, and telling what is wrong with it where it is wrong.

use std::path::Path;

use super::file::ConfigFile;
use crate::user_error::{Code, UserError};

/// Reads the file at `path`.
pub fn load(path: &Path) -> Result<ConfigFile, UserError> {
    let text = std::fs::read_to_string(path).map_err(|err| {
        UserError::new(Code::ConfigUnreadable, format!("read configuration `{}`: {err}", path.display()))
            .hint("give the path of a TOML file with --config")
    })?;
    parse(&text, &path.display().to_string())
}

/// Reads the text of a file; `name` stands in messages.
pub fn parse(text: &str, name: &str) -> Result<ConfigFile, UserError> {
    toml::from_str(text).map_err(|err| {
        let line = err.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        let message = err.message().trim();
        let place = format!("{name}:{line}");
        match unknown_field(message) {
            Some((wrong, known)) => {
                let error = UserError::new(Code::ConfigUnknownKey, format!("{place}: unknown key `{wrong}`"));
                match nearest(wrong, &known) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint(format!("known keys here: {}", known.join(", "))),
                }
            }
            None => UserError::new(Code::ConfigInvalid, format!("{place}: {message}"))
                .hint("see docs/guide/configuration.md for every key with its type"),
        }
    })
}

/// The unknown key and the known ones, from serde's message "unknown field `a`, expected one of `b`, `c`".
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (wrong, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2).collect();
    Some((wrong, known))
}

fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|&name| (strsim::jaro_winkler(wrong, name), name));
    scored.filter(|(score, _)| *score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_the_nearest_name() {
        let err = parse("[[target]]\nname = \"a\"\nupstram = \"http://h:1\"\n", "bifocal.toml").unwrap_err();
        assert_eq!(err.code, Code::ConfigUnknownKey);
        assert_eq!(err.message, "bifocal.toml:3: unknown key `upstram`");
        assert_eq!(err.hint.as_deref(), Some("did you mean `upstream`?"));
        let err = parse("[judge]\nbase_url = \"http://h:1\"\nbudget_usd_per_dya = 1.0\n", "f").unwrap_err();
        assert_eq!(err.hint.as_deref(), Some("did you mean `budget_usd_per_day`?"));
    }

    #[test]
    fn a_wrong_type_names_its_line() {
        let err = parse("[objectives]\n\nttft_p95_seconds = \"two\"\n", "f").unwrap_err();
        assert_eq!(err.code, Code::ConfigInvalid);
        assert!(err.message.starts_with("f:3: "), "{}", err.message);
    }

    #[test]
    fn the_example_of_the_guide_is_valid() {
        let text = include_str!("../../../../docs/guide/bifocal.example.toml");
        let config = parse(text, "bifocal.example.toml").unwrap();
        assert_eq!(config.target.len(), 1);
        assert!(config.judge.is_some() && !config.alert.is_empty() && !config.channel.is_empty());
    }

    /// An editor that was interrupted: every beginning of a file is read, or refused with its place.
    #[test]
    fn a_file_that_is_half_written_is_read_or_refused_with_a_place() {
        let text = include_str!("../../../../docs/guide/bifocal.example.toml");
        let mut refused = 0;
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            if let Err(err) = parse(&text[..end], "half.toml") {
                assert!(err.message.contains("half.toml"), "{}", err.message);
                refused += 1;
            }
        }
        assert!(refused > text.len() / 10, "{refused} of {}", text.len());
    }
}
