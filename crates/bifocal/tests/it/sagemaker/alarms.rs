//! `bifocal cloudwatch apply` under the policy that `bifocal iam --alarms` prints.

use super::*;

const CONFIGURATION: &str = r#"
[[target]]
sagemaker = "llm-prod"
detailed_observability = true
[cloudwatch]
write = true
states = true
pass_rates = true
bounds = true
[[alert]]
name = "slow first token"
when = "p95('ttft_seconds') > 2.0"
for = "2m"
"#;

/// Exit code and words of `cloudwatch VERB` for these components.
fn cloudwatch(account: &Account, folder: &Path, verb: &str, components: &[&str]) -> (Option<i32>, String) {
    let mut command = bifocal();
    let command = with_keys(&mut command, account, folder);
    command.args(["cloudwatch", verb, "--config"]).arg(folder.join("bifocal.toml"));
    for component in components {
        command.args(["--component", component]);
    }
    let done = command.output().unwrap();
    let said = [done.stdout, done.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    (done.status.code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn e2e_alarms_are_made_under_the_printed_policy_once_and_without_an_action_it_is_named() {
    let tasks = TaskGroup::new();
    let account = account(&tasks, Policy::open()).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bifocal.toml"), CONFIGURATION).unwrap();
    let policy = under_its_policy(&account, &["--alarms"]);
    let run = |verb: &str, components: &[&str]| cloudwatch(&account, folder.path(), verb, components);

    let (code, said) = run("apply", &["llm-prod/qwen"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("created alarm bifocal-llm-prod-qwen-slow-first-token"), "a PromQL alarm: {said}");
    assert!(said.contains("wrote dashboard bifocal-llm") && said.contains("1 PromQL alarms"), "{said}");
    let (code, said) = run("apply", &["llm-prod/qwen"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("0 changed"), "{said}");

    // A run about another component leaves what is there.
    let (_, said) = run("apply", &["llm-prod/llama"]);
    assert!(said.contains("more that `apply` made are left") && !said.contains("deleted alarm"), "{said}");
    let (code, said) = run("diff", &["llm-prod/qwen", "llm-prod/llama"]);
    assert_eq!(code, Some(1), "the dashboard holds llama alone now: {said}");

    for action in policy.actions() {
        account.switch.allow(policy.without(&action));
        let fresh = format!("llm-prod/{}", action.replace(':', "-"));
        let (code, said) = run("apply", &[&fresh]);
        // Nothing is deleted by a run that names components.
        if action == "cloudwatch:DeleteAlarms" {
            assert_eq!(code, Some(0), "{said}");
            continue;
        }
        assert_ne!(code, Some(0), "{action}: {said}");
        assert!(said.contains("B028") && said.contains(&action), "{action}: {said}");
    }
    tasks.stop_and_join().await;
}
