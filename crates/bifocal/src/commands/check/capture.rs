//! What is seen of an endpoint's answers: whether they are captured, whether they can be read, whose they are, and how
//! much of the calls they show.

use bifocal_capture::data_capture::{BucketOptions, By, Hour, Tally, survey};
use bifocal_infra::cloudwatch::calls;
use bifocal_infra::inventory::Endpoint;
use bifocal_model::{Timestamp, Window};

use super::Tried;
use crate::config::SageMakerTarget;
use crate::sagemaker::{Source, captured, sight};

/// What `DataCaptureConfig` has to be.
const TURNED_ON: &str = r#"{"DataCaptureConfig": {"EnableCapture": true, "InitialSamplingPercentage": 20, "DestinationS3Uri": "s3://BUCKET/PREFIX", "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}], "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]}}}"#;

/// A line for each endpoint.
pub(super) async fn check(target: &SageMakerTarget, source: &Source, now: Timestamp) -> Vec<Tried> {
    let mut tried = Vec::new();
    let Some(inventory) = source.inventory() else { return tried };
    for endpoint in inventory.endpoints.values().filter(|endpoint| endpoint.out_of_scope.is_none()) {
        let what = format!("answers of {}", endpoint.name);
        let (ok, detail) = match captured(inventory, endpoint) {
            None => (true, off(endpoint)),
            Some(_) if !target.capture => {
                (true, "Data Capture is on and not read: capture = false".to_owned())
            }
            Some(options) => match look(target, source, &options, now).await {
                Ok(found) => (true, format!("{}; {}; {found}", on(&options), attribution(&options))),
                Err(lost) => (false, lost),
            },
        };
        tried.push(Tried { what, ok, detail });
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
) -> Result<String, String> {
    let hour = Hour::last_delivered(now);
    let found = survey(source.aws(), options, hour).await.map_err(|err| {
        let err = anyhow::Error::from(err);
        format!("failed to read captured answers: {err:#}; lost: quality from Data Capture")
    })?;
    let between = between(hour);
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
