//! STS: who calls, and roles.

use bifocal_model::Timestamp;

use crate::connect::Aws;
use crate::credentials::{Credentials, Role};
use crate::error::Error;
use crate::operation::{Operation, Service};
use crate::xml;

const VERSION: &str = "2011-06-15";
const GET_CALLER_IDENTITY: Operation =
    Operation::read(Service::Sts, "GetCallerIdentity", "sts:GetCallerIdentity");
const ASSUME_ROLE: Operation = Operation::read(Service::Sts, "AssumeRole", "sts:AssumeRole");

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account's twelve digits.
    pub account: String,
    /// The user or the assumed role.
    pub arn: String,
}

impl Aws {
    /// Who calls. No policy can forbid it.
    pub async fn caller_identity(&self) -> Result<Identity, Error> {
        let answer = self.form(&GET_CALLER_IDENTITY, VERSION, &[]).await?;
        let [Some(account), Some(arn)] = xml::find(&answer, ["Account", "Arn"]) else {
            return Err(missing(&GET_CALLER_IDENTITY, "Account or Arn"));
        };
        Ok(Identity { account, arn })
    }

    /// Keys of a role for an hour.
    pub(crate) async fn assume_role(&self, role: &Role) -> Result<Credentials, Error> {
        let mut fields = vec![("RoleArn", role.arn.as_str()), ("RoleSessionName", "bifocal")];
        if let Some(id) = &role.external_id {
            fields.push(("ExternalId", id));
        }
        let answer = self.form(&ASSUME_ROLE, VERSION, &fields).await?;
        let names = ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"];
        let [Some(id), Some(secret), Some(token), Some(expires)] = xml::find(&answer, names) else {
            return Err(missing(&ASSUME_ROLE, "a part of the credentials"));
        };
        let expires: Timestamp =
            expires.parse().map_err(|_| missing(&ASSUME_ROLE, "a time in Expiration"))?;
        Ok(Credentials::until(&id, &secret, Some(&token), Some(expires)))
    }
}

fn missing(operation: &Operation, what: &str) -> Error {
    Error::Malformed { action: operation.action, what: format!("{what} is missing") }
}
