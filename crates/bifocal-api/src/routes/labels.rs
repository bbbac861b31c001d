//! What people say of answers: one label, many as JSON lines, and all that are kept.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use bifocal_model::{InferenceId, Label};
use serde::{Deserialize, Serialize};

use super::asking::{blocking, limit};
use super::parameters::{Body, Path, Query};
use crate::error::{ApiError, Code};
use crate::labels::{Given, Wrong};
use crate::limits::LABEL_LINES_MAX;
use crate::rows::{LabelRow, List};
use crate::state::ApiState;

/// The type that browsers send to no other site without asking it first.
const JSON_LINES: &str = "application/x-ndjson";

/// `POST /api/v1/inferences/{id}/labels`: answers when the label is durable, with everything that people say of it.
pub(crate) async fn add(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Body(mut given): Body<Given>,
) -> Result<Json<List<LabelRow>>, ApiError> {
    if given.inference.as_ref().is_some_and(|other| *other != id) {
        return Err(ApiError::bad_request(
            "`inference` of the body is another one than that of the path",
            "leave it out of the body",
        ));
    }
    given.inference = Some(id);
    let (reader, now) = (state.reader.clone(), state.clock.now());
    let label = blocking(move || Ok(given.resolve(&reader, now))).await?.map_err(refused)?;
    let inference = label.inference;
    keep(&state, vec![label]).await?;
    Ok(Json(of(&state, inference)))
}

/// `GET /api/v1/inferences/{id}/labels`
pub(crate) async fn of_inference(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<List<LabelRow>>, ApiError> {
    let wanted = id.parse().map_err(|_| ApiError::not_found(&format!("inference `{id}`")))?;
    Ok(Json(of(&state, wanted)))
}

/// How many labels a list may have.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Asked {
    limit: Option<usize>,
}

/// `GET /api/v1/labels`: the newest first.
pub(crate) async fn list(State(state): State<ApiState>, Query(asked): Query<Asked>) -> Json<List<LabelRow>> {
    let all = state.reader.labels();
    Json(List::whole(
        all.iter().rev().take(limit(asked.limit)).map(|label| LabelRow::from(&**label)).collect(),
    ))
}

/// What became of many labels.
#[derive(Debug, Serialize)]
pub(crate) struct Taken {
    new: u64,
    known: u64,
}

/// `POST /api/v1/labels`: JSON lines; all of them are kept or none.
pub(crate) async fn many(
    State(state): State<ApiState>,
    headers: HeaderMap,
    body: String,
) -> Result<(StatusCode, Json<Taken>), ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some(JSON_LINES) {
        return Err(ApiError::bad_request(
            format!("the content type is `{kind}`"),
            format!("send JSON lines with Content-Type: {JSON_LINES}"),
        ));
    }
    let lines = numbered(&body)?;
    let (reader, now) = (state.reader.clone(), state.clock.now());
    let labels = blocking(move || {
        let resolve = |(at, line): (usize, String)| {
            let label = Given::from_line(&line).and_then(|given| given.resolve(&reader, now));
            label.map_err(|wrong| (at, wrong))
        };
        Ok(lines.into_iter().map(resolve).collect::<Result<Vec<_>, _>>())
    })
    .await?;
    let labels = labels.map_err(|(at, wrong)| {
        let refused = refused(wrong);
        ApiError { message: format!("line {at}: {}; nothing was kept", refused.message), ..refused }
    })?;
    let kept = keep(&state, labels).await?;
    Ok((StatusCode::OK, Json(kept)))
}

/// The lines that hold something, each with its number.
fn numbered(body: &str) -> Result<Vec<(usize, String)>, ApiError> {
    let full = body.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let lines: Vec<(usize, String)> = full.map(|(at, line)| (at + 1, line.to_owned())).collect();
    if lines.len() > LABEL_LINES_MAX {
        return Err(ApiError::bad_request(
            format!("{} labels at once", lines.len()),
            format!("send at most {LABEL_LINES_MAX}, or import the file with `bifocal judge labels`"),
        ));
    }
    Ok(lines)
}

async fn keep(state: &ApiState, labels: Vec<Label<String>>) -> Result<Taken, ApiError> {
    let kept = state.labels.keep(labels).await.map_err(|err| ApiError::internal(&err))?;
    Ok(Taken { new: kept.new, known: kept.known })
}

fn of(state: &ApiState, inference: InferenceId) -> List<LabelRow> {
    List::whole(state.reader.labels_of(inference).iter().map(|label| LabelRow::from(&**label)).collect())
}

fn refused(wrong: Wrong) -> ApiError {
    match wrong {
        Wrong::Form { what, hint } => ApiError::bad_request(what, hint),
        Wrong::NoInference { ref id } => ApiError {
            code: Code::NotFound,
            message: wrong.to_string(),
            hint: format!("ids are in GET /api/v1/inferences; `{id}` may have been deleted with its data"),
        },
        Wrong::Store(why) => ApiError::internal(&why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers_and_have_an_end() {
        let lines = numbered("a\n\n  \nb").unwrap();
        assert_eq!(lines, [(1, "a".to_owned()), (4, "b".to_owned())]);
        assert_eq!(numbered(&"x\n".repeat(LABEL_LINES_MAX)).unwrap().len(), LABEL_LINES_MAX);
        assert!(numbered(&"x\n".repeat(LABEL_LINES_MAX + 1)).is_err());
    }
}
