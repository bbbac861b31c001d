//! What is watched.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::fnv1a;

/// The key of everything: one inference component of one variant of one endpoint, or, where there are no
/// components, one model *as requested*. Served model, prompt version, temperature, quantisation and image are
/// labels of an inference and never part of this key.
///
/// Every record of a target holds its key, so clones share the names, and keys that share them are equal without a look
/// at them.
#[derive(Clone, Debug, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TargetKey(Arc<TargetNames>);

/// The parts of a target's key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetNames {
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
    /// The key with these names.
    pub fn new(names: TargetNames) -> Self {
        Self(Arc::new(names))
    }

    /// The same key with other names.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut TargetNames)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// A target of a plain upstream: the model's name as requested.
    pub fn of_model(origin: &str, model: &str) -> Self {
        Self::new(TargetNames {
            origin: origin.to_owned(),
            endpoint: origin.to_owned(),
            variant: String::new(),
            component: Component::Model(model.to_owned()),
        })
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

impl Deref for TargetKey {
    type Target = TargetNames;

    fn deref(&self) -> &TargetNames {
        &self.0
    }
}

impl PartialEq for TargetKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl PartialOrd for TargetKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TargetKey {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

impl Hash for TargetKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
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
        let component = model.clone().with(|names| {
            names.component = Component::InferenceComponent("qwen".into());
        });
        assert_ne!(model.id(), component.id());
        assert_eq!(TargetId::parse(&model.id().to_string()), Some(model.id()));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let a = TargetKey::of_model("local", "y").with(|names| names.variant = "x".into());
        let b = TargetKey::of_model("local", "").with(|names| names.variant = "xy".into());
        assert_ne!(a.id(), b.id());
    }

    #[test]
    fn keys_are_their_names_whether_shared_or_not() {
        let key = TargetKey::of_model("local", "qwen");
        let (shared, apart) = (key.clone(), TargetKey::of_model("local", "qwen"));
        assert!(key == shared && key == apart && key.cmp(&shared) == key.cmp(&apart));
        let other = shared.with(|names| names.variant = "b".into());
        assert!(key != other && key < other && key.variant.is_empty(), "a change is of the copy");
        let json = r#"{"origin":"local","endpoint":"local","variant":"","component":{"model":"qwen"}}"#;
        assert_eq!(serde_json::to_string(&key).unwrap(), json);
        assert_eq!(serde_json::from_str::<TargetKey>(json).unwrap(), key);
    }
}
