//! A `[[target]]` of SageMaker, resolved.

use bifocal_aws::{Credentials, Queue};
use bifocal_infra::cost::PriceBook;
use serde::Serialize;

use super::file::{PriceSection, TargetSection};
use crate::user_error::{Code, UserError};

/// Endpoints of one region, by a name or a pattern.
#[derive(Clone, Debug, Serialize)]
pub struct SageMakerTarget {
    /// An endpoint's name; `*` stands for anything.
    pub pattern: String,
    /// The region; `None`: that of the environment.
    pub region: Option<String>,
    /// A role to assume.
    pub role_arn: Option<String>,
    /// What the role's owner asks for.
    pub external_id: Option<String>,
    /// One address in place of all of AWS's.
    pub aws_endpoint: Option<String>,
    /// Between two looks at CloudWatch, if the cap allows.
    pub cloudwatch_every_seconds: f64,
    /// What CloudWatch may cost; the interval is lengthened to keep it.
    pub cloudwatch_usd_per_month: f64,
    /// Whether each GPU is read by itself where there are such metrics.
    pub per_gpu: bool,
    /// Whether metrics of detailed observability are read through PromQL.
    pub detailed_observability: bool,
    /// Whether the answers of its Data Capture files are read.
    pub capture: bool,
    /// The queue with notifications of those files, as it was written.
    pub capture_queue: Option<String>,
    /// The same, read.
    #[serde(skip)]
    pub queue: Option<Queue>,
    /// Whether what containers write around the beginning of an incident is kept with it.
    pub container_logs: bool,
    /// Whether clients may stream. If not, a call that Data Capture does not show was lost.
    pub streams: bool,
    /// What instances cost.
    #[serde(skip)]
    pub book: PriceBook,
    /// Keys in place of those of the environment: the demo's.
    #[serde(skip)]
    pub credentials: Option<Credentials>,
}

/// The built-in prices with those of the configuration before them.
pub(super) fn book(prices: &[PriceSection]) -> Result<PriceBook, UserError> {
    let mut book = PriceBook::builtin();
    for price in prices {
        let PriceSection { instance_type, region, usd_per_hour, accelerators } = price;
        book.set(instance_type, region.as_deref(), *usd_per_hour).map_err(|err| {
            UserError::new(Code::ConfigInvalid, format!("[[price]]: {err}"))
                .hint("usd_per_hour is what one instance costs an hour, such as 5.752")
        })?;
        if let Some(accelerators) = accelerators {
            book.set_accelerators(instance_type, *accelerators);
        }
    }
    Ok(book)
}

/// A queue gives each message to one reader: of two targets each would delete what tells of the other's files.
pub(super) fn one_reader_each(targets: &[SageMakerTarget]) -> Result<(), UserError> {
    for (i, target) in targets.iter().enumerate() {
        let Some(queue) = &target.queue else { continue };
        let other =
            targets[..i].iter().find(|other| other.queue.as_ref().is_some_and(|of| of.is_same(queue)));
        if let Some(other) = other {
            let (first, second) = (&other.pattern, &target.pattern);
            let what = format!(
                "[[target]] sagemaker `{first}` and `{second}`: both read capture_queue `{}`",
                queue.name
            );
            return Err(UserError::new(Code::ConfigInvalid, what).hint(
                "a message goes to one reader, who deletes it: make a queue for each, or one [[target]] with a pattern \
                 such as llm-*",
            ));
        }
    }
    Ok(())
}

/// The embedded format says how metrics are written, and not that they are.
pub(super) fn check_emf(is_embedded: bool, is_written: bool) -> Result<(), UserError> {
    if !is_embedded || is_written {
        return Ok(());
    }
    Err(UserError::new(Code::ConfigInvalid, "[cloudwatch] emf = true without write = true")
        .hint("emf says how metrics are written: add write = true, or leave it out"))
}

impl SageMakerTarget {
    pub(super) fn of(pattern: &str, section: &TargetSection, book: &PriceBook) -> Result<Self, UserError> {
        let wrong = |what: String, hint: &str| {
            Err(UserError::new(Code::ConfigInvalid, format!("[[target]] sagemaker `{pattern}`: {what}"))
                .hint(hint))
        };
        let is_name = !pattern.is_empty()
            && pattern.len() <= 63
            && pattern.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '*'));
        if !is_name {
            return wrong("this is no endpoint's name".into(), "letters, digits and -, and * for anything");
        }
        let every = section.cloudwatch_every_seconds.unwrap_or(300.0);
        if !(60.0..=86_400.0).contains(&every) {
            return wrong(
                format!("cloudwatch_every_seconds = {every}"),
                "from 60 to 86400; AWS bills each time",
            );
        }
        let usd = section.cloudwatch_usd_per_month.unwrap_or(10.0);
        if !(usd > 0.0 && usd.is_finite()) {
            return wrong(format!("cloudwatch_usd_per_month = {usd}"), "more than 0; 10 is the default");
        }
        if section.external_id.is_some() && section.role_arn.is_none() {
            return wrong("external_id without role_arn".into(), "name the role that it belongs to");
        }
        let queue = section.capture_queue.as_deref().map(|text| Queue::parse(text).ok_or(text)).transpose();
        let queue = match queue {
            Ok(queue) => queue,
            Err(text) => {
                return wrong(
                    format!("capture_queue `{text}` is no queue"),
                    "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME or arn:aws:sqs:REGION:ACCOUNT:NAME",
                );
            }
        };
        if queue.is_some() && section.capture == Some(false) {
            return wrong("capture_queue with capture = false".into(), "leave one of them out");
        }
        Ok(Self {
            pattern: pattern.to_owned(),
            region: section.region.clone(),
            role_arn: section.role_arn.clone(),
            external_id: section.external_id.clone(),
            aws_endpoint: section.aws_endpoint.clone(),
            cloudwatch_every_seconds: every,
            cloudwatch_usd_per_month: usd,
            per_gpu: section.per_gpu.unwrap_or(false),
            detailed_observability: section.detailed_observability.unwrap_or(false),
            capture: section.capture.unwrap_or(true),
            capture_queue: section.capture_queue.clone(),
            queue,
            container_logs: section.container_logs.unwrap_or(false),
            streams: section.streams.unwrap_or(true),
            book: book.clone(),
            credentials: None,
        })
    }
}
