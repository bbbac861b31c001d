//! Which actions each part of Bifocal needs, as data: policies are printed from it, and a call that was denied is
//! explained with it.

/// A part of Bifocal that calls AWS. The reading ones come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Endpoints, variants, inference components, copies, prices of what runs.
    Inventory,
    /// Latency, invocations, errors and GPU from CloudWatch.
    Metrics,
    /// What the collector on the instances measures, through PromQL.
    DetailedMetrics,
    /// What containers wrote around an incident.
    ContainerLogs,
    /// Answers from Data Capture files.
    Capture,
    /// The same, where the files are encrypted with a key of one's own.
    EncryptedCapture,
    /// A role of another account.
    AssumedRole,
    /// Notifications of captured answers, taken from a queue.
    CaptureQueue,
    /// The proxy that signs again with its own credentials.
    Resigning,
    /// Quality metrics written to CloudWatch.
    WriteBack,
    /// Alarms and a dashboard made through the API.
    Alarms,
    /// Judged answers and metrics written to CloudWatch Logs.
    Logs,
    /// Alerts published to topics of SNS.
    NotifyTopic,
    /// Alerts put on event buses.
    NotifyBus,
    /// A judge on Bedrock.
    Judge,
    /// A judge behind a SageMaker endpoint.
    EndpointJudge,
}

/// What a statement's actions are allowed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// AWS knows no narrower resource for these actions.
    Any,
    /// The endpoints that are watched.
    Endpoints,
    /// The endpoints of judges, and their inference components.
    JudgeEndpoints,
    /// All endpoint configurations: their names are not known beforehand.
    EndpointConfigs,
    /// All inference components: an endpoint's are not known beforehand.
    InferenceComponents,
    /// The bucket with the captured answers, under their prefix.
    CaptureBucket,
    /// The captured answers.
    CaptureObjects,
    /// The key that they are encrypted with.
    CaptureKey,
    /// The queues with their notifications.
    Queues,
    /// The role.
    Role,
    /// Metrics of the namespaces that are written; a condition, for the action has no resource.
    Namespaces,
    /// Alarms whose names begin as Bifocal's do.
    Alarms,
    /// Dashboards whose names do.
    Dashboards,
    /// The log groups that are written.
    LogGroups,
    /// Their streams.
    LogStreams,
    /// The log groups of inference components and endpoints, which SageMaker names.
    ContainerLogGroups,
    /// The topics.
    Topics,
    /// The event buses.
    Buses,
    /// The judge's model, and its inference profile.
    Models,
}

/// Actions that are needed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// For what.
    pub feature: Feature,
    /// As in a policy.
    pub actions: &'static [&'static str],
    /// On what.
    pub resource: Resource,
    /// What is lost without them, for people.
    pub without: &'static str,
}

const fn needs(
    feature: Feature,
    actions: &'static [&'static str],
    resource: Resource,
    without: &'static str,
) -> Permission {
    Permission { feature, actions, resource, without }
}

/// All permissions, by feature. `sts:GetCallerIdentity` needs none.
pub const PERMISSIONS: &[Permission] = &[
    needs(
        Feature::Inventory,
        &["sagemaker:ListEndpoints"],
        Resource::Any,
        "endpoints named by a pattern are not found",
    ),
    needs(
        Feature::Inventory,
        &["sagemaker:DescribeEndpoint"],
        Resource::Endpoints,
        "nothing is known of the endpoint: no variants, instances, deployments or capture",
    ),
    needs(
        Feature::Inventory,
        &["sagemaker:DescribeEndpointConfig"],
        Resource::EndpointConfigs,
        "instance types are not known: no GPU counts and no cost",
    ),
    needs(
        Feature::Inventory,
        &["sagemaker:ListInferenceComponents"],
        Resource::Any,
        "inference components are not found",
    ),
    needs(
        Feature::Inventory,
        &["sagemaker:DescribeInferenceComponent"],
        Resource::InferenceComponents,
        "copies and accelerators of a component are not known: no cost of a component",
    ),
    needs(
        Feature::Metrics,
        &["cloudwatch:ListMetrics"],
        Resource::Any,
        "metrics are not found: no latency, invocations, errors or GPU from CloudWatch",
    ),
    needs(
        Feature::Metrics,
        &["cloudwatch:GetMetricData"],
        Resource::Any,
        "no latency, invocations, errors or GPU from CloudWatch",
    ),
    needs(
        Feature::DetailedMetrics,
        &["cloudwatch:DescribeMetrics"],
        Resource::Any,
        "names of detailed metrics are not found: no metrics of vLLM, SGLang or DCGM through PromQL",
    ),
    needs(
        Feature::DetailedMetrics,
        &["cloudwatch:QueryMetrics"],
        Resource::Any,
        "no metrics of vLLM, SGLang or DCGM through PromQL",
    ),
    needs(
        Feature::ContainerLogs,
        &["logs:FilterLogEvents"],
        Resource::ContainerLogGroups,
        "what containers wrote around an incident is not shown with it",
    ),
    needs(
        Feature::Capture,
        &["s3:ListBucket"],
        Resource::CaptureBucket,
        "captured answers are not found: no quality from Data Capture",
    ),
    needs(
        Feature::Capture,
        &["s3:GetObject"],
        Resource::CaptureObjects,
        "captured answers are not read: no quality from Data Capture",
    ),
    needs(
        Feature::EncryptedCapture,
        &["kms:Decrypt"],
        Resource::CaptureKey,
        "encrypted captured answers are not read: no quality from Data Capture",
    ),
    needs(
        Feature::AssumedRole,
        &["sts:AssumeRole"],
        Resource::Role,
        "endpoints of the other account are not watched",
    ),
    needs(
        Feature::CaptureQueue,
        &["sqs:ReceiveMessage"],
        Resource::Queues,
        "notifications are not taken: captured answers are found by listing alone, up to 15 minutes later",
    ),
    needs(
        Feature::CaptureQueue,
        &["sqs:DeleteMessage"],
        Resource::Queues,
        "notifications stay in the queue and are taken again and again",
    ),
    needs(
        Feature::Resigning,
        &["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"],
        Resource::Endpoints,
        "the proxy cannot sign for its clients",
    ),
    needs(
        Feature::WriteBack,
        &["cloudwatch:PutMetricData"],
        Resource::Namespaces,
        "quality metrics are not written to CloudWatch",
    ),
    needs(
        Feature::Alarms,
        &["cloudwatch:DescribeAlarms", "cloudwatch:PutCompositeAlarm"],
        Resource::Any,
        "alarms are not made in CloudWatch",
    ),
    needs(
        Feature::Alarms,
        &["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"],
        Resource::Alarms,
        "alarms are not made in CloudWatch",
    ),
    needs(
        Feature::Alarms,
        &["cloudwatch:GetDashboard", "cloudwatch:PutDashboard"],
        Resource::Dashboards,
        "the dashboard is not made in CloudWatch",
    ),
    needs(
        Feature::Logs,
        &["logs:CreateLogGroup"],
        Resource::LogGroups,
        "log groups of judged answers are not made: nothing is logged where they are not there",
    ),
    needs(
        Feature::Logs,
        &["logs:PutRetentionPolicy"],
        Resource::LogGroups,
        "how long judged answers are kept cannot be said: new log groups keep them for ever",
    ),
    needs(
        Feature::Logs,
        &["logs:CreateLogStream"],
        Resource::LogGroups,
        "streams of the log groups are not made: judged answers are not logged",
    ),
    needs(Feature::Logs, &["logs:PutLogEvents"], Resource::LogStreams, "judged answers are not logged"),
    needs(Feature::NotifyTopic, &["sns:Publish"], Resource::Topics, "alerts do not reach the topic"),
    needs(Feature::NotifyBus, &["events:PutEvents"], Resource::Buses, "alerts do not reach the event bus"),
    needs(Feature::Judge, &["bedrock:InvokeModel"], Resource::Models, "no answer is judged"),
    needs(
        Feature::EndpointJudge,
        &["sagemaker:InvokeEndpoint"],
        Resource::JudgeEndpoints,
        "no answer is judged",
    ),
];

impl Feature {
    /// All, the reading ones first.
    pub const ALL: [Self; 16] = [
        Self::Inventory,
        Self::Metrics,
        Self::DetailedMetrics,
        Self::ContainerLogs,
        Self::Capture,
        Self::EncryptedCapture,
        Self::AssumedRole,
        Self::CaptureQueue,
        Self::Resigning,
        Self::WriteBack,
        Self::Alarms,
        Self::Logs,
        Self::NotifyTopic,
        Self::NotifyBus,
        Self::Judge,
        Self::EndpointJudge,
    ];

    /// The identifier of its statement.
    pub const fn statement(self) -> &'static str {
        match self {
            Self::Inventory => "BifocalReadInventory",
            Self::Metrics => "BifocalReadMetrics",
            Self::DetailedMetrics => "BifocalReadDetailedMetrics",
            Self::ContainerLogs => "BifocalReadContainerLogs",
            Self::Capture => "BifocalReadCapture",
            Self::EncryptedCapture => "BifocalDecryptCapture",
            Self::AssumedRole => "BifocalAssumeRole",
            Self::CaptureQueue => "BifocalTakeNotifications",
            Self::Resigning => "BifocalInvokeForClients",
            Self::WriteBack => "BifocalWriteMetrics",
            Self::Alarms => "BifocalMakeAlarms",
            Self::Logs => "BifocalWriteLogs",
            Self::NotifyTopic => "BifocalPublishAlerts",
            Self::NotifyBus => "BifocalPutAlertEvents",
            Self::Judge => "BifocalAskJudge",
            Self::EndpointJudge => "BifocalInvokeJudge",
        }
    }

    /// Whether it changes or uses something beyond reading.
    pub const fn writes(self) -> bool {
        use Feature::{
            Alarms, CaptureQueue, EndpointJudge, Judge, Logs, NotifyBus, NotifyTopic, Resigning, WriteBack,
        };
        matches!(
            self,
            CaptureQueue
                | Resigning
                | WriteBack
                | Alarms
                | Logs
                | NotifyTopic
                | NotifyBus
                | Judge
                | EndpointJudge
        )
    }
}

/// The permission that an action belongs to.
pub fn permission(action: &str) -> Option<&'static Permission> {
    PERMISSIONS.iter().find(|permission| permission.actions.contains(&action))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn each_action_stands_once_and_each_feature_has_one() {
        let mut actions: Vec<&str> =
            PERMISSIONS.iter().flat_map(|permission| permission.actions).copied().collect();
        let all = actions.len();
        actions.sort_unstable();
        actions.dedup();
        // The proxy invokes for its clients, and a judge is invoked: on other endpoints.
        assert_eq!(actions.len(), all - 1, "but for sagemaker:InvokeEndpoint");
        for feature in Feature::ALL {
            assert!(PERMISSIONS.iter().any(|permission| permission.feature == feature), "{feature:?}");
        }
        let order: Vec<Feature> = PERMISSIONS.iter().map(|permission| permission.feature).collect();
        assert!(order.is_sorted(), "by feature, the reading ones first");
        assert!(Feature::ALL.is_sorted_by_key(|feature| feature.writes()));
    }

    /// The names of actions in the code of this crate, as they stand between quotes.
    fn called(folder: &Path, actions: &mut Vec<String>) {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                called(&path, actions);
                continue;
            }
            let code = std::fs::read_to_string(&path).unwrap();
            let is_action = |word: &&str| {
                let parts = word.split_once(':').filter(|(service, _)| {
                    ["sagemaker", "cloudwatch", "s3", "sts", "sqs", "sns", "events", "bedrock", "logs", "kms"]
                        .contains(service)
                });
                parts.is_some_and(|(_, name)| name.starts_with(|c: char| c.is_ascii_uppercase()))
            };
            actions.extend(code.split('"').filter(is_action).map(str::to_owned));
        }
    }

    #[test]
    fn every_action_that_is_called_can_be_allowed() {
        let mut actions = Vec::new();
        called(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut actions);
        assert!(actions.len() > 10, "{actions:?}");
        for action in actions {
            assert!(
                action == "sts:GetCallerIdentity" || permission(&action).is_some(),
                "{action} has no permission"
            );
        }
    }

    #[test]
    fn a_denied_action_says_what_is_lost() {
        let denied = permission("cloudwatch:GetMetricData").unwrap();
        assert_eq!(denied.feature, Feature::Metrics);
        assert!(denied.without.contains("no latency"));
        assert_eq!(permission("iam:CreateUser"), None);
    }
}
