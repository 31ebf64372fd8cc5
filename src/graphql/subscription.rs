//! What can be followed. A subscription is a cursor over a durable log: it may break at any time and go on
//! from the last number that was heard.

use std::sync::Arc;

use async_graphql::{Context, ID, Result};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use crate::chat::News;
use crate::error::Error;
use crate::graphql::context::{reader, rooms};
use crate::graphql::cursors::sync_token;
use crate::graphql::ids;
use crate::graphql::types::{ChangesAvailable, ConversationEvent, TurnEvent, conversation_event, turn_event};
use crate::id::ConversationId;

/// Boxed, because the library would keep room for two of them, and thousands may be open.
type Events<T> = BoxStream<'static, Result<T, Arc<Error>>>;

pub(super) struct Subscription;

/// What can be followed.
#[async_graphql::Subscription]
impl Subscription {
    /// What happens in a turn, from its first event to its last; then the subscription completes.
    async fn turn_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The turn to follow.")] turn_id: ID,
        #[graphql(default_with = "Some(0)", desc = "Only events after this number.")] after: Option<i32>,
    ) -> Result<Events<TurnEvent>> {
        let (actor, rooms) = (reader(context)?, rooms(context)?);
        let turn = ids::read(&turn_id)?;
        let events = rooms.chat.turn_events(actor, turn, after.unwrap_or(0)).await?;
        Ok(events.map(|update| update.map(turn_event).map_err(Arc::new)).boxed())
    }

    /// What happens in a conversation: messages, edits, and the states of its turns. It goes on until the
    /// client ends it.
    async fn conversation_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The conversation to follow.")] conversation_id: ID,
        #[graphql(default_with = "Some(0)", desc = "Only lines after this number.")] after: Option<i32>,
    ) -> Result<Events<ConversationEvent>> {
        let (actor, rooms) = (reader(context)?, rooms(context)?);
        let conversation: ConversationId = ids::read(&conversation_id)?;
        let events = rooms.chat.conversation_events(actor, conversation, after.unwrap_or(0));
        Ok(events.map(|line| line.and_then(conversation_event).map_err(Arc::new)).boxed())
    }

    /// Tells when there is something to be read by `changes`, and nothing else: at once if there is, and then at
    /// every news, at most once a second. It may tell twice of the same; a client without it misses nothing but
    /// the moment. It goes on until the client ends it, or until `resetRequired`.
    async fn changes_available(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The `token` of the last page of `changes`. What it left out is not told of.")]
        since: String,
    ) -> Result<Events<ChangesAvailable>> {
        let (actor, rooms) = (reader(context)?, rooms(context)?);
        let news = rooms.chat.changes_available(actor, sync_token(&since)?);
        let told = move |news: Result<News, Error>| {
            let reset_required = news.map_err(Arc::new)? == News::Reset;
            Ok(ChangesAvailable { since: since.clone(), reset_required })
        };
        Ok(news.map(told).boxed())
    }
}
