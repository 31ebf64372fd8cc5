//! What a request says: the document, which of its operations, and the values of its variables.

use async_graphql::Variables;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graphql::transport::faults::{Code, Refusal};

/// A request as it stands on the wire.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Params {
    pub(super) query: String,
    #[serde(default)]
    pub(super) operation_name: Option<String>,
    /// An object or null.
    #[serde(default)]
    pub(super) variables: Variables,
    /// Nothing is read from them; they must only be an object.
    #[serde(default, rename = "extensions")]
    _extensions: Option<Map<String, Value>>,
}

impl Params {
    /// Reads the body of a POST.
    pub(super) fn from_body(body: &[u8]) -> Result<Self, Refusal> {
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        match first {
            None => Err(malformed("the body is empty: send `{\"query\": …}`")),
            Some(b'[') => Err(malformed("batches are not taken: send one operation per request")),
            Some(_) if values(body) > MOST_VALUES => {
                Err(malformed(format!("the body holds more than {MOST_VALUES} values: ask for less at once")))
            }
            Some(_) => serde_json::from_slice(body)
                .map_err(|error| malformed(format!("the body is no GraphQL request: {error}"))),
        }
    }

    /// Reads the parameters of a GET.
    pub(super) fn from_url(url: UrlParams) -> Result<Self, Refusal> {
        let UrlParams { query, operation_name, variables, extensions } = url;
        let query =
            query.ok_or_else(|| malformed("there is no `query`: send it as a parameter, or with POST"))?;
        let object = |name: &str, text: Option<String>| match text.as_deref() {
            None | Some("") => Ok(None),
            Some(text) => serde_json::from_str::<Option<Map<String, Value>>>(text)
                .map_err(|error| malformed(format!("`{name}` is no JSON object: {error}"))),
        };
        object("extensions", extensions)?;
        let variables = object("variables", variables)?.map(Value::Object).unwrap_or_default();
        let operation_name = operation_name.filter(|name| !name.is_empty());
        Ok(Self { query, operation_name, variables: Variables::from_json(variables), _extensions: None })
    }
}

/// More values than this in one body are refused before they are read. Nothing that the schema takes comes near.
const MOST_VALUES: usize = 20_000;

/// How many values a text of JSON holds, roughly: one for each comma and opening bracket outside of strings.
fn values(json: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

/// The parameters of a GET as they stand in the URL.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UrlParams {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, Code::BadUserInput, message)
}
