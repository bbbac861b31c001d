//! What is watched.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::fnv1a;

/// The key of everything: one inference component of one variant of one endpoint, or, where there are no
/// components, one model *as requested*. Served model, prompt version, temperature, quantisation and image are
/// labels of an inference and never part of this key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetKey {
    /// `sagemaker/<account>/<region>` or the configured name of the upstream; never the way the data arrived.
    pub origin: String,
    /// The endpoint's name; for a plain upstream the same as its name.
    pub endpoint: String,
    /// The production variant; empty for a plain upstream.
    pub variant: String,
    /// The inference component or the model.
    pub component: Component,
}

/// The last part of a target's key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// A SageMaker inference component (or a component that the configuration names).
    InferenceComponent(String),
    /// No component: the model's name as the client asked for it.
    Model(String),
}

/// The name of the target of calls whose own name is none.
const OTHER: &str = "other";

/// A short stable name of a target for addresses: 16 hexadecimal digits of a hash of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(u64);

impl TargetKey {
    /// A target of a plain upstream: the model's name as requested.
    pub fn of_model(origin: &str, model: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            endpoint: origin.to_owned(),
            variant: String::new(),
            component: Component::Model(model.to_owned()),
        }
    }

    /// The target of an origin's calls whose names are past the limit of targets, or were refused.
    pub fn other(origin: &str) -> Self {
        Self::of_model(origin, OTHER)
    }

    /// Whether it is the target of names that are no targets. It takes no room among those that are.
    pub fn is_other(&self) -> bool {
        self.model() == OTHER && self.endpoint == self.origin && self.variant.is_empty()
    }

    /// The inference component's name, empty where there is none.
    pub fn inference_component(&self) -> &str {
        match &self.component {
            Component::InferenceComponent(name) => name,
            Component::Model(_) => "",
        }
    }

    /// The model as requested, empty where an inference component is the key.
    pub fn model(&self) -> &str {
        match &self.component {
            Component::InferenceComponent(_) => "",
            Component::Model(name) => name,
        }
    }

    /// The name that a person would say: component or model.
    pub fn name(&self) -> &str {
        match &self.component {
            Component::InferenceComponent(name) | Component::Model(name) => name,
        }
    }

    /// The short name for addresses.
    pub fn id(&self) -> TargetId {
        let kind = match self.component {
            Component::InferenceComponent(_) => "c",
            Component::Model(_) => "m",
        };
        let parts = [self.origin.as_str(), &self.endpoint, &self.variant, kind, self.name()];
        TargetId(fnv1a(parts.iter().flat_map(|part| part.bytes().chain([0u8]))))
    }
}

impl fmt::Display for TargetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.endpoint, self.name())
    }
}

impl TargetId {
    /// Reads the 16 hexadecimal digits back.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok().map(Self))?
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_and_a_model_of_one_name_are_two_targets() {
        let model = TargetKey::of_model("local", "qwen");
        let component =
            TargetKey { component: Component::InferenceComponent("qwen".into()), ..model.clone() };
        assert_ne!(model.id(), component.id());
        assert_eq!(TargetId::parse(&model.id().to_string()), Some(model.id()));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let a = TargetKey { variant: "x".into(), ..TargetKey::of_model("local", "y") };
        let b = TargetKey { variant: "xy".into(), ..TargetKey::of_model("local", "") };
        assert_ne!(a.id(), b.id());
    }
}
