//! Bringing along what was said elsewhere: as history, which nobody answers and which everything that follows
//! comes after.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, SecondsFormat, Utc};

use crate::accounts::{Actor, Scope};
use crate::chat::Chat;
use crate::chat::bots::LiveBot;
use crate::chat::inbound::{new_conversation, unknown_bot};
use crate::error::{Error, Result};
use crate::id::{ConversationId, MessageId, PersonId};
use crate::memory::PastSummary;
use crate::store::{
    Conversation, ConversationEvent, Import, Message, MessageRole, Participant, Person, Tenant,
};

/// The channel of conversations that were brought along, and of people who are known from nothing else.
pub(super) const CHANNEL: &str = "import";
/// So many messages come in at once; a killed import loses no more of its work.
const AT_ONCE: usize = 1_000;
/// The share of the context budget that a summary may take, as in a prompt.
const SUMMARY_SHARE: usize = 15;

/// Something that was said elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Past {
    /// What it was known by there.
    pub id: Option<String>,
    pub at: DateTime<Utc>,
    pub by_bot: bool,
    /// Who said it, where that is told.
    pub speaker: Option<String>,
    pub text: String,
    /// How many equal ones came before it in the same file. Together with its words, its speaker and its time
    /// it stands for an id.
    pub twin: u32,
}

/// Which conversation of a bot the past becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// One of its own for whoever's past it is.
    Own,
    /// The one that was imported under this name, or a new one.
    Named(String),
    /// One that is there.
    Known(ConversationId),
}

/// Whose past it is.
#[derive(Debug, Clone)]
pub enum Whose {
    /// This person's.
    Person(Person),
    /// The caller's, unless several people speak in it: then it is that of a group.
    Told,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub conversation: ConversationId,
    /// Messages that came in now, and those that had come in before.
    pub added: usize,
    pub known: usize,
    /// How many of the summaries the rolling summary holds now; `None` if nothing about it changed.
    pub summaries: Option<usize>,
}

impl Past {
    /// By which it is known that it came in before.
    fn external_id(&self) -> String {
        if let Some(id) = &self.id {
            return format!("id:{id}");
        }
        let who = self.speaker.as_deref().unwrap_or(if self.by_bot { "\0bot" } else { "\0person" });
        let at = self.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut hash = blake3::Hasher::new();
        for part in [at.as_str(), who, &self.text] {
            hash.update(&part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        let hash = hash.finalize().to_hex();
        format!("hash:{}:{}", &hash[..32], self.twin)
    }

    /// What an external id says was given as the id; `None` for a message that had none.
    pub(super) fn given_id(external_id: &str) -> Option<&str> {
        external_id.strip_prefix("id:")
    }
}

/// Everybody who speaks in what is imported.
struct Speakers {
    /// Whose private conversation it is; none for a group.
    owner: Option<Person>,
    /// Those who are named, by the name.
    named: BTreeMap<String, PersonId>,
}

impl Chat {
    /// Brings `past` and `summaries` into a conversation with `bot`, in the order of time, a thousand messages
    /// to a transaction: after a crash the same call goes on. What came in before does not come again.
    /// `tell` hears how many messages are done.
    ///
    /// # Errors
    /// `NotFound` for a bot or conversation that is not there, `Conflict` where somebody talked with the bot in
    /// the conversation already and there is something new: it would come after what it came before.
    pub async fn import(
        &self,
        actor: &Actor,
        bot: &str,
        into: (&Destination, &Whose),
        past: &[Past],
        summaries: &[PastSummary],
        tell: impl Fn(usize),
    ) -> Result<Imported> {
        actor.require(Scope::Admin)?;
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let live = self.bots().find_in(&mut tx, bot).await?.ok_or_else(|| unknown_bot(bot))?;
        let conversation = begin(&mut tx, actor, &live, into, past, now).await?;
        let speakers = speakers(&mut tx, actor, &conversation, past, now).await?;
        tx.commit().await?;

        let mut rows: Vec<(String, &Past)> = past.iter().map(|past| (past.external_id(), past)).collect();
        rows.sort_by_key(|(_, past)| past.at);
        let mut seen = HashSet::new();
        rows.retain(|(id, _)| seen.insert(id.clone()));
        let mut done = past.len() - rows.len();
        let mut added = 0;
        for some in rows.chunks(AT_ONCE) {
            let mut tx = self.engine.store.tenant(actor.account).await?;
            let new = take_in(&mut tx, &live, conversation.id, &speakers, some).await?;
            tx.commit().await?;
            added += new.len();
            self.file_away_all(&live, &conversation, new).await?;
            done += some.len();
            tell(done);
        }
        let summaries = self.bring_summaries(actor, &live, conversation.id, summaries).await?;
        Ok(Imported { conversation: conversation.id, added, known: past.len() - added, summaries })
    }

    async fn bring_summaries(
        &self,
        actor: &Actor,
        live: &LiveBot,
        conversation: ConversationId,
        summaries: &[PastSummary],
    ) -> Result<Option<usize>> {
        if summaries.is_empty() {
            return Ok(None);
        }
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let locked = Conversation::find_locked(&tx, conversation).await?.ok_or_else(gone)?;
        if Import::is_too_late(&mut tx, conversation).await? {
            // Its own summary has long taken over.
            tx.commit().await?;
            return Ok(None);
        }
        let room =
            usize::try_from(live.spec.model.context_budget).unwrap_or(usize::MAX) / 100 * SUMMARY_SHARE;
        let now = self.engine.clock.now();
        let kept = self.engine.memory.bring_summary(&mut tx, &locked, summaries, room, now).await?;
        tx.commit().await?;
        Ok(kept)
    }
}

/// The conversation that it goes into, made if need be.
async fn begin(
    tx: &mut Tenant,
    actor: &Actor,
    live: &LiveBot,
    (into, whose): (&Destination, &Whose),
    past: &[Past],
    now: DateTime<Utc>,
) -> Result<Conversation> {
    let people = people(past);
    let owner = match whose {
        Whose::Person(person) => Some(person.id),
        Whose::Told if people.len() > 1 => None,
        Whose::Told => Some(actor.person),
    };
    let key = match (into, owner) {
        (Destination::Known(id), _) => return known(tx, live, *id, whose).await,
        (Destination::Named(name), _) => name.clone(),
        (Destination::Own, Some(owner)) => format!("person:{owner}"),
        (Destination::Own, None) => {
            let names: Vec<&str> = people.into_iter().take(5).collect();
            return Err(Error::invalid(format!(
                "several people speak in it ({}): say whose past it is with `--person`, or give the conversation a \
                 name with `--conversation`, and it becomes a group",
                names.join(", ")
            )));
        }
    };
    let new = new_conversation(actor, live, CHANNEL, &key, ConversationId::new(), None, now);
    let conversation =
        Conversation::find_or_insert_locked(tx, &Conversation { person_id: owner, ..new }).await?;
    if let Whose::Person(person) = whose
        && conversation.person_id != Some(person.id)
    {
        return Err(not_theirs(&person.name));
    }
    Ok(conversation)
}

async fn known(tx: &mut Tenant, live: &LiveBot, id: ConversationId, whose: &Whose) -> Result<Conversation> {
    let found = Conversation::find_locked(tx, id).await?.filter(|found| found.bot_id == live.bot.id);
    let found =
        found.ok_or_else(|| Error::not_found(format!("`{}` has no such conversation", live.bot.name)))?;
    match whose {
        Whose::Person(person) if found.person_id != Some(person.id) => Err(not_theirs(&person.name)),
        _ => Ok(found),
    }
}

fn not_theirs(name: &str) -> Error {
    Error::conflict(format!("that conversation is not one of {name}: give another with `--conversation`"))
}

fn gone() -> Error {
    Error::not_found("the conversation is gone")
}

/// The names of the people who speak, the bot's not among them.
fn people(past: &[Past]) -> std::collections::BTreeSet<&str> {
    past.iter().filter(|past| !past.by_bot).filter_map(|past| past.speaker.as_deref()).collect()
}

/// Notes who speaks. Somebody who is only a name is somebody new in every conversation: equal names are not
/// the same person.
async fn speakers(
    tx: &mut Tenant,
    actor: &Actor,
    conversation: &Conversation,
    past: &[Past],
    now: DateTime<Utc>,
) -> Result<Speakers> {
    let owner = match conversation.person_id {
        Some(id) => Person::find(tx, id).await?,
        None => None,
    };
    let names = people(past);
    let mut named = BTreeMap::new();
    let is_alone = names.len() <= 1;
    for name in names {
        let person = match &owner {
            Some(owner) if is_alone || owner.name.to_lowercase() == name.to_lowercase() => owner.id,
            _ => {
                let handle = format!("{}:{name}", conversation.id);
                Person::find_or_create(tx, CHANNEL, &handle, name, now).await?.id
            }
        };
        join(tx, actor, conversation, person, name).await?;
        named.insert(name.to_owned(), person);
    }
    if let Some(owner) = owner.as_ref().filter(|owner| !named.values().any(|person| *person == owner.id)) {
        join(tx, actor, conversation, owner.id, &owner.name).await?;
    }
    Ok(Speakers { owner, named })
}

async fn join(
    tx: &mut Tenant,
    actor: &Actor,
    conversation: &Conversation,
    person_id: PersonId,
    name: &str,
) -> Result<()> {
    let (account_id, conversation_id) = (actor.account, conversation.id);
    Participant::put(tx, &Participant { account_id, conversation_id, person_id, name: name.into() }).await
}

/// Writes those of `rows` that are not there yet; says which they are.
async fn take_in(
    tx: &mut Tenant,
    live: &LiveBot,
    conversation: ConversationId,
    speakers: &Speakers,
    rows: &[(String, &Past)],
) -> Result<Vec<Message>> {
    Conversation::find_locked(tx, conversation).await?.ok_or_else(gone)?;
    let ids: Vec<&str> = rows.iter().map(|(id, _)| id.as_str()).collect();
    let known = Import::list_known(tx, conversation, &ids).await?;
    let new: Vec<&(String, &Past)> = rows.iter().filter(|(id, _)| !known.contains(id)).collect();
    let Some((_, last)) = new.last() else { return Ok(Vec::new()) };
    if Import::is_too_late(tx, conversation).await? {
        return Err(Error::conflict(format!(
            "somebody talked with `{}` in this conversation already, and {} or more messages are new: they would \
             come after what they came before; give another with `--conversation NAME`",
            live.bot.name,
            new.len()
        )));
    }
    let count = i32::try_from(new.len()).unwrap_or(i32::MAX);
    let (ordinal, event) = Conversation::advance(tx, conversation, count, 1, last.at).await?;
    let account_id = tx.account();
    let first = ordinal - count + 1;
    let messages: Vec<Message> = (first..)
        .zip(&new)
        .map(|(ordinal, (_, past))| Message {
            account_id,
            id: MessageId::new(),
            conversation_id: conversation,
            ordinal,
            role: if past.by_bot { MessageRole::Bot } else { MessageRole::Person },
            person_id: speakers.person_of(past),
            author: speakers.author_of(past, live),
            text: past.text.clone(),
            version: 1,
            turn_id: None,
            sent_at: past.at,
            edited_at: None,
            erased_at: None,
            superseded_by: None,
        })
        .collect();
    Message::insert(tx, &messages).await?;
    let imports: Vec<Import> = new
        .iter()
        .zip(&messages)
        .map(|((id, _), message)| Import {
            account_id,
            conversation_id: conversation,
            external_id: id.clone(),
            message_id: message.id,
        })
        .collect();
    Import::insert(tx, &imports).await?;
    let line = ConversationEvent::about_itself((account_id, conversation), event, last.at);
    ConversationEvent::insert(tx, &[line]).await?;
    Ok(messages)
}

impl Speakers {
    fn person_of(&self, past: &Past) -> Option<PersonId> {
        if past.by_bot {
            return None;
        }
        let named = past.speaker.as_ref().and_then(|name| self.named.get(name)).copied();
        named.or(self.owner.as_ref().map(|owner| owner.id))
    }

    fn author_of(&self, past: &Past, live: &LiveBot) -> String {
        match (&past.speaker, &self.owner) {
            (Some(speaker), _) => speaker.clone(),
            (None, _) if past.by_bot => live.spec.display_name.clone(),
            (None, Some(owner)) => owner.name.clone(),
            (None, None) => "somebody".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, twin: u32) -> Past {
        Past { id: None, at: DateTime::UNIX_EPOCH, by_bot: false, speaker: None, text: text.into(), twin }
    }

    #[test]
    fn what_has_no_id_is_known_by_when_who_and_what() {
        let one = said("Hello", 0);
        assert_eq!(one.external_id(), said("Hello", 0).external_id());
        let others = [
            said("Hello", 1),
            said("Hullo", 0),
            Past { by_bot: true, ..one.clone() },
            Past { speaker: Some("Olena".into()), ..one.clone() },
            Past { at: DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1), ..one.clone() },
        ];
        for other in others {
            assert_ne!(one.external_id(), other.external_id(), "{other:?}");
        }
        let given = Past { id: Some("D1:3".into()), ..one };
        assert_eq!(Past::given_id(&given.external_id()), Some("D1:3"));
    }
}
