//! `graphql-transport-ws`, the client's half: one operation on a socket.

use std::time::Duration;

use async_stream::try_stream;
use futures_util::stream::BoxStream;
use futures_util::{SinkExt as _, StreamExt as _};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::error::Error as SocketError;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Address;
use super::api::refusal;
use crate::error::{Error, Result};

/// How long the server may take to let us in.
const OPENS_WITHIN: Duration = Duration::from_secs(10);
/// Servers give a sign of life every 20 seconds or so; after so long without one the line is dead.
const SILENCE: Duration = Duration::from_secs(70);

/// Why a line ended before its time.
#[derive(Debug)]
pub(super) enum Lost {
    /// The server will not; trying again would change nothing.
    Refused(Error),
    /// The line broke; trying again may help.
    Broken(Error),
}

/// An open socket that was let in.
pub(super) struct Socket {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    pub(super) async fn open(address: &Address) -> Result<Self, Lost> {
        timeout(OPENS_WITHIN, Self::enter(address))
            .await
            .map_err(|_| Lost::Broken(Error::unavailable("the server does not open a socket")))?
    }

    async fn enter(address: &Address) -> Result<Self, Lost> {
        // `http` becomes `ws`, `https` becomes `wss`.
        let url = format!("ws{}/graphql/ws", address.url.trim_start_matches("http"));
        let uri: Uri = url
            .parse()
            .map_err(|_| Lost::Refused(Error::invalid(format!("`{}` is no address", address.url))))?;
        let request = ClientRequestBuilder::new(uri).with_sub_protocol("graphql-transport-ws");
        let (socket, _) = connect_async(request).await.map_err(not_opened)?;
        let mut open = Self { socket };
        let bearer = format!("Bearer {}", address.token.expose_secret());
        open.send(&json!({ "type": "connection_init", "payload": { "authorization": bearer } })).await?;
        loop {
            let message = open.receive().await?;
            if message.get("type").and_then(Value::as_str) == Some("connection_ack") {
                return Ok(open);
            }
        }
    }

    /// The payloads of one subscription, until the server completes it.
    pub(super) fn subscribe(
        &mut self,
        query: &'static str,
        variables: Value,
    ) -> BoxStream<'_, Result<Value, Lost>> {
        let stream = try_stream! {
            let payload = json!({ "query": query, "variables": variables });
            self.send(&json!({ "type": "subscribe", "id": "1", "payload": payload })).await?;
            loop {
                let mut message = self.receive().await?;
                match message.get("type").and_then(Value::as_str).unwrap_or_default() {
                    "next" => yield message.get_mut("payload").map(Value::take).unwrap_or_default(),
                    "complete" => return,
                    "error" => {
                        let error = message.pointer("/payload/0").map_or_else(
                            || Error::unavailable("the server refused without a word"),
                            refusal,
                        );
                        Err(Lost::Refused(error))?;
                    }
                    _ => {}
                }
            }
        };
        stream.boxed()
    }

    async fn send(&mut self, message: &Value) -> Result<(), Lost> {
        self.socket.send(Message::Text(Utf8Bytes::from(message.to_string()))).await.map_err(broken)
    }

    /// The next message; pings of both kinds are answered on the way.
    async fn receive(&mut self) -> Result<Value, Lost> {
        loop {
            let next = timeout(SILENCE, self.socket.next());
            let message = match next.await {
                Ok(Some(message)) => message.map_err(broken)?,
                Ok(None) => return Err(Lost::Broken(Error::unavailable("the server hung up"))),
                Err(_) => return Err(Lost::Broken(Error::unavailable("the server fell silent"))),
            };
            match message {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text)
                        .map_err(|_| Lost::Refused(Error::unavailable("the server does not speak JSON")))?;
                    if message.get("type").and_then(Value::as_str) != Some("ping") {
                        return Ok(message);
                    }
                    self.send(&json!({ "type": "pong" })).await?;
                }
                Message::Close(Some(frame)) => return Err(closed(frame.code.into(), &frame.reason)),
                _ => {}
            }
        }
    }
}

/// What a closing says: codes from 4400 on are about us, the others about the server or the line.
fn closed(code: u16, reason: &str) -> Lost {
    match code {
        4401 => Lost::Refused(Error::unauthenticated(reason)),
        4403 => Lost::Refused(Error::forbidden(reason)),
        4400..=4499 if code != 4408 && code != 4429 => Lost::Refused(Error::invalid(reason)),
        _ => Lost::Broken(Error::unavailable(format!("the server closed the line: {reason}"))),
    }
}

fn not_opened(error: SocketError) -> Lost {
    match &error {
        SocketError::Http(answer) if answer.status().is_client_error() => {
            let status = answer.status();
            Lost::Refused(Error::invalid(format!("the server answered {status} and opens no socket")))
        }
        _ => broken(error),
    }
}

fn broken(error: SocketError) -> Lost {
    Lost::Broken(Error::unavailable("the line to the server broke").with_source(error))
}
