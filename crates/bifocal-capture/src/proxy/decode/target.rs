//! Which target a call belongs to.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bifocal_model::{Component, TargetKey, TargetNames};
use bifocal_telemetry::Telemetry;
use bifocal_wire::Fields;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

use crate::limits::VARIANTS_KNOWN;
use crate::proxy::config::ComponentRoute;
use crate::proxy::decode::Exchange;

/// The target of calls that name no model.
const UNNAMED: &str = "unnamed";

/// Decodes calls of one origin. Names come as clients chose them; the pipeline bounds their number.
#[derive(Clone, Debug)]
pub struct Decoder {
    origin: String,
    components: BTreeMap<String, ComponentRoute>,
    variants: Variants,
    pub(super) telemetry: Telemetry,
    pub(super) fields: Fields,
}

impl Decoder {
    /// For the calls of one origin. A model that `components` does not name is a target of its own.
    pub fn new(origin: &str, components: BTreeMap<String, ComponentRoute>, telemetry: Telemetry) -> Self {
        let (variants, fields) = (Variants::default(), Fields::default());
        Self { origin: origin.to_owned(), components, variants, telemetry, fields }
    }

    /// What stands in these fields of requests is what their answers are to be made from.
    #[must_use]
    pub fn with_fields(self, fields: Fields) -> Self {
        Self { fields, ..self }
    }

    pub(super) fn target(&self, exchange: &Exchange, model: Option<&str>) -> TargetKey {
        let model = model.unwrap_or(UNNAMED);
        let place = Place::of(&exchange.path);
        let endpoint = |named: Option<&str>| named.unwrap_or(&self.origin).to_owned();
        let component = exchange.component.as_deref().or(place.component);
        let variant = match &exchange.sagemaker {
            Some(call) => self.variants.of(place.endpoint.unwrap_or_default(), component, call.variant()),
            None => String::new(),
        };
        if let Some(component) = component {
            return TargetKey::new(TargetNames {
                origin: self.origin.clone(),
                endpoint: endpoint(place.endpoint),
                variant,
                component: Component::InferenceComponent(component.to_owned()),
            });
        }
        let Some(route) = self.components.get(model) else {
            let key = TargetKey::of_model(&self.origin, model);
            return key.with(|names| {
                names.endpoint = endpoint(place.endpoint);
                names.variant = variant;
            });
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

/// The variant that last answered for an endpoint's component. A call that the service refused names none, and is its
/// target's all the same.
#[derive(Clone, Debug, Default)]
struct Variants(Arc<Mutex<BTreeMap<(String, String), String>>>);

impl Variants {
    fn of(&self, endpoint: &str, component: Option<&str>, said: Option<&str>) -> String {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (endpoint.to_owned(), component.unwrap_or_default().to_owned());
        let Some(said) = said else { return known.get(&key).cloned().unwrap_or_default() };
        if known.len() < VARIANTS_KNOWN || known.contains_key(&key) {
            known.insert(key, said.to_owned());
        }
        said.to_owned()
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
    fn limit_variants_known() {
        let variants = Variants::default();
        for n in 0..=VARIANTS_KNOWN {
            assert_eq!(variants.of("e", Some(&format!("c-{n}")), Some("blue")), "blue");
        }
        let last = format!("c-{}", VARIANTS_KNOWN - 1);
        assert_eq!(variants.of("e", Some(&last), None), "blue");
        assert_eq!(variants.of("e", Some(&format!("c-{VARIANTS_KNOWN}")), None), "", "one too many");
        assert_eq!(variants.of("e", Some(&last), Some("green")), "green");
        assert_eq!(variants.of("e", Some(&last), None), "green", "the last word counts");
    }

    #[test]
    fn a_model_before_the_cut_is_found() {
        assert_eq!(model_in_head(br#"{"n":1,"model":"m","messages":[{"ro"#).as_deref(), Some("m"));
        assert_eq!(model_in_head(br#"{"messages":[{"ro"#), None);
        assert_eq!(model_in_head(b""), None);
    }
}
