//! Taking words back: editing a message, cancelling a turn.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::accounts::{Actor, Scope};
use crate::chat::inbound::may_see;
use crate::chat::long::Text;
use crate::chat::words::checked_text;
use crate::chat::{Change, Chat};
use crate::error::{Error, Result};
use crate::id::{MessageId, TurnId};
use crate::store::{
    Conversation, ConversationEvent, Document, Message, MessageRole, Tenant, Turn, TurnEvent, TurnEventKind,
    TurnState,
};

impl Chat {
    /// Replaces what the caller said. While its answer is not seen yet the answer is to the new words; an
    /// answered message is corrected in memory, and nobody is answered again.
    ///
    /// # Errors
    /// `NotFound` for a message that does not exist or is not the caller's own; `Invalid` for a text that is
    /// empty or too large.
    pub async fn edit(
        &self,
        actor: &Actor,
        message: MessageId,
        text: &str,
        expected_version: i32,
    ) -> Result<Change<Message>> {
        actor.require(Scope::Chat)?;
        let text = Text::of(checked_text(text)?).await?;
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let unknown = || Error::not_found("no such message");
        let place = Message::find(&mut tx, message).await?.ok_or_else(unknown)?.conversation_id;
        let conversation = Conversation::find_locked(&tx, place).await?.ok_or_else(unknown)?;
        // Again, now that nobody else changes it.
        let found = Message::find(&mut tx, message).await?.ok_or_else(unknown)?;
        if found.role != MessageRole::Person
            || found.person_id != Some(actor.person)
            || found.erased_at.is_some()
        {
            return Err(unknown());
        }
        if found.version != expected_version {
            return Ok(Change::Stale(found));
        }
        if found.text == text.text {
            return Ok(Change::Made(found));
        }
        let live = self.bots().find_by_id(&mut tx, conversation.bot_id).await?.ok_or_else(unknown)?;
        let version = Message::edit(&mut tx, message, &text.text, now).await?.ok_or_else(unknown)?;
        let edited = Message { text: text.text.clone(), version, edited_at: Some(now), ..found.clone() };
        Document::delete_of(&mut tx, message).await?;
        self.engine.file_away(&mut tx, &live, (&conversation, &edited), text, 0).await?;
        if let Some(turn) = found.turn_id {
            Turn::join_this(&mut tx, turn).await?;
        }
        self.engine.memory.correct(&mut tx, conversation.id, found.ordinal, now).await?;
        let (_, event) = Conversation::advance(&tx, conversation.id, 0, 1, now).await?;
        let place = (actor.account, conversation.id);
        let line = ConversationEvent::about_message("edit", place, event, message, now);
        ConversationEvent::insert(&tx, &[line]).await?;
        tx.commit().await?;
        Ok(Change::Made(edited))
    }

    /// Stops a turn because whoever began it no longer waits for it, unless others joined it.
    pub async fn withdraw(&self, actor: &Actor, turn: TurnId) -> Result<()> {
        if self.turn(actor, turn).await?.inputs == 1 {
            self.cancel(actor, turn).await?;
        }
        Ok(())
    }

    /// Stops a turn. A queued one is cancelled at once, a running one as soon as its runner hears of it; one
    /// that has ended stays as it is.
    pub async fn cancel(&self, actor: &Actor, turn: TurnId) -> Result<Turn> {
        actor.require(Scope::Chat)?;
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let unknown = || Error::not_found("no such turn");
        let found = Turn::find(&mut tx, turn).await?.ok_or_else(unknown)?;
        let conversation =
            Conversation::find_locked(&tx, found.conversation_id).await?.ok_or_else(unknown)?;
        if !may_see(actor, &conversation) {
            return Err(unknown());
        }
        if let Some(queued) = cancel_queued(&mut tx, &conversation, turn, now).await? {
            tx.commit().await?;
            return Ok(queued);
        }
        Turn::request_cancel(&mut tx, turn).await?;
        let now_stands = Turn::find(&mut tx, turn).await?.ok_or_else(unknown)?;
        tx.commit().await?;
        Ok(now_stands)
    }
}

/// Cancels a turn that waits in the queue, and tells who follows it; `None` if it does not wait. The
/// conversation must be locked.
pub(super) async fn cancel_queued(
    tx: &mut Tenant,
    conversation: &Conversation,
    turn: TurnId,
    now: DateTime<Utc>,
) -> Result<Option<Turn>> {
    let Some(queued) = Turn::cancel_queued(tx, turn, now).await? else { return Ok(None) };
    let end = (1, TurnEventKind::Cancelled, Value::Object(Default::default()));
    TurnEvent::insert(tx, turn, &[end]).await?;
    let (_, event) = Conversation::advance(tx, conversation.id, 0, 1, now).await?;
    let place = (conversation.account_id, conversation.id);
    let line = ConversationEvent::about_turn(place, event, turn, TurnState::Cancelled, now);
    ConversationEvent::insert(tx, &[line]).await?;
    Ok(Some(queued))
}
