//! What a finding is of.

use serde::{Deserialize, Serialize};

/// The kinds of private text that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A payment card number that passes Luhn's check.
    Card,
    /// A bank account number that passes ISO 7064 mod 97-10.
    Iban,
    /// A key of a cloud or of a hosted service.
    CloudKey,
    /// A bearer token, a JSON web token, or the credentials of an `Authorization` header.
    BearerToken,
    /// A private key in PEM form.
    PrivateKey,
    /// A password in an address: `scheme://user:password@host`.
    Password,
}

/// How often one kind was found in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Of what.
    pub kind: Kind,
    /// How often; at least 1.
    pub count: u32,
}

impl Kind {
    /// All of them, in the order of their counts.
    pub const ALL: [Self; 8] = [
        Self::Email,
        Self::Phone,
        Self::Card,
        Self::Iban,
        Self::CloudKey,
        Self::BearerToken,
        Self::PrivateKey,
        Self::Password,
    ];

    /// The name used in store, API and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::CloudKey => "cloud_key",
            Self::BearerToken => "bearer_token",
            Self::PrivateKey => "private_key",
            Self::Password => "password",
        }
    }

    /// What stands in the text instead. No pattern accepts a square bracket, so it is never found again.
    pub const fn replacement(self) -> &'static str {
        match self {
            Self::Email => "[email]",
            Self::Phone => "[phone]",
            Self::Card => "[card]",
            Self::Iban => "[iban]",
            Self::CloudKey => "[cloud_key]",
            Self::BearerToken => "[bearer_token]",
            Self::PrivateKey => "[private_key]",
            Self::Password => "[password]",
        }
    }
}
