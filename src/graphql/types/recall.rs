//! What a memory would bring to an answer.

use async_graphql::{ComplexObject, Context, Result, SimpleObject};

use crate::chat;
use crate::graphql::context::loaders;
use crate::graphql::scalars::DateTime;
use crate::graphql::types::search::{SearchHitKind, message_of};
use crate::graphql::types::{Conversation, Message, find_message};
use crate::id::{ConversationId, MessageId};
use crate::memory::Found;

/// What a bot would remember.
#[derive(SimpleObject)]
pub(in crate::graphql) struct Recollection {
    /// What would stand in the prompt, best first.
    evidence: Vec<RecalledEvidence>,
    /// What all of it may take, in tokens.
    budget: i32,
    /// What all of it takes, in tokens.
    tokens: i32,
    /// False while the index is behind or being rebuilt: there may be more.
    complete: bool,
}

/// Something remembered: a message, a summary of several, a fact, or a passage of a long text.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct RecalledEvidence {
    /// What sort of thing it is.
    kind: SearchHitKind,
    /// Its words.
    text: String,
    /// Who said it, whom a fact is about, or what the document of a passage is called; null for a summary.
    speaker: Option<String>,
    /// When it was said, or summed up.
    at: DateTime,
    /// How well it fits. Comparable within one answer only.
    score: f64,
    /// The share of the question's content words that it holds, each weighed by its rarity: 0 to 1.
    coverage: f64,
    /// What it takes in a prompt, in tokens.
    tokens: i32,
    #[graphql(skip)]
    conversation_id: ConversationId,
    #[graphql(skip)]
    message_id: Option<MessageId>,
}

#[ComplexObject]
impl RecalledEvidence {
    /// Where it was said.
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loaders(context)?.load_one(self.conversation_id).await?.map(Conversation))
    }
    /// The message that it is, or that a passage is of; null for anything else, and for a message that the caller
    /// may not open.
    async fn message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        match self.message_id {
            Some(id) => find_message(context, id).await,
            None => Ok(None),
        }
    }
}

impl From<chat::Remembered> for Recollection {
    fn from(remembered: chat::Remembered) -> Self {
        let chat::Remembered { evidence, budget, complete } = remembered;
        let tokens = evidence.iter().map(|(_, tokens)| tokens).sum();
        let count = |tokens: usize| i32::try_from(tokens).unwrap_or(i32::MAX);
        let one = |(found, tokens): (Found, usize)| {
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
                coverage,
                sources,
            } = found;
            RecalledEvidence {
                kind: kind.into(),
                text,
                speaker: Some(speaker).filter(|speaker| !speaker.is_empty()),
                at: DateTime(at),
                score: f64::from(score),
                coverage: f64::from(coverage),
                tokens: count(tokens),
                conversation_id: conversation,
                message_id: message_of(kind, id, &sources),
            }
        };
        Self {
            evidence: evidence.into_iter().map(one).collect(),
            budget: i32::try_from(budget).unwrap_or(i32::MAX),
            tokens: count(tokens),
            complete,
        }
    }
}
