//! Mistakes that a person can mend: a code, what and where, and what to do next. Each code has a page in
//! `docs/errors/`, which `bifocal explain CODE` prints.

use std::fmt;

macro_rules! codes {
    ($($variant:ident $code:literal $what:literal;)+) => {
        /// The codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $(#[doc = $what] $variant,)+ }

        impl Code {
            /// All of them with their pages.
            pub const PAGES: &'static [(Self, &'static str, &'static str)] = &[$((
                Self::$variant,
                $code,
                include_str!(concat!("../../../docs/errors/", $code, ".md")),
            )),+];

            /// The code as printed.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }
    };
}

codes! {
    Usage "B0001" "the command line cannot be used";
    ConfigUnreadable "B0010" "the configuration file cannot be read";
    ConfigUnknownKey "B0011" "a key of the configuration is not known";
    ConfigInvalid "B0012" "a value of the configuration cannot be used";
    AlertRule "B0013" "an alert rule's condition cannot be used";
    PortInUse "B0020" "an address cannot be listened on";
    NeedsToken "B0021" "listening off loopback needs a token";
    UpstreamAddress "B0201" "the upstream's address cannot be used";
    UpstreamTls "B0202" "TLS to the upstream cannot be set up";
    TenantHeader "B0203" "the tenant's header is no header name";
    ProxyAddress "B0204" "the proxy cannot listen";
    UpstreamUnreachable "B0205" "the upstream cannot be reached";
    UpstreamSilent "B0206" "the upstream gave no response";
    RequestBrokeOff "B0208" "the client broke off in its request";
    NotForwarded "B0207" "a request that the proxy cannot forward";
    BackfillRead "B0210" "a path to backfill from cannot be read";
    BackfillInput "B0211" "nothing to backfill";
    BackfillClosed "B0212" "the journal closed while a backfill ran";
    SignedForAnotherHost "B0230" "a request is signed for another host than SageMaker's";
    SigningToken "B0231" "a client asks to be signed for without the token";
    SigningEndpoint "B0232" "a client asks to be signed for to an endpoint that is not listed";
    SigningTooLong "B0233" "a request is too long to be signed";
    SigningFailed "B0234" "a request could not be signed";
    SigningOpen "B0235" "signing needs a list of endpoints and a token";
    CaptureBucket "B0213" "the capture files in S3 cannot be read";
    GrafanaAddress "B0270" "Grafana's address cannot be used";
    GrafanaToken "B0271" "Grafana does not take the token";
    GrafanaPermission "B0272" "the token may not do this in Grafana";
    GrafanaMissing "B0273" "this is no Grafana, or it lacks this";
    GrafanaConflict "B0274" "Grafana holds something else there";
    GrafanaUnreachable "B0275" "Grafana cannot be reached";
    GrafanaRefused "B0276" "Grafana refused what it was sent";
    GrafanaFile "B0277" "a rendered file cannot be written";
    CloudwatchConflict "B0280" "an alarm's name is taken in CloudWatch";
    CloudwatchRefused "B0281" "CloudWatch did not take what it was sent";
    HistoryUnreadable "B0215" "a history cannot be opened";
    HistoryLine "B0216" "a line of a history cannot be read";
    DataFolderBusy "B0221" "another process has the data folder";
    JournalDamaged "B0222" "the journal is damaged";
    DataFolderVersion "B0223" "the data folder is of another version";
    DiskRefused "B0224" "the disk refused the journal";
    ApiParameter "B0400" "a parameter of the API cannot be used";
    ApiToken "B0401" "the API needs a token";
    ApiMissing "B0404" "the API has nothing there";
    ApiMethod "B0405" "the API does not take this method here";
    ApiHost "B0421" "this host name is not answered";
    ApiInternal "B0500" "the API could not answer";
    ApiUnavailable "B0503" "the journal does not take what somebody did";
}

/// A mistake that a person can mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserError {
    /// Which.
    pub code: Code,
    /// What and where.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Code {
    /// The code of a text such as `B0201`.
    pub fn find(text: &str) -> Option<Self> {
        Self::PAGES.iter().find(|(_, name, _)| *name == text).map(|(code, _, _)| *code)
    }
}

impl UserError {
    /// Without a hint yet.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// With what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}: see `bifocal explain {}`)", self.message, self.code.as_str(), self.code.as_str())?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UserError {}
