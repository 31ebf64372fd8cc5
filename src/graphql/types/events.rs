//! What subscriptions tell: the events of a turn, and the lines of a conversation's log.

use async_graphql::{ComplexObject, Context, ID, Interface, Json, Result, SimpleObject};
use serde_json::Value;

use crate::chat::{TurnUpdate, Update};
use crate::error;
use crate::graphql::context::loaders;
use crate::graphql::ids;
use crate::graphql::scalars::DateTime;
use crate::graphql::types::turn::TurnState;
use crate::graphql::types::{Conversation, Message, Turn};
use crate::id::{ConversationId, MessageId, TurnId};
use crate::store;

/// Something that happened in a turn. Numbered from 1 without gaps; the last one is `TurnCompleted`,
/// `TurnFailed` or `TurnCancelled`. After a break subscribe again with `after` set to the last `seq`.
#[derive(Interface, Clone)]
#[graphql(
    field(name = "turn_id", ty = "&ID", desc = "Of which turn."),
    field(name = "seq", ty = "&i32", desc = "The number of the event; the last one that it stands for."),
    field(name = "at", ty = "&DateTime", desc = "When it happened.")
)]
pub(in crate::graphql) enum TurnEvent {
    Text(TurnTextDelta),
    ToolCalled(TurnToolCalled),
    ToolReturned(TurnToolReturned),
    Restarted(TurnRestarted),
    Completed(TurnCompleted),
    Failed(TurnFailed),
    Cancelled(TurnCancelled),
}

macro_rules! turn_events {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty),* $(,)? } $(($($complex:tt)*))?)+) => {$(
        $(#[$doc])*
        #[derive(SimpleObject, Clone)]
        $(#[graphql($($complex)*)])?
        pub(in crate::graphql) struct $name {
            /// Of which turn.
            turn_id: ID,
            /// The number of the event; the last one that it stands for.
            seq: i32,
            /// When it happened.
            at: DateTime,
            $($(#[$field_meta])* $field: $ty,)*
        }
    )+};
}

turn_events! {
    /// More of the reply. One event may stand for several: what a reader missed comes in one piece.
    TurnTextDelta {
        /// The first event that it stands for.
        from_seq: i32,
        /// To be added to what was said before.
        text: String,
    }
    /// The model asked for a tool.
    TurnToolCalled {
        /// The name of the tool.
        name: String,
        /// What it is called with.
        arguments: Json<Value>,
    }
    /// A tool answered.
    TurnToolReturned {
        /// The name of the tool.
        name: String,
        /// Whether it could not do what was asked.
        is_error: bool,
    }
    /// The reply begins anew: forget what was said before.
    TurnRestarted {
        /// How often it was begun.
        attempt: i32,
    }
    /// There is a reply.
    TurnCompleted {
        #[graphql(skip)]
        message_id: MessageId,
    } (complex)
    /// There will be no reply.
    TurnFailed {
        /// For programs. Clients must expect codes that they do not know.
        code: String,
        /// For the person.
        message: String,
        /// Whether asking again may help.
        retryable: bool,
    }
    /// Somebody stopped it.
    TurnCancelled {}
}

#[ComplexObject]
impl TurnCompleted {
    /// The whole reply.
    async fn reply(&self, context: &Context<'_>) -> Result<Option<Message>> {
        Ok(loaders(context)?.load_one(self.message_id).await?.map(Message))
    }
    /// The same as `reply`. Beside `TurnFailed.message`, which is a text, one of the two needs an alias.
    async fn message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        self.reply(context).await
    }
}

pub(in crate::graphql) fn turn_event(update: TurnUpdate) -> TurnEvent {
    let TurnUpdate { turn, from_seq, seq, at, what } = update;
    let (turn_id, at) = (ids::write(turn), DateTime(at));
    match what {
        Update::Text(text) => TurnEvent::Text(TurnTextDelta { turn_id, seq, at, from_seq, text }),
        Update::ToolCalled { name, arguments } => {
            TurnEvent::ToolCalled(TurnToolCalled { turn_id, seq, at, name, arguments: Json(arguments) })
        }
        Update::ToolReturned { name, is_error } => {
            TurnEvent::ToolReturned(TurnToolReturned { turn_id, seq, at, name, is_error })
        }
        Update::Restarted { attempt } => TurnEvent::Restarted(TurnRestarted { turn_id, seq, at, attempt }),
        Update::Completed { message, finish: _ } => {
            TurnEvent::Completed(TurnCompleted { turn_id, seq, at, message_id: message })
        }
        Update::Failed { code, message, retryable } => {
            TurnEvent::Failed(TurnFailed { turn_id, seq, at, code, message, retryable })
        }
        Update::Cancelled => TurnEvent::Cancelled(TurnCancelled { turn_id, seq, at }),
    }
}

/// A line of a conversation's log. Numbered from 1 without gaps. After a break subscribe again with `after`
/// set to the last `seq`.
#[derive(Interface, Clone)]
#[graphql(
    field(name = "conversation_id", ty = "&ID", desc = "Of which conversation."),
    field(name = "seq", ty = "&i32", desc = "The number of the line."),
    field(name = "at", ty = "&DateTime", desc = "When it happened.")
)]
pub(in crate::graphql) enum ConversationEvent {
    Added(MessageAdded),
    Edited(MessageEdited),
    Superseded(MessageSuperseded),
    Erased(MessageErased),
    Turn(TurnStateChanged),
    Changed(ConversationChanged),
}

/// Somebody said something.
#[derive(SimpleObject, Clone)]
#[graphql(complex)]
pub(in crate::graphql) struct MessageAdded {
    /// Of which conversation.
    conversation_id: ID,
    /// The number of the line.
    seq: i32,
    /// When it happened.
    at: DateTime,
    #[graphql(skip)]
    message_id: MessageId,
}

#[ComplexObject]
impl MessageAdded {
    /// What was said, as it stands now.
    async fn message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        Ok(loaders(context)?.load_one(self.message_id).await?.map(Message))
    }
}

/// Somebody changed what they had said.
#[derive(SimpleObject, Clone)]
#[graphql(complex)]
pub(in crate::graphql) struct MessageEdited {
    /// Of which conversation.
    conversation_id: ID,
    /// The number of the line.
    seq: i32,
    /// When it happened.
    at: DateTime,
    #[graphql(skip)]
    message_id: MessageId,
}

#[ComplexObject]
impl MessageEdited {
    /// What was said, as it stands now.
    async fn message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        Ok(loaders(context)?.load_one(self.message_id).await?.map(Message))
    }
}

/// Another reply took the place of a message, because the same words were answered again.
#[derive(SimpleObject, Clone)]
#[graphql(complex)]
pub(in crate::graphql) struct MessageSuperseded {
    /// Of which conversation.
    conversation_id: ID,
    /// The number of the line.
    seq: i32,
    /// When it happened.
    at: DateTime,
    #[graphql(skip)]
    message_id: MessageId,
}

#[ComplexObject]
impl MessageSuperseded {
    /// The message that no longer stands; its `supersededBy` is the one that does.
    async fn message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        Ok(loaders(context)?.load_one(self.message_id).await?.map(Message))
    }
}

/// The words of a message were erased. Its place in the conversation stays.
#[derive(SimpleObject, Clone)]
#[graphql(complex)]
pub(in crate::graphql) struct MessageErased {
    /// Of which conversation.
    conversation_id: ID,
    /// The number of the line.
    seq: i32,
    /// When it happened.
    at: DateTime,
    #[graphql(skip)]
    message_id: MessageId,
}

#[ComplexObject]
impl MessageErased {
    /// What is left of it: forget the words that you hold.
    async fn message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        Ok(loaders(context)?.load_one(self.message_id).await?.map(Message))
    }
}

/// The conversation itself was changed: it has another title.
#[derive(SimpleObject, Clone)]
#[graphql(complex)]
pub(in crate::graphql) struct ConversationChanged {
    /// Of which conversation.
    conversation_id: ID,
    /// The number of the line.
    seq: i32,
    /// When it happened.
    at: DateTime,
    #[graphql(skip)]
    id: ConversationId,
}

#[ComplexObject]
impl ConversationChanged {
    /// The conversation, as it stands now.
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loaders(context)?.load_one(self.id).await?.map(Conversation))
    }
}

/// A turn came into a state.
#[derive(SimpleObject, Clone)]
#[graphql(complex)]
pub(in crate::graphql) struct TurnStateChanged {
    /// Of which conversation.
    conversation_id: ID,
    /// The number of the line.
    seq: i32,
    /// When it happened.
    at: DateTime,
    /// The state that it came into; by now it may be in another.
    state: TurnState,
    #[graphql(skip)]
    turn_id: TurnId,
}

#[ComplexObject]
impl TurnStateChanged {
    /// The turn, as it stands now.
    async fn turn(&self, context: &Context<'_>) -> Result<Option<Turn>> {
        Ok(loaders(context)?.load_one(self.turn_id).await?.map(Turn))
    }
}

/// A line of the log. `Internal` if it is of a kind that this version does not know.
pub(in crate::graphql) fn conversation_event(
    row: store::ConversationEvent,
) -> error::Result<ConversationEvent> {
    let store::ConversationEvent {
        account_id: _,
        conversation_id: id,
        seq,
        kind,
        message_id,
        turn_id,
        state,
        at,
    } = row;
    let (conversation_id, at) = (ids::write(id), DateTime(at));
    Ok(match (kind.as_str(), message_id, turn_id) {
        ("message", Some(message_id), _) => {
            ConversationEvent::Added(MessageAdded { conversation_id, seq, at, message_id })
        }
        ("edit", Some(message_id), _) => {
            ConversationEvent::Edited(MessageEdited { conversation_id, seq, at, message_id })
        }
        ("superseded", Some(message_id), _) => {
            ConversationEvent::Superseded(MessageSuperseded { conversation_id, seq, at, message_id })
        }
        ("erased", Some(message_id), _) => {
            ConversationEvent::Erased(MessageErased { conversation_id, seq, at, message_id })
        }
        ("changed", ..) => ConversationEvent::Changed(ConversationChanged { conversation_id, seq, at, id }),
        ("turn", _, Some(turn_id)) => {
            let state = state.as_deref().and_then(turn_state);
            let state = state.ok_or_else(|| error::Error::internal("a turn in no state"))?;
            ConversationEvent::Turn(TurnStateChanged { conversation_id, seq, at, state, turn_id })
        }
        _ => return Err(error::Error::internal(format!("a line of the kind `{kind}`"))),
    })
}

fn turn_state(word: &str) -> Option<TurnState> {
    use store::TurnState::{Cancelled, Completed, Failed, Queued, Running};
    let known = [Queued, Running, Completed, Failed, Cancelled];
    known.into_iter().find(|state| state.as_str() == word).map(TurnState::from)
}
