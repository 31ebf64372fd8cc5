//! Subscriptions: cursors over durable logs. A reader holds its place and nothing else; what it missed comes
//! in one piece, so a slow one costs no memory and loses nothing.

use std::time::Duration;

use async_stream::try_stream;
use chrono::{DateTime, Utc};
use futures_util::Stream;
use serde_json::{Value, json};

use crate::accounts::Actor;
use crate::chat::Chat;
use crate::chat::inbound::may_see;
use crate::error::{Error, Result};
use crate::id::{AccountId, ConversationId, MessageId, TurnId};
use crate::providers::Finish;
use crate::store::{
    Conversation, ConversationEvent, Hint, Message, Store, Tenant, Turn, TurnEvent, TurnEventKind,
};

/// How many events are read at once.
const PAGE: i64 = 500;
/// The slow polls beside the wake-ups, for a hint that got lost. Thousands may follow conversations in which
/// nothing happens, so there it is rare.
const TURN_POLL: Duration = Duration::from_secs(5);
const CONVERSATION_POLL: Duration = Duration::from_secs(30);

/// What a subscriber of a turn hears: one event, or several texts merged.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnUpdate {
    pub turn: TurnId,
    /// The first and last event that this stands for.
    pub from_seq: i32,
    pub seq: i32,
    pub at: DateTime<Utc>,
    pub what: Update,
}

/// What happened in a turn. The last three are terminal.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    Text(String),
    ToolCalled {
        name: String,
        arguments: Value,
    },
    ToolReturned {
        name: String,
        is_error: bool,
    },
    /// What was said before is void.
    Restarted {
        attempt: i32,
    },
    Completed {
        message: MessageId,
        finish: Finish,
    },
    Failed {
        code: String,
        message: String,
        retryable: bool,
    },
    Cancelled,
}

impl Update {
    /// Nothing follows it.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed { .. } | Self::Failed { .. } | Self::Cancelled)
    }
}

impl Chat {
    /// Everything that happens in a turn after event `after`, until its end.
    ///
    /// # Errors
    /// `NotFound` unless there is such a turn, in a conversation that the actor may see.
    pub async fn turn_events(
        &self,
        actor: &Actor,
        turn: TurnId,
        after: i32,
    ) -> Result<impl Stream<Item = Result<TurnUpdate>> + Send + use<>> {
        let (store, account) = (self.engine.store.clone(), actor.account);
        let mut tx = store.reading(account).await?;
        visible_turn(&mut tx, actor, turn).await?;
        tx.commit().await?;
        Ok(try_stream! {
            // The waiter is made before the log is read, so nothing falls between.
            let mut waiter = store.wake().waiter(Hint::Turn(turn));
            let mut place = after.max(0);
            loop {
                // In a box of its own: thousands may wait here, and few read.
                let Page { events, more, gap, whole } =
                    Box::pin(page_after(&store, account, turn, place, place == after.max(0))).await?;
                if let Some((turn_row, text)) = whole {
                    // Its words are no longer kept one by one: they come whole.
                    if turn_row.state.is_terminal() && place >= turn_row.last_seq {
                        return;
                    }
                    if gap {
                        for update in replacement(turn, place, &events, turn_row.attempt, text) {
                            yield update;
                        }
                    }
                }
                for update in merged(turn, events)? {
                    if update.seq <= place {
                        continue;
                    }
                    place = update.seq;
                    let last = update.what.is_terminal();
                    yield update;
                    if last {
                        return;
                    }
                }
                if !more {
                    waiter.wait(TURN_POLL).await;
                }
            }
        })
    }

    /// Every line of a conversation's log after `after`, for as long as the caller listens.
    pub fn conversation_events(
        &self,
        actor: &Actor,
        conversation: ConversationId,
        after: i32,
    ) -> impl Stream<Item = Result<ConversationEvent>> + Send + use<> {
        let (store, actor) = (self.engine.store.clone(), actor.clone());
        try_stream! {
            let mut waiter = store.wake().waiter(Hint::Conversation(conversation));
            let mut place = after.max(0);
            loop {
                // In a box of its own: thousands may wait here, and few read.
                let events = Box::pin(lines_after(&store, &actor, conversation, place)).await?;
                let more = events.len() == PAGE as usize;
                for event in events {
                    place = event.seq;
                    yield event;
                }
                if !more {
                    waiter.wait(CONVERSATION_POLL).await;
                }
            }
        }
    }

    /// A turn as it stands now. `NotFound` unless there is one, in a conversation that the actor may see.
    pub async fn turn(&self, actor: &Actor, turn: TurnId) -> Result<Turn> {
        let mut tx = self.engine.store.reading(actor.account).await?;
        let found = visible_turn(&mut tx, actor, turn).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// What a turn has said so far and the number of its newest event, read together.
    pub async fn turn_text(&self, actor: &Actor, turn: &Turn) -> Result<(String, i32)> {
        let mut tx = self.engine.store.reading(actor.account).await?;
        let said = text_so_far(&mut tx, turn).await?;
        tx.commit().await?;
        Ok(said)
    }
}

/// What a follower of a turn reads at once.
struct Page {
    events: Vec<TurnEvent>,
    /// There may be more.
    more: bool,
    /// Events before these are no longer kept.
    gap: bool,
    /// The turn and its text, where the events alone do not tell.
    whole: Option<(Turn, String)>,
}

/// The events after `place`. `is_first`: nothing was read before.
async fn page_after(
    store: &Store,
    account: AccountId,
    turn: TurnId,
    place: i32,
    is_first: bool,
) -> Result<Page> {
    let mut tx = store.reading(account).await?;
    let (events, more) = TurnEvent::page_after(&mut tx, turn, place).await?;
    let gap = events.first().is_some_and(|event| event.seq > place + 1);
    let whole =
        if gap || (events.is_empty() && is_first) { Some(whole_turn(&mut tx, turn).await?) } else { None };
    tx.commit().await?;
    Ok(Page { events, more, gap, whole })
}

/// The lines after `place`, if the actor may see the conversation.
async fn lines_after(
    store: &Store,
    actor: &Actor,
    conversation: ConversationId,
    place: i32,
) -> Result<Vec<ConversationEvent>> {
    let mut tx = store.reading(actor.account).await?;
    let found = Conversation::find(&tx, conversation).await?;
    found
        .filter(|conversation| may_see(actor, conversation))
        .ok_or_else(|| Error::not_found("no such conversation"))?;
    let events = ConversationEvent::list_after(&mut tx, conversation, place, PAGE).await?;
    tx.commit().await?;
    Ok(events)
}

/// The turn, if the actor may see it.
async fn visible_turn(tx: &mut Tenant, actor: &Actor, turn: TurnId) -> Result<Turn> {
    let unknown = || Error::not_found("no such turn");
    let turn = Turn::find(tx, turn).await?.ok_or_else(unknown)?;
    let conversation = Conversation::find(tx, turn.conversation_id).await?.ok_or_else(unknown)?;
    if may_see(actor, &conversation) { Ok(turn) } else { Err(unknown()) }
}

/// The turn and its text.
async fn whole_turn(tx: &mut Tenant, turn: TurnId) -> Result<(Turn, String)> {
    let turn = Turn::find(tx, turn).await?.ok_or_else(|| Error::not_found("no such turn"))?;
    let (text, _) = text_so_far(tx, &turn).await?;
    Ok((turn, text))
}

pub(super) async fn text_so_far(tx: &mut Tenant, turn: &Turn) -> Result<(String, i32)> {
    if turn.state.is_terminal() {
        let reply = match turn.reply_id {
            Some(id) => Message::find(tx, id).await?,
            None => None,
        };
        return Ok((reply.map(|message| message.text).unwrap_or_default(), turn.last_seq));
    }
    let (mut text, mut last) = (String::new(), 0);
    loop {
        let (events, more) = TurnEvent::page_after(tx, turn.id, last).await?;
        for event in &events {
            last = event.seq;
            match event.kind {
                TurnEventKind::Text => text.push_str(words(&event.body)),
                TurnEventKind::Restarted => text.clear(),
                _ => {}
            }
        }
        if !more {
            return Ok((text, last));
        }
    }
}

/// The body of the event that ends a good turn. `finish` is told where the reply was cut.
pub(super) fn completed(reply: MessageId, finish: Finish) -> Value {
    let mut body = json!({ "messageId": reply });
    match finish {
        Finish::Length => body["finish"] = json!("length"),
        Finish::Filtered => body["finish"] = json!("filtered"),
        Finish::Stop | Finish::ToolCalls => {}
    }
    body
}

fn words(body: &Value) -> &str {
    body.get("text").and_then(Value::as_str).unwrap_or_default()
}

/// Stands for the events between `place` and the first of `kept`, which are no longer there.
fn replacement(turn: TurnId, place: i32, kept: &[TurnEvent], attempt: i32, text: String) -> Vec<TurnUpdate> {
    let Some(first) = kept.first() else { return Vec::new() };
    let update = |from_seq, seq, what| TurnUpdate { turn, from_seq, seq, at: first.at, what };
    let last_gone = first.seq - 1;
    let mut updates = vec![update(place + 1, last_gone.min(place + 1), Update::Restarted { attempt })];
    if !text.is_empty() {
        updates.push(update(place + 1, last_gone, Update::Text(text)));
    }
    updates
}

/// Events as subscribers hear them: neighbouring texts in one piece.
fn merged(turn: TurnId, events: Vec<TurnEvent>) -> Result<Vec<TurnUpdate>> {
    let mut updates: Vec<TurnUpdate> = Vec::with_capacity(events.len());
    for event in events {
        let what = read(&event)?;
        if let Update::Text(more) = &what
            && let Some(TurnUpdate { seq, what: Update::Text(text), at, .. }) = updates.last_mut()
        {
            text.push_str(more);
            *seq = event.seq;
            *at = event.at;
            continue;
        }
        updates.push(TurnUpdate { turn, from_seq: event.seq, seq: event.seq, at: event.at, what });
    }
    Ok(updates)
}

fn read(event: &TurnEvent) -> Result<Update> {
    let field = |name: &str| event.body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let flag = |name: &str| event.body.get(name).and_then(Value::as_bool).unwrap_or_default();
    Ok(match event.kind {
        TurnEventKind::Text => Update::Text(field("text")),
        TurnEventKind::ToolCalled => Update::ToolCalled {
            name: field("name"),
            arguments: event.body.get("arguments").cloned().unwrap_or_default(),
        },
        TurnEventKind::ToolReturned => {
            Update::ToolReturned { name: field("name"), is_error: flag("isError") }
        }
        TurnEventKind::Restarted => Update::Restarted {
            attempt: event
                .body
                .get("attempt")
                .and_then(Value::as_i64)
                .and_then(|n| n.try_into().ok())
                .unwrap_or(1),
        },
        TurnEventKind::Completed => {
            let finish = match field("finish").as_str() {
                "length" => Finish::Length,
                "filtered" => Finish::Filtered,
                _ => Finish::Stop,
            };
            Update::Completed { message: field("messageId").parse().map_err(Error::internal)?, finish }
        }
        TurnEventKind::Failed => {
            Update::Failed { code: field("code"), message: field("message"), retryable: flag("retryable") }
        }
        TurnEventKind::Cancelled => Update::Cancelled,
    })
}
