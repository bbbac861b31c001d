//! What parameters mean, and reading from disk away from the async threads.

use bifocal_model::{Span, TargetId, TargetKey, Timestamp, Window};
use bifocal_watch::{Snapshot, TargetView};

use crate::error::ApiError;
use crate::limits::PAGE_ROWS_MAX;

/// Rows of one answer unless asked for another number.
const PAGE_ROWS_DEFAULT: usize = 50;

/// The target of an id, or a name.
pub(super) fn target<'a>(snapshot: &'a Snapshot, id: &str) -> Result<&'a TargetView, ApiError> {
    let by_id = TargetId::parse(id).and_then(|id| snapshot.target(id));
    let found = by_id.or_else(|| snapshot.targets.iter().find(|view| view.name == id));
    found.ok_or_else(|| ApiError::not_found(&format!("target `{id}`")))
}

/// The key of an optional target parameter.
pub(super) fn target_key(snapshot: &Snapshot, id: Option<&String>) -> Result<Option<TargetKey>, ApiError> {
    id.map(|id| target(snapshot, id).map(|view| view.key.clone())).transpose()
}

/// An RFC 3339 time.
pub(super) fn time(name: &str, text: Option<&String>) -> Result<Option<Timestamp>, ApiError> {
    let parse = |text: &String| {
        text.parse().map_err(|_| {
            ApiError::bad_request(format!("`{name}` is no time"), "write it as 2026-11-24T13:51:00Z")
        })
    };
    text.map(parse).transpose()
}

/// The window of `from` and `to`; the last hour when neither is given.
pub(super) fn window(
    from: Option<&String>,
    to: Option<&String>,
    now: Timestamp,
    default: Span,
) -> Result<Window, ApiError> {
    let end = time("to", to)?.unwrap_or(now);
    let start = time("from", from)?.unwrap_or(end - default);
    if start >= end {
        return Err(ApiError::bad_request("`from` is not before `to`", "swap them"));
    }
    Ok(Window { start, end })
}

/// How many rows.
pub(super) fn limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(PAGE_ROWS_DEFAULT).clamp(1, PAGE_ROWS_MAX)
}

/// Runs work that may read files on a blocking thread.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, bifocal_store::Error> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(|err| ApiError::internal(&err)),
        Err(err) => Err(ApiError::internal(&err)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_edges() {
        assert_eq!(limit(None), PAGE_ROWS_DEFAULT);
        assert_eq!(limit(Some(usize::MAX)), PAGE_ROWS_MAX, "the limit api_page_rows");
        assert_eq!(limit(Some(0)), 1);
        let now = Timestamp::from_secs(7200);
        let hour = window(None, None, now, Span::from_mins(60)).unwrap();
        assert_eq!(hour.start, Timestamp::from_secs(3600));
        let late = "2030-01-01T00:00:00Z".to_owned();
        assert!(window(Some(&late), None, now, Span::from_mins(60)).is_err());
        assert!(time("from", Some(&"noon".to_owned())).is_err());
    }
}
