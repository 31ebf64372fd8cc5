//! Reading a JSON object field by field: what is wrong is told by its name. `null` is the same as left out.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// An object of the request, and where in it that stands.
#[derive(Clone, Copy)]
pub(super) struct Fields<'v, 'p> {
    object: &'v Map<String, Value>,
    place: &'p str,
}

impl<'v, 'p> Fields<'v, 'p> {
    /// The body itself.
    pub(super) fn of_body(body: &'v Value) -> Result<Self, Refusal> {
        let object = body.as_object();
        let object = object.ok_or_else(|| Refusal::malformed("the body must be a JSON object"))?;
        Ok(Self { object, place: "" })
    }

    /// An object at `place`.
    pub(super) fn at(place: &'p str, value: &'v Value) -> Result<Self, Refusal> {
        let object = value.as_object();
        let object = object.ok_or_else(|| Refusal::invalid(place, format!("`{place}` must be an object")))?;
        Ok(Self { object, place })
    }

    /// Where the field stands in the request: `messages[2].content`.
    pub(super) fn place(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'v Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn wrong(&self, name: &str, must: &str) -> Refusal {
        let place = self.place(name);
        let message = format!("`{place}` must be {must}");
        Refusal::invalid(place, message)
    }

    fn read<T>(
        &self,
        name: &str,
        must: &str,
        read: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| self.wrong(name, must)),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'v str>, Refusal> {
        self.read(name, "a string", Value::as_str)
    }

    pub(super) fn needed_text(&self, name: &str) -> Result<&'v str, Refusal> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| self.wrong(name, "a string that is not empty"))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.read(name, "true or false", Value::as_bool)
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<&'v Vec<Value>>, Refusal> {
        self.read(name, "a list", Value::as_array)
    }

    pub(super) fn integer(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Refusal> {
        let must = if *range.end() == i64::MAX {
            format!("a whole number from {}", range.start())
        } else {
            format!("a whole number from {} to {}", range.start(), range.end())
        };
        // Some clients write 100.0.
        #[expect(clippy::cast_possible_truncation, reason = "only whole numbers that fit exactly are taken")]
        let whole = |value: &Value| {
            let float = || value.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9e15).map(|f| f as i64);
            value.as_i64().or_else(float).filter(|number| range.contains(number))
        };
        self.read(name, &must, whole)
    }

    pub(super) fn number(&self, name: &str, range: RangeInclusive<f32>) -> Result<Option<f32>, Refusal> {
        let must = format!("a number from {} to {}", range.start(), range.end());
        #[expect(clippy::cast_possible_truncation, reason = "six digits are more than any model looks at")]
        let read = |value: &Value| value.as_f64().map(|f| f as f32).filter(|f| range.contains(f));
        self.read(name, &must, read)
    }
}
