//! Whose answer a captured call is. Data Capture does not say which inference component answered, so a call goes to
//! a component only where something says so, and else to `unattributed`: never to a guess.

use std::collections::BTreeMap;

use bifocal_model::Component;
use bifocal_wire::data_capture::CapturedCall;

/// The component of calls of which nothing says whose they are.
pub(crate) const UNATTRIBUTED: &str = "unattributed";
/// Names of the component in what a client sends as custom attributes.
const ATTRIBUTES: [&str; 2] = ["inference_component", "inference-component"];

/// What is known of an endpoint, as its inventory says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribution {
    /// Its inference components; empty where models belong to variants or nothing is known.
    pub components: Vec<String>,
    /// The component behind a model's name, where it is not the same name.
    pub models: BTreeMap<String, String>,
    /// The model of a variant that serves one without components.
    pub variants: BTreeMap<String, String>,
}

/// By what a call was attributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The endpoint has one component.
    OnlyComponent,
    /// The variant serves one model.
    OnlyModel,
    /// The client named it in its custom attributes.
    CustomAttributes,
    /// The client named it in its inference id.
    InferenceId,
    /// The payload names a model that stands for one.
    Model,
    /// Nothing said so.
    Nothing,
}

impl By {
    /// The name used in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnlyComponent => "only_component",
            Self::OnlyModel => "only_model",
            Self::CustomAttributes => "custom_attributes",
            Self::InferenceId => "inference_id",
            Self::Model => "model",
            Self::Nothing => "nothing",
        }
    }

    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::OnlyComponent => "the only component",
            Self::OnlyModel => "the only model of the variant",
            Self::CustomAttributes => "the client's custom attributes",
            Self::InferenceId => "the client's inference id",
            Self::Model => "the model that the payload names",
            Self::Nothing => "nothing",
        }
    }
}

impl Attribution {
    /// Whose the call of a variant is, and why.
    pub fn of(&self, variant: &str, call: &CapturedCall) -> (Component, By) {
        if let Some(model) = self.variants.get(variant) {
            return (Component::Model(model.clone()), By::OnlyModel);
        }
        let model = call.request.as_ref().and_then(|request| request.model.as_deref());
        let component = |name: &str| Component::InferenceComponent(name.to_owned());
        if let [only] = self.components.as_slice() {
            return (component(only), By::OnlyComponent);
        }
        if let Some(name) = call.custom_attributes.as_deref().and_then(|said| self.in_attributes(said)) {
            return (component(name), By::CustomAttributes);
        }
        if let Some(name) = call.inference_id.as_deref().and_then(|id| self.in_id(id)) {
            return (component(name), By::InferenceId);
        }
        if let Some(name) =
            model.and_then(|model| self.models.get(model).map(String::as_str).or_else(|| self.known(model)))
        {
            return (component(name), By::Model);
        }
        match model {
            // No components are known: the model as requested is the target, as everywhere.
            Some(model) if self.components.is_empty() => (Component::Model(model.to_owned()), By::Model),
            _ => (component(UNATTRIBUTED), By::Nothing),
        }
    }

    /// `inference_component=NAME` among attributes that are parted by commas, semicolons or spaces.
    fn in_attributes(&self, said: &str) -> Option<&str> {
        let parts = said.split([',', ';', ' ']).filter_map(|part| part.trim().split_once('='));
        let named =
            parts.filter(|(key, _)| ATTRIBUTES.iter().any(|known| key.trim().eq_ignore_ascii_case(known)));
        named.filter_map(|(_, name)| self.known(name.trim())).next()
    }

    /// `NAME:…` or `NAME/…`.
    fn in_id(&self, id: &str) -> Option<&str> {
        self.known(id.split_once([':', '/'])?.0)
    }

    fn known(&self, name: &str) -> Option<&str> {
        self.components.iter().map(String::as_str).find(|known| *known == name)
    }
}

#[cfg(test)]
mod tests {
    use bifocal_wire::CallRequest;

    use super::*;

    fn call(
        model: Option<&str>,
        inference_id: Option<&str>,
        custom_attributes: Option<&str>,
    ) -> CapturedCall {
        CapturedCall {
            event_id: None,
            inference_id: inference_id.map(str::to_owned),
            time: bifocal_model::Timestamp::from_secs(0),
            request: Some(CallRequest { model: model.map(str::to_owned), ..CallRequest::default() }),
            response: None,
            failed: None,
            custom_attributes: custom_attributes.map(str::to_owned),
        }
    }

    fn of(components: &[&str], variant: &str, call: &CapturedCall) -> (String, By) {
        let attribution = Attribution {
            components: components.iter().map(|name| (*name).to_owned()).collect(),
            models: BTreeMap::from([("served".to_owned(), "b-ic".to_owned())]),
            variants: BTreeMap::from([("plain".to_owned(), "llama-8b".to_owned())]),
        };
        match attribution.of(variant, call) {
            (Component::InferenceComponent(name), by) => (name, by),
            (Component::Model(name), by) => (format!("model {name}"), by),
        }
    }

    #[test]
    fn a_call_is_somebodys_only_where_something_says_so() {
        let two = ["a-ic", "b-ic"];
        for (components, call, name, by) in [
            (&["a-ic"][..], call(Some("x"), None, None), "a-ic", By::OnlyComponent),
            (&two, call(None, None, Some("trace=1, inference_component=b-ic")), "b-ic", By::CustomAttributes),
            (&two, call(None, None, Some("inference_component=gone-ic")), "unattributed", By::Nothing),
            (&two, call(None, Some("b-ic:0001"), None), "b-ic", By::InferenceId),
            (&two, call(None, Some("c-ic:0001"), None), "unattributed", By::Nothing),
            (&two, call(None, Some("b-ic"), None), "unattributed", By::Nothing),
            (&two, call(Some("a-ic"), None, None), "a-ic", By::Model),
            (&two, call(Some("served"), None, None), "b-ic", By::Model),
            (&two, call(Some("llama"), None, None), "unattributed", By::Nothing),
            (&two, call(None, None, None), "unattributed", By::Nothing),
            (&[], call(Some("llama"), None, None), "model llama", By::Model),
            (&[], call(None, None, None), "unattributed", By::Nothing),
        ] {
            assert_eq!(of(components, "AllTraffic", &call), (name.to_owned(), by), "{call:?}");
            let plain = ("model llama-8b".to_owned(), By::OnlyModel);
            assert_eq!(of(components, "plain", &call), plain, "whatever the payload says");
        }
    }
}
