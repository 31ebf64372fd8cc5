//! What channels bring: words that must be taken in once, in order, and durably, before the channel is told that
//! they arrived; and what the system itself says there.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::accounts::{Actor, Scope};
use crate::chat::bots::LiveBot;
use crate::chat::inbound::{New, greet, new_conversation};
use crate::chat::long::Text;
use crate::chat::uploads::{LongFile, attach};
use crate::chat::words::{MAX_TITLE, checked_words};
use crate::chat::{Accepted, Change, Chat};
use crate::error::{Error, Result};
use crate::id::{BotId, ConnectionId, ConversationId, DeliveryId, MessageId, TurnId, UploadId};
use crate::store::{
    Arrival, Conversation, ConversationEvent, Delivery, DeliveryState, Message, MessageRole, Participant,
    Place, Questions, Tenant,
};

/// A place of a channel where a conversation is held.
#[derive(Debug, Clone)]
pub struct Whence {
    pub connection: ConnectionId,
    pub bot: BotId,
    pub channel: &'static str,
    /// The conversation's name among those of the bot on this channel.
    pub key: String,
    /// The channel's name for the chat.
    pub chat: String,
    /// A topic within it.
    pub thread: Option<String>,
    pub is_group: bool,
    pub title: Option<String>,
}

/// Words that arrived.
#[derive(Debug, Clone)]
pub struct Said {
    /// The channel's name for them, within the chat.
    pub external_id: String,
    /// What they arrived together with.
    pub album: Option<String>,
    pub text: String,
    /// Files that belong to them, in this order.
    pub uploads: Vec<UploadId>,
    /// Whether they are to be answered; otherwise they are only remembered.
    pub answer: bool,
    /// Whether more of the album may be on its way: the answer, to all of it, waits for that a moment.
    pub gathers: bool,
}

/// What the system says.
#[derive(Debug, Clone)]
pub struct Note {
    /// What it answers: it is said once, however often that arrives.
    pub to: Option<String>,
    pub album: Option<String>,
    pub text: String,
    /// Choices, as the channel knows them.
    pub buttons: Option<Value>,
}

/// What became of words that arrived.
#[derive(Debug, Clone)]
pub enum Arrived {
    /// They are answered by a turn.
    Taken(Box<Accepted>),
    /// They are remembered.
    Noted,
    /// They arrived before.
    Before,
}

impl Chat {
    /// Takes in words that arrived. When this returns they are durable, and the channel may forget them.
    ///
    /// # Errors
    /// `Invalid` for a text that is too large, or empty without any files; `NotFound` for a bot that is not there any more.
    pub async fn arrive(&self, actor: &Actor, whence: &Whence, said: Said) -> Result<Arrived> {
        actor.require(Scope::Chat)?;
        let text = Text::of(checked_words(&said.text, !said.uploads.is_empty())?).await?;
        let slot = if said.answer && !said.gathers { self.engine.free_slot() } else { None };
        let claim_as = slot.as_ref().map(|_| self.engine.replica);
        let now = self.engine.clock.now();
        let new = New {
            message: MessageId::new(),
            turn: TurnId::new(),
            text: text.text.clone(),
            claim_as,
            gathers: said.gathers,
            at: now,
        };
        let files = LongFile::list(&self.engine, actor, &said.uploads).await?;
        let arrival = Arrival {
            message_id: Some(new.message),
            ..arrival(actor, whence, said.external_id, said.album, now)
        };
        let (mut tx, is_new) = self.engine.store.tenant_asking(actor.account, &Arrives(&arrival)).await?;
        if !is_new {
            return Ok(Arrived::Before);
        }
        let (live, conversation) = self.place_at(&mut tx, actor, whence, now).await?;
        if !said.answer {
            let message = note(&mut tx, actor, &conversation, new).await?;
            self.engine.file_away(&mut tx, &live, (&conversation, &message), text, 0).await?;
            tx.commit().await?;
            return Ok(Arrived::Noted);
        }
        let accepted = Self::store_message(&mut tx, actor, &live, conversation, new).await?;
        let place = (&accepted.conversation, &accepted.message);
        self.engine.file_away(&mut tx, &live, place, text, 0).await?;
        attach(&mut tx, actor, &said.uploads, accepted.message.id).await?;
        self.engine.file_away_files(&mut tx, &live, place, files).await?;
        tx.commit().await?;
        if said.gathers {
            self.wake_once_gathered();
        }
        let turn = &accepted.turn;
        let ours = turn.attempt == 1 && turn.inputs == 1 && turn.leased_by == claim_as;
        if let (true, Some(slot)) = (ours && claim_as.is_some(), slot) {
            self.engine.begin(turn.clone(), 1, slot);
        }
        Ok(Arrived::Taken(Box::new(accepted)))
    }

    /// Says something to a place, beside messages; false if that was said before.
    pub async fn note(&self, actor: &Actor, whence: &Whence, note: Note) -> Result<bool> {
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(actor.account).await?;
        if let Some(to) = note.to.clone()
            && !Arrival::claim(&tx, &arrival(actor, whence, to, note.album, now)).await?
        {
            return Ok(false);
        }
        let (_, conversation) = self.place_at(&mut tx, actor, whence, now).await?;
        let reply_to = note.to.filter(|_| whence.is_group);
        let mut parts = self.parts(&conversation, None, &note.text, now);
        if let Some(first) = parts.first_mut() {
            first.reply_to = reply_to;
        }
        if let Some(last) = parts.last_mut() {
            last.buttons = note.buttons;
        }
        Delivery::insert(&mut tx, &parts).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Whether something arrived before.
    pub async fn has_arrived(&self, actor: &Actor, whence: &Whence, external_id: &str) -> Result<bool> {
        let mut tx = self.engine.store.reading(actor.account).await?;
        let found = Arrival::find(&mut tx, whence.connection, &whence.chat, external_id).await?;
        tx.commit().await?;
        Ok(found.is_some())
    }

    /// Greets somebody with the bot's greeting, where nothing was said yet; false if it has none, if there was
    /// something, or if `to` arrived before.
    pub async fn greet_at(&self, actor: &Actor, whence: &Whence, to: &str) -> Result<bool> {
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(actor.account).await?;
        if !Arrival::claim(&tx, &arrival(actor, whence, to.to_owned(), None, now)).await? {
            return Ok(true);
        }
        let (live, mut conversation) = self.place_at(&mut tx, actor, whence, now).await?;
        let Some(greeting) = live.spec.greeting.clone().filter(|_| conversation.last_ordinal == 0) else {
            return Ok(false);
        };
        let id = greet(&mut tx, actor, &live, &mut conversation, &greeting, now).await?;
        let channel = self.engine.channels.get(conversation.channel.as_str());
        let text = live.spec.fill(&greeting, &actor.person_name);
        let texts = channel.map(|channel| channel.split(&text)).unwrap_or_default();
        Delivery::insert(&mut tx, &deliveries(&conversation, Some(id), None, texts, now)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The conversation that is held there, begun if there is none.
    pub async fn conversation_at(&self, actor: &Actor, whence: &Whence) -> Result<Conversation> {
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let (_, conversation) = self.place_at(&mut tx, actor, whence, self.engine.clock.now()).await?;
        tx.commit().await?;
        Ok(conversation)
    }

    /// Corrects words that arrived before and were edited since: see [`Chat::edit`]. False if they never arrived,
    /// became no message, or are known in this form already.
    pub async fn edit_arrived(
        &self,
        actor: &Actor,
        whence: &Whence,
        external_id: &str,
        edited: i64,
        text: &str,
    ) -> Result<bool> {
        loop {
            let mut tx = self.engine.store.tenant(actor.account).await?;
            let found = Arrival::find(&mut tx, whence.connection, &whence.chat, external_id).await?;
            let Some(arrival) = found.filter(|arrival| arrival.edited < edited) else { return Ok(false) };
            let Some(id) = arrival.message_id else { return Ok(false) };
            let message = Message::find(&mut tx, id).await?.filter(|message| message.erased_at.is_none());
            tx.commit().await?;
            let Some(message) = message else { return Ok(false) };
            // Edited again in the same moment: look again.
            if let Change::Stale(_) = self.edit(actor, id, text, message.version).await? {
                continue;
            }
            let mut tx = self.engine.store.tenant(actor.account).await?;
            Arrival::note_edit(&mut tx, &arrival, edited).await?;
            tx.commit().await?;
            return Ok(true);
        }
    }

    /// Finds bot and conversation, and locks the conversation.
    async fn place_at(
        &self,
        tx: &mut Tenant,
        actor: &Actor,
        whence: &Whence,
        now: DateTime<Utc>,
    ) -> Result<(std::sync::Arc<LiveBot>, Conversation)> {
        let live = self.bots().find_by_id(tx, whence.bot).await?;
        let live = live
            .filter(|live| live.bot.archived_at.is_none())
            .ok_or_else(|| Error::not_found("this bot is archived"))?;
        let id = ConversationId::new();
        let title = whence.title.as_ref().filter(|_| whence.is_group);
        let title = title.map(|title| title.chars().take(MAX_TITLE).collect());
        let mut new = new_conversation(actor, &live, whence.channel, &whence.key, id, title, now);
        if whence.is_group {
            new.person_id = None;
        }
        let conversation = Conversation::find_or_insert_locked(tx, &new).await?;
        let place = Place {
            account_id: actor.account,
            conversation_id: conversation.id,
            connection_id: whence.connection,
            chat: whence.chat.clone(),
            thread: whence.thread.clone(),
            is_group: whence.is_group,
            unreachable_at: None,
            quiet_until: None,
        };
        Place::put(tx, &place).await?;
        if whence.is_group {
            let participant = Participant {
                account_id: actor.account,
                conversation_id: conversation.id,
                person_id: actor.person,
                name: actor.person_name.clone(),
            };
            Participant::put(tx, &participant).await?;
        }
        Ok((live, conversation))
    }

    fn parts(
        &self,
        conversation: &Conversation,
        turn: Option<TurnId>,
        text: &str,
        now: DateTime<Utc>,
    ) -> Vec<Delivery> {
        let Some(channel) = self.engine.channels.get(conversation.channel.as_str()) else {
            return Vec::new();
        };
        deliveries(conversation, None, turn, channel.split_plain(text), now)
    }
}

/// Whether it arrives for the first time; then it has arrived.
struct Arrives<'a>(&'a Arrival);

impl Questions for Arrives<'_> {
    type Answers = bool;
    async fn ask(&self, tx: &Tenant) -> Result<bool> {
        Arrival::claim(tx, self.0).await
    }
}

fn arrival(
    actor: &Actor,
    whence: &Whence,
    external_id: String,
    album: Option<String>,
    at: DateTime<Utc>,
) -> Arrival {
    Arrival {
        account_id: actor.account,
        connection_id: whence.connection,
        chat: whence.chat.clone(),
        external_id,
        edited: 0,
        message_id: None,
        album,
        at,
    }
}

/// Remembers words that nobody answers.
async fn note(tx: &mut Tenant, actor: &Actor, conversation: &Conversation, new: New) -> Result<Message> {
    let New { message: id, turn: _, text, claim_as: _, gathers: _, at } = new;
    let (ordinal, event) = Conversation::advance(tx, conversation.id, 1, 1, at).await?;
    let message = Message {
        account_id: actor.account,
        id,
        conversation_id: conversation.id,
        ordinal,
        role: MessageRole::Person,
        person_id: Some(actor.person),
        author: actor.person_name.clone(),
        text,
        version: 1,
        turn_id: None,
        sent_at: at,
        edited_at: None,
        erased_at: None,
        superseded_by: None,
    };
    Message::insert(tx, std::slice::from_ref(&message)).await?;
    let place = (actor.account, conversation.id);
    let line = ConversationEvent::about_message("message", place, event, id, at);
    ConversationEvent::insert(tx, &[line]).await?;
    Ok(message)
}

/// The deliveries of a text that was cut into parts.
pub(super) fn deliveries(
    conversation: &Conversation,
    message: Option<MessageId>,
    turn: Option<TurnId>,
    parts: Vec<String>,
    now: DateTime<Utc>,
) -> Vec<Delivery> {
    let part = |(part, text): (i32, String)| Delivery {
        account_id: conversation.account_id,
        id: DeliveryId::new(),
        conversation_id: conversation.id,
        turn_id: turn,
        message_id: message,
        channel: conversation.channel.clone(),
        part,
        text,
        state: DeliveryState::Queued,
        external_id: None,
        attempts: 0,
        run_at: now,
        leased_by: None,
        lease_until: None,
        error: None,
        created_at: now,
        buttons: None,
        reply_to: None,
    };
    (1..).zip(parts).map(part).collect()
}
