//! What is written, and under which name.

use std::num::NonZeroU32;

use bifocal_model::TargetKey;
use serde::{Deserialize, Serialize};

use crate::limits::CLOUDWATCH_NAME_MAX;

/// The namespace of AWS's article on observability of inference components.
const ARTICLE: &str = "/aws/sagemaker/inference-quality/{inference_component}";

const EVERY_SECONDS: NonZeroU32 = NonZeroU32::new(60).unwrap();

/// The section `[cloudwatch]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WriteBackConfig {
    /// Whether anything is written. Each metric costs money.
    pub write: bool,
    /// Where to: a template with `{inference_component}` and `{endpoint}`.
    pub namespace: Namespace,
    /// Written there as well, at twice the price: `SageMaker/InferenceQuality` is that of AWS's notebook.
    pub second_namespace: Option<Namespace>,
    /// Whether the ends of each interval are metrics of their own; with `pass_rates`, those of pass rates too.
    pub bounds: bool,
    /// Whether pass rates are.
    pub pass_rates: bool,
    /// Whether the number of judged answers is.
    pub counts: bool,
    /// Whether the state of each target is written as a number, `target_state`: 0 is healthy, higher is worse.
    pub states: bool,
    /// Whether each judged answer is written to CloudWatch Logs, as a JSON event with what was said of it. Since 0.2.
    pub logs: bool,
    /// The log group: a template with `{inference_component}` and `{endpoint}`.
    pub log_group: Namespace,
    /// Whether question, answer and explanations, redacted, stand in these events.
    pub log_text: bool,
    /// Days for which a log group that Bifocal makes keeps its events, as Logs knows them: 1, 3, 5, 7, 14, 30, …; 0: for ever.
    pub log_retention_days: u16,
    /// Whether the metrics leave as events of that log in the embedded metric format, and not by PutMetricData.
    pub emf: bool,
    /// The region; that of the environment when absent.
    pub region: Option<String>,
    /// Seconds between two points of a metric; less than a minute costs more calls, not more metrics.
    pub every_seconds: NonZeroU32,
}

impl WriteBackConfig {
    /// Whether anything at all goes to CloudWatch.
    pub fn is_on(&self) -> bool {
        self.write || self.logs
    }

    /// Whether judged answers are logged and no metric is written.
    pub(super) fn is_logs_alone(&self) -> bool {
        self.logs && !self.write
    }

    /// Whether anything goes to CloudWatch Logs.
    pub fn writes_logs(&self) -> bool {
        self.logs || self.write && self.emf
    }

    /// The log group of a component of an endpoint: Logs takes letters, digits and `.-_/#` alone.
    pub fn log_group_of(&self, component: &str, endpoint: &str) -> String {
        super::log::group(&self.log_group, component, endpoint)
    }
}

impl Default for WriteBackConfig {
    fn default() -> Self {
        Self {
            write: false,
            namespace: Namespace(ARTICLE.to_owned()),
            second_namespace: None,
            bounds: false,
            pass_rates: false,
            counts: false,
            states: false,
            logs: false,
            log_group: Namespace(ARTICLE.to_owned()),
            log_text: true,
            log_retention_days: 7,
            emf: false,
            region: None,
            every_seconds: EVERY_SECONDS,
        }
    }
}

impl WriteBackConfig {
    /// Metrics of one target whose judge scores so many dimensions, the composite, the latency and the state included: what
    /// AWS bills each month.
    pub fn metrics_of_target(&self, dimensions: usize) -> usize {
        let ends = if self.bounds { 3 } else { 1 };
        let of_each = ends + usize::from(self.counts) + if self.pass_rates { ends } else { 0 };
        let judged = if dimensions == 0 { 0 } else { (dimensions + 1) * of_each + 1 };
        let namespaces = 1 + usize::from(self.second_namespace.is_some());
        namespaces * (judged + usize::from(self.states))
    }

    /// Namespaces that so many targets are written to: calls of each round.
    pub fn namespaces(&self, targets: usize) -> usize {
        let all = [Some(&self.namespace), self.second_namespace.as_ref()];
        let of = |namespace: &Namespace| if namespace.0.contains('{') { targets } else { targets.min(1) };
        all.into_iter().flatten().map(of).sum()
    }
}

/// A namespace, with placeholders for the parts of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace(String);

/// Why a template is no namespace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamespaceError {
    /// AWS keeps those.
    #[error(
        "the namespace `{0}` starts with `AWS/`, which AWS keeps for itself: choose `/aws/…` or a name of yours"
    )]
    Reserved(String),
    /// CloudWatch refuses it.
    #[error(
        "the namespace `{0}` is empty, starts with a colon, is longer than 255 characters or is not ASCII"
    )]
    Form(String),
    /// Only two parts are known.
    #[error(
        "the namespace has the placeholder `{{{0}}}`: known are `{{inference_component}}` and `{{endpoint}}`"
    )]
    Placeholder(String),
}

impl TryFrom<String> for Namespace {
    type Error = NamespaceError;

    fn try_from(template: String) -> Result<Self, NamespaceError> {
        if template.starts_with("AWS/") {
            return Err(NamespaceError::Reserved(template));
        }
        let is_name = !template.is_empty()
            && !template.starts_with(':')
            && template.len() <= CLOUDWATCH_NAME_MAX
            && template.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if !is_name {
            return Err(NamespaceError::Form(template));
        }
        for part in template.split('{').skip(1) {
            let name = part.split('}').next().unwrap_or_default();
            if !part.contains('}') || !["inference_component", "endpoint"].contains(&name) {
                return Err(NamespaceError::Placeholder(name.to_owned()));
            }
        }
        Ok(Self(template))
    }
}

impl From<Namespace> for String {
    fn from(namespace: Namespace) -> Self {
        namespace.0
    }
}

impl Namespace {
    /// The namespace of a target.
    pub fn of(&self, target: &TargetKey) -> String {
        self.named(&component(target), &target.endpoint)
    }

    /// The namespace of a component of an endpoint.
    pub fn named(&self, component: &str, endpoint: &str) -> String {
        let name = self.0.replace("{inference_component}", &ascii(component));
        let mut name = name.replace("{endpoint}", &ascii(endpoint));
        name.truncate(CLOUDWATCH_NAME_MAX);
        name
    }

    /// As it is written in a policy's condition: `*` for each placeholder.
    pub fn pattern(&self) -> String {
        self.0.replace("{inference_component}", "*").replace("{endpoint}", "*")
    }
}

/// The inference component, or the model where there is none.
pub(super) fn component(target: &TargetKey) -> String {
    let component = target.inference_component();
    ascii(if component.is_empty() { target.model() } else { component })
}

/// CloudWatch takes ASCII only.
pub(super) fn ascii(text: &str) -> String {
    let kept = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '_' };
    text.chars().map(kept).take(CLOUDWATCH_NAME_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(template: &str) -> Result<Namespace, NamespaceError> {
        Namespace::try_from(template.to_owned())
    }

    #[test]
    fn a_template_names_the_component_of_a_target() {
        let target = TargetKey::of_model("sagemaker/123456789012/us-east-1", "qwen")
            .with(|names| names.endpoint = "llm-prod".into());
        let name = |template: &str| namespace(template).unwrap().of(&target);
        assert_eq!(name(ARTICLE), "/aws/sagemaker/inference-quality/qwen");
        assert_eq!(name("SageMaker/InferenceQuality"), "SageMaker/InferenceQuality");
        assert_eq!(name("q/{endpoint}/{inference_component}"), "q/llm-prod/qwen");
        assert_eq!(namespace(ARTICLE).unwrap().pattern(), "/aws/sagemaker/inference-quality/*");
    }

    #[test]
    fn names_that_cloudwatch_refuses_are_refused_here() {
        assert!(matches!(namespace("AWS/SageMaker"), Err(NamespaceError::Reserved(_))));
        for bad in ["", ":x", "qualité", &"x".repeat(CLOUDWATCH_NAME_MAX + 1)] {
            assert!(matches!(namespace(bad), Err(NamespaceError::Form(_))), "{bad}");
        }
        for bad in ["q/{variant}", "q/{endpoint", "q/{}"] {
            assert!(matches!(namespace(bad), Err(NamespaceError::Placeholder(_))), "{bad}");
        }
    }

    #[test]
    fn writing_is_off_until_it_is_asked_for() {
        let config: WriteBackConfig = serde_json::from_str("{}").unwrap();
        assert!(!config.write && !config.bounds && config.second_namespace.is_none());
        assert!(serde_json::from_str::<WriteBackConfig>(r#"{"namespaces": "x"}"#).is_err());
    }

    /// limit cloudwatch_name: a long name is cut, and what is not ASCII replaced.
    #[test]
    fn a_name_fits_cloudwatch() {
        let target = TargetKey::of_model("local", &"ü".repeat(CLOUDWATCH_NAME_MAX + 40));
        assert_eq!(component(&target), "_".repeat(CLOUDWATCH_NAME_MAX));
        assert_eq!(namespace(ARTICLE).unwrap().of(&target).len(), CLOUDWATCH_NAME_MAX);
    }
}
