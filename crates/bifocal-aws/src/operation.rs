//! The services that are called and what each call is named in policies, metrics and errors.

use std::fmt;

/// A service of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// SageMaker's control plane.
    SageMaker,
    /// SageMaker's runtime: invocations.
    SageMakerRuntime,
    /// CloudWatch metrics, PromQL included.
    CloudWatch,
    /// CloudWatch Logs.
    Logs,
    /// S3.
    S3,
    /// SQS.
    Sqs,
    /// SNS.
    Sns,
    /// EventBridge.
    Events,
    /// Bedrock's runtime.
    Bedrock,
    /// STS.
    Sts,
}

/// Whether a call may be sent again when it is not known whether the first was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Reading, or writing the same again changes nothing.
    Harmless,
    /// A second one would count twice: again only when AWS said that it refused the first.
    OnlyIfRefused,
}

/// One call of a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) service: Service,
    /// Its name in the API.
    pub(crate) name: &'static str,
    /// Its name in a policy.
    pub(crate) action: &'static str,
    pub(crate) repeat: Repeat,
}

impl Operation {
    pub(crate) const fn read(service: Service, name: &'static str, action: &'static str) -> Self {
        Self { service, name, action, repeat: Repeat::Harmless }
    }
}

impl Service {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::SageMaker,
        Self::SageMakerRuntime,
        Self::CloudWatch,
        Self::Logs,
        Self::S3,
        Self::Sqs,
        Self::Sns,
        Self::Events,
        Self::Bedrock,
        Self::Sts,
    ];

    /// The name in our metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::SageMaker => "sagemaker",
            Self::SageMakerRuntime => "sagemaker_runtime",
            Self::CloudWatch => "cloudwatch",
            Self::Logs => "logs",
            Self::S3 => "s3",
            Self::Sqs => "sqs",
            Self::Sns => "sns",
            Self::Events => "events",
            Self::Bedrock => "bedrock",
            Self::Sts => "sts",
        }
    }

    /// The name that a signature is scoped to.
    pub const fn signing_name(self) -> &'static str {
        match self {
            Self::SageMaker | Self::SageMakerRuntime => "sagemaker",
            Self::CloudWatch => "monitoring",
            Self::Logs => "logs",
            Self::S3 => "s3",
            Self::Sqs => "sqs",
            Self::Sns => "sns",
            Self::Events => "events",
            Self::Bedrock => "bedrock",
            Self::Sts => "sts",
        }
    }

    /// What stands before the region in the host's name.
    pub(crate) const fn host_prefix(self) -> &'static str {
        match self {
            Self::SageMaker => "api.sagemaker",
            Self::SageMakerRuntime => "runtime.sagemaker",
            Self::CloudWatch => "monitoring",
            Self::Logs => "logs",
            Self::S3 => "s3",
            Self::Sqs => "sqs",
            Self::Sns => "sns",
            Self::Events => "events",
            Self::Bedrock => "bedrock-runtime",
            Self::Sts => "sts",
        }
    }

    /// What stands after `AWS_ENDPOINT_URL_`, as in the SDKs of AWS.
    pub(crate) const fn environment_suffix(self) -> &'static str {
        match self {
            Self::SageMaker => "SAGEMAKER",
            Self::SageMakerRuntime => "SAGEMAKER_RUNTIME",
            Self::CloudWatch => "CLOUDWATCH",
            Self::Logs => "CLOUDWATCH_LOGS",
            Self::S3 => "S3",
            Self::Sqs => "SQS",
            Self::Sns => "SNS",
            Self::Events => "EVENTBRIDGE",
            Self::Bedrock => "BEDROCK_RUNTIME",
            Self::Sts => "STS",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
