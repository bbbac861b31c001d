//! Secrets are named, never written: the file says which environment variable holds one.

use bifocal_evaluate::judge::{JudgeConfig, Provider};
use serde::Serialize;

/// The configuration as TOML with every user name and password of an address masked.
pub fn masked(config: &impl Serialize) -> Result<String, toml::ser::Error> {
    let text = toml::to_string_pretty(config)?;
    Ok(text.lines().map(mask_line).collect::<Vec<_>>().join("\n"))
}

/// An address as it may be shown: without its user, its password and the values of its query.
pub fn mask_address(address: &str) -> String {
    mask_line(&format!("\"{address}\"")).trim_matches('"').to_owned()
}

/// Where a judge is, as it may be shown.
pub fn judge_place(judge: &JudgeConfig) -> String {
    match (judge.provider, &judge.region) {
        (Provider::Openai, _) => mask_address(&judge.base_url),
        (Provider::Bedrock, Some(region)) => format!("Amazon Bedrock in {region}"),
        (Provider::Bedrock, None) => "Amazon Bedrock in the region of the environment".to_owned(),
        (Provider::Sagemaker, region) => {
            let component =
                judge.component.as_ref().map(|name| format!(", component {name}")).unwrap_or_default();
            let region = region.as_deref().unwrap_or("the region of the environment");
            format!(
                "SageMaker endpoint {}{component} in {region}",
                judge.endpoint.as_deref().unwrap_or_default()
            )
        }
    }
}

/// `http://user:secret@host` becomes `http://***@host`, and a query loses its values.
fn mask_line(line: &str) -> String {
    let Some(scheme) = line.find("://") else { return line.to_owned() };
    let (head, rest) = line.split_at(scheme + 3);
    let authority_ends = rest.find(['/', '"', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(authority_ends);
    let authority = match authority.rsplit_once('@') {
        Some((_, host)) => format!("***@{host}"),
        None => authority.to_owned(),
    };
    let tail = match tail.split_once('?') {
        Some((path, _)) => format!("{path}?***\""),
        None => tail.to_owned(),
    };
    format!("{head}{authority}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_addresses_are_masked() {
        assert_eq!(
            mask_line("webhook = \"https://bot:hunter2@hooks.example/x?token=abc\""),
            "webhook = \"https://***@hooks.example/x?***\""
        );
        assert_eq!(mask_line("upstream = \"http://127.0.0.1:8000\""), "upstream = \"http://127.0.0.1:8000\"");
        assert_eq!(mask_line("rate = 0.1"), "rate = 0.1");
        assert_eq!(mask_address("http://bot:hunter2@h:1/v1?key=x"), "http://***@h:1/v1?***");
        assert_eq!(mask_address("http://h:1/v1"), "http://h:1/v1");
    }
}
