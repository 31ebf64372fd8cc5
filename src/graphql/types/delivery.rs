//! What is sent over channels.

use async_graphql::{Context, Enum, ID, Object, Result};

use crate::graphql::context::loaders;
use crate::graphql::ids;
use crate::graphql::scalars::DateTime;
use crate::graphql::types::{Conversation, Turn, find_turn};
use crate::store::{self, DeliveryState};

/// Where something that is sent over a channel stands. Clients must expect values that they do not know.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "DeliveryState", name = "DeliveryState")]
pub(in crate::graphql) enum State {
    /// It waits for its turn.
    Queued,
    /// It is on its way.
    Sending,
    /// The channel has it.
    Sent,
    /// It was sent and never answered for: nobody knows whether it arrived. It is not repeated by itself.
    Ambiguous,
    /// The channel refuses it for good.
    Failed,
}

/// One part of a reply on its way through a channel.
#[derive(Clone)]
pub(in crate::graphql) struct Delivery(pub(in crate::graphql) store::Delivery);

/// One part of a reply, or of what the system says beside replies, on its way through a channel.
#[Object]
impl Delivery {
    /// Stays as it is for ever.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ids::write(self.0.id)
    }
    /// The conversation that it belongs to; null for one that was erased.
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loaders(context)?.load_one(self.0.conversation_id).await?.map(Conversation))
    }
    /// The turn whose reply it is; null for what the system says beside replies.
    async fn turn(&self, context: &Context<'_>) -> Result<Option<Turn>> {
        match self.0.turn_id {
            Some(turn) => find_turn(context, turn).await,
            None => Ok(None),
        }
    }
    /// Which channel it is: `telegram`. Clients must expect others.
    async fn channel(&self) -> &str {
        &self.0.channel
    }
    /// Its place among the parts of its message, from 1; 0 for the beginning of a reply that was still growing.
    async fn part(&self) -> i32 {
        self.0.part
    }
    /// As the channel is told it, with the channel's own marks; empty for the beginning of a reply.
    async fn text(&self) -> &str {
        &self.0.text
    }
    /// Where it stands.
    async fn state(&self) -> State {
        self.0.state.into()
    }
    /// What went wrong last; null if nothing did.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }
    /// How often it was tried.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }
    /// Whether `resendDelivery` can send it again.
    async fn is_resendable(&self) -> bool {
        self.0.is_resendable()
    }
    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}
