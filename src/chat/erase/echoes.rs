//! Which replies go together with what is erased: those that answer it, and those that repeat it. A reply
//! that heard it (in its window, recalled, in a fact or a
//! summary) and holds a word of it that nothing else brought up repeats it.
//! Rather one reply too many goes than one too few.

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use crate::chat::Report;
use crate::error::{Error, Result};
use crate::id::{ConversationId, MessageId};
use crate::memory::Memory;
use crate::store::{Earshot, Fact, FormerText, Heard, Message, Summary, Tenant};

/// A reply that repeats may be repeated in its turn; so far this is followed.
const ROUNDS: usize = 8;

/// What goes, by the conversation where it stands.
pub(super) type Going = BTreeMap<ConversationId, HashSet<MessageId>>;

/// Everything that goes when `said` (of one conversation) goes, itself among it.
pub(super) async fn with_echoes(tx: &mut Tenant, said: Vec<Message>, within: Earshot) -> Result<Going> {
    let mut going = Going::new();
    let mut newest = said;
    for round in 0..ROUNDS {
        let ids: Vec<MessageId> = newest.iter().map(|message| message.id).collect();
        if round == 0 {
            newest.extend(Message::list_answers_to(tx, &ids).await?);
        }
        for message in &newest {
            going.entry(message.conversation_id).or_default().insert(message.id);
        }
        let echoes = echoes(tx, &newest, &going, within).await?;
        if echoes.is_empty() {
            break;
        }
        newest = Message::list_by_ids(tx, &echoes).await?;
    }
    Ok(going)
}

/// The replies that repeat something of `said` and do not go yet.
async fn echoes(tx: &mut Tenant, said: &[Message], going: &Going, within: Earshot) -> Result<Vec<MessageId>> {
    let Some(since) = said.iter().map(|message| message.sent_at).min() else { return Ok(Vec::new()) };
    let (words, ids) = words_and_ids(tx, said).await?;
    let mut echoes = Vec::new();
    for heard in Message::list_heard(tx, &ids, within, since).await? {
        let goes = going.get(&heard.conversation_id).is_some_and(|ids| ids.contains(&heard.reply_id));
        if !goes && repeats(tx, &heard, &words, going).await? {
            echoes.push(heard.reply_id);
        }
    }
    Ok(echoes)
}

/// The words of `said`, and the ids by which a model may have heard them: as messages, in facts, in summaries.
async fn words_and_ids(tx: &mut Tenant, said: &[Message]) -> Result<(HashSet<String>, Vec<Uuid>)> {
    let messages: Vec<MessageId> = said.iter().map(|message| message.id).collect();
    let mut words: HashSet<String> = said.iter().flat_map(|message| Memory::words(&message.text)).collect();
    for former in FormerText::list(tx, &messages).await? {
        words.extend(Memory::words(&former.text));
    }
    let drawn = Fact::list_drawn_from(tx, &messages).await?;
    for fact in Fact::list_by_ids(tx, &drawn).await? {
        words.extend(Memory::words(&fact.text));
    }
    let mut ids: Vec<Uuid> = messages.iter().map(|id| id.0).chain(drawn.iter().map(|id| id.0)).collect();
    for messages in said.chunk_by(|a, b| a.conversation_id == b.conversation_id) {
        let Some(first) = messages.iter().min_by_key(|message| message.ordinal) else { continue };
        let told = Summary::list_since(tx, first.conversation_id, first.ordinal).await?;
        ids.extend(told.iter().map(|id| id.0));
    }
    Ok((words, ids))
}

/// Whether a reply holds one of `words` that nothing else which it heard holds.
async fn repeats(tx: &mut Tenant, heard: &Heard, words: &HashSet<String>, going: &Going) -> Result<bool> {
    let mut shared: HashSet<String> =
        Memory::words(&heard.words).into_iter().filter(|word| words.contains(word)).collect();
    if shared.is_empty() {
        return Ok(false);
    }
    let others: Vec<MessageId> =
        included(heard)?.into_iter().filter(|id| !going.values().any(|gone| gone.contains(id))).collect();
    for other in Message::list_by_ids(tx, &others).await? {
        for word in Memory::words(&other.text) {
            shared.remove(&word);
        }
    }
    Ok(!shared.is_empty())
}

/// The messages that the model of a turn read.
fn included(heard: &Heard) -> Result<Vec<MessageId>> {
    let report: Report = serde_json::from_value(heard.report.clone()).map_err(Error::internal)?;
    let items = report.sections.into_iter().flat_map(|section| section.items);
    Ok(items
        .filter(|item| item.included && item.kind == "message")
        .filter_map(|item| item.id.parse().ok())
        .collect())
}
