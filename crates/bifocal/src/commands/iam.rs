//! `bifocal iam`: the smallest policy for a configuration, read-only first.

use anyhow::Context as _;
use bifocal_aws::Queue;
use bifocal_evaluate::judge::{JudgeConfig, Provider};

use crate::Done;
use crate::cli::IamArgs;
use crate::config::{ConfigFile, TargetSection, load};
use crate::iam::{Policy, Scope};
use crate::output;
use crate::user_error::{Code, UserError};

/// Prints the policy, and on standard error what it does not hold and why.
pub fn run(args: &IamArgs) -> anyhow::Result<Done> {
    let config = match &args.config {
        Some(path) => load(path)?,
        None => ConfigFile::default(),
    };
    let (scope, notes) = scope(args, &config)?;
    let policy = Policy::of(&scope);
    output::line(&serde_json::to_string_pretty(&policy).context("print the policy")?);
    notes.iter().for_each(|note| output::note(note));
    Ok(Done::Well)
}

/// What the policy is for, and what a person should know of it.
fn scope(args: &IamArgs, config: &ConfigFile) -> Result<(Scope, Vec<String>), UserError> {
    let mut notes = Vec::new();
    let watched = || config.target.iter().filter(|target| target.sagemaker.is_some());
    let signed = || config.target.iter().flat_map(|target| &target.sign_for);
    let named = watched().filter_map(|target| target.sagemaker.clone());
    let endpoints: Vec<String> =
        args.sagemaker.iter().cloned().chain(named).chain(signed().cloned()).collect();
    // One policy is for one region and one role: what differs is said.
    let configured = |pick: fn(&TargetSection) -> Option<&String>, what: &str, notes: &mut Vec<String>| {
        let mut all: Vec<&String> = watched().filter_map(pick).collect();
        all.sort();
        all.dedup();
        if all.len() > 1 {
            notes.push(format!(
                "note: the configuration has several {what}; give the one of this policy by its flag"
            ));
        }
        all.first().filter(|_| all.len() == 1).map(|one| (*one).clone())
    };
    let region = args.region.clone().or_else(|| configured(|t| t.region.as_ref(), "regions", &mut notes));
    let role = args.role.clone().or_else(|| configured(|t| t.role_arn.as_ref(), "roles", &mut notes));
    let any = |value: &Option<String>, flag: &str, notes: &mut Vec<String>| {
        value.clone().unwrap_or_else(|| {
            notes.push(format!("note: no {flag} was given, so the policy says `*`"));
            "*".to_owned()
        })
    };
    let region = any(&region, "--region", &mut notes);
    let account = any(&args.account, "--account", &mut notes);
    let capture = args.capture.as_deref().map(bucket).transpose()?;
    if capture.is_none() && !endpoints.is_empty() {
        notes.push(
            "note: captured answers are left out: name their place with --capture s3://BUCKET/PREFIX (DescribeEndpoint \
             shows it as DestinationS3Uri)"
                .to_owned(),
        );
    }
    let queues =
        args.capture_queue.iter().chain(watched().filter_map(|target| target.capture_queue.as_ref()));
    let queues = queues.map(|named| queue(named, &region)).collect::<Result<Vec<_>, _>>()?;
    let written = &config.cloudwatch;
    let has_metrics = (written.write || args.write_back) && !written.emf;
    let namespaces =
        has_metrics.then(|| std::iter::once(&written.namespace).chain(&written.second_namespace));
    let first = config.judge.iter().cloned();
    let second = config.judge.iter().filter_map(|judge| Some(judge.second.as_ref()?.as_judge(judge)));
    let cheap = config.judge.iter().filter_map(|judge| Some(judge.cheap.as_ref()?.as_judge(judge)));
    let judges: Vec<JudgeConfig> = first.chain(second).chain(cheap).collect();
    let on = |provider: Provider| judges.iter().filter(move |judge| judge.provider == provider);
    let scope = Scope {
        capture,
        queues,
        key: args.kms_key.clone(),
        role,
        namespaces: namespaces.into_iter().flatten().map(|namespace| namespace.pattern()).collect(),
        alarms: args.alarms,
        log_groups: (written.writes_logs() || args.logs)
            .then(|| written.log_group.pattern())
            .into_iter()
            .collect(),
        container_logs: args.container_logs || watched().any(|target| target.container_logs == Some(true)),
        detailed: args.detailed || watched().any(|target| target.detailed_observability == Some(true)),
        resigns: args.resign || signed().next().is_some(),
        topics: config.channel.iter().filter_map(|channel| channel.sns.clone()).collect(),
        judges: on(Provider::Bedrock).map(|judge| judge.model.clone()).collect(),
        judge_endpoints: on(Provider::Sagemaker)
            .filter_map(|judge| Some((judge.endpoint.clone()?, judge.component.clone())))
            .collect(),
        buses: config.channel.iter().filter_map(|channel| channel.eventbridge.clone()).collect(),
        ..Scope::reading(&region, &account, endpoints)
    };
    if Policy::of(&scope).statement.is_empty() {
        return Err(UserError::new(Code::Usage, "iam: this configuration calls nothing of AWS")
            .hint("name an endpoint with --sagemaker NAME, or add [cloudwatch] write = true"));
    }
    Ok((scope, notes))
}

/// `s3://BUCKET/PREFIX`, without a slash at the end.
fn bucket(address: &str) -> Result<(String, String), UserError> {
    let parts = address.strip_prefix("s3://").map(|rest| rest.split_once('/').unwrap_or((rest, "")));
    match parts {
        Some((bucket, prefix)) if !bucket.is_empty() => {
            Ok((bucket.to_owned(), prefix.trim_end_matches('/').to_owned()))
        }
        _ => Err(UserError::new(Code::Usage, format!("iam: --capture `{address}` is no s3://BUCKET/PREFIX"))
            .hint("take DestinationS3Uri of the endpoint's capture configuration")),
    }
}

/// The ARN of a queue; an address that says no region is of the policy's.
fn queue(named: &str, region: &str) -> Result<String, UserError> {
    let queue = Queue::parse(named).ok_or_else(|| {
        UserError::new(Code::Usage, format!("iam: `{named}` is no queue"))
            .hint("https://sqs.REGION.amazonaws.com/ACCOUNT/NAME or arn:aws:sqs:REGION:ACCOUNT:NAME")
    })?;
    Ok(queue.arn(region))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(flags: &[&str]) -> IamArgs {
        use clap::Parser as _;
        let words = ["bifocal", "iam"].iter().chain(flags);
        match crate::cli::Cli::try_parse_from(words).unwrap().command {
            crate::cli::Command::Iam(args) => args,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn what_is_left_out_is_said() {
        let config = ConfigFile::default();
        let (scope, notes) = super::scope(&args(&["--sagemaker", "llm-prod"]), &config).unwrap();
        assert_eq!((scope.region.as_str(), scope.account.as_str()), ("*", "*"));
        assert_eq!(notes.len(), 3, "{notes:?}");
        let flags = [
            "--sagemaker",
            "a",
            "--region",
            "eu-west-1",
            "--account",
            "123456789012",
            "--capture",
            "s3://b/p/",
        ];
        let (scope, notes) = super::scope(&args(&flags), &config).unwrap();
        assert_eq!(scope.capture, Some(("b".to_owned(), "p".to_owned())));
        assert_eq!(notes, Vec::<String>::new());
    }

    #[test]
    fn writing_follows_the_configuration() {
        let config: ConfigFile = crate::config::parse("[cloudwatch]\nwrite = true\n", "f").unwrap();
        let (scope, _) = super::scope(&args(&[]), &config).unwrap();
        assert_eq!(scope.namespaces, ["/aws/sagemaker/inference-quality/*"]);
    }

    #[test]
    fn endpoints_region_and_role_come_from_the_configuration() {
        let text = "[[target]]\nsagemaker = \"llm-*\"\nregion = \"eu-west-1\"\nrole_arn = \"arn:aws:iam::1:role/w\"\n";
        let config: ConfigFile = crate::config::parse(text, "f").unwrap();
        let (scope, _) = super::scope(&args(&[]), &config).unwrap();
        assert_eq!((scope.endpoints, scope.region.as_str()), (vec!["llm-*".to_owned()], "eu-west-1"));
        assert_eq!(scope.role.as_deref(), Some("arn:aws:iam::1:role/w"));
        let both = format!("{text}[[target]]\nsagemaker = \"chat\"\nregion = \"us-east-1\"\n");
        let config: ConfigFile = crate::config::parse(&both, "f").unwrap();
        let (scope, notes) = super::scope(&args(&[]), &config).unwrap();
        assert_eq!(scope.region, "*");
        assert!(notes.iter().any(|note| note.contains("several regions")), "{notes:?}");
    }

    #[test]
    fn a_queue_is_one_s_own_statement() {
        let text = "[[target]]\nsagemaker = \"llm\"\ncapture_queue = \"https://sqs.eu-west-1.amazonaws.com/123456789012/q\"\n";
        let config: ConfigFile = crate::config::parse(text, "f").unwrap();
        let (scope, _) = super::scope(&args(&["--capture", "s3://b/p"]), &config).unwrap();
        let policy = Policy::of(&scope);
        let taken =
            policy.statement.iter().find(|statement| statement.sid == "BifocalTakeNotifications").unwrap();
        assert_eq!(taken.action, ["sqs:ReceiveMessage", "sqs:DeleteMessage"]);
        assert_eq!(taken.resource, ["arn:aws:sqs:eu-west-1:123456789012:q"]);
        let (scope, _) = super::scope(
            &args(&["--sagemaker", "a", "--capture-queue", "arn:aws:sqs:r:1:n"]),
            &ConfigFile::default(),
        )
        .unwrap();
        assert_eq!(scope.queues, ["arn:aws:sqs:r:1:n"]);
        let refused =
            super::scope(&args(&["--sagemaker", "a", "--capture-queue", "q"]), &ConfigFile::default());
        assert!(refused.unwrap_err().to_string().contains("`q` is no queue"));
    }

    #[test]
    fn nothing_to_call_and_no_bucket_are_said() {
        let refused =
            |flags: &[&str]| super::scope(&args(flags), &ConfigFile::default()).unwrap_err().to_string();
        assert!(refused(&[]).contains("calls nothing of AWS"), "{}", refused(&[]));
        for bad in ["bucket/x", "s3://", "https://s3/x"] {
            assert!(refused(&["--sagemaker", "a", "--capture", bad]).contains("is no s3://"), "{bad}");
        }
    }
}
