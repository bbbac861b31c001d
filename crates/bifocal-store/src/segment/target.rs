//! A target's key as columns.

use arrow_array::StringArray;
use bifocal_model::{Component, TargetKey, TargetNames};

use super::columns::{Columns, Rows};
use crate::Error;

pub(super) const NAMES: [&str; 6] =
    ["target_id", "origin", "endpoint", "variant", "inference_component", "model"];

/// Adds the six columns. Without a target (readings of a whole upstream) they are empty but for the origin.
pub(super) fn write<'a>(
    columns: &mut Columns,
    keys: impl Iterator<Item = Result<&'a TargetKey, &'a str>> + Clone,
) {
    let part = |part: fn(&'a TargetKey) -> &'a str| keys.clone().map(move |key| key.map_or("", part));
    // Rows stand in order of their targets.
    let mut last: Option<(&TargetKey, String)> = None;
    let id = keys.clone().map(|key| match (key, &last) {
        (Err(_), _) => String::new(),
        (Ok(key), Some((known, id))) if *known == key => id.clone(),
        (Ok(key), _) => {
            let id = key.id().to_string();
            last = Some((key, id.clone()));
            id
        }
    });
    columns.text(NAMES[0], id);
    columns
        .text(NAMES[1], keys.clone().map(|key| key.map_or_else(|origin| origin, |key| key.origin.as_str())));
    columns.text(NAMES[2], part(|key| &key.endpoint));
    columns.text(NAMES[3], part(|key| &key.variant));
    columns.text(NAMES[4], part(TargetKey::inference_component));
    columns.text(NAMES[5], part(TargetKey::model));
}

/// The six columns of a batch.
pub(super) struct Targets<'a> {
    columns: [&'a StringArray; 6],
}

impl<'a> Targets<'a> {
    pub(super) fn of(rows: &Rows<'a>) -> Result<Self, Error> {
        let [a, b, c, d, e, f] = NAMES;
        let columns =
            [rows.text(a)?, rows.text(b)?, rows.text(c)?, rows.text(d)?, rows.text(e)?, rows.text(f)?];
        Ok(Self { columns })
    }

    /// The target, or the origin when the row belongs to a whole upstream.
    pub(super) fn at(&self, row: usize) -> Result<TargetKey, String> {
        let [id, origin, endpoint, variant, component, model] = self.columns.map(|column| column.value(row));
        if id.is_empty() {
            return Err(origin.to_owned());
        }
        let component = if component.is_empty() {
            Component::Model(model.to_owned())
        } else {
            Component::InferenceComponent(component.to_owned())
        };
        let (origin, endpoint, variant) = (origin.to_owned(), endpoint.to_owned(), variant.to_owned());
        Ok(TargetKey::new(TargetNames { origin, endpoint, variant, component }))
    }
}
