//! Probes with every default filled in and their files read.

use std::path::PathBuf;

use bifocal_evaluate::probe::{Manner, Probe};
use bifocal_watch::alert::Hold;
use serde::Serialize;

use super::file::ProbeSection;
use super::upstream::UpstreamTarget;
use crate::limits::PROBES;
use crate::user_error::{Code, UserError};

/// A probe, ready to run.
#[derive(Clone, Debug, Serialize)]
pub struct ProbeConfig {
    /// Its name.
    pub name: String,
    /// The file.
    pub prompts: PathBuf,
    /// The `[[target]]`.
    pub target: String,
    /// The model.
    pub model: String,
    /// Time from round to round.
    pub every: Hold,
    /// Whether a sleeping endpoint is asked.
    pub wake: bool,
    /// Name of the environment variable with the key.
    pub api_key_env: Option<String>,
    /// Longest answer, tokens.
    pub max_tokens: u32,
    /// How free the answers are.
    pub temperature: f64,
    /// Seconds to wait for one answer.
    pub timeout_seconds: f64,
}

impl ProbeConfig {
    /// All of a file; each is read once to see that it can be.
    pub(super) fn all(sections: &[ProbeSection], targets: &[UpstreamTarget]) -> Result<Vec<Self>, UserError> {
        if sections.len() > PROBES {
            return Err(wrong("…", &format!("there are {}; at most {PROBES} run", sections.len())));
        }
        let mut probes: Vec<Self> = Vec::with_capacity(sections.len());
        for section in sections {
            let probe = Self::of(section, targets)?;
            if probes.iter().any(|other| other.name == probe.name) {
                return Err(wrong(&probe.name, "this name is there twice"));
            }
            probe.open()?;
            probes.push(probe);
        }
        Ok(probes)
    }

    fn of(section: &ProbeSection, targets: &[UpstreamTarget]) -> Result<Self, UserError> {
        let of_file = || section.prompts.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = section.name.clone().or_else(of_file).unwrap_or_default();
        let is_plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if name.is_empty() || name.len() > 32 || !is_plain {
            return Err(wrong(
                &name,
                "a name has 1 to 32 lower case letters, digits and _; give one with `name`",
            ));
        }
        let target = match (&section.target, targets) {
            (Some(wanted), _) => targets.iter().find(|target| target.name == *wanted),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let Some(target) = target else {
            let known: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
            return Err(wrong(
                &name,
                &format!("`target` must be one of the upstreams: {}", known.join(", ")),
            ));
        };
        if target.signing.is_some() {
            return Err(wrong(&name, "probes are not signed yet, and this target takes signed calls only"));
        }
        if section.every.as_secs() < 60 {
            return Err(wrong(&name, "`every` is less than a minute"));
        }
        let timeout_seconds = section.timeout_seconds.unwrap_or(60.0);
        let temperature = section.temperature.unwrap_or(0.0);
        if !(timeout_seconds > 0.0 && timeout_seconds <= 600.0 && (0.0..=2.0).contains(&temperature)) {
            return Err(wrong(&name, "`timeout_seconds` lies in (0, 600] and `temperature` in [0, 2]"));
        }
        Ok(Self {
            name,
            prompts: section.prompts.clone(),
            target: target.name.clone(),
            model: section.model.clone(),
            every: section.every,
            wake: section.wake,
            api_key_env: section.api_key_env.clone(),
            max_tokens: section.max_tokens.unwrap_or(512),
            temperature,
            timeout_seconds,
        })
    }

    /// How it is asked.
    pub fn manner(&self) -> Manner {
        Manner { model: self.model.clone(), max_tokens: self.max_tokens, temperature: self.temperature }
    }

    /// Reads its file.
    pub fn open(&self) -> Result<Probe, UserError> {
        Probe::open(&self.name, &self.prompts, &self.manner())
            .map_err(|err| wrong(&self.name, &err.to_string()))
    }
}

fn wrong(name: &str, what: &str) -> UserError {
    UserError::new(Code::ConfigInvalid, format!("[[probe]] `{name}`: {what}"))
        .hint("keys and the form of a line are in docs/guide/probes.md")
}

#[cfg(test)]
mod tests {
    use super::super::{Resolved, parse};
    use super::*;

    fn refused(text: &str) -> String {
        let err = Resolved::of(parse(text, "f").unwrap()).unwrap_err();
        assert!(err.hint.is_some());
        err.message
    }

    #[test]
    fn probes_that_cannot_be_asked_are_refused_with_their_name() {
        let target = "[[target]]\nname = \"a\"\nupstream = \"http://a:1\"\n";
        let probe = |more: &str| {
            format!("{target}[[probe]]\nname = \"sums\"\nmodel = \"m\"\nprompts = \"none.jsonl\"\n{more}")
        };
        for (text, part) in [
            (probe(""), "[[probe]] `sums`: read prompts"),
            (probe("target = \"b\"\n"), "one of the upstreams: a"),
            (probe("every = \"30s\"\n"), "less than a minute"),
            (probe("temperature = 3.0\n"), "in [0, 2]"),
            (probe("").replace("sums", "My sums"), "lower case letters"),
        ] {
            let message = refused(&text);
            assert!(message.contains(part), "{message}");
        }
        let many = "[[probe]]\nmodel = \"m\"\nprompts = \"none.jsonl\"\n".repeat(PROBES + 1);
        assert!(refused(&format!("{target}{many}")).contains("at most 16 run"));
    }
}
