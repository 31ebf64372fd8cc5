//! Erasing: what was said leaves every place that it went to.
//!
//! What a person said goes together with the replies to it and with later ones that repeat it, in whatever
//! conversation they stand. Of what goes, the text leaves messages, versions, comments, files, deliveries, the
//! events of the turns that answered or wrote it, the summaries that tell of it (which are made anew from what
//! is left), the facts that were drawn from it, and the index, from whose files it is gone within minutes. Reports hold ids only. A turn that has
//! read it and runs begins anew. What stays is a tombstone: the place, who said it and when.
//!
//! A conversation at a time is locked, the ones that only repeat it first: if something fails half way, the
//! same call goes on where it stopped.

mod echoes;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::accounts::{Actor, Scope};
use crate::chat::correct::cancel_queued;
use crate::chat::inbound::{may_see, unknown_bot};
use crate::chat::{About, Chat};
use crate::error::{Error, Result};
use crate::id::{AccountId, BotId, ConversationId, MessageId, PersonId};
use crate::spec;
use crate::store::{
    Audit, Conversation, ConversationEvent, Earshot, Fact, Message, MessageRole, Person, Tenant, Turn,
};
use echoes::{Going, with_echoes};

/// So many messages may be named at once.
const MOST: usize = 100;
/// So many messages of a conversation are erased in one transaction; other readers of the feed wait for it.
const AT_ONCE: i64 = 500;

/// Who erases, for the audit log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eraser<'a> {
    pub(super) account: AccountId,
    pub(super) name: &'a str,
}

impl<'a> Eraser<'a> {
    fn of(actor: &'a Actor) -> Self {
        Self { account: actor.account, name: &actor.principal }
    }
}

impl Chat {
    /// What [`Chat::erase_messages`] would erase: these and the replies that go with them, oldest first.
    ///
    /// # Errors
    /// As [`Chat::erase_messages`].
    pub async fn would_erase(&self, actor: &Actor, ids: &[MessageId]) -> Result<Vec<Message>> {
        let mut all = Vec::new();
        for said in self.erasable(actor, ids).await? {
            let mut tx = self.engine.store.reading(actor.account).await?;
            let going = self.going(&mut tx, said).await?;
            all.extend(standing(&mut tx, &going).await?);
            tx.commit().await?;
        }
        Ok(in_order(all))
    }

    /// Erases messages with the replies that answer or repeat them; what they are now, oldest first. What was
    /// erased before is no error. At most 100 at once.
    ///
    /// # Errors
    /// `NotFound` unless there are such messages, each the actor's own or in a conversation that they may see;
    /// `Invalid` for none or too many.
    pub async fn erase_messages(&self, actor: &Actor, ids: &[MessageId]) -> Result<Vec<Message>> {
        let mut all = Vec::new();
        for said in self.erasable(actor, ids).await? {
            let asked: Vec<MessageId> = said.iter().map(|message| message.id).collect();
            let gone = self.erase_all(Eraser::of(actor), said).await?;
            let mut tx = self.engine.store.reading(actor.account).await?;
            let ids: Vec<MessageId> = asked.into_iter().chain(gone).collect();
            all.extend(Message::list_by_ids(&mut tx, &ids).await?);
            tx.commit().await?;
        }
        Ok(in_order(all))
    }

    /// Erases everything that was said in a conversation, and its title. The conversation itself stays, empty.
    /// Says how many messages went, here and elsewhere.
    ///
    /// # Errors
    /// `NotFound` unless there is such a conversation and the actor may see it.
    pub async fn erase_conversation(
        &self,
        actor: &Actor,
        id: ConversationId,
    ) -> Result<(Conversation, usize)> {
        actor.require(Scope::Chat)?;
        let unknown = || Error::not_found("no such conversation");
        let tx = self.engine.store.reading(actor.account).await?;
        let conversation = Conversation::find(&tx, id).await?.ok_or_else(unknown)?;
        tx.commit().await?;
        if !may_see(actor, &conversation) {
            return Err(unknown());
        }
        let count = self.erase_talk(Eraser::of(actor), &conversation, None).await?;
        let tx = self.engine.store.reading(actor.account).await?;
        let now = Conversation::find(&tx, id).await?.ok_or_else(unknown)?;
        tx.commit().await?;
        Ok((now, count))
    }

    /// Erases everything of a person: all that was said in their own conversations with `bot`, and what they
    /// said to it in groups. Without a bot it is every bot, and the person's name, handles and tokens too.
    /// Says how many messages went.
    ///
    /// # Errors
    /// `NotFound` for a person who does not exist or is not the actor (an admin may name anybody), and for a
    /// bot that does not exist.
    pub async fn erase_person(
        &self,
        actor: &Actor,
        person: PersonId,
        bot: Option<&str>,
    ) -> Result<(Person, usize)> {
        actor.require(Scope::Chat)?;
        if person != actor.person && !actor.scopes.allow(Scope::Admin) {
            return Err(unknown_person());
        }
        let bot = match bot {
            Some(name) => {
                let live = self.bots().find(actor.account, name).await?;
                Some(live.ok_or_else(|| unknown_bot(name).with_source(About("bot")))?.bot.id)
            }
            None => None,
        };
        let tx = self.engine.store.reading(actor.account).await?;
        Person::find(&tx, person).await?.ok_or_else(unknown_person)?;
        tx.commit().await?;
        let count = self.erase_all_of(Eraser::of(actor), person, bot).await?;
        let mut tx = self.engine.store.tenant(actor.account).await?;
        if bot.is_none() {
            Person::erase(&mut tx, person, self.engine.clock.now()).await?;
        }
        let now = Person::find(&tx, person).await?.ok_or_else(unknown_person)?;
        tx.commit().await?;
        Ok((now, count))
    }

    /// Everything of a person with one bot or all; how many messages went.
    pub(super) async fn erase_all_of(
        &self,
        by: Eraser<'_>,
        person: PersonId,
        bot: Option<BotId>,
    ) -> Result<usize> {
        let mut tx = self.engine.store.reading(by.account).await?;
        let conversations = Conversation::list_with(&mut tx, person, bot).await?;
        tx.commit().await?;
        let mut count = 0;
        for conversation in conversations {
            let whose = (conversation.person_id != Some(person)).then_some(person);
            count += self.erase_talk(by, &conversation, whose).await?;
        }
        Ok(count)
    }

    /// The messages that are meant, by conversation.
    async fn erasable(&self, actor: &Actor, ids: &[MessageId]) -> Result<Vec<Vec<Message>>> {
        actor.require(Scope::Chat)?;
        if ids.is_empty() || ids.len() > MOST {
            return Err(Error::invalid(format!("name 1 to {MOST} messages at once")));
        }
        let unknown = || Error::not_found("no such message");
        let mut tx = self.engine.store.reading(actor.account).await?;
        let mut found = Message::list_by_ids(&mut tx, ids).await?;
        found.sort_unstable_by_key(|message| (message.conversation_id, message.ordinal));
        let mut of: Vec<ConversationId> = found.iter().map(|message| message.conversation_id).collect();
        of.dedup();
        let of = Conversation::list_by_ids(&mut tx, &of).await?;
        tx.commit().await?;
        let seen = |message: &Message| {
            let is_own = message.role == MessageRole::Person && message.person_id == Some(actor.person);
            is_own || of.iter().any(|of| of.id == message.conversation_id && may_see(actor, of))
        };
        if ids.iter().any(|id| !found.iter().any(|message| message.id == *id && seen(message))) {
            return Err(unknown());
        }
        Ok(found.chunk_by(|a, b| a.conversation_id == b.conversation_id).map(<[Message]>::to_vec).collect())
    }

    /// Erases a whole conversation, or what `person` said in it; how many messages went.
    async fn erase_talk(
        &self,
        by: Eraser<'_>,
        conversation: &Conversation,
        person: Option<PersonId>,
    ) -> Result<usize> {
        let (mut count, mut after) = (0, 0);
        loop {
            let mut tx = self.engine.store.reading(by.account).await?;
            let said = Message::list_standing(&mut tx, conversation.id, person, after, AT_ONCE).await?;
            tx.commit().await?;
            let Some(last) = said.last() else { break };
            after = last.ordinal;
            count += self.erase_all(by, said).await?.len();
        }
        if person.is_none() {
            let mut tx = self.engine.store.tenant(by.account).await?;
            Conversation::find_locked(&tx, conversation.id).await?;
            if conversation.title.is_some() {
                Conversation::set_title(&mut tx, conversation.id, None).await?;
            }
            // Those without a source, too: somebody may have written them down by hand.
            let learned = Fact::list_learned_in(&mut tx, conversation.id).await?;
            Fact::erase(&mut tx, &learned, self.engine.clock.now()).await?;
            tx.commit().await?;
        }
        Ok(count)
    }

    /// Erases messages of one conversation and what goes with them; which ones went.
    async fn erase_all(&self, by: Eraser<'_>, said: Vec<Message>) -> Result<Vec<MessageId>> {
        let Some(here) = said.first().map(|message| message.conversation_id) else { return Ok(Vec::new()) };
        let mut tx = self.engine.store.reading(by.account).await?;
        let mut going = self.going(&mut tx, said).await?;
        tx.commit().await?;
        let here = going.remove_entry(&here);
        let mut gone = Vec::new();
        // Once the words are gone nobody can tell any more who repeats them, so they go last.
        for (conversation, ids) in going.into_iter().chain(here) {
            let ids: Vec<MessageId> = ids.into_iter().collect();
            gone.extend(self.erase_in(by, conversation, &ids).await?);
        }
        Ok(gone)
    }

    async fn going(&self, tx: &mut Tenant, said: Vec<Message>) -> Result<Going> {
        let Some(first) = said.first() else { return Ok(Going::new()) };
        let within = match Conversation::find(tx, first.conversation_id).await? {
            Some(conversation) => self.earshot(tx, &conversation).await?,
            None => return Ok(Going::new()),
        };
        with_echoes(tx, said, within).await
    }

    /// Where what is said in a conversation may be heard.
    async fn earshot(&self, tx: &mut Tenant, conversation: &Conversation) -> Result<Earshot> {
        let live = self.bots().find_by_id(tx, conversation.bot_id).await?;
        let everywhere = live.is_some_and(|live| live.spec.memory.scope == spec::Scope::Bot);
        let Conversation { id, bot_id, person_id, .. } = *conversation;
        Ok(Earshot { bot: bot_id, conversation: id, person: person_id, everywhere })
    }

    /// Erases messages of one conversation, in one transaction; which of them went by this.
    async fn erase_in(
        &self,
        by: Eraser<'_>,
        conversation: ConversationId,
        ids: &[MessageId],
    ) -> Result<Vec<MessageId>> {
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(by.account).await?;
        let Some(conversation) = Conversation::find_locked(&tx, conversation).await? else {
            return Ok(Vec::new());
        };
        let within = self.earshot(&mut tx, &conversation).await?;
        let gone = Message::erase(&mut tx, ids, now).await?;
        let ordinals = || gone.iter().map(|(_, ordinal)| *ordinal);
        let (Some(first), Some(last)) = (ordinals().min(), ordinals().max()) else { return Ok(Vec::new()) };
        let drawn = Fact::list_drawn_from(&mut tx, ids).await?;
        Fact::erase(&mut tx, &drawn, now).await?;
        let gone: Vec<MessageId> = gone.into_iter().map(|(id, _)| id).collect();
        self.engine.memory.unsay(&mut tx, conversation.id, (first, last), now).await?;
        tell(&mut tx, &conversation, &gone, now).await?;
        stop_unasked(&mut tx, &conversation, now).await?;
        let subject = format!("conversation:{}", conversation.id);
        let detail = json!({ "messages": gone.len() });
        Audit::record(&mut tx, now, by.name, "memory.erase", &subject, detail).await?;
        Message::unhear(&mut tx, within).await?;
        tx.commit().await?;
        // Whoever began between the last statement and its commit may have read it.
        let mut tx = self.engine.store.tenant(by.account).await?;
        Message::unhear(&mut tx, within).await?;
        tx.commit().await?;
        Ok(gone)
    }
}

fn unknown_person() -> Error {
    Error::not_found("no such person")
}

fn in_order(mut messages: Vec<Message>) -> Vec<Message> {
    messages.sort_unstable_by_key(|message| (message.conversation_id, message.ordinal));
    messages.dedup_by_key(|message| message.id);
    messages
}

/// The messages of `going` that are not erased yet.
async fn standing(tx: &mut Tenant, going: &Going) -> Result<Vec<Message>> {
    let ids: Vec<MessageId> = going.values().flatten().copied().collect();
    let found = Message::list_by_ids(tx, &ids).await?;
    Ok(found.into_iter().filter(|message| message.erased_at.is_none()).collect())
}

/// Adds the end of `gone` to the log of their conversation.
async fn tell(
    tx: &mut Tenant,
    conversation: &Conversation,
    gone: &[MessageId],
    now: DateTime<Utc>,
) -> Result<()> {
    let count = i32::try_from(gone.len()).map_err(Error::internal)?;
    let (_, first) = Conversation::advance(tx, conversation.id, 0, count, conversation.updated_at).await?;
    let place = (conversation.account_id, conversation.id);
    let lines: Vec<ConversationEvent> = (first..)
        .zip(gone)
        .map(|(seq, id)| ConversationEvent::about_message("erased", place, seq, *id, now))
        .collect();
    ConversationEvent::insert(tx, &lines).await
}

/// Cancels the turns that have nothing left to answer.
async fn stop_unasked(tx: &mut Tenant, conversation: &Conversation, now: DateTime<Utc>) -> Result<()> {
    for turn in Turn::list_unasked(tx, conversation.id).await? {
        if cancel_queued(tx, conversation, turn, now).await?.is_none() {
            Turn::request_cancel(tx, turn).await?;
        }
    }
    Ok(())
}
