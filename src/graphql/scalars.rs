//! Scalars of our own.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{SecondsFormat, Utc};
use serde_json as json;

/// A moment in UTC with milliseconds, as RFC 3339 writes it: `2026-11-20T09:30:00.000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DateTime(pub(super) chrono::DateTime<Utc>);

/// A moment in UTC with milliseconds, as RFC 3339 writes it: `2026-11-20T09:30:00.000Z`.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let moment = chrono::DateTime::parse_from_rfc3339(text)
            .map_err(|_| InputValueError::custom("a moment reads `2026-11-20T09:30:00.000Z`"))?;
        Ok(Self(moment.with_timezone(&Utc)))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl From<chrono::DateTime<Utc>> for DateTime {
    fn from(moment: chrono::DateTime<Utc>) -> Self {
        Self(moment)
    }
}

/// Any JSON value. In what is sent, the character U+0000, which nothing keeps, becomes U+FFFD.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Json(pub(super) json::Value);

/// Any JSON value. In what is sent, the character U+0000, which nothing keeps, becomes U+FFFD.
#[Scalar(name = "JSON")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        let value = value.into_json().map_err(|_| InputValueError::custom("this is no JSON value"))?;
        Ok(Self(without_nul(value)))
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).unwrap_or_default()
    }
}

fn without_nul(value: json::Value) -> json::Value {
    match value {
        json::Value::String(text) => plain(&text).into(),
        json::Value::Array(items) => items.into_iter().map(without_nul).collect(),
        json::Value::Object(members) => {
            members.into_iter().map(|(key, value)| (plain(&key), without_nul(value))).collect()
        }
        other => other,
    }
}

/// The text without U+0000.
pub(super) fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
