//! Inferences and scores.

use axum::Json;
use axum::extract::State;
use bifocal_model::{Dimension, InferenceId, Timestamp};
use bifocal_store::Cursor;
use serde::Deserialize;

use super::asking::{blocking, limit, target_key, time};
use super::parameters::{Path, Query};
use crate::error::ApiError;
use crate::rows::{InferenceRow, List, ScoreRow};
use crate::state::ApiState;

/// Filters of lists.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Asked {
    target: Option<String>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
    /// Inferences with the lowest scores of this dimension first.
    worst: Option<String>,
    /// Scores about this dimension only.
    dimension: Option<String>,
}

/// `GET /api/v1/inferences`
pub(crate) async fn list(
    State(state): State<ApiState>,
    Query(asked): Query<Asked>,
) -> Result<Json<List<InferenceRow>>, ApiError> {
    let query = query(&state, &asked)?;
    let reader = state.reader.clone();
    let worst = asked.worst.map(|name| Dimension(name.into()));
    blocking(move || {
        let (calls, next) = match &worst {
            Some(dimension) => (reader.worst(&query, dimension)?, None),
            None => {
                let page = reader.inferences(&query)?;
                (page.items, page.next)
            }
        };
        let scores = reader.scores_of(&calls)?;
        let rows = calls.iter().zip(&scores).map(|(call, scores)| InferenceRow::brief(call, scores));
        Ok(Json(List { items: rows.collect(), next: next.map(write_cursor) }))
    })
    .await
}

/// `GET /api/v1/inferences/{id}`
pub(crate) async fn one(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<InferenceRow>, ApiError> {
    let missing = || ApiError::not_found(&format!("inference `{id}`"));
    let wanted: InferenceId = id.parse().map_err(|_| missing())?;
    let reader = state.reader.clone();
    let found = blocking(move || {
        let Some(call) = reader.inference(wanted)? else { return Ok(None) };
        let calls = [call];
        let scores = reader.scores_of(&calls)?;
        let scores = scores.first().map(Vec::as_slice).unwrap_or_default();
        Ok(Some(InferenceRow::whole(&calls[0], scores, &reader.labels_of(wanted))))
    })
    .await?;
    found.map(Json).ok_or_else(missing)
}

/// `GET /api/v1/scores`
pub(crate) async fn scores(
    State(state): State<ApiState>,
    Query(asked): Query<Asked>,
) -> Result<Json<List<ScoreRow>>, ApiError> {
    let query = query(&state, &asked)?;
    let reader = state.reader.clone();
    blocking(move || {
        let page = reader.scores(&query)?;
        let items = page.items.iter().map(|score| ScoreRow::from(&**score)).collect();
        Ok(Json(List { items, next: page.next.map(write_cursor) }))
    })
    .await
}

fn query(state: &ApiState, asked: &Asked) -> Result<bifocal_store::Query, ApiError> {
    let snapshot = (state.snapshot)();
    Ok(bifocal_store::Query {
        target: target_key(&snapshot, asked.target.as_ref())?,
        dimension: asked.dimension.clone().map(|name| Dimension(name.into())),
        from: time("from", asked.from.as_ref())?,
        to: time("to", asked.to.as_ref())?,
        after: asked.cursor.as_deref().map(read_cursor).transpose()?,
        limit: limit(asked.limit),
    })
}

fn write_cursor(cursor: Cursor) -> String {
    format!("{}-{}", cursor.time.as_nanos(), cursor.id)
}

fn read_cursor(text: &str) -> Result<Cursor, ApiError> {
    let parts = text.split_once('-').and_then(|(nanos, id)| {
        Some(Cursor { time: Timestamp::from_nanos(nanos.parse().ok()?), id: id.parse().ok()? })
    });
    parts
        .ok_or_else(|| ApiError::bad_request("`cursor` is none of ours", "give `next` of the page before it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back() {
        let cursor = Cursor {
            time: Timestamp::from_nanos(1_795_528_260_250_000_001),
            id: InferenceId::v7(Timestamp::from_secs(9), [7; 10]),
        };
        assert_eq!(read_cursor(&write_cursor(cursor)).unwrap(), cursor);
        assert!(read_cursor("12").is_err() && read_cursor("x-y").is_err());
    }
}
