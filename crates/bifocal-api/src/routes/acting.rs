//! What a person does is in the journal before it is answered.

use std::time::Duration;

use bifocal_model::{Act, Deed, fnv1a};
use bifocal_store::Record;
use bifocal_watch::mute::is_said;
use bifocal_watch::{ACT_NAME_CHARS, ACT_TEXT_CHARS};

use crate::error::{ApiError, Code};
use crate::state::ApiState;

/// A journal that takes longer than this has a disk that refuses; nobody waits for it here.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does it: when this returns it is durable, and the snapshot shows it. Gives the act's id.
pub(super) async fn act(state: &ApiState, by: &str, deed: Deed) -> Result<String, ApiError> {
    let (time, by) = (state.clock.now(), by.trim().to_owned());
    let id = format!("{:016x}", fnv1a(format!("{}:{by}:{deed:?}", time.as_nanos()).bytes()));
    let act = Act { id: id.clone(), time, by, deed };
    let written = state.intake.submit(vec![Record::Act(act)]);
    match tokio::time::timeout(PATIENCE, written).await {
        Ok(Ok(_)) => Ok(id),
        Ok(Err(_)) | Err(_) => Err(ApiError {
            code: Code::Unavailable,
            message: "the journal does not take it now".to_owned(),
            hint:
                "see the log and the disk of the data folder; look whether it was done before you try again"
                    .to_owned(),
        }),
    }
}

/// Whether a name can stand with what its bearer did.
pub(super) fn check_name(field: &str, name: &str) -> Result<(), ApiError> {
    check_words(field, name, ACT_NAME_CHARS, "say who does it")
}

/// Whether a text says something and no more than it may.
pub(super) fn check_text(field: &str, text: &str) -> Result<(), ApiError> {
    check_words(field, text, ACT_TEXT_CHARS, "say it in some words")
}

fn check_words(field: &str, text: &str, max: usize, hint: &str) -> Result<(), ApiError> {
    if is_said(text, max) {
        return Ok(());
    }
    Err(ApiError::bad_request(format!("`{field}` must have 1 to {max} characters that can be seen"), hint))
}
