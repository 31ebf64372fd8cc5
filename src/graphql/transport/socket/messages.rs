//! The words of `graphql-transport-ws`, and the codes with which a socket is closed.

use async_graphql::ServerError;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::graphql::transport::params::Params;
use crate::graphql::transport::run::Body;

/// A message from the client.
pub(super) enum Incoming {
    Init(Map<String, Value>),
    Ping,
    Pong,
    Subscribe { id: String, params: Params },
    Complete { id: String },
}

/// Longer names of operations are refused.
const LONGEST_ID: usize = 128;

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    payload: Option<Value>,
}

impl Incoming {
    /// Reads a message; what cannot be read closes the socket.
    pub(super) fn read(text: &str) -> Result<Self, Close> {
        let object = || Close::bad("the message is no JSON object with a `type`");
        // A list of the fields' values would do for the deserialiser, too.
        if !text.trim_start().starts_with('{') {
            return Err(object());
        }
        let Wire { kind, id, payload } = serde_json::from_str(text).map_err(|_| object())?;
        let id = || match id {
            Some(id) if !id.is_empty() && id.len() <= LONGEST_ID => Ok(id),
            _ => Err(Close::bad("the message needs an `id` of 1 to 128 bytes")),
        };
        match kind.as_str() {
            "connection_init" => match payload {
                None | Some(Value::Null) => Ok(Self::Init(Map::new())),
                Some(Value::Object(payload)) => Ok(Self::Init(payload)),
                Some(_) => Err(Close::bad("the payload of `connection_init` must be an object")),
            },
            "ping" => Ok(Self::Ping),
            "pong" => Ok(Self::Pong),
            "complete" => Ok(Self::Complete { id: id()? }),
            "subscribe" => {
                let id = id()?;
                let payload = payload.filter(Value::is_object);
                let params = payload.and_then(|payload| serde_json::from_value(payload).ok());
                let params = params.ok_or_else(|| {
                    Close::bad("the payload of `subscribe` must be {query, operationName, variables}")
                })?;
                Ok(Self::Subscribe { id, params })
            }
            _ => Err(Close::bad("the `type` of the message is unknown")),
        }
    }
}

/// A message to the client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Outgoing<'a> {
    ConnectionAck,
    Pong,
    Next { id: &'a str, payload: Body<'a> },
    Error { id: &'a str, payload: &'a [ServerError] },
    Complete { id: &'a str },
}

impl From<Outgoing<'_>> for Message {
    fn from(outgoing: Outgoing<'_>) -> Self {
        // Everything in it is plain data, so it can be written.
        Self::Text(serde_json::to_string(&outgoing).unwrap_or_default().into())
    }
}

/// Why a socket is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Close {
    code: u16,
    reason: String,
}

impl Close {
    pub(super) const RESTART: u16 = 1012;
    pub(super) const TOO_LARGE: u16 = 1009;
    pub(super) const NOT_UTF8: u16 = 1007;
    pub(super) const AWAY: u16 = 1001;
    const BAD_REQUEST: u16 = 4400;
    pub(super) const UNAUTHORIZED: u16 = 4401;
    pub(super) const FORBIDDEN: u16 = 4403;
    pub(super) const TOO_LATE: u16 = 4408;
    pub(super) const DUPLICATE: u16 = 4409;
    pub(super) const TOO_MANY: u16 = 4429;

    pub(super) fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    fn bad(reason: &str) -> Self {
        Self::new(Self::BAD_REQUEST, reason)
    }
}

/// What a control frame holds beside its code.
const LONGEST_REASON: usize = 123;

impl From<Close> for CloseFrame {
    fn from(close: Close) -> Self {
        let Close { code, mut reason } = close;
        reason.truncate(reason.floor_char_boundary(LONGEST_REASON));
        Self { code, reason: Utf8Bytes::from(reason) }
    }
}
