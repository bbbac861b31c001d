//! Which target a call belongs to.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use bifocal_model::{Component, TargetKey, TargetNames};
use bifocal_telemetry::Telemetry;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

use crate::proxy::config::ComponentRoute;
use crate::proxy::decode::Exchange;

/// The target of calls that name no model.
const UNNAMED: &str = "unnamed";

/// Decodes calls of one origin. Names come as clients chose them; the pipeline bounds their number.
#[derive(Clone, Debug)]
pub struct Decoder {
    origin: String,
    components: BTreeMap<String, ComponentRoute>,
    pub(super) telemetry: Telemetry,
}

impl Decoder {
    /// For the calls of one origin. A model that `components` does not name is a target of its own.
    pub fn new(origin: &str, components: BTreeMap<String, ComponentRoute>, telemetry: Telemetry) -> Self {
        Self { origin: origin.to_owned(), components, telemetry }
    }

    pub(super) fn target(&self, exchange: &Exchange, model: Option<&str>) -> TargetKey {
        let model = model.unwrap_or(UNNAMED);
        let place = Place::of(&exchange.path);
        let endpoint = |named: Option<&str>| named.unwrap_or(&self.origin).to_owned();
        if let Some(component) = exchange.component.as_deref().or(place.component) {
            return TargetKey::new(TargetNames {
                origin: self.origin.clone(),
                endpoint: endpoint(place.endpoint),
                variant: String::new(),
                component: Component::InferenceComponent(component.to_owned()),
            });
        }
        let Some(route) = self.components.get(model) else {
            let key = TargetKey::of_model(&self.origin, model);
            return key.with(|names| names.endpoint = endpoint(place.endpoint));
        };
        let component = route.inference_component.clone();
        TargetKey::new(TargetNames {
            origin: self.origin.clone(),
            endpoint: endpoint(route.endpoint.as_deref().or(place.endpoint)),
            variant: route.variant.clone(),
            component: component
                .map_or_else(|| Component::Model(model.to_owned()), Component::InferenceComponent),
        })
    }
}

/// What a path in SageMaker's form says: `/endpoints/E/…`, `/endpoints/E/inference-components/C/…`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place<'a> {
    endpoint: Option<&'a str>,
    component: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Self {
        let mut parts = path.split('/').skip(1);
        if parts.next() != Some("endpoints") {
            return Self::default();
        }
        let endpoint = parts.next().filter(|name| !name.is_empty());
        let has_component = parts.next() == Some("inference-components");
        Self { endpoint, component: parts.next().filter(|name| has_component && !name.is_empty()) }
    }
}

/// The model's name in the head of a request that was cut: clients write it before the messages.
pub(super) fn model_in_head(head: &[u8]) -> Option<String> {
    let found = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(head);
    // The text ends too early, so this fails; what was found before that counts.
    let _ = deserializer.deserialize_map(ModelVisitor { found: &found });
    found.into_inner().filter(|name: &String| !name.is_empty() && name.len() <= 256)
}

struct ModelVisitor<'a> {
    found: &'a RefCell<Option<String>>,
}

impl<'de> Visitor<'de> for ModelVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "model" {
                *self.found.borrow_mut() = Some(map.next_value()?);
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sagemaker_paths_name_endpoint_and_component() {
        let place = Place::of("/endpoints/prod/inference-components/qwen-ic/openai/v1/chat/completions");
        assert_eq!(place, Place { endpoint: Some("prod"), component: Some("qwen-ic") });
        assert_eq!(
            Place::of("/endpoints/prod/invocations"),
            Place { endpoint: Some("prod"), component: None }
        );
        assert_eq!(Place::of("/v1/chat/completions"), Place::default());
    }

    #[test]
    fn a_model_before_the_cut_is_found() {
        assert_eq!(model_in_head(br#"{"n":1,"model":"m","messages":[{"ro"#).as_deref(), Some("m"));
        assert_eq!(model_in_head(br#"{"messages":[{"ro"#), None);
        assert_eq!(model_in_head(b""), None);
    }
}
