//! A bot of a server, over its API.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use serde_json::{Value, json};

use super::{Answered, EARLIER, Line, Opening, Piece, Said};
use crate::cli::server::{Address, Api};
use crate::error::{Error, Result};
use crate::id::MessageId;

/// What is asked at the start: the bot, and the latest conversations with it.
const OPEN: &str = "query Open($bot: String!, $last: Int!) {
    bot(name: $bot) { displayName }
    bots(first: 100) { nodes { name } }
    conversations(bot: $bot, first: 20) {
        nodes { id channel messages(last: $last) { nodes { role text sentAt } pageInfo { hasPreviousPage } } }
    }
}";

const BEGIN: &str = "mutation Begin($input: CreateConversationInput!, $last: Int!) {
    createConversation(input: $input) {
        conversation { id messages(last: $last) { nodes { role text sentAt } pageInfo { hasPreviousPage } } }
        userErrors { ... on UserError { message } }
    }
}";

const SAY: &str = "mutation Say($input: SendMessageInput!) {
    sendMessage(input: $input) { turn { id } userErrors { ... on UserError { message } } }
}";

const CANCEL: &str = "mutation Cancel($input: CancelTurnInput!) {
    cancelTurn(input: $input) { userErrors { ... on UserError { message } } }
}";

const COMMAND: &str = "mutation Command($input: RunCommandInput!) {
    runCommand(input: $input) { answer { text export } userErrors { ... on UserError { message } } }
}";

const EXPORT: &str = "query Export($id: ID!) { export(conversationId: $id) }";

/// How often a message is sent again when the line breaks; its key makes it one message all the same.
const ATTEMPTS: usize = 5;

pub(super) struct Remote {
    api: Api,
    bot: String,
    conversation: Option<String>,
    turn: Option<String>,
}

impl Remote {
    pub(super) fn new(address: Address, bot: String) -> Result<Self> {
        Ok(Self { api: Api::new(address)?, bot, conversation: None, turn: None })
    }

    /// The latest conversation that came in by this door, begun if there is none.
    async fn conversation(&self, found: &Value) -> Result<Value> {
        let nodes = found.pointer("/conversations/nodes").and_then(Value::as_array);
        let ours = |node: &&Value| node.get("channel").and_then(Value::as_str) == Some("graphql");
        if let Some(latest) = nodes.and_then(|nodes| nodes.iter().find(ours)) {
            return Ok(latest.clone());
        }
        let input = json!({ "idempotencyKey": MessageId::new(), "bot": self.bot });
        let mut begun = self.api.ask(BEGIN, json!({ "input": input, "last": EARLIER })).await?;
        let payload = begun.get_mut("createConversation").map(Value::take).unwrap_or_default();
        mended(&payload)?;
        payload.get("conversation").cloned().ok_or_else(strange)
    }
}

#[async_trait]
impl Line for Remote {
    async fn open(&mut self) -> Result<Opening> {
        let found = self.api.ask(OPEN, json!({ "bot": self.bot, "last": EARLIER })).await?;
        let Some(name) = text(&found, "/bot/displayName") else {
            let nodes = found.pointer("/bots/nodes").and_then(Value::as_array);
            let names: Vec<&str> =
                nodes.into_iter().flatten().filter_map(|node| node.get("name")?.as_str()).collect();
            return Err(Error::not_found(crate::cli::bots::unknown(&self.bot, &names)));
        };
        let conversation = self.conversation(&found).await?;
        self.conversation = text(&conversation, "/id");
        let said = conversation.pointer("/messages/nodes").and_then(Value::as_array);
        Ok(Opening {
            name,
            more: flag(&conversation, "/messages/pageInfo/hasPreviousPage"),
            earlier: said.into_iter().flatten().filter_map(said_in).collect(),
        })
    }

    async fn say(&mut self, words: &str) -> Result<BoxStream<'static, Result<Piece>>> {
        let conversation = self.conversation.clone().ok_or_else(strange)?;
        let key = MessageId::new();
        let input = json!({ "idempotencyKey": key, "conversationId": conversation, "text": words });
        let mut attempt = 1;
        let said = loop {
            match self.api.ask(SAY, json!({ "input": input })).await {
                Err(error) if error.kind() == crate::error::Kind::Unavailable && attempt < ATTEMPTS => {
                    tokio::time::sleep(std::time::Duration::from_millis(500 << attempt)).await;
                    attempt += 1;
                }
                other => break other?,
            }
        };
        mended(said.get("sendMessage").unwrap_or(&Value::Null))?;
        let turn = text(&said, "/sendMessage/turn/id").ok_or_else(strange)?;
        self.turn = Some(turn.clone());
        let events = self.api.turn_events(turn, 0);
        Ok(events.filter_map(async |event| event.map(|event| piece(&event)).transpose()).boxed())
    }

    async fn command(&mut self, typed: &str) -> Result<Answered> {
        let conversation = self.conversation.clone().ok_or_else(strange)?;
        let input = json!({ "conversationId": conversation, "text": typed });
        let ran = self.api.ask(COMMAND, json!({ "input": input })).await?;
        mended(ran.get("runCommand").unwrap_or(&Value::Null))?;
        let export = match flag(&ran, "/runCommand/answer/export") {
            true => text(&self.api.ask(EXPORT, json!({ "id": conversation })).await?, "/export"),
            false => None,
        };
        Ok(Answered { text: text(&ran, "/runCommand/answer/text").ok_or_else(strange)?, export })
    }

    async fn cancel(&mut self) -> Result<()> {
        let Some(turn) = &self.turn else { return Ok(()) };
        let cancelled = self.api.ask(CANCEL, json!({ "input": { "turnId": turn } })).await?;
        mended(cancelled.get("cancelTurn").unwrap_or(&Value::Null))
    }
}

/// What a person has to mend, as an error.
fn mended(payload: &Value) -> Result<()> {
    match text(payload, "/userErrors/0/message") {
        Some(message) => Err(Error::invalid(message)),
        None => Ok(()),
    }
}

fn said_in(message: &Value) -> Option<Said> {
    let at = text(message, "/sentAt")?.parse::<DateTime<Utc>>().ok()?;
    Some(Said { by_bot: text(message, "/role")? != "PERSON", text: text(message, "/text")?, at })
}

/// An event as a piece of the reply; events that a newer server may send are passed over.
fn piece(event: &Value) -> Option<Piece> {
    Some(match text(event, "/__typename")?.as_str() {
        "TurnTextDelta" => Piece::Text(text(event, "/text")?),
        "TurnToolCalled" => Piece::Tool(text(event, "/name")?),
        "TurnRestarted" => Piece::Restarted,
        "TurnCompleted" => Piece::Completed,
        "TurnFailed" => {
            Piece::Failed { message: text(event, "/message")?, retryable: flag(event, "/retryable") }
        }
        "TurnCancelled" => Piece::Cancelled,
        _ => return None,
    })
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

fn strange() -> Error {
    Error::unavailable("the server's answer is not what its schema promises")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_pieces_and_strange_ones_are_passed_over() {
        let delta = json!({ "__typename": "TurnTextDelta", "seq": 1, "text": "Hi" });
        assert_eq!(piece(&delta), Some(Piece::Text("Hi".into())));
        let failed = json!({ "__typename": "TurnFailed", "seq": 2, "message": "no key", "retryable": false });
        assert_eq!(piece(&failed), Some(Piece::Failed { message: "no key".into(), retryable: false }));
        assert_eq!(piece(&json!({ "__typename": "TurnPaused", "seq": 3 })), None);
    }

    #[test]
    fn a_user_error_is_an_error() {
        assert!(mended(&json!({ "userErrors": [] })).is_ok());
        let error = mended(&json!({ "userErrors": [{ "message": "too large" }] })).unwrap_err();
        assert_eq!(error.message(), "too large");
    }
}
