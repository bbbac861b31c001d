//! A look at one hour of an endpoint's capture files that stores nothing.

use bifocal_aws::{Aws, Kind};
use bifocal_model::Window;
use bifocal_wire::data_capture::parse_line;

use super::bucket::BucketOptions;
use super::hours::Tally;
use super::lines::{Line, Lines};
use crate::error::Error;
use crate::limits::{CAPTURE_OBJECT_BYTES, SURVEY_OBJECTS};

/// What an hour holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Files of the hour.
    pub objects: usize,
    /// Whether nothing shows that files may be read: there is none, and S3 says of one that is not there only that it may
    /// not be seen. It does so to whoever may list nothing but the place of the files.
    pub is_reading_unproven: bool,
    /// Its calls; partial where there are more files than are read for a look.
    pub tally: Tally,
}

/// Reads an hour's files, up to the number that a look may cost.
pub async fn survey(aws: &Aws, options: &BucketOptions, hour: Window) -> Result<Survey, Error> {
    let failed = |place: &str, err: bifocal_aws::Error| Error::Bucket {
        place: format!("s3://{}/{place}", options.bucket),
        err: Box::new(err),
    };
    let mut found = Survey::default();
    for variant in &options.variants {
        let folder = options.folder(variant, hour.start);
        let mut page: Option<String> = None;
        loop {
            let listed = aws.list_objects(&options.bucket, &folder, None, page.as_deref()).await;
            let listed = listed.map_err(|err| failed(&folder, err))?;
            for object in listed.objects.iter().filter(|object| object.key.ends_with(".jsonl")) {
                found.objects += 1;
                if found.objects > SURVEY_OBJECTS {
                    found.tally.is_partial = true;
                    continue;
                }
                let body = aws.get_object(&options.bucket, &object.key, CAPTURE_OBJECT_BYTES).await;
                let body = match body {
                    Ok(body) => body.read().await,
                    Err(err) => Err(err),
                };
                let body = body.map_err(|err| failed(&object.key, err))?;
                count(options, variant, &body, &mut found.tally);
            }
            page = listed.next;
            if page.is_none() {
                break;
            }
        }
    }
    if found.objects == 0 {
        // Without a file nothing would show that files may not be read. This one is not there.
        let probe = format!("{}.bifocal-check", options.folder("check", hour.start));
        match aws.get_object(&options.bucket, &probe, CAPTURE_OBJECT_BYTES).await {
            Ok(_) => {}
            Err(err) if err.kind() == Kind::NotFound => {}
            Err(err) if err.kind() == Kind::AccessDenied => found.is_reading_unproven = true,
            Err(err) => return Err(failed(&probe, err)),
        }
    }
    Ok(found)
}

fn count(options: &BucketOptions, variant: &str, body: &[u8], tally: &mut Tally) {
    let mut lines = Lines::new(body, 0);
    // Reading from memory does not fail.
    while let Ok(Some(line)) = lines.next() {
        match line {
            Line::Whole { bytes, .. } if bytes.trim_ascii().is_empty() => {}
            Line::Whole { bytes, .. } => match parse_line(bytes) {
                Ok(call) => {
                    let (_, by) = options.attribution.of(variant, &call);
                    *tally.by.entry(by).or_default() += 1;
                }
                Err(_) => tally.unreadable += 1,
            },
            Line::TooLong { .. } => tally.unreadable += 1,
        }
    }
}
