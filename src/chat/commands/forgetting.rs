//! `/forget`: shows what would be erased, and erases it on a yes.

use std::collections::HashSet;

use uuid::Uuid;

use crate::chat::Chat;
use crate::chat::commands::{Asker, answers::line};
use crate::error::Result;
use crate::id::{FactId, MessageId};
use crate::memory::{Found, FoundKind, Memory};
use crate::phrases::commands as say;
use crate::store::{Conversation, Fact, ForgetRequest, Message, MessageRole, Tenant};

/// So many are shown before the yes.
const SHOWN: usize = 10;
/// So many go at once.
const MOST: usize = 100;
/// So many of the newest messages are looked through word by word: the index may not know them yet.
const NEWEST: i64 = 200;
/// What looking for older ones may bring, in tokens.
const FOUND_TOKENS: u32 = 16_000;
/// How long a question awaits its yes, in minutes.
const PATIENCE: i64 = 30;

impl Chat {
    pub(super) async fn forget_command(&self, asker: &Asker<'_>, arguments: &str) -> Result<String> {
        if arguments.is_empty() {
            return Ok(say::nothing_asked(asker.language).to_owned());
        }
        if ["yes", "так", "да"].contains(&arguments.to_lowercase().as_str()) {
            return self.forget_now(asker).await;
        }
        let (messages, facts) = match arguments.trim_start_matches('#').parse::<i64>() {
            Ok(number) => match self.drawn_from(asker, number).await? {
                Some(found) => found,
                None => return Ok(say::no_such_fact(asker.language, number)),
            },
            Err(_) => self.that_say(asker, arguments).await?,
        };
        if messages.is_empty() && facts.is_empty() {
            return Ok(say::nothing(asker.language).to_owned());
        }
        self.ask_to_confirm(asker, &messages, &facts).await
    }

    /// The fact of that number and the messages that it was drawn from.
    async fn drawn_from(
        &self,
        asker: &Asker<'_>,
        number: i64,
    ) -> Result<Option<(Vec<MessageId>, Vec<Fact>)>> {
        let facts = self.numbered_facts(asker.actor, asker.conversation.id, true).await?;
        let Some((_, fact)) = facts.into_iter().find(|(known, _)| *known == number) else {
            return Ok(None);
        };
        let mut tx = self.engine.store.reading(asker.actor.account).await?;
        let sources = Fact::list_sources(&mut tx, &[fact.id]).await?;
        tx.commit().await?;
        Ok(Some((sources.into_iter().map(|source| source.message_id).collect(), vec![fact])))
    }

    /// The actor's own messages, and the facts, that hold all of `words`.
    async fn that_say(&self, asker: &Asker<'_>, words: &str) -> Result<(Vec<MessageId>, Vec<Fact>)> {
        let wanted: HashSet<String> = Memory::words(words).into_iter().collect();
        if wanted.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let holds = |text: &str| {
            let held: HashSet<String> = Memory::words(text).into_iter().collect();
            wanted.is_subset(&held)
        };
        let found = self.recall_in(asker.actor, &asker.conversation, words, FOUND_TOKENS).await?;
        let message = |found: Found| match found.kind {
            FoundKind::Message => Some(found.id.into()),
            FoundKind::Passage => found.sources.first().copied(),
            FoundKind::Summary | FoundKind::Digest | FoundKind::Fact => None,
        };
        let older: Vec<MessageId> = found.into_iter().filter_map(|(found, _)| message(found)).collect();
        let mut tx = self.engine.store.reading(asker.actor.account).await?;
        let mut candidates = Message::list_by_ids(&mut tx, &older).await?;
        let newest = Message::list_newest(&tx, asker.conversation.id, 1, i32::MAX, NEWEST).await?;
        tx.commit().await?;
        candidates.extend(newest);
        candidates.sort_unstable_by_key(|message| message.id);
        candidates.dedup_by_key(|message| message.id);
        let is_own = |message: &Message| {
            message.role == MessageRole::Person && message.person_id == Some(asker.actor.person)
        };
        let messages = candidates.iter().filter(|message| is_own(message) && holds(&message.text));
        let messages = messages.map(|message| message.id).take(MOST).collect();
        let facts = self.numbered_facts(asker.actor, asker.conversation.id, true).await?;
        let facts = facts.into_iter().map(|(_, fact)| fact).filter(|fact| holds(&fact.text)).collect();
        Ok((messages, facts))
    }

    async fn ask_to_confirm(
        &self,
        asker: &Asker<'_>,
        messages: &[MessageId],
        facts: &[Fact],
    ) -> Result<String> {
        let going = match messages {
            [] => Vec::new(),
            some => self.would_erase(asker.actor, some).await?,
        };
        let mut lines: Vec<String> = facts
            .iter()
            .map(|fact| format!("· {}", fact.text))
            .chain(going.iter().map(|message| line(asker.language, message)))
            .collect();
        let hidden = lines.len().saturating_sub(SHOWN);
        lines.truncate(SHOWN);
        if hidden > 0 {
            lines.push(say::and_more(asker.language, hidden));
        }
        let request = ForgetRequest {
            account_id: asker.actor.account,
            conversation_id: asker.conversation.id,
            person_id: asker.actor.person,
            messages: messages.iter().map(|id| id.0).collect(),
            facts: facts.iter().map(|fact| fact.id.0).collect(),
            created_at: self.engine.clock.now(),
        };
        let mut tx = self.engine.store.tenant(asker.actor.account).await?;
        ForgetRequest::put(&mut tx, &request).await?;
        tx.commit().await?;
        let (head, foot) = (say::would_forget(asker.language), say::confirm(asker.language));
        Ok(format!("{head}\n{}\n{foot}", lines.join("\n")))
    }

    async fn forget_now(&self, asker: &Asker<'_>) -> Result<String> {
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(asker.actor.account).await?;
        let asked = ForgetRequest::take(&mut tx, asker.conversation.id, asker.actor.person).await?;
        let is_fresh = |asked: &ForgetRequest| now - asked.created_at < chrono::TimeDelta::minutes(PATIENCE);
        let Some(asked) = asked.filter(is_fresh) else {
            return Ok(say::nothing_asked(asker.language).to_owned());
        };
        erase_facts(&mut tx, &asker.conversation, &asked.facts, now).await?;
        let messages: Vec<MessageId> = asked.messages.into_iter().map(MessageId).collect();
        tx.commit().await?;
        let gone = match messages.as_slice() {
            [] => 0,
            some => self.erase_messages(asker.actor, some).await?.len(),
        };
        Ok(say::forgotten(asker.language, gone))
    }
}

/// Those that were shown are the bot's, so they are whose they were then.
async fn erase_facts(
    tx: &mut Tenant,
    conversation: &Conversation,
    facts: &[Uuid],
    now: chrono::DateTime<chrono::Utc>,
) -> Result<()> {
    Conversation::find_locked(tx, conversation.id).await?;
    let ids: Vec<FactId> = facts.iter().map(|id| FactId(*id)).collect();
    Fact::erase(tx, &ids, now).await?;
    Ok(())
}
