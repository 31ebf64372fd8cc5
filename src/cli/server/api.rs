//! GraphQL as a client speaks it: one question and its answer over HTTP, events over a socket.

use std::time::Duration;

use async_stream::try_stream;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Address;
use super::socket::{Lost, Socket};
use crate::error::{Error, Kind, Result};
use crate::net::{Client, operator_client};

/// A server that takes longer for an answer is away; replies come over the socket and may take any time.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
/// A whole project goes up in this time, and is checked and kept.
const UPLOADS_WITHIN: Duration = Duration::from_secs(120);
/// For how long a lost line is taken up again.
const PATIENCE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A server's API. Cheap to clone.
#[derive(Clone)]
pub(in crate::cli) struct Api {
    address: Address,
    client: Client,
}

impl Api {
    pub(in crate::cli) fn new(address: Address) -> Result<Self> {
        Ok(Self { address, client: operator_client()? })
    }

    /// Asks a query or a mutation; the answer's `data`.
    pub(in crate::cli) async fn ask(&self, query: &str, variables: Value) -> Result<Value> {
        let url = format!("{}/graphql", self.address.url);
        let asked = self
            .client
            .post(&url)
            .bearer_auth(self.address.token.expose_secret())
            .timeout(ANSWERS_WITHIN)
            .json(&json!({ "query": query, "variables": variables }))
            .send();
        let answer = asked.await.map_err(|error| {
            Error::unavailable(format!("`{url}` does not answer")).with_source(error.without_url())
        })?;
        let status = answer.status();
        let foreign = || {
            Error::unavailable(format!(
                "`{url}` answered {status} and no GraphQL: is it the address of Botwright?"
            ))
        };
        let mut body: Value = answer.json().await.map_err(|_| foreign())?;
        match body.get("errors").and_then(Value::as_array).and_then(|errors| errors.first()) {
            Some(error) => Err(refusal(error)),
            None => Ok(body.get_mut("data").map(Value::take).ok_or_else(foreign)?),
        }
    }

    /// Uploads what has no room in a question, gzipped; the server's answer.
    pub(in crate::cli) async fn upload<T: Serialize>(&self, path: &str, content: &T) -> Result<Value> {
        let url = format!("{}{path}", self.address.url);
        let sent = self
            .client
            .post(&url)
            .bearer_auth(self.address.token.expose_secret())
            .timeout(UPLOADS_WITHIN)
            .header("content-type", "application/json")
            .header("content-encoding", "gzip")
            .body(packed(content).map_err(Error::internal)?)
            .send();
        let answer = sent.await.map_err(|error| {
            Error::unavailable(format!("`{url}` does not answer")).with_source(error.without_url())
        })?;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let message = body.pointer("/error/message").and_then(Value::as_str);
        let kind = match (status.as_u16(), message) {
            (401, _) => Kind::Unauthenticated,
            (403, _) => Kind::Forbidden,
            (429, _) => Kind::RateLimited,
            (400..=499, Some(_)) if status.as_u16() != 404 => Kind::Invalid,
            _ => Kind::Unavailable,
        };
        let foreign =
            || format!("`{url}` answered {status}: is it the address of Botwright, of this version?");
        Err(Error::new(kind, message.filter(|_| status.as_u16() != 404).map_or_else(foreign, str::to_owned)))
    }

    /// The events of a turn after `after`, each as GraphQL wrote it, until its last one. A line that is lost
    /// is taken up again where it broke.
    pub(in crate::cli) fn turn_events(&self, turn: String, after: i64) -> BoxStream<'static, Result<Value>> {
        let address = self.address.clone();
        let stream = try_stream! {
            let mut place = after;
            let mut alive = Instant::now();
            let mut pause = FIRST_PAUSE;
            loop {
                let mut socket = match Socket::open(&address).await {
                    Ok(socket) => Some(socket),
                    Err(lost) => { given_up(lost, alive)?; None }
                };
                if let Some(socket) = &mut socket {
                    let variables = json!({ "turn": turn, "after": place });
                    let mut events = socket.subscribe(TURN_EVENTS, variables);
                    loop {
                        let payload = match events.try_next().await {
                            Ok(Some(payload)) => payload,
                            Ok(None) => return,
                            Err(lost) => { given_up(lost, alive)?; break }
                        };
                        let event = event(payload)?;
                        place = event.get("seq").and_then(Value::as_i64).unwrap_or(place).max(place);
                        (alive, pause) = (Instant::now(), FIRST_PAUSE);
                        yield event;
                    }
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        stream.boxed()
    }
}

/// The JSON of `content`, gzipped.
fn packed<T: Serialize>(content: &T) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    serde_json::to_writer(&mut packer, content)?;
    Ok(packer.finish()?)
}

const TURN_EVENTS: &str = "subscription TurnEvents($turn: ID!, $after: Int!) {
    turnEvents(turnId: $turn, after: $after) {
        __typename seq
        ... on TurnTextDelta { text }
        ... on TurnToolCalled { name }
        ... on TurnFailed { message retryable }
    }
}";

/// Whether to go on: a refusal ends it, a broken line only after a while without any sign of life.
fn given_up(lost: Lost, alive: Instant) -> Result<()> {
    match lost {
        Lost::Refused(error) => Err(error),
        Lost::Broken(error) if alive.elapsed() > PATIENCE => Err(error),
        Lost::Broken(_) => Ok(()),
    }
}

/// The event in what a subscription sent.
fn event(mut payload: Value) -> Result<Value> {
    if let Some(error) = payload.pointer("/errors/0") {
        return Err(refusal(error));
    }
    let event = payload.pointer_mut("/data/turnEvents").map(Value::take);
    event.ok_or_else(|| Error::unavailable("the server sent an event that is none"))
}

/// A GraphQL error as one of ours.
pub(super) fn refusal(error: &Value) -> Error {
    let code = error.pointer("/extensions/code").and_then(Value::as_str).unwrap_or_default();
    let kind = match code {
        "UNAUTHENTICATED" => Kind::Unauthenticated,
        "FORBIDDEN" => Kind::Forbidden,
        "NOT_FOUND" => Kind::NotFound,
        "CONFLICT" => Kind::Conflict,
        "RATE_LIMITED" => Kind::RateLimited,
        "UNAVAILABLE" | "INTERNAL" => Kind::Unavailable,
        _ => Kind::Invalid,
    };
    let message = error.get("message").and_then(Value::as_str).unwrap_or("the server refused without a word");
    Error::new(kind, message)
}
