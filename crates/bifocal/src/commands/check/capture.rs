//! What is seen of an endpoint's answers: whether they are captured, whether they can be read, whose they are, and how
//! much of the calls they show.

use bifocal_aws::{Aws, Queue, Taking};
use bifocal_capture::data_capture::{BucketOptions, By, Hour, Tally, survey};
use bifocal_infra::cloudwatch::calls;
use bifocal_infra::inventory::Endpoint;
use bifocal_model::{Timestamp, Window};

use super::Tried;
use super::sagemaker::failed;
use crate::config::SageMakerTarget;
use crate::iam::Scope;
use crate::sagemaker::{Source, captured, sight};

/// What `DataCaptureConfig` has to be.
const TURNED_ON: &str = r#"{"DataCaptureConfig": {"EnableCapture": true, "InitialSamplingPercentage": 20, "DestinationS3Uri": "s3://BUCKET/PREFIX", "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}], "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]}}}"#;

/// A line for each endpoint.
pub(super) async fn check(
    target: &SageMakerTarget,
    source: &Source,
    scope: &Scope,
    now: Timestamp,
) -> Vec<Tried> {
    let mut tried = match &target.queue {
        Some(queue) => queue_of(source.aws(), queue, scope).await,
        None => Vec::new(),
    };
    let Some(inventory) = source.inventory() else { return tried };
    for endpoint in inventory.endpoints.values().filter(|endpoint| endpoint.out_of_scope.is_none()) {
        let what = format!("answers of {}", endpoint.name);
        let well = |what, detail| Tried { what, ok: true, detail };
        tried.push(match captured(inventory, endpoint) {
            None => well(what, off(endpoint)),
            Some(_) if !target.capture => {
                well(what, "Data Capture is on and not read: capture = false".to_owned())
            }
            Some(options) => match look(target, source, &options, now).await {
                Ok(found) => well(what, format!("{}; {}; {found}", on(&options), attribution(&options))),
                Err(err) => unread(what, err, &options, &with_key(scope, endpoint)),
            },
        });
    }
    tried
}

fn on(options: &BucketOptions) -> String {
    let percent = options.capture_probability.get() * 100.0;
    let (bucket, prefix) = (&options.bucket, &options.prefix);
    format!("Data Capture takes {percent:.0}% of the calls that are no streams to s3://{bucket}/{prefix}")
}

/// By what a call is somebody's.
fn attribution(options: &BucketOptions) -> String {
    let known = &options.attribution;
    match known.components.as_slice() {
        [only] => format!("all are of `{only}`, the only component"),
        [] if !known.variants.is_empty() => "each is of the model that its variant serves".to_owned(),
        [] => "each is of the model that its payload names".to_owned(),
        several => format!(
            "{} components: a call is one's if its custom attributes say inference_component=NAME, its inference id \
             begins with NAME: or its payload's model is one of theirs, and else unattributed",
            several.len()
        ),
    }
}

async fn look(
    target: &SageMakerTarget,
    source: &Source,
    options: &BucketOptions,
    now: Timestamp,
) -> Result<String, bifocal_capture::Error> {
    let hour = Hour::last_delivered(now);
    let found = survey(source.aws(), options, hour).await?;
    let between = between(hour);
    if found.is_reading_unproven {
        return Ok(format!(
            "no file was captured {between}: no call, or none captured; whether files may be read is shown by the first: \
             of one that is not there S3 says only that access is denied"
        ));
    }
    if found.objects == 0 {
        return Ok(format!("no file was captured {between}: no call, or none captured"));
    }
    if found.tally.is_partial {
        return Ok(format!("{} files were captured {between}, more than a check reads", found.objects));
    }
    let said = said(&found.tally);
    let counted = calls(source.aws(), &options.endpoint, &options.variants, hour).await;
    let shares = counted.ok().flatten().and_then(|counted| {
        let sight = sight(target, options, &found.tally, counted);
        Some((sight.calls, sight.shares()?))
    });
    Ok(match shares {
        None => format!("{said} {between}; of how many calls is unknown: CloudWatch tells none"),
        Some((calls, shares)) => format!(
            "{said} {between}: of {calls} calls {:.0}% are seen with their component, {:.0}% without, {:.0}% not at \
             all (streams, or lost)",
            shares.attributed * 100.0,
            shares.unattributed * 100.0,
            shares.invisible * 100.0
        ),
    })
}

/// The scope with the key that the files are encrypted with.
fn with_key(scope: &Scope, endpoint: &Endpoint) -> Scope {
    let key = endpoint.capture.key.as_ref().map(|key| match key.starts_with("arn:") {
        true => key.clone(),
        false => scope.key_arn(key),
    });
    Scope { key, ..scope.clone() }
}

/// What is said of files that cannot be read.
fn unread(what: String, err: bifocal_capture::Error, options: &BucketOptions, scope: &Scope) -> Tried {
    let lost = "quality from Data Capture";
    let capture = Some((options.bucket.clone(), options.prefix.clone()));
    if let Some(err) = err.of_aws() {
        return failed(what, err, lost, &Scope { capture, ..scope.clone() });
    }
    let err = anyhow::Error::from(err);
    Tried { what, ok: false, detail: format!("failed to read captured answers: {err:#}; lost: {lost}") }
}

/// Whether messages can be taken from the queue and deleted. None is: one is looked at and hidden from nobody, and the
/// handle that is to be deleted is none.
async fn queue_of(aws: &Aws, queue: &Queue, scope: &Scope) -> Vec<Tried> {
    let what = || format!("queue {}", queue.name);
    let aws = queue.region.as_deref().map_or_else(|| aws.clone(), |region| aws.in_region(region));
    let taking = Taking { most: 1, wait_seconds: 0, hidden_seconds: 0 };
    let mut tried = Vec::new();
    match aws.receive_messages(queue, taking).await {
        Ok(_) => {}
        Err(err) => tried.push(failed(what(), &err, "notifications of captured answers", scope)),
    }
    match aws.delete_messages(queue, &["none"]).await {
        Ok(_) | Err(bifocal_aws::Error::Refused { .. }) => {}
        Err(err) => tried.push(failed(what(), &err, "notifications stay in the queue", scope)),
    }
    if tried.is_empty() {
        let detail = "notifications of captured files can be taken and deleted".to_owned();
        tried.push(Tried { what: what(), ok: true, detail });
    }
    tried
}

/// "240 captured calls (200 by the model that the payload names, 40 nobody's)".
fn said(tally: &Tally) -> String {
    let all = tally.attributed() + tally.unattributed();
    let by = tally.by.iter().map(|(by, n)| match by {
        By::Nothing => format!("{n} nobody's"),
        _ => format!("{n} by {}", by.words()),
    });
    let mut parts: Vec<String> = by.collect();
    if tally.unreadable > 0 {
        parts.push(format!("{} unreadable", tally.unreadable));
    }
    format!("{all} captured calls ({})", parts.join(", "))
}

fn between(hour: Window) -> String {
    let clock = |time: Timestamp| format!("{:02}:00", time.date_and_hour().1);
    format!("between {} and {} UTC", clock(hour.start), clock(hour.end))
}

/// What to add to the endpoint's configuration.
fn off(endpoint: &Endpoint) -> String {
    let now = endpoint.config.as_deref().unwrap_or("its configuration");
    format!(
        "Data Capture is off: answers are seen through the proxy alone. To turn it on, make a copy of `{now}` with \
         {TURNED_ON} and give it to UpdateEndpoint"
    )
}
