//! The smallest policy that a configuration needs.
//!
//! Pure: what is watched goes in, a policy document comes out. Which action belongs to which part of Bifocal is data of
//! `bifocal-aws`, so that what `check` says of a denied action and what is printed here are one.

use std::collections::BTreeMap;

use bifocal_aws::permission::{Feature, PERMISSIONS, Resource};
use serde::Serialize;

/// How the ids of inference profiles over several regions begin.
const PROFILES: [&str; 8] = ["global.", "us.", "eu.", "apac.", "au.", "ca.", "jp.", "us-gov."];

/// What the policy is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The region; `*`: any.
    pub region: String,
    /// The account's number; `*`: any.
    pub account: String,
    /// Endpoint names, patterns allowed.
    pub endpoints: Vec<String>,
    /// Bucket and prefix of the captured answers.
    pub capture: Option<(String, String)>,
    /// ARNs of the queues with notifications of them.
    pub queues: Vec<String>,
    /// ARN of the key that they are encrypted with.
    pub key: Option<String>,
    /// ARN of the role that is assumed.
    pub role: Option<String>,
    /// Namespaces that quality metrics are written to, with `*` for what differs by target.
    pub namespaces: Vec<String>,
    /// Whether alarms and a dashboard are made through the API.
    pub alarms: bool,
    /// Log groups that judged answers are written to, with `*` for what differs by target.
    pub log_groups: Vec<String>,
    /// Whether what containers wrote around an incident is read.
    pub container_logs: bool,
    /// Whether detailed metrics are read through PromQL.
    pub detailed: bool,
    /// Whether the proxy signs for its clients.
    pub resigns: bool,
    /// ARNs of the topics that alerts go to.
    pub topics: Vec<String>,
    /// Names or ARNs of the event buses that alerts go to.
    pub buses: Vec<String>,
    /// The judges' models on Bedrock.
    pub judges: Vec<String>,
    /// The endpoints of judges on SageMaker, each with its inference component.
    pub judge_endpoints: Vec<(String, Option<String>)>,
}

/// A policy document.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    /// The version of the policy language.
    pub version: &'static str,
    /// The reading ones first; each feature that writes has one of its own.
    pub statement: Vec<Statement>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// Its identifier, unique in the policy.
    pub sid: String,
    /// `Allow`.
    pub effect: &'static str,
    /// The actions.
    pub action: Vec<&'static str>,
    /// On what.
    pub resource: Vec<String>,
    /// When, where AWS knows no resource or the resource is too wide.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub condition: BTreeMap<&'static str, BTreeMap<&'static str, Vec<String>>>,
}

impl Policy {
    /// The policy of a scope.
    pub fn of(scope: &Scope) -> Self {
        let mut statement: Vec<Statement> = Vec::new();
        for feature in Feature::ALL.into_iter().filter(|feature| scope.needs(*feature)) {
            let mut resources: Vec<(Resource, Vec<&'static str>)> = Vec::new();
            for permission in PERMISSIONS.iter().filter(|permission| permission.feature == feature) {
                match resources.iter_mut().find(|(resource, _)| *resource == permission.resource) {
                    Some((_, actions)) => actions.extend(permission.actions),
                    None => resources.push((permission.resource, permission.actions.to_vec())),
                }
            }
            let several = resources.len() > 1;
            statement.extend(resources.into_iter().enumerate().map(|(i, (resource, action))| Statement {
                sid: format!(
                    "{}{}",
                    feature.statement(),
                    if several { (i + 1).to_string() } else { String::new() }
                ),
                effect: "Allow",
                action,
                resource: scope.resources(resource),
                condition: scope.condition(resource),
            }));
        }
        Self { version: "2012-10-17", statement }
    }
}

impl Scope {
    /// A scope that only reads inventory and metrics.
    pub fn reading(region: &str, account: &str, endpoints: Vec<String>) -> Self {
        Self {
            region: region.to_owned(),
            account: account.to_owned(),
            endpoints,
            capture: None,
            queues: Vec::new(),
            key: None,
            role: None,
            namespaces: Vec::new(),
            alarms: false,
            log_groups: Vec::new(),
            container_logs: false,
            detailed: false,
            resigns: false,
            topics: Vec::new(),
            buses: Vec::new(),
            judges: Vec::new(),
            judge_endpoints: Vec::new(),
        }
    }

    fn needs(&self, feature: Feature) -> bool {
        match feature {
            Feature::Inventory | Feature::Metrics => !self.endpoints.is_empty(),
            Feature::Capture => self.capture.is_some(),
            Feature::EncryptedCapture => self.key.is_some(),
            Feature::CaptureQueue => !self.queues.is_empty(),
            Feature::AssumedRole => self.role.is_some(),
            Feature::Resigning => self.resigns,
            Feature::DetailedMetrics => self.detailed,
            Feature::ContainerLogs => self.container_logs,
            Feature::Logs => !self.log_groups.is_empty(),
            Feature::WriteBack => !self.namespaces.is_empty(),
            Feature::Alarms => self.alarms,
            Feature::NotifyTopic => !self.topics.is_empty(),
            Feature::NotifyBus => !self.buses.is_empty(),
            Feature::Judge => !self.judges.is_empty(),
            Feature::EndpointJudge => !self.judge_endpoints.is_empty(),
        }
    }

    /// What actions on this are allowed on.
    pub fn resources(&self, resource: Resource) -> Vec<String> {
        let (bucket, prefix) = self.capture.clone().unwrap_or_default();
        match resource {
            Resource::Any | Resource::Namespaces => vec!["*".to_owned()],
            Resource::Endpoints => {
                // SageMaker writes names in ARNs in lower case, whatever they were created as.
                let mut names: Vec<String> =
                    self.endpoints.iter().flat_map(|name| [name.clone(), name.to_lowercase()]).collect();
                names.sort();
                names.dedup();
                names.iter().map(|name| self.sagemaker(&format!("endpoint/{name}"))).collect()
            }
            Resource::JudgeEndpoints => {
                let endpoints = self
                    .judge_endpoints
                    .iter()
                    .map(|(endpoint, _)| format!("endpoint/{}", endpoint.to_lowercase()));
                let components = self.judge_endpoints.iter().filter_map(|(_, component)| component.as_ref());
                let components =
                    components.map(|name| format!("inference-component/{}", name.to_lowercase()));
                endpoints.chain(components).map(|name| self.sagemaker(&name)).collect()
            }
            Resource::EndpointConfigs => vec![self.sagemaker("endpoint-config/*")],
            Resource::InferenceComponents => vec![self.sagemaker("inference-component/*")],
            Resource::CaptureBucket => vec![format!("arn:{}:s3:::{bucket}", self.partition())],
            Resource::CaptureObjects => {
                let slash = if prefix.is_empty() { "" } else { "/" };
                vec![format!("arn:{}:s3:::{bucket}/{prefix}{slash}*", self.partition())]
            }
            Resource::Queues => self.queues.clone(),
            Resource::CaptureKey => self.key.iter().cloned().collect(),
            Resource::Role => self.role.iter().cloned().collect(),
            Resource::Alarms => vec![format!(
                "arn:{}:cloudwatch:{}:{}:alarm:bifocal-*",
                self.partition(),
                self.region,
                self.account
            )],
            // Dashboards are of all regions.
            Resource::Dashboards => {
                vec![format!("arn:{}:cloudwatch::{}:dashboard/bifocal-*", self.partition(), self.account)]
            }
            // The rest of a group's ARN is its streams; Logs asks for it with and without.
            Resource::LogGroups => self
                .log_groups
                .iter()
                .flat_map(|group| [self.logs(group), format!("{}:*", self.logs(group))])
                .collect(),
            Resource::LogStreams => {
                self.log_groups.iter().map(|group| format!("{}:log-stream:*", self.logs(group))).collect()
            }
            // A component's group bears its name, which is not known beforehand; an endpoint's does too.
            Resource::ContainerLogGroups => {
                let components = "/aws/sagemaker/InferenceComponents/*".to_owned();
                let endpoints = self.endpoints.iter().map(|name| format!("/aws/sagemaker/Endpoints/{name}"));
                let groups = std::iter::once(components).chain(endpoints);
                groups.flat_map(|group| [self.logs(&group), format!("{}:*", self.logs(&group))]).collect()
            }
            Resource::Topics => self.topics.clone(),
            Resource::Buses => self.buses.iter().map(|bus| self.bus(bus)).collect(),
            Resource::Models => self.judges.iter().flat_map(|model| self.models(model)).collect(),
        }
    }

    fn condition(&self, resource: Resource) -> BTreeMap<&'static str, BTreeMap<&'static str, Vec<String>>> {
        let (key, values) = match (resource, &self.capture) {
            (Resource::Namespaces, _) => ("cloudwatch:namespace", self.namespaces.clone()),
            (Resource::CaptureBucket, Some((_, prefix))) if !prefix.is_empty() => {
                ("s3:prefix", vec![format!("{prefix}/*")])
            }
            _ => return BTreeMap::new(),
        };
        BTreeMap::from([("StringLike", BTreeMap::from([(key, values)]))])
    }

    /// The ARN of a key of this account by its id.
    pub fn key_arn(&self, id: &str) -> String {
        format!("arn:{}:kms:{}:{}:key/{id}", self.partition(), self.region, self.account)
    }

    fn sagemaker(&self, what: &str) -> String {
        format!("arn:{}:sagemaker:{}:{}:{what}", self.partition(), self.region, self.account)
    }

    fn logs(&self, group: &str) -> String {
        format!("arn:{}:logs:{}:{}:log-group:{group}", self.partition(), self.region, self.account)
    }

    /// A model; or an inference profile with its model in every region that it may lead to.
    fn models(&self, model: &str) -> Vec<String> {
        let of_vendor = PROFILES.iter().find_map(|prefix| model.strip_prefix(prefix));
        let arn = |region: &str, account: &str, what: String| {
            format!("arn:{}:bedrock:{region}:{account}:{what}", self.partition())
        };
        match of_vendor {
            _ if model.starts_with("arn:") => vec![model.to_owned()],
            Some(of_vendor) => vec![
                arn(&self.region, &self.account, format!("inference-profile/{model}")),
                arn("*", "", format!("foundation-model/{of_vendor}")),
            ],
            None => vec![arn(&self.region, "", format!("foundation-model/{model}"))],
        }
    }

    fn bus(&self, bus: &str) -> String {
        if bus.starts_with("arn:") {
            return bus.to_owned();
        }
        format!("arn:{}:events:{}:{}:event-bus/{bus}", self.partition(), self.region, self.account)
    }

    fn partition(&self) -> &'static str {
        match &self.region {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope::reading("us-east-1", "123456789012", vec!["llm-prod".into()])
    }

    fn actions(policy: &Policy) -> Vec<&'static str> {
        policy.statement.iter().flat_map(|statement| statement.action.iter().copied()).collect()
    }

    #[test]
    fn without_more_it_only_reads() {
        let policy = Policy::of(&scope());
        assert!(actions(&policy).iter().all(|action| {
            ["List", "Describe", "Get"].iter().any(|verb| action.contains(&format!(":{verb}")))
        }));
        assert!(policy.statement.iter().all(|statement| statement.condition.is_empty()));
        let endpoint = policy.statement.iter().find(|s| s.action == ["sagemaker:DescribeEndpoint"]).unwrap();
        assert_eq!(endpoint.resource, ["arn:aws:sagemaker:us-east-1:123456789012:endpoint/llm-prod"]);
    }

    #[test]
    fn each_feature_that_writes_is_a_statement_of_its_own_at_the_end() {
        let scope =
            Scope { namespaces: vec!["/aws/sagemaker/inference-quality/*".into()], resigns: true, ..scope() };
        let policy = Policy::of(&scope);
        let [.., invoke, write] = policy.statement.as_slice() else { unreachable!("{policy:?}") };
        assert_eq!(invoke.sid, "BifocalInvokeForClients");
        assert_eq!(
            (write.sid.as_str(), write.action.as_slice()),
            ("BifocalWriteMetrics", &["cloudwatch:PutMetricData"][..])
        );
        assert_eq!(
            write.condition["StringLike"]["cloudwatch:namespace"],
            ["/aws/sagemaker/inference-quality/*"]
        );
        let mut sids: Vec<&str> = policy.statement.iter().map(|statement| statement.sid.as_str()).collect();
        sids.sort_unstable();
        sids.dedup();
        assert_eq!(sids.len(), policy.statement.len());
    }

    #[test]
    fn alarms_are_made_under_bifocal_s_names_alone() {
        let policy = Policy::of(&Scope { alarms: true, ..scope() });
        let of = |action: &str| policy.statement.iter().find(|s| s.action.contains(&action)).unwrap();
        assert_eq!(
            of("cloudwatch:DeleteAlarms").resource,
            ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:bifocal-*"]
        );
        assert_eq!(
            of("cloudwatch:PutDashboard").resource,
            ["arn:aws:cloudwatch::123456789012:dashboard/bifocal-*"]
        );
        assert_eq!(of("cloudwatch:PutCompositeAlarm").resource, ["*"], "AWS allows no narrower one");
    }

    #[test]
    fn container_logs_are_read_where_sagemaker_writes_them_alone() {
        let policy = Policy::of(&Scope { container_logs: true, ..scope() });
        let logs = policy.statement.iter().find(|s| s.action == ["logs:FilterLogEvents"]).unwrap();
        let arn = |group: &str| format!("arn:aws:logs:us-east-1:123456789012:log-group:{group}");
        assert_eq!(logs.sid, "BifocalReadContainerLogs");
        let groups = [
            "/aws/sagemaker/InferenceComponents/*",
            "/aws/sagemaker/InferenceComponents/*:*",
            "/aws/sagemaker/Endpoints/llm-prod",
            "/aws/sagemaker/Endpoints/llm-prod:*",
        ];
        assert_eq!(logs.resource, groups.map(arn));
        assert!(!actions(&Policy::of(&scope())).contains(&"logs:FilterLogEvents"));
    }

    #[test]
    fn alerts_go_to_their_topics_and_buses_alone() {
        let topic = "arn:aws:sns:us-east-1:123456789012:alerts".to_owned();
        let policy = Policy::of(&Scope { topics: vec![topic.clone()], buses: vec!["ops".into()], ..scope() });
        let of = |action: &str| policy.statement.iter().find(|s| s.action.contains(&action)).unwrap();
        assert_eq!(of("sns:Publish").resource, [topic]);
        assert_eq!(of("events:PutEvents").resource, ["arn:aws:events:us-east-1:123456789012:event-bus/ops"]);
    }

    #[test]
    fn a_judge_on_bedrock_is_asked_by_its_model_or_profile() {
        let of = |model: &str| {
            let policy = Policy::of(&Scope { judges: vec![model.to_owned()], ..scope() });
            let found = policy.statement.into_iter().find(|s| s.action == ["bedrock:InvokeModel"]);
            found.map(|statement| statement.resource).unwrap_or_default()
        };
        assert_eq!(
            of("amazon.nova-pro-v1:0"),
            ["arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"]
        );
        assert_eq!(
            of("us.amazon.nova-pro-v1:0"),
            [
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0",
                "arn:aws:bedrock:*::foundation-model/amazon.nova-pro-v1:0"
            ]
        );
    }

    #[test]
    fn captured_answers_are_read_under_their_prefix_alone() {
        let capture = Some(("llm-capture".to_owned(), "prod".to_owned()));
        let policy = Policy::of(&Scope { capture, ..scope() });
        let of = |action: &str| policy.statement.iter().find(|s| s.action.contains(&action)).unwrap();
        assert_eq!(of("s3:GetObject").resource, ["arn:aws:s3:::llm-capture/prod/*"]);
        assert_eq!(of("s3:ListBucket").resource, ["arn:aws:s3:::llm-capture"]);
        assert_eq!(of("s3:ListBucket").condition["StringLike"]["s3:prefix"], ["prod/*"]);
    }

    #[test]
    fn other_partitions_and_capital_letters_are_named_as_aws_does() {
        let scope = Scope::reading("cn-north-1", "*", vec!["LLM-Prod".into(), "chat-*".into()]);
        let policy = Policy::of(&scope);
        let endpoint = policy.statement.iter().find(|s| s.action == ["sagemaker:DescribeEndpoint"]).unwrap();
        let arn = |name: &str| format!("arn:aws-cn:sagemaker:cn-north-1:*:endpoint/{name}");
        assert_eq!(endpoint.resource, [arn("LLM-Prod"), arn("chat-*"), arn("llm-prod")]);
    }
}
