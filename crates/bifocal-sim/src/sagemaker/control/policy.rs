//! What the caller may do.

use super::Refusal;

/// Allowed actions: `sagemaker:ListEndpoints`, `cloudwatch:*`, …
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy(Vec<String>);

impl Policy {
    /// Everything is allowed.
    pub fn open() -> Self {
        Self(vec!["*".to_owned()])
    }

    /// These are allowed; one may end in `*`.
    pub fn of<S: Into<String>>(actions: impl IntoIterator<Item = S>) -> Self {
        Self(actions.into_iter().map(Into::into).collect())
    }

    pub(super) fn check(&self, action: &str, account: &str) -> Result<(), Refusal> {
        let allows = |allowed: &String| match allowed.strip_suffix('*') {
            Some(start) => action.starts_with(start),
            None => action == allowed,
        };
        if self.0.iter().any(allows) {
            return Ok(());
        }
        let message = format!(
            "User: arn:aws:iam::{account}:user/watcher is not authorized to perform: {action} because no identity-based policy allows the {action} action"
        );
        Err(Refusal::new("AccessDeniedException", message))
    }
}
