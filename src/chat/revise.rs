//! Changing what is there: the title of a conversation, what somebody thinks of a reply. Whoever names the
//! version that they saw changes that one or none.

use chrono::{DateTime, Utc};

use crate::accounts::{Actor, Scope};
use crate::chat::Chat;
use crate::chat::inbound::may_see;
use crate::chat::words::checked_title;
use crate::error::{Error, Result};
use crate::id::{ConversationId, MessageId};
use crate::store::{Conversation, ConversationEvent, Message, MessageRole, Opinion, Rating, Tenant};

/// The longest comment on a reply, in characters.
const MAX_COMMENT: usize = 2_000;

/// What became of a change that may name the version that it is made to.
#[derive(Debug, Clone)]
pub enum Change<T> {
    /// It was made: this is how the thing stands now.
    Made(T),
    /// Somebody changed the thing meanwhile, so nothing was done: this is how it stands.
    Stale(T),
}

impl Chat {
    /// Gives a conversation another title; `None` takes it away.
    ///
    /// # Errors
    /// `NotFound` unless there is such a conversation and the actor may see it; `Invalid` for a title that is
    /// too long.
    pub async fn retitle(
        &self,
        actor: &Actor,
        id: ConversationId,
        title: Option<String>,
        expected_version: i32,
    ) -> Result<Change<Conversation>> {
        actor.require(Scope::Chat)?;
        let title = checked_title(title)?;
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let mut conversation = locked(&mut tx, actor, id).await?;
        if conversation.version != expected_version {
            return Ok(Change::Stale(conversation));
        }
        if conversation.title == title {
            return Ok(Change::Made(conversation));
        }
        conversation.version = Conversation::set_title(&mut tx, id, title.as_deref()).await?;
        conversation.title = title;
        conversation.last_event = tell(&mut tx, &conversation, now).await?;
        tx.commit().await?;
        Ok(Change::Made(conversation))
    }

    /// Notes what the actor thinks of a bot's message, in place of what they thought before. The versions are
    /// those of the actor's own rating, 0 where there is none yet.
    ///
    /// # Errors
    /// `NotFound` unless there is such a message and the actor may see it; `Conflict` for a message that no bot
    /// wrote; `Invalid` for a comment that is too long.
    pub async fn rate(
        &self,
        actor: &Actor,
        id: MessageId,
        opinion: Opinion,
        comment: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<Change<Message>> {
        actor.require(Scope::Chat)?;
        if comment.as_ref().is_some_and(|comment| comment.chars().count() > MAX_COMMENT) {
            return Err(Error::invalid(format!("a comment has at most {MAX_COMMENT} characters")));
        }
        let unknown = || Error::not_found("no such message");
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let message = Message::find(&mut tx, id).await?.ok_or_else(unknown)?;
        // Locked, so that two changes of one rating come one after the other.
        let conversation =
            Conversation::find_locked(&tx, message.conversation_id).await?.ok_or_else(unknown)?;
        if !may_see(actor, &conversation) {
            return Err(unknown());
        }
        if message.role != MessageRole::Bot {
            return Err(Error::conflict("only what a bot said can be rated"));
        }
        let version = Rating::find(&mut tx, id, actor.person).await?.map_or(0, |rating| rating.version);
        if expected_version.is_some_and(|expected| expected != version) {
            return Ok(Change::Stale(message));
        }
        let rating = Rating {
            account_id: actor.account,
            message_id: id,
            person_id: actor.person,
            rating: opinion,
            // What is taken back is taken back with its reasons.
            comment: comment.filter(|_| opinion != Opinion::None).map(|text| text.replace('\0', "\u{fffd}")),
            version: version + 1,
            rated_at: self.engine.clock.now(),
        };
        Rating::put(&mut tx, &rating).await?;
        tx.commit().await?;
        Ok(Change::Made(message))
    }
}

pub(super) async fn locked(tx: &mut Tenant, actor: &Actor, id: ConversationId) -> Result<Conversation> {
    let found = Conversation::find_locked(tx, id).await?;
    found
        .filter(|conversation| may_see(actor, conversation))
        .ok_or_else(|| Error::not_found("no such conversation"))
}

/// Adds the change of the conversation to its log; the number of the line.
pub(super) async fn tell(tx: &mut Tenant, conversation: &Conversation, now: DateTime<Utc>) -> Result<i32> {
    let (_, event) = Conversation::advance(tx, conversation.id, 0, 1, conversation.updated_at).await?;
    let place = (conversation.account_id, conversation.id);
    ConversationEvent::insert(tx, &[ConversationEvent::about_itself(place, event, now)]).await?;
    Ok(event)
}
