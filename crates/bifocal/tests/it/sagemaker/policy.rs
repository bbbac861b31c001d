//! The policy that `bifocal iam` prints is enough, and no action of it is too much: without any one of them `check` names
//! the action, what it is to be allowed on, and what is lost.

use bifocal_aws::permission::permission;
use bifocal_sim::sagemaker::control::written_notice;
use bifocal_telemetry::Clock as _;

use super::answers::{SET_UPS, deliver, scenario};
use super::*;

/// Everything of SageMaker that a configuration may ask for, reading and writing.
const CONFIGURATION: &str = r#"
[[target]]
sagemaker = "llm-*"
role_arn = "arn:aws:iam::123456789012:role/watcher"
capture_queue = "arn:aws:sqs:us-east-1:123456789012:capture"
detailed_observability = true
container_logs = true
[cloudwatch]
write = true
logs = true
"#;

/// What captured files are encrypted with.
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1234abcd";

fn checked(account: &Account, folder: &Path, config: &Path) -> (Option<i32>, String) {
    let mut command = bifocal();
    let command = with_keys(&mut command, account, folder);
    let done = command.current_dir(folder).args(["check", "--config"]).arg(config).output().unwrap();
    (done.status.code(), String::from_utf8(done.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn e2e_the_printed_policy_is_enough_and_without_any_action_check_names_it() {
    let tasks = TaskGroup::new();
    let mut scenario = scenario(&SET_UPS[1]);
    scenario.endpoint.detailed = true;
    scenario.endpoint.capture.as_mut().unwrap().key = Some(KEY.to_owned());
    let account = of_scenario(&tasks, Policy::open(), scenario.clone(), Span::from_mins(300)).await;
    deliver(&account, &scenario);
    account.queues.create("capture");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bifocal.toml");
    std::fs::write(&config, CONFIGURATION).unwrap();
    let flags = ["--config", config.to_str().unwrap(), "--capture", "s3://captured/team", "--kms-key", KEY];
    let policy = under_its_policy(&account, &flags);
    let actions = policy.actions();
    for feature in [
        "sagemaker:",
        "cloudwatch:List",
        "cloudwatch:Put",
        "s3:Get",
        "s3:List",
        "sqs:Receive",
        "sqs:Delete",
        "cloudwatch:Query",
        "logs:Put",
        "logs:Filter",
        "kms:Decrypt",
        "sts:AssumeRole",
    ] {
        assert!(actions.iter().any(|action| action.starts_with(feature)), "{feature}: {actions:?}");
    }

    let (code, said) = checked(&account, folder.path(), &config);
    assert_eq!(code, Some(0), "{said}");
    let called = account.switch.calls();
    for action in &actions {
        assert!(called.iter().any(|call| call == action), "{action} is allowed and never called");
        account.switch.allow(policy.without(action));
        let (code, said) = checked(&account, folder.path(), &config);
        assert_eq!(code, Some(1), "{action}: {said}");
        let failed: Vec<&str> = said.lines().filter(|line| line.starts_with("FAILED")).collect();
        let lost = permission(action).unwrap().without;
        let named = failed.iter().find(|line| line.contains(&format!("allow {action} on ")));
        let named = named.unwrap_or_else(|| panic!("{action}: {said}"));
        assert!(named.contains(&format!("lost: {lost}")), "{action}: {named}");
        let on = named.split(&format!("allow {action} on ")).nth(1).unwrap();
        assert!(on == "*" || on.starts_with("arn:aws:"), "{action}: {named}");
        // Nothing else is blamed.
        let others = actions.iter().filter(|other| *other != action);
        for other in others {
            assert!(
                !failed.iter().any(|line| line.contains(&format!("allow {other} on "))),
                "{action}: {said}"
            );
        }
    }
    tasks.stop_and_join().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e2e_a_file_that_the_queue_tells_of_is_read_at_once_and_its_message_goes() {
    let tasks = TaskGroup::new();
    let scenario = scenario(&SET_UPS[0]);
    let account = of_scenario(&tasks, Policy::open(), scenario.clone(), Span::from_mins(300)).await;
    account.queues.create("capture");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bifocal.toml");
    let listen = format!("[server]\nlisten = \"{}\"\n", free_port());
    std::fs::write(&config, format!("{listen}{CONFIGURATION}")).unwrap();
    let flags = ["--config", config.to_str().unwrap(), "--capture", "s3://captured/team"];
    under_its_policy(&account, &flags);
    let mut command = bifocal();
    let command = with_keys(&mut command, &account, folder.path());
    let daemon = Daemon::start(command.current_dir(&folder).args(["serve", "--config"]).arg(&config));
    // The first listing finds nothing; the next comes in a quarter of an hour.
    let listings = || account.switch.calls().iter().filter(|call| **call == "s3:ListBucket").count();
    until("the first listing", || async { (listings() >= 25).then_some(()) }).await;
    let before = listings();
    deliver(&account, &scenario);
    let settled = SystemClock::new().now() - Span::from_mins(10);
    for (place, _) in account.objects.all() {
        let key = place.strip_prefix("captured/").unwrap();
        account.queues.send("capture", written_notice("us-east-1", "captured", key, settled));
    }
    let http = client();
    until("an empty queue", || async { account.queues.is_empty("capture").then_some(()) }).await;
    let ledger = get_json(&http, &daemon.page, "/api/v1/ledger").await.unwrap();
    let captured =
        ledger["sources"].as_array().unwrap().iter().filter(|line| line["source"] == "data_capture");
    let stored: u64 = captured.filter_map(|line| line["stored"].as_u64()).sum();
    let lines: usize =
        account.objects.all().iter().map(|(_, body)| body.split(|b| *b == b'\n').count() - 1).sum();
    assert!(lines > 100);
    assert_eq!(stored, lines as u64, "deleted means durable: {ledger}");
    assert_eq!(listings(), before, "and nothing was listed for it");
    assert!(!daemon.errors().contains("WARN"), "{}", daemon.errors());
    assert!(daemon.terminate().success());
    tasks.stop_and_join().await;
}
