//! What a search found.

use async_graphql::{ComplexObject, Context, Enum, Result, SimpleObject};
use uuid::Uuid;

use crate::graphql::context::loaders;
use crate::graphql::scalars::DateTime;
use crate::graphql::types::{Conversation, Message, find_message};
use crate::id::{ConversationId, MessageId};
use crate::memory::{Found, FoundKind};

/// What sort of thing was found. Clients must expect values that they do not know.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "FoundKind")]
pub(in crate::graphql) enum SearchHitKind {
    /// A message.
    Message,
    /// A summary of several.
    Summary,
    /// A summary of a day, a week or a month.
    Digest,
    /// A single sentence that was drawn from messages.
    Fact,
    /// A piece of a message that was too long to be read at once.
    Passage,
}

/// Something that a search found.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct SearchHit {
    /// What sort of thing it is.
    kind: SearchHitKind,
    /// Its words.
    text: String,
    /// Who said it, whom a fact is about, or what the document of a passage is called; null for a summary.
    speaker: Option<String>,
    /// When it was said, or summed up.
    at: DateTime,
    /// How well it fits. Comparable within one search.
    score: f64,
    #[graphql(skip)]
    conversation_id: ConversationId,
    #[graphql(skip)]
    message_id: Option<MessageId>,
}

#[ComplexObject]
impl SearchHit {
    /// Where it was said.
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loaders(context)?.load_one(self.conversation_id).await?.map(Conversation))
    }
    /// The message that it is, or that a passage is of; null for a summary and for a fact.
    async fn message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        match self.message_id {
            Some(id) => find_message(context, id).await,
            None => Ok(None),
        }
    }
}

impl From<Found> for SearchHit {
    fn from(found: Found) -> Self {
        let Found {
            kind,
            id,
            conversation,
            ordinal: _,
            at,
            speaker,
            is_bot: _,
            text,
            score,
            coverage: _,
            sources,
        } = found;
        Self {
            kind: kind.into(),
            text,
            speaker: Some(speaker).filter(|speaker| !speaker.is_empty()),
            at: DateTime(at),
            score: f64::from(score),
            conversation_id: conversation,
            message_id: message_of(kind, id, &sources),
        }
    }
}

/// The message that something is, or that a passage is of.
pub(in crate::graphql) fn message_of(kind: FoundKind, id: Uuid, sources: &[MessageId]) -> Option<MessageId> {
    match kind {
        FoundKind::Message => Some(MessageId(id)),
        FoundKind::Passage => sources.first().copied(),
        FoundKind::Summary | FoundKind::Digest | FoundKind::Fact => None,
    }
}

/// What stands beside the hits.
#[derive(SimpleObject)]
pub(in crate::graphql) struct SearchPage {
    /// False while the index is behind or being rebuilt: there may be more.
    pub(in crate::graphql) complete: bool,
}
