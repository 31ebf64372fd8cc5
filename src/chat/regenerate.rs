//! Answering the same words again.
//!
//! The new answer is a turn of its own that takes the words over from the one before it. Until it is completed
//! the old reply stands; then the new one takes its place: the old one is kept, and is neither heard by a model
//! nor recalled nor summed up any more.

use chrono::{DateTime, Utc};

use crate::accounts::{Actor, Scope};
use crate::chat::Chat;
use crate::chat::inbound::may_see;
use crate::chat::repeat::{Receipt, claim_key, idempotency};
use crate::error::{Error, Result};
use crate::id::{MessageId, ReplicaId, TurnId};
use crate::store::{Conversation, ConversationEvent, Idempotency, Message, NewTurn, Tenant, Turn};

/// What is to be answered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// What this turn answered.
    Turn(TurnId),
    /// What this message answered or said.
    Message(MessageId),
}

/// A turn that answers again.
#[derive(Debug, Clone)]
pub struct Regenerated {
    pub conversation: Conversation,
    pub turn: Turn,
    /// This is the answer to a repetition.
    pub replayed: bool,
}

impl Chat {
    /// Answers the words of a conversation's newest turn again, with the bot as it is now. A turn that failed
    /// or was cancelled is tried again in the same way.
    ///
    /// # Errors
    /// `NotFound` for what does not exist or is not the caller's; `Conflict` if it is not the newest turn, or
    /// is still under way; `Invalid` for a message that no turn answered or wrote.
    pub async fn regenerate(
        &self,
        actor: &Actor,
        again: Again,
        idempotency_key: Option<String>,
    ) -> Result<Regenerated> {
        actor.require(Scope::Chat)?;
        let slot = self.engine.free_slot();
        let claim_as = slot.as_ref().map(|_| self.engine.replica);
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let request = idempotency_key.as_ref().map(|key| {
            let what = match again {
                Again::Turn(id) => format!("turn:{id}"),
                Again::Message(id) => format!("message:{id}"),
            };
            idempotency(actor, "regenerate", key, &[&what], now)
        });
        if let Some(receipt) = claim_key(&tx, request.as_ref()).await? {
            let regenerated = replay(&mut tx, &receipt).await?;
            tx.commit().await?;
            return Ok(regenerated);
        }
        let (conversation, last) = last_turn(&mut tx, actor, again).await?;
        let regenerated = self.take_again(&mut tx, conversation, &last, claim_as, now).await?;
        if let Some(request) = &request {
            let receipt = Receipt {
                conversation: regenerated.conversation.id,
                message: None,
                turn: Some(regenerated.turn.id),
            };
            let result = serde_json::to_value(receipt).map_err(Error::internal)?;
            Idempotency::answer(&mut tx, request, &result).await?;
        }
        tx.commit().await?;
        if let (true, Some(slot)) = (regenerated.turn.attempt == 1, slot) {
            self.engine.begin(regenerated.turn.clone(), 1, slot);
        }
        Ok(regenerated)
    }

    /// Begins the turn that takes the words of `last` over. The conversation must be locked.
    async fn take_again(
        &self,
        tx: &mut Tenant,
        mut conversation: Conversation,
        last: &Turn,
        claim_as: Option<ReplicaId>,
        now: DateTime<Utc>,
    ) -> Result<Regenerated> {
        let words = Message::list_inbound_of(tx, last.id).await?;
        if words.is_empty() {
            return Err(Error::conflict("what this turn answered was erased"));
        }
        let gone = || Error::not_found("no such turn");
        let live = self.bots().find_by_id(tx, conversation.bot_id).await?.ok_or_else(gone)?;
        if live.bot.archived_at.is_some() {
            return Err(Error::conflict(format!("the bot `{}` is archived", live.bot.name)));
        }
        let new = NewTurn {
            id: TurnId::new(),
            conversation_id: conversation.id,
            bot_id: live.bot.id,
            revision_id: live.revision,
            first_ordinal: last.first_ordinal,
            after: Some(last.as_take()),
            created_at: now,
        };
        // An older turn may still run where the newest one was cancelled in the queue: it waits for that one.
        let turn = Turn::insert(tx, new, claim_as).await?;
        Message::pass_on(tx, last.id, turn.id).await?;
        let (_, event) = Conversation::advance(tx, conversation.id, 0, 1, now).await?;
        let place = (conversation.account_id, conversation.id);
        let line = ConversationEvent::about_turn(place, event, turn.id, turn.state, now);
        ConversationEvent::insert(tx, &[line]).await?;
        conversation.last_event = event;
        conversation.updated_at = now;
        Ok(Regenerated { conversation, turn, replayed: false })
    }
}

/// The turn that is meant, which must be the newest of its conversation and over; the conversation locked.
async fn last_turn(tx: &mut Tenant, actor: &Actor, again: Again) -> Result<(Conversation, Turn)> {
    let (place, unknown) = match again {
        Again::Turn(id) => (Turn::find(tx, id).await?.map(|turn| turn.conversation_id), "no such turn"),
        Again::Message(id) => {
            (Message::find(tx, id).await?.map(|message| message.conversation_id), "no such message")
        }
    };
    let unknown = || Error::not_found(unknown);
    let conversation =
        Conversation::find_locked(tx, place.ok_or_else(unknown)?).await?.ok_or_else(unknown)?;
    if !may_see(actor, &conversation) {
        return Err(unknown());
    }
    let id = match again {
        Again::Turn(id) => id,
        // Read under the lock: another request may have handed the words over a moment ago.
        Again::Message(id) => {
            let turn = Message::find(tx, id).await?.and_then(|message| message.turn_id);
            turn.ok_or_else(|| Error::invalid("no turn answered or wrote this message"))?
        }
    };
    let newest = Turn::find_newest(tx, conversation.id).await?.ok_or_else(unknown)?;
    if newest.id != id {
        return Err(Error::conflict(
            "only the newest turn of a conversation can be answered again, and a newer one was begun",
        ));
    }
    if !newest.state.is_terminal() {
        return Err(Error::conflict("the turn is still under way: wait for its end, or cancel it"));
    }
    Ok((conversation, newest))
}

async fn replay(tx: &mut Tenant, receipt: &Receipt) -> Result<Regenerated> {
    let vanished = || Error::internal("a remembered turn vanished");
    let turn = receipt.turn.ok_or_else(vanished)?;
    Ok(Regenerated {
        conversation: Conversation::find(tx, receipt.conversation).await?.ok_or_else(vanished)?,
        turn: Turn::find(tx, turn).await?.ok_or_else(vanished)?,
        replayed: true,
    })
}
