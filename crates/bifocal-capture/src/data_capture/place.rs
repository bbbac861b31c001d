//! What a file's path says: `…/<endpoint>/<variant>/yyyy/mm/dd/hh/<file>.jsonl`, read from the right, since
//! what stands before differs by bucket.

use std::path::Path;

use bifocal_model::Timestamp;

/// The endpoint, the variant and the hour of a file's calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) endpoint: String,
    pub(crate) variant: String,
    /// `None` where the digits are no time.
    pub(crate) hour: Option<Timestamp>,
}

impl Place {
    /// `None` where the path is not of the layout.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let mut parts = path.iter().rev().filter_map(|part| part.to_str());
        parts.next()?;
        let mut digits = |length: usize| {
            parts.next().filter(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))
        };
        let (hour, day, month, year) = (digits(2)?, digits(2)?, digits(2)?, digits(4)?);
        let hour = format!("{year}-{month}-{day}T{hour}:00:00Z").parse().ok();
        let variant = parts.next()?.to_owned();
        let endpoint = parts.next()?.to_owned();
        Some(Self { endpoint, variant, hour })
    }
}

/// The end of the path that stays the same when the files are copied elsewhere.
pub(crate) fn stable_end(path: &Path) -> String {
    let parts = if Place::of(path).is_some() { 7 } else { 1 };
    let mut end: Vec<_> = path.iter().rev().take(parts).map(|part| part.to_string_lossy()).collect();
    end.reverse();
    end.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_read_from_the_right() {
        let path = Path::new("/data/bucket/prefix/llm-prod/AllTraffic/2026/02/19/01/34-30-683-a.jsonl");
        let place = Place::of(path).unwrap();
        assert_eq!((place.endpoint.as_str(), place.variant.as_str()), ("llm-prod", "AllTraffic"));
        assert_eq!(place.hour, "2026-02-19T01:00:00Z".parse().ok());
        assert_eq!(Place::of(Path::new("/e/v/2026/99/19/01/x.jsonl")).and_then(|place| place.hour), None);
        assert_eq!(stable_end(path), "llm-prod/AllTraffic/2026/02/19/01/34-30-683-a.jsonl");
        for other in ["x.jsonl", "/a/b/2026/2/19/01/x.jsonl", "/a/2026/02/19/01/x.jsonl"] {
            let place = Place::of(Path::new(other));
            assert!(place.is_none_or(|place| place.variant == "a" && place.endpoint == "/"), "{other}");
        }
        assert_eq!(stable_end(Path::new("/tmp/x.jsonl")), "x.jsonl");
    }
}
