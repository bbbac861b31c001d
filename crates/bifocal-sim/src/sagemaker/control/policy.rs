//! What the caller may do: the statements of a policy, as IAM reads them.

use serde_json::Value;

use super::Refusal;
use crate::SimError;

/// What is allowed. What no statement allows is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy(Vec<Statement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    /// `sagemaker:ListEndpoints`, `cloudwatch:*`, …
    actions: Vec<String>,
    resources: Vec<String>,
    /// Keys of the request, each with the patterns of which its value must fit one.
    conditions: Vec<(String, Vec<String>)>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) action: &'static str,
    /// An ARN, or `*` where the action knows no resource.
    pub(super) resource: &'a str,
    /// What conditions look at.
    pub(super) context: &'a [(&'a str, &'a str)],
}

impl Policy {
    /// Everything is allowed.
    pub fn open() -> Self {
        Self::of(["*"])
    }

    /// These are allowed, on everything; one may end in `*`.
    pub fn of<S: Into<String>>(actions: impl IntoIterator<Item = S>) -> Self {
        let actions = actions.into_iter().map(Into::into).collect();
        Self(vec![Statement { actions, resources: vec!["*".to_owned()], conditions: Vec::new() }])
    }

    /// From a policy document. What is not understood is an error: a condition that is passed over would allow more than
    /// IAM does.
    pub fn document(text: &str) -> Result<Self, SimError> {
        let wrong = |what: &str| SimError::BadScenario { what: format!("the policy: {what}") };
        let policy: Value = serde_json::from_str(text).map_err(|err| wrong(&err.to_string()))?;
        if policy["Version"] != "2012-10-17" {
            return Err(wrong("its Version is not 2012-10-17"));
        }
        let statements = policy["Statement"].as_array().ok_or_else(|| wrong("no Statement"))?;
        let mut read = Vec::new();
        for statement in statements {
            let is_known =
                |key: &String| ["Sid", "Effect", "Action", "Resource", "Condition"].contains(&key.as_str());
            let fields = statement.as_object().ok_or_else(|| wrong("a statement is no object"))?;
            if statement["Effect"] != "Allow" || !fields.keys().all(is_known) {
                return Err(wrong("a statement of another kind"));
            }
            let mut conditions = Vec::new();
            for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
                if operator != "StringLike" {
                    return Err(wrong(&format!("the operator {operator}")));
                }
                let keys = keys.as_object().into_iter().flatten();
                conditions.extend(keys.map(|(key, patterns)| (key.clone(), words(patterns))));
            }
            let (actions, resources) = (words(&statement["Action"]), words(&statement["Resource"]));
            if actions.is_empty() || resources.is_empty() {
                return Err(wrong("a statement without actions or resources"));
            }
            read.push(Statement { actions, resources, conditions });
        }
        Ok(Self(read))
    }

    /// Every action that is named, in order, each once.
    pub fn actions(&self) -> Vec<String> {
        let mut actions: Vec<String> =
            self.0.iter().flat_map(|statement| statement.actions.clone()).collect();
        actions.sort();
        actions.dedup();
        actions
    }

    /// The same without an action.
    pub fn without(&self, action: &str) -> Self {
        let mut policy = self.clone();
        policy.0.iter_mut().for_each(|statement| statement.actions.retain(|named| named != action));
        policy
    }

    pub(super) fn check(&self, asked: Asked<'_>, account: &str) -> Result<(), Refusal> {
        if self.0.iter().any(|statement| statement.allows(asked)) {
            return Ok(());
        }
        let Asked { action, resource, .. } = asked;
        let message = format!(
            "User: arn:aws:iam::{account}:user/watcher is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action"
        );
        Err(Refusal::new("AccessDeniedException", message))
    }
}

impl Statement {
    fn allows(&self, asked: Asked<'_>) -> bool {
        let holds = |(key, patterns): &(String, Vec<String>)| {
            let value = asked.context.iter().find(|(name, _)| name == key);
            value.is_some_and(|(_, value)| patterns.iter().any(|pattern| fits(pattern, value)))
        };
        self.actions.iter().any(|pattern| fits(pattern, asked.action))
            && self.resources.iter().any(|pattern| fits(pattern, asked.resource))
            && self.conditions.iter().all(holds)
    }
}

/// One text or a list of them.
fn words(value: &Value) -> Vec<String> {
    let texts = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
    texts.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// `*` stands for anything, `?` for one character.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, matched)) = star {
            star = Some((at, matched + 1));
            (p, t) = (at + 1, matched + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"Version": "2012-10-17", "Statement": [
        {"Sid": "A", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::b"],
         "Condition": {"StringLike": {"s3:prefix": ["prod/*"]}}},
        {"Sid": "B", "Effect": "Allow", "Action": "sagemaker:Describe*", "Resource": "arn:aws:sagemaker:*:1:endpoint/llm-?"}]}"#;

    fn allows(policy: &Policy, action: &'static str, resource: &str, prefix: &str) -> bool {
        let context = [("s3:prefix", prefix)];
        policy.check(Asked { action, resource, context: &context }, "1").is_ok()
    }

    #[test]
    fn actions_resources_and_conditions_must_all_fit() {
        let policy = Policy::document(DOCUMENT).unwrap();
        assert!(allows(&policy, "s3:ListBucket", "arn:aws:s3:::b", "prod/llm/"));
        assert!(!allows(&policy, "s3:ListBucket", "arn:aws:s3:::b", "other/"));
        assert!(!allows(&policy, "s3:ListBucket", "arn:aws:s3:::c", "prod/"));
        assert!(!allows(&policy, "s3:GetObject", "arn:aws:s3:::b", "prod/"));
        assert!(allows(
            &policy,
            "sagemaker:DescribeEndpoint",
            "arn:aws:sagemaker:eu-west-1:1:endpoint/llm-1",
            ""
        ));
        assert!(!allows(
            &policy,
            "sagemaker:DescribeEndpoint",
            "arn:aws:sagemaker:eu-west-1:1:endpoint/llm-12",
            ""
        ));
        assert!(!allows(&policy.without("s3:ListBucket"), "s3:ListBucket", "arn:aws:s3:::b", "prod/llm/"));
        assert_eq!(policy.actions(), ["s3:ListBucket", "sagemaker:Describe*"]);
        // An action that knows no resource is allowed by `*` alone.
        assert!(!allows(&policy, "sagemaker:DescribeEndpoint", "*", ""));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for (from, to) in [
            ("2012-10-17", "2008-10-17"),
            ("StringLike", "StringEquals"),
            ("Allow", "Deny"),
            ("Sid", "NotAction"),
        ] {
            assert!(Policy::document(&DOCUMENT.replace(from, to)).is_err(), "{to}");
        }
        assert!(Policy::document("{}").is_err() && Policy::document("").is_err());
    }
}
