//! What people decide about a conversation: how far back it is heard word for word, where it begins afresh, and
//! that it be summed up now.

use crate::accounts::{Actor, Scope};
use crate::chat::Chat;
use crate::chat::revise::{locked, tell};
use crate::error::Result;
use crate::id::ConversationId;
use crate::store::Conversation;

/// How far back a conversation is heard word for word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    Short,
    Medium,
    Long,
}

impl Session {
    /// The shortest first.
    pub const ALL: [Self; 3] = [Self::Short, Self::Medium, Self::Long];

    /// How many hours that is.
    pub fn hours(self) -> u32 {
        match self {
            Self::Short => 3,
            Self::Medium => 6,
            Self::Long => 12,
        }
    }
}

impl Chat {
    /// Chooses how far back a conversation is heard word for word; `None`: as the bot's file says.
    ///
    /// # Errors
    /// `NotFound` unless there is such a conversation and the actor may see it.
    pub async fn set_session(
        &self,
        actor: &Actor,
        id: ConversationId,
        session: Option<Session>,
    ) -> Result<Conversation> {
        actor.require(Scope::Chat)?;
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let mut conversation = locked(&mut tx, actor, id).await?;
        let hours = session.and_then(|session| i32::try_from(session.hours()).ok());
        if conversation.session_hours != hours {
            conversation.version = Conversation::set_session(&mut tx, id, hours).await?;
            conversation.session_hours = hours;
            conversation.last_event = tell(&mut tx, &conversation, now).await?;
        }
        tx.commit().await?;
        Ok(conversation)
    }

    /// Begins afresh: what was said before is not heard word for word any more. It can still be recalled.
    ///
    /// # Errors
    /// As [`Chat::set_session`].
    pub async fn clear_window(&self, actor: &Actor, id: ConversationId) -> Result<Conversation> {
        actor.require(Scope::Chat)?;
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let mut conversation = locked(&mut tx, actor, id).await?;
        if conversation.window_from <= conversation.last_ordinal {
            conversation.window_from = conversation.last_ordinal + 1;
            Conversation::start_window_at(&mut tx, id, conversation.window_from).await?;
            conversation.last_event = tell(&mut tx, &conversation, now).await?;
        }
        tx.commit().await?;
        Ok(conversation)
    }

    /// Sums up soon what was not summed up yet, however little that is.
    ///
    /// # Errors
    /// As [`Chat::set_session`].
    pub async fn analyze(&self, actor: &Actor, id: ConversationId) -> Result<Conversation> {
        actor.require(Scope::Chat)?;
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let conversation = locked(&mut tx, actor, id).await?;
        self.engine.memory.sum_up(&mut tx, id, now).await?;
        tx.commit().await?;
        Ok(conversation)
    }
}
