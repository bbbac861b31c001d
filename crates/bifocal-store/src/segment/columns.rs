//! Typed columns by name, both ways.

use std::fmt::{Display, Write as _};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use arrow_schema::{Field, Schema};
use bifocal_model::Timestamp;
use serde::Serialize;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer as _};

use crate::Error;

/// Columns under construction.
#[derive(Default)]
pub(super) struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    fn push(&mut self, name: &str, nullable: bool, array: impl Array + 'static) {
        self.fields.push(Field::new(name, array.data_type().clone(), nullable));
        self.arrays.push(Arc::new(array));
    }

    pub(super) fn text<S: AsRef<str>>(&mut self, name: &str, values: impl Iterator<Item = S>) {
        self.push(name, false, StringArray::from_iter_values(values));
    }

    /// Texts that are large together: room for all of them is made at once.
    pub(super) fn long_text<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str> + Clone) {
        let bytes = values.clone().map(str::len).sum();
        let mut texts = StringBuilder::with_capacity(values.size_hint().0, bytes);
        values.for_each(|text| texts.append_value(text));
        self.push(name, false, texts.finish());
    }

    /// Values as they are displayed.
    pub(super) fn displayed(&mut self, name: &str, values: impl Iterator<Item = impl Display>) {
        let mut texts = StringBuilder::new();
        for value in values {
            // A builder takes everything that is written to it.
            let _ = write!(texts, "{value}");
            texts.append_value("");
        }
        self.push(name, false, texts.finish());
    }

    /// Nested values as JSON, of about so many bytes together.
    pub(super) fn json(&mut self, name: &str, bytes: usize, values: impl Iterator<Item = impl Serialize>) {
        let mut texts = StringBuilder::with_capacity(values.size_hint().0, bytes);
        let mut buffer = Vec::new();
        values.for_each(|value| texts.append_value(json_in(&mut buffer, &value)));
        self.push(name, false, texts.finish());
    }

    /// Enums without fields, as their serialised names.
    pub(super) fn word(&mut self, name: &str, values: impl Iterator<Item = impl Serialize>) {
        let mut texts = StringBuilder::new();
        let mut buffer = Vec::new();
        values.for_each(|value| texts.append_value(json_in(&mut buffer, &value).trim_matches('"')));
        self.push(name, false, texts.finish());
    }

    /// The same where some are missing.
    pub(super) fn word_or_null(&mut self, name: &str, values: impl Iterator<Item = Option<impl Serialize>>) {
        let mut texts = StringBuilder::new();
        let mut buffer = Vec::new();
        values.for_each(|value| {
            texts.append_option(value.map(|value| json_in(&mut buffer, &value).trim_matches('"')));
        });
        self.push(name, true, texts.finish());
    }

    pub(super) fn text_or_null<S: AsRef<str>>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = Option<S>>,
    ) {
        self.push(name, true, values.collect::<StringArray>());
    }

    pub(super) fn int(&mut self, name: &str, values: impl Iterator<Item = u64>) {
        self.push(name, false, Int64Array::from_iter_values(values.map(u64::cast_signed)));
    }

    pub(super) fn int_or_null(&mut self, name: &str, values: impl Iterator<Item = Option<u64>>) {
        self.push(name, true, values.map(|v| v.map(u64::cast_signed)).collect::<Int64Array>());
    }

    pub(super) fn float(&mut self, name: &str, values: impl Iterator<Item = f64>) {
        self.push(name, false, Float64Array::from_iter_values(values));
    }

    pub(super) fn float_or_null(&mut self, name: &str, values: impl Iterator<Item = Option<f64>>) {
        self.push(name, true, values.collect::<Float64Array>());
    }

    pub(super) fn bool(&mut self, name: &str, values: impl Iterator<Item = bool>) {
        self.push(name, false, values.map(Some).collect::<BooleanArray>());
    }

    pub(super) fn bool_or_null(&mut self, name: &str, values: impl Iterator<Item = Option<bool>>) {
        self.push(name, true, values.collect::<BooleanArray>());
    }

    pub(super) fn binary(&mut self, name: &str, values: impl Iterator<Item = Vec<u8>>) {
        self.push(name, false, BinaryArray::from_iter_values(values));
    }

    pub(super) fn time(&mut self, name: &str, values: impl Iterator<Item = Timestamp>) {
        let array = TimestampNanosecondArray::from_iter_values(values.map(Timestamp::as_nanos));
        self.push(name, false, array.with_timezone("UTC"));
    }

    pub(super) fn finish(self) -> Result<RecordBatch, arrow_schema::ArrowError> {
        RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays)
    }
}

/// The rows of a batch that was read, by column name.
pub(super) struct Rows<'a> {
    batch: &'a RecordBatch,
    path: &'a Path,
}

impl<'a> Rows<'a> {
    pub(super) fn new(batch: &'a RecordBatch, path: &'a Path) -> Self {
        Self { batch, path }
    }

    pub(super) fn wrong(&self, detail: String) -> Error {
        Error::Segment { path: self.path.to_owned(), detail }
    }

    fn column<T: 'static>(&self, name: &str) -> Result<&'a T, Error> {
        let column = self.batch.column_by_name(name);
        let typed = column.and_then(|column| column.as_any().downcast_ref::<T>());
        typed.ok_or_else(|| self.wrong(format!("no column `{name}` of the type expected")))
    }

    pub(super) fn len(&self) -> usize {
        self.batch.num_rows()
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a StringArray, Error> {
        self.column(name)
    }

    /// A column that files of older versions do not have.
    pub(super) fn text_since(&self, name: &str) -> Option<&'a StringArray> {
        self.batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref())
    }

    /// The same of numbers.
    pub(super) fn float_since(&self, name: &str) -> Option<&'a Float64Array> {
        self.batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref())
    }

    pub(super) fn int(&self, name: &str) -> Result<Ints<'a>, Error> {
        self.column(name).map(Ints)
    }

    pub(super) fn float(&self, name: &str) -> Result<&'a Float64Array, Error> {
        self.column(name)
    }

    pub(super) fn bool(&self, name: &str) -> Result<&'a BooleanArray, Error> {
        self.column(name)
    }

    pub(super) fn binary(&self, name: &str) -> Result<&'a BinaryArray, Error> {
        self.column(name)
    }

    pub(super) fn time(&self, name: &str) -> Result<Times<'a>, Error> {
        self.column(name).map(Times)
    }

    /// A word of an enum, as its serialised name.
    pub(super) fn word<T: DeserializeOwned>(&self, text: &str) -> Result<T, Error> {
        let deserializer: StrDeserializer<'_, ValueError> = text.into_deserializer();
        T::deserialize(deserializer).map_err(|err| self.wrong(err.to_string()))
    }

    /// A nested value, as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, text: &str) -> Result<T, Error> {
        serde_json::from_str(text).map_err(|err| self.wrong(err.to_string()))
    }
}

/// Numbers that are not negative, stored as signed because not every engine knows unsigned ones.
#[derive(Clone, Copy)]
pub(super) struct Ints<'a>(&'a Int64Array);

impl Ints<'_> {
    pub(super) fn at(self, row: usize) -> u64 {
        self.0.value(row).cast_unsigned()
    }

    pub(super) fn get(self, row: usize) -> Option<u64> {
        self.0.is_valid(row).then(|| self.at(row))
    }
}

#[derive(Clone, Copy)]
pub(super) struct Times<'a>(&'a TimestampNanosecondArray);

impl Times<'_> {
    pub(super) fn at(self, row: usize) -> Timestamp {
        Timestamp::from_nanos(self.0.value(row))
    }
}

/// The value of a column that may be null.
pub(super) fn text_at(array: &StringArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

pub(super) fn float_at(array: &Float64Array, row: usize) -> Option<f64> {
    array.is_valid(row).then(|| array.value(row))
}

pub(super) fn bool_at(array: &BooleanArray, row: usize) -> Option<bool> {
    array.is_valid(row).then(|| array.value(row))
}

/// The JSON of a value, in a buffer that is used again for the next.
fn json_in<'a>(buffer: &'a mut Vec<u8>, value: &impl Serialize) -> &'a str {
    buffer.clear();
    let written = serde_json::to_writer(&mut *buffer, value);
    written.ok().and_then(|()| std::str::from_utf8(buffer).ok()).unwrap_or_default()
}
