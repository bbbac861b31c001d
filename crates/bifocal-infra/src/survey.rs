//! Asks SageMaker what runs: the calls behind an [`Inventory`].
//!
//! Life of the data: the endpoints of a pattern are found and described, their configurations once each (they never
//! change under one name), their components each time. What goes away while it is looked at is left out; what could
//! not be read keeps what was known of it, and is told as a [`Problem`].

use std::collections::BTreeMap;

use bifocal_aws::sagemaker::{ComponentDescription, EndpointConfig};
use bifocal_aws::{Aws, Error, Kind};
use bifocal_model::{Span, Timestamp};

use crate::inventory::{Described, Endpoint, Inventory};

/// A look at one account and region that goes on from the one before.
#[derive(Debug)]
pub struct Survey {
    aws: Aws,
    pattern: String,
    configs: BTreeMap<String, EndpointConfig>,
    last: Inventory,
    /// Calls of the last look.
    calls: u32,
}

/// Something that could not be read, and what is unknown because of it.
#[derive(Debug)]
pub struct Problem {
    /// The endpoint, configuration or component.
    pub resource: String,
    /// What is unknown now.
    pub lost: &'static str,
    /// Why.
    pub error: Error,
}

/// What a look found.
#[derive(Debug)]
pub struct Found {
    /// All that runs and matches.
    pub inventory: Inventory,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// One control call a second on average, over looks; SageMaker publishes no limits.
const SECONDS_PER_CALL: i64 = 1;
/// No look follows another sooner.
const SHORTEST_SECONDS: i64 = 10;
/// None follows later.
const LONGEST_SECONDS: i64 = 300;

impl Survey {
    /// Endpoints whose names match the pattern, in which `*` stands for anything. Nothing is asked yet.
    pub fn new(aws: Aws, account: &str, pattern: &str) -> Self {
        let origin = format!("sagemaker/{account}/{}", aws.region());
        Self {
            aws,
            pattern: pattern.to_owned(),
            configs: BTreeMap::new(),
            last: Inventory { origin, ..Inventory::default() },
            calls: 0,
        }
    }

    /// How long to wait until the next look: a large fleet is looked at less often.
    pub fn every(&self) -> Span {
        let seconds = i64::from(self.calls) * SECONDS_PER_CALL;
        Span::from_secs(seconds.clamp(SHORTEST_SECONDS, LONGEST_SECONDS))
    }

    /// Looks. An error means that nothing can be said; the last look stands.
    pub async fn look(&mut self, now: Timestamp) -> Result<Found, Error> {
        self.calls = 0;
        let mut problems = Vec::new();
        let mut endpoints = BTreeMap::new();
        for name in self.names().await? {
            match self.endpoint(&name, &mut problems).await {
                Ok(endpoint) => {
                    endpoints.insert(name, endpoint);
                }
                Err(err) if err.kind() == Kind::NotFound => {}
                Err(error) => {
                    let known = self.last.endpoints.get(&name).cloned();
                    endpoints.extend(known.map(|known| (name.clone(), known)));
                    problems.push(Problem { resource: name, lost: "what runs on the endpoint", error });
                }
            }
        }
        // Not even one could be read: that is an error, and not an account without endpoints.
        if endpoints.is_empty() && !problems.is_empty() {
            return Err(problems.swap_remove(0).error);
        }
        let inventory = Inventory { origin: self.last.origin.clone(), time: now, endpoints };
        self.last.clone_from(&inventory);
        Ok(Found { inventory, problems })
    }

    /// A name without `*` needs no listing.
    async fn names(&mut self) -> Result<Vec<String>, Error> {
        if !self.pattern.contains('*') {
            return Ok(vec![self.pattern.clone()]);
        }
        self.calls += 1;
        let literal = self.pattern.split('*').max_by_key(|part| part.len()).filter(|part| !part.is_empty());
        let listed = self.aws.list_endpoints(literal).await?;
        let names = listed.into_iter().map(|endpoint| endpoint.endpoint_name);
        Ok(names.filter(|name| matches(&self.pattern, name)).collect())
    }

    async fn endpoint(&mut self, name: &str, problems: &mut Vec<Problem>) -> Result<Endpoint, Error> {
        self.calls += 2;
        let endpoint = self.aws.describe_endpoint(name).await?;
        let config = match endpoint.endpoint_config_name.as_deref() {
            Some(config) => self.config(config, problems).await,
            None => None,
        };
        let mut components: Vec<ComponentDescription> = Vec::new();
        for listed in self.aws.list_inference_components(Some(name)).await? {
            self.calls += 1;
            match self.aws.describe_inference_component(&listed.inference_component_name).await {
                Ok(component) => components.push(component),
                Err(err) if err.kind() == Kind::NotFound => {}
                Err(err) => return Err(err),
            }
        }
        Ok(Endpoint::described(Described {
            endpoint: &endpoint,
            config: config.as_ref(),
            components: &components,
            loads_models: false,
        }))
    }

    async fn config(&mut self, name: &str, problems: &mut Vec<Problem>) -> Option<EndpointConfig> {
        if let Some(known) = self.configs.get(name) {
            return Some(known.clone());
        }
        self.calls += 1;
        match self.aws.describe_endpoint_config(name).await {
            Ok(config) => {
                self.configs.insert(name.to_owned(), config.clone());
                Some(config)
            }
            Err(error) => {
                let resource = name.to_owned();
                problems.push(Problem {
                    resource,
                    lost: "instance types, GPUs of instances and costs",
                    error,
                });
                None
            }
        }
    }
}

/// Whether a name matches a pattern in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = name.find(part) else { return false };
        name = &name[at + part.len()..];
    }
    name.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, is_match) in [
            ("llm-prod", "llm-prod", true),
            ("llm-prod", "llm-prod-2", false),
            ("*", "anything", true),
            ("llm-*", "llm-", true),
            ("*-prod", "llm-prod-2", false),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXc", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, name), is_match, "{pattern} {name}");
        }
    }
}
