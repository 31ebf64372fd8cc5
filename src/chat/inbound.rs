//! Taking in what people say: once, durably, in order, before anybody is told that it was accepted.

use chrono::{DateTime, Utc};
use futures_util::future::try_join;
use serde_json::Value;

use crate::accounts::{Actor, Scope};
use crate::chat::Chat;
use crate::chat::album::GATHERED_AFTER;
use crate::chat::bots::LiveBot;
use crate::chat::long::Text;
use crate::chat::repeat::{Claim, Receipt, idempotency, of_message, replay};
use crate::chat::uploads::{LongFile, attach};
use crate::chat::words::{checked_title, checked_words};
use crate::dialog::Wishes;
use crate::error::{Error, Result};
use crate::id::{ConversationId, MessageId, ReplicaId, TurnId, UploadId};
use crate::store::{
    Conversation, ConversationEvent, Idempotency, Message, MessageRole, NewTurn, Participant, Tenant, Turn,
};
use crate::tokens;

/// Where a message goes.
#[derive(Debug, Clone)]
pub enum Target {
    /// The caller's own conversation with the bot of that name on this channel, begun if there is none.
    Bot(String),
    Conversation(ConversationId),
}

/// A message that comes in.
#[derive(Debug, Clone)]
pub struct Inbound {
    pub target: Target,
    pub text: String,
    /// A repetition with the same key has the first one's effect and answer.
    pub idempotency_key: Option<String>,
    pub channel: &'static str,
    /// How the client wants to be answered, beside what the bot's file says.
    pub wishes: Option<Wishes>,
    /// Files that belong to it, in this order.
    pub uploads: Vec<UploadId>,
}

/// A message that was taken in.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub conversation: Conversation,
    pub message: Message,
    /// The turn that answers it, perhaps together with others.
    pub turn: Turn,
    /// This is the answer to a repetition.
    pub replayed: bool,
}

impl Accepted {
    fn receipt(&self) -> Receipt {
        let (message, turn) = (Some(self.message.id), Some(self.turn.id));
        Receipt { conversation: self.conversation.id, message, turn }
    }
}

/// A message about to be stored.
pub(super) struct New {
    pub(super) message: MessageId,
    /// The turn that it begins, unless it joins another.
    pub(super) turn: TurnId,
    pub(super) text: String,
    /// Who has room to run the turn at once.
    pub(super) claim_as: Option<ReplicaId>,
    /// Whether more that belongs to it is on its way: its turn waits for that a moment.
    pub(super) gathers: bool,
    pub(super) at: DateTime<Utc>,
}

impl New {
    /// What most messages come to: their key remembers it from its claim on, which spares writing it twice.
    fn expected(&self, target: &Target) -> Option<Receipt> {
        match *target {
            Target::Conversation(conversation) => {
                Some(Receipt { conversation, message: Some(self.message), turn: Some(self.turn) })
            }
            Target::Bot(_) => None,
        }
    }
}

impl New {
    /// The open turn of the conversation, with one more message to answer.
    async fn join(&self, tx: &Tenant, conversation: ConversationId) -> Result<Option<Turn>> {
        match self.gathers {
            true => Turn::join_queued(tx, conversation).await,
            false => Turn::join(tx, conversation).await,
        }
    }

    /// The turn that answers it: the one that was joined, or a new one.
    async fn turn(
        &self,
        tx: &mut Tenant,
        live: &LiveBot,
        conversation_id: ConversationId,
        (first_ordinal, joined): (i32, Option<Turn>),
    ) -> Result<Turn> {
        let turn = match joined {
            Some(turn) => turn,
            None => {
                let begun = NewTurn {
                    id: self.turn,
                    conversation_id,
                    bot_id: live.bot.id,
                    revision_id: live.revision,
                    first_ordinal,
                    after: None,
                    created_at: self.at,
                };
                Turn::insert(tx, begun, self.claim_as).await?
            }
        };
        if self.gathers {
            Turn::wait(tx, turn.id, GATHERED_AFTER).await?;
        }
        Ok(turn)
    }
}

impl Chat {
    /// Takes in a message. When this returns it is durable, and its answer will come whatever crashes.
    ///
    /// # Errors
    /// `NotFound` for a bot or conversation that does not exist or is not the caller's; `Invalid` for a text
    /// that is too large, or empty without any files (what a bot cannot read at once becomes a document); `Conflict` for an idempotency key that was used for something else. Uploads that
    /// cannot be attached are [`About`](crate::chat::About) `uploadIds`.
    pub async fn send(&self, actor: &Actor, inbound: Inbound) -> Result<Accepted> {
        actor.require(Scope::Chat)?;
        let text = Text::of(checked_words(&inbound.text, !inbound.uploads.is_empty())?).await?;
        let beside = inbound.wishes.as_ref().map_or(0, |wishes| tokens::count(&wishes.instructions));
        let wishes = written(inbound.wishes.as_ref())?;
        let slot = self.engine.free_slot();
        let claim_as = slot.as_ref().map(|_| self.engine.replica);
        let new = New {
            message: MessageId::new(),
            turn: TurnId::new(),
            text: text.text.clone(),
            claim_as,
            gathers: false,
            at: self.engine.clock.now(),
        };
        let expected = new.expected(&inbound.target);
        let request = of_message(actor, &inbound, wishes.as_ref(), expected.as_ref(), new.at)?;
        let files = LongFile::list(&self.engine, actor, &inbound.uploads).await?;
        let claim = Claim(request.as_ref());
        let (mut tx, earlier) = self.engine.store.tenant_asking(actor.account, &claim).await?;
        if let Some(receipt) = earlier {
            let accepted = replay(&mut tx, &receipt).await?;
            tx.commit().await?;
            return Ok(accepted);
        }
        let (live, conversation) = self.place(&mut tx, actor, &inbound, new.at).await?;
        let mut accepted = Self::store_message(&mut tx, actor, &live, conversation, new).await?;
        let place = (&accepted.conversation, &accepted.message);
        self.engine.file_away(&mut tx, &live, place, text, beside).await?;
        if let Some((wishes, _)) = wishes {
            Turn::wish(&mut tx, accepted.turn.id, &wishes).await?;
            accepted.turn.wishes = Some(wishes);
        }
        attach(&mut tx, actor, &inbound.uploads, accepted.message.id).await?;
        let place = (&accepted.conversation, &accepted.message);
        self.engine.file_away_files(&mut tx, &live, place, files).await?;
        if let Some(request) = &request {
            let receipt = accepted.receipt();
            if expected.as_ref() != Some(&receipt) {
                let result = serde_json::to_value(receipt).map_err(Error::internal)?;
                Idempotency::answer(&mut tx, request, &result).await?;
            }
        }
        tx.commit().await?;
        let ours =
            accepted.turn.attempt == 1 && accepted.turn.inputs == 1 && accepted.turn.leased_by == claim_as;
        if let (true, Some(slot)) = (ours && claim_as.is_some(), slot) {
            self.engine.begin(accepted.turn.clone(), 1, slot);
        }
        Ok(accepted)
    }

    /// Begins a conversation; with the bot's greeting in it, if it has one. Says whether this is a repetition.
    pub async fn create_conversation(
        &self,
        actor: &Actor,
        bot: &str,
        title: Option<String>,
        idempotency_key: Option<String>,
        channel: &'static str,
    ) -> Result<(Conversation, bool)> {
        actor.require(Scope::Chat)?;
        let title = checked_title(title)?;
        let now = self.engine.clock.now();
        let id = ConversationId::new();
        let receipt = serde_json::to_value(Receipt { conversation: id, message: None, turn: None });
        let receipt = receipt.map_err(Error::internal)?;
        let content = [bot, title.as_deref().unwrap_or_default()];
        let request = idempotency_key.as_ref().map(|key| Idempotency {
            result: receipt,
            ..idempotency(actor, "createConversation", key, &content, now)
        });
        let claim = Claim(request.as_ref());
        let (mut tx, earlier) = self.engine.store.tenant_asking(actor.account, &claim).await?;
        if let Some(receipt) = earlier {
            let conversation = Conversation::find(&tx, receipt.conversation).await?;
            tx.commit().await?;
            let conversation =
                conversation.ok_or_else(|| Error::internal("a remembered conversation vanished"))?;
            return Ok((conversation, true));
        }
        let live = self.bots().find_in(&mut tx, bot).await?.ok_or_else(|| unknown_bot(bot))?;
        let new = new_conversation(actor, &live, channel, &id.to_string(), id, title, now);
        let mut made = Conversation::find_or_insert_locked(&mut tx, &new).await?;
        if let Some(greeting) = &live.spec.greeting {
            greet(&mut tx, actor, &live, &mut made, greeting, now).await?;
        }
        tx.commit().await?;
        Ok((made, false))
    }

    /// Finds bot and conversation, and locks the conversation.
    async fn place(
        &self,
        tx: &mut Tenant,
        actor: &Actor,
        inbound: &Inbound,
        now: DateTime<Utc>,
    ) -> Result<(std::sync::Arc<LiveBot>, Conversation)> {
        match &inbound.target {
            Target::Bot(name) => {
                let live = self.bots().find_in(tx, name).await?.ok_or_else(|| unknown_bot(name))?;
                let id = ConversationId::new();
                let key = format!("person:{}", actor.person);
                let new = new_conversation(actor, &live, inbound.channel, &key, id, None, now);
                Ok((live, Conversation::find_or_insert_locked(tx, &new).await?))
            }
            Target::Conversation(id) => {
                let unknown = || Error::not_found("no such conversation");
                let found = Conversation::find_locked(tx, *id).await?.ok_or_else(unknown)?;
                if !may_see(actor, &found) {
                    return Err(unknown());
                }
                let live = self.bots().find_by_id(tx, found.bot_id).await?.ok_or_else(unknown)?;
                if live.bot.archived_at.is_some() {
                    return Err(Error::conflict(format!("the bot `{}` is archived", live.bot.name)));
                }
                Ok((live, found))
            }
        }
    }

    /// Writes the message and lets it join the conversation's open turn, or begins a new one.
    pub(super) async fn store_message(
        tx: &mut Tenant,
        actor: &Actor,
        live: &LiveBot,
        mut conversation: Conversation,
        new: New,
    ) -> Result<Accepted> {
        let now = new.at;
        if conversation.last_ordinal == 0 {
            let participant = Participant {
                account_id: actor.account,
                conversation_id: conversation.id,
                person_id: actor.person,
                name: actor.person_name.clone(),
            };
            Participant::put(tx, &participant).await?;
        }
        let advance = Conversation::advance(tx, conversation.id, 1, 2, now);
        let ((ordinal, event), joined) = try_join(advance, new.join(tx, conversation.id)).await?;
        let turn = new.turn(tx, live, conversation.id, (ordinal, joined)).await?;
        let message = Message {
            account_id: actor.account,
            id: new.message,
            conversation_id: conversation.id,
            ordinal,
            role: MessageRole::Person,
            person_id: Some(actor.person),
            author: actor.person_name.clone(),
            text: new.text,
            version: 1,
            turn_id: Some(turn.id),
            sent_at: now,
            edited_at: None,
            erased_at: None,
            superseded_by: None,
        };
        let place = (actor.account, conversation.id);
        let lines = [
            ConversationEvent::about_message("message", place, event, message.id, now),
            ConversationEvent::about_turn(place, event + 1, turn.id, turn.state, now),
        ];
        let messages = std::slice::from_ref(&message);
        try_join(Message::insert(tx, messages), ConversationEvent::insert(tx, &lines)).await?;
        conversation.last_ordinal = ordinal;
        conversation.last_event = event + 1;
        conversation.updated_at = now;
        Ok(Accepted { conversation, message, turn, replayed: false })
    }
}

/// Wishes as they are stored; none where nothing is wished.
fn written(wishes: Option<&Wishes>) -> Result<Option<(Value, String)>> {
    let Some(wishes) = wishes.filter(|wishes| **wishes != Wishes::default()) else { return Ok(None) };
    let text = serde_json::to_string(wishes).map_err(Error::internal)?.replace("\\u0000", "\u{fffd}");
    let value = serde_json::from_str(&text).map_err(Error::internal)?;
    Ok(Some((value, text)))
}

/// Whether the actor may know of the conversation.
pub fn may_see(actor: &Actor, conversation: &Conversation) -> bool {
    conversation.person_id == Some(actor.person)
        || actor.present_in == Some(conversation.id)
        || actor.scopes.allow(Scope::Admin)
}

pub(super) fn unknown_bot(name: &str) -> Error {
    Error::not_found(format!("there is no bot called `{name}`"))
}

pub(super) fn new_conversation(
    actor: &Actor,
    live: &LiveBot,
    channel: &str,
    key: &str,
    id: ConversationId,
    title: Option<String>,
    now: DateTime<Utc>,
) -> Conversation {
    Conversation {
        account_id: actor.account,
        id,
        bot_id: live.bot.id,
        channel: channel.into(),
        key: key.into(),
        person_id: Some(actor.person),
        title,
        last_ordinal: 0,
        last_event: 0,
        window_from: 1,
        created_at: now,
        updated_at: now,
        version: 1,
        session_hours: None,
    }
}

pub(super) async fn greet(
    tx: &mut Tenant,
    actor: &Actor,
    live: &LiveBot,
    conversation: &mut Conversation,
    greeting: &str,
    now: DateTime<Utc>,
) -> Result<MessageId> {
    let participant = Participant {
        account_id: actor.account,
        conversation_id: conversation.id,
        person_id: actor.person,
        name: actor.person_name.clone(),
    };
    Participant::put(tx, &participant).await?;
    let (ordinal, event) = Conversation::advance(tx, conversation.id, 1, 1, now).await?;
    let message = Message {
        account_id: actor.account,
        id: MessageId::new(),
        conversation_id: conversation.id,
        ordinal,
        role: MessageRole::Bot,
        person_id: None,
        author: live.spec.display_name.clone(),
        text: live.spec.fill(greeting, &actor.person_name),
        version: 1,
        turn_id: None,
        sent_at: now,
        edited_at: None,
        erased_at: None,
        superseded_by: None,
    };
    Message::insert(tx, std::slice::from_ref(&message)).await?;
    let line =
        ConversationEvent::about_message("message", (actor.account, conversation.id), event, message.id, now);
    ConversationEvent::insert(tx, &[line]).await?;
    (conversation.last_ordinal, conversation.last_event) = (ordinal, event);
    Ok(message.id)
}
