//! What has to be done so that a Grafana holds what is wanted.
//!
//! Grafana adds to what it is given (ids, versions, defaults), so a thing is as wanted when all that is wanted stands in
//! it. A list must have the same length. What is empty and what is not there are the same. Secrets come back hidden.

use serde_json::Value;

use super::desired::{Object, is_ours};

/// What Grafana shows in place of a secret.
const HIDDEN: &str = "[REDACTED]";
/// Places of differences that are told of one thing.
const TOLD_MAX: usize = 5;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// It is not there.
    Create(Object),
    /// It is there and differs.
    Update {
        /// As wanted.
        wanted: Object,
        /// As found.
        found: Object,
        /// Where they differ, at most five places.
        places: Vec<String>,
    },
    /// It was made earlier and is wanted no longer.
    Delete(Object),
    /// Its uid is taken by something that Bifocal did not make.
    Taken(Object),
}

impl Step {
    /// The thing.
    pub fn object(&self) -> &Object {
        match self {
            Self::Create(object) | Self::Delete(object) | Self::Taken(object) => object,
            Self::Update { wanted, .. } => wanted,
        }
    }
}

/// What to do, in order: what is made, by kind, then what is deleted, in the opposite order. What is as it should be
/// has no step.
pub fn steps(wanted: &[Object], found: &[Object]) -> Vec<Step> {
    let same = |a: &Object, b: &Object| a.kind == b.kind && a.uid == b.uid;
    let mut steps = Vec::new();
    for object in wanted {
        match found.iter().find(|found| same(found, object)) {
            None => steps.push(Step::Create(object.clone())),
            Some(found) if !is_ours(found) => steps.push(Step::Taken(object.clone())),
            Some(found) => {
                let mut places = Vec::new();
                differences(&object.body, &found.body, "", &mut places);
                if !places.is_empty() {
                    places.truncate(TOLD_MAX);
                    steps.push(Step::Update { wanted: object.clone(), found: found.clone(), places });
                }
            }
        }
    }
    let surplus =
        found.iter().filter(|found| is_ours(found) && !wanted.iter().any(|object| same(object, found)));
    let mut deleted: Vec<Object> = surplus.cloned().collect();
    deleted.sort_by_key(|object| std::cmp::Reverse(object.kind));
    steps.extend(deleted.into_iter().map(Step::Delete));
    steps
}

/// Adds the places where what is wanted does not stand in what was found.
pub(crate) fn differences(wanted: &Value, found: &Value, place: &str, places: &mut Vec<String>) {
    if is_empty(wanted) && is_empty(found) || found.as_str() == Some(HIDDEN) {
        return;
    }
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (key, value) in wanted {
                let inner = found.get(key).unwrap_or(&Value::Null);
                differences(value, inner, &format!("{place}/{key}"), places);
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (i, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                differences(wanted, found, &format!("{place}/{i}"), places);
            }
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        _ if wanted == found => {}
        _ => places.push(if place.is_empty() { "/".to_owned() } else { place.to_owned() }),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is) => !is,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Kind;
    use super::*;

    fn places(wanted: Value, found: Value) -> Vec<String> {
        let mut places = Vec::new();
        differences(&wanted, &found, "", &mut places);
        places
    }

    #[test]
    fn what_grafana_adds_is_no_difference() {
        let wanted =
            json!({"uid": "a", "links": [], "editable": false, "n": 1, "data": [{"x": null, "y": "s"}]});
        let found = json!({"uid": "a", "id": 7, "version": 3, "n": 1.0, "data": [{"y": "s", "more": 1}]});
        assert_eq!(places(wanted, found), Vec::<String>::new());
        assert_eq!(places(json!({"token": "x"}), json!({"token": HIDDEN})), Vec::<String>::new());
    }

    #[test]
    fn what_was_changed_is_found_with_its_place() {
        let wanted = json!({"title": "a", "panels": [{"expr": "up"}, {"expr": "down"}]});
        assert_eq!(
            places(wanted.clone(), json!({"title": "b", "panels": [{"expr": "up"}, {"expr": "x"}]})),
            ["/panels/1/expr", "/title"]
        );
        assert_eq!(places(wanted.clone(), json!({"title": "a", "panels": [{"expr": "up"}]})), ["/panels"]);
        assert_eq!(places(wanted, json!({"title": "a"})), ["/panels"]);
        assert_eq!(places(json!({"n": 0}), json!({})), ["/n"], "zero is not nothing");
    }

    #[test]
    fn foreign_things_stay_and_a_taken_uid_is_told() {
        let rule = |uid: &str, mark: &str| {
            Object::new(Kind::AlertRule, json!({"uid": uid, "title": uid, "labels": {"managed_by": mark}}))
        };
        let found =
            [rule("bifocal-old", "bifocal"), rule("bifocal-theirs", "somebody"), rule("other", "bifocal")];
        assert_eq!(steps(&[], &found), [Step::Delete(found[0].clone())]);
        let wanted = rule("bifocal-theirs", "bifocal");
        assert_eq!(steps(std::slice::from_ref(&wanted), &found[1..]), [Step::Taken(wanted)]);
    }

    #[test]
    fn things_are_made_by_kind_and_deleted_the_other_way_round() {
        let of = |kind, uid: &str| Object::new(kind, json!({"uid": uid, "tags": ["bifocal"]}));
        let found = [of(Kind::DataSource, "bifocal-x"), of(Kind::Dashboard, "bifocal-y")];
        let wanted = [of(Kind::Folder, "bifocal-f")];
        let done = steps(&wanted, &found);
        let kinds: Vec<Kind> = done.iter().map(|step| step.object().kind).collect();
        assert_eq!(kinds, [Kind::Folder, Kind::Dashboard, Kind::DataSource]);
    }
}
