//! From what changed to what the index is told: loads the messages around every change, account by account.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::id::{AccountId, ConversationId, FactId, MessageId, PassageId, SummaryId};
use crate::memory::documents::{self, APART, REACH};
use crate::memory::told;
use crate::search;
use crate::store::{self, Conversation, Fact, Message, Quoted, Store, Summary, Tenant};

/// So many changed messages are loaded at once, each with its neighbours.
const AT_ONCE: usize = 250;

/// So many accounts are read at once, each on a connection of its own.
const CONNECTIONS: usize = 3;

/// Messages of one conversation by ordinal, and the places of those whose documents are to be written.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) conversation: Conversation,
    pub(super) messages: Vec<Message>,
    pub(super) wanted: Vec<usize>,
}

/// Everything that the index is told at once. Loaded here, turned into documents on a thread where that may
/// take its time.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) threads: Vec<Thread>,
    pub(super) summaries: Vec<(Conversation, Summary)>,
    pub(super) facts: Vec<Fact>,
    pub(super) passages: Vec<Quoted>,
    pub(super) gone: Vec<Uuid>,
    /// Documents of which no earlier version may stay on disk: what was erased, and its neighbours.
    pub(super) erased: Vec<Uuid>,
}

impl Gathered {
    /// The documents of which no earlier version may stay on disk.
    pub(super) fn erased(&self) -> &[Uuid] {
        &self.erased
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        let Self { threads, summaries, facts, passages, gone, erased: _ } = self;
        threads.is_empty()
            && summaries.is_empty()
            && facts.is_empty()
            && passages.is_empty()
            && gone.is_empty()
    }

    /// What the index is told. Takes some 10 µs of time for each message.
    pub(super) fn into_changes(self) -> Vec<search::Change> {
        let mut changes: Vec<_> = self.gone.into_iter().map(search::Change::Delete).collect();
        for Thread { conversation, messages, wanted } in &self.threads {
            changes.extend(wanted.iter().map(|place| {
                match documents::of_message(conversation, messages, *place) {
                    Some(document) => search::Change::Put(document),
                    None => search::Change::Delete(messages[*place].id.0),
                }
            }));
        }
        changes.extend(self.summaries.iter().map(|(of, summary)| match documents::of_summary(of, summary) {
            Some(document) => search::Change::Put(document),
            None => search::Change::Delete(summary.id.0),
        }));
        changes.extend(self.facts.iter().map(|fact| match documents::of_fact(fact) {
            Some(document) => search::Change::Put(document),
            None => search::Change::Delete(fact.id.0),
        }));
        changes
            .extend(self.passages.iter().map(|passage| search::Change::Put(documents::of_passage(passage))));
        changes
    }

    fn join(&mut self, other: Self) {
        let Self { threads, summaries, facts, passages, gone, erased } = other;
        self.threads.extend(threads);
        self.summaries.extend(summaries);
        self.facts.extend(facts);
        self.passages.extend(passages);
        self.gone.extend(gone);
        self.erased.extend(erased);
    }
}

/// Loads what bears on `lines` of the feed. What happened to a thing is not asked: it is indexed as it stands
/// now, and a later line will say if it changed again.
pub(super) async fn changed(store: &Store, lines: &[store::Change]) -> Result<Gathered> {
    let messages = touched_by(lines, "message").into_iter().flat_map(|(account, ids)| {
        let ids: Vec<MessageId> = ids.into_iter().map(MessageId).collect();
        ids.chunks(AT_ONCE).map(|some| (account, some.to_vec())).collect::<Vec<_>>()
    });
    let messages = stream::iter(messages).map(|(account, ids)| async move {
        let mut tx = store.tenant(account).await?;
        let gathered = changed_messages(&mut tx, &ids).await?;
        tx.commit().await?;
        Ok::<_, Error>(gathered)
    });
    let summaries = stream::iter(touched_by(lines, "summary")).map(|(account, ids)| async move {
        let mut tx = store.tenant(account).await?;
        let ids: Vec<SummaryId> = ids.into_iter().map(SummaryId).collect();
        let gathered = changed_summaries(&mut tx, &ids).await?;
        tx.commit().await?;
        Ok::<_, Error>(gathered)
    });
    let facts = stream::iter(touched_by(lines, "fact")).map(|(account, ids)| async move {
        let mut tx = store.tenant(account).await?;
        let ids: Vec<FactId> = ids.into_iter().map(FactId).collect();
        let gathered = changed_facts(&mut tx, &ids).await?;
        tx.commit().await?;
        Ok::<_, Error>(gathered)
    });
    let passages = stream::iter(touched_by(lines, "passage")).map(|(account, ids)| async move {
        let mut tx = store.tenant(account).await?;
        let ids: Vec<PassageId> = ids.into_iter().map(PassageId).collect();
        let gathered = changed_passages(&mut tx, &ids).await?;
        tx.commit().await?;
        Ok::<_, Error>(gathered)
    });
    let mut gathered = Gathered::default();
    let mut messages = messages.buffer_unordered(CONNECTIONS);
    while let Some(part) = messages.try_next().await? {
        gathered.join(part);
    }
    let mut summaries = summaries.buffer_unordered(CONNECTIONS);
    while let Some(part) = summaries.try_next().await? {
        gathered.join(part);
    }
    let mut facts = facts.buffer_unordered(CONNECTIONS);
    while let Some(part) = facts.try_next().await? {
        gathered.join(part);
    }
    let mut passages = passages.buffer_unordered(CONNECTIONS);
    while let Some(part) = passages.try_next().await? {
        gathered.join(part);
    }
    Ok(gathered)
}

/// The ids that lines of a kind are about, by account.
fn touched_by(lines: &[store::Change], kind: &str) -> BTreeMap<AccountId, BTreeSet<Uuid>> {
    let mut ids: BTreeMap<AccountId, BTreeSet<Uuid>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.kind == kind) {
        ids.entry(line.account_id).or_default().insert(line.entity_id);
    }
    ids
}

async fn changed_facts(tx: &mut Tenant, ids: &[FactId]) -> Result<Gathered> {
    let facts = Fact::list_by_ids(tx, ids).await?;
    let found: HashSet<_> = facts.iter().map(|fact| fact.id).collect();
    let gone: Vec<Uuid> = ids.iter().filter(|id| !found.contains(id)).map(|id| id.0).collect();
    Ok(Gathered { facts, erased: gone.clone(), gone, ..Gathered::default() })
}

async fn changed_passages(tx: &mut Tenant, ids: &[PassageId]) -> Result<Gathered> {
    let passages = Quoted::list_by_ids(tx, ids).await?;
    let found: HashSet<_> = passages.iter().map(|passage| passage.passage_id).collect();
    // A passage is only ever deleted because its text was taken back.
    let gone: Vec<Uuid> = ids.iter().filter(|id| !found.contains(id)).map(|id| id.0).collect();
    Ok(Gathered { passages, erased: gone.clone(), gone, ..Gathered::default() })
}

async fn changed_messages(tx: &mut Tenant, ids: &[MessageId]) -> Result<Gathered> {
    let changed = Message::list_by_ids(tx, ids).await?;
    let mut places: HashMap<ConversationId, Vec<i32>> = HashMap::new();
    for message in &changed {
        places.entry(message.conversation_id).or_default().push(message.ordinal);
    }
    let around: Vec<_> = places
        .iter_mut()
        // Neighbours are written anew too, and each needs its own neighbours for that.
        .flat_map(|(conversation, ordinals)| merged(*conversation, ordinals, 2 * REACH))
        .collect();
    let mut loaded = Message::list_ranges(tx, &around).await?;
    told::retell(tx, &mut loaded).await?;
    let conversations = conversations(tx, places.keys().copied()).await?;
    let mut gathered = Gathered::default();
    for messages in loaded.chunk_by(|a, b| a.conversation_id == b.conversation_id) {
        let Some(first) = messages.first() else { continue };
        let Some(conversation) = conversations.get(&first.conversation_id) else { continue };
        let ordinals = places.get(&first.conversation_id).map(Vec::as_slice).unwrap_or_default();
        let wanted = touched(messages, ordinals);
        let erased = changed.iter().filter(|message| message.erased_at.is_some());
        let erased = erased.filter(|message| message.conversation_id == first.conversation_id);
        let erased: Vec<i32> = erased.map(|message| message.ordinal).collect();
        gathered.erased.extend(touched(messages, &erased).into_iter().map(|place| messages[place].id.0));
        let (conversation, messages) = (conversation.clone(), messages.to_vec());
        gathered.threads.push(Thread { conversation, messages, wanted });
    }
    let found: HashSet<_> = changed.iter().map(|message| message.id).collect();
    gathered.gone = ids.iter().filter(|id| !found.contains(id)).map(|id| id.0).collect();
    Ok(gathered)
}

/// The places in `messages` of those with the given ordinals and of their neighbours.
fn touched(messages: &[Message], ordinals: &[i32]) -> Vec<usize> {
    let mut places = BTreeSet::new();
    for ordinal in ordinals {
        let Ok(middle) = messages.binary_search_by_key(ordinal, |message| message.ordinal) else { continue };
        let reach = REACH.unsigned_abs() as usize;
        let near = middle.saturating_sub(reach)..messages.len().min(middle + reach + 1);
        places.extend(near.filter(|place| {
            let (a, b) = (&messages[*place], &messages[middle]);
            a.ordinal.abs_diff(b.ordinal) <= REACH.unsigned_abs() && (a.sent_at - b.sent_at).abs() <= APART
        }));
    }
    places.into_iter().collect()
}

/// The ordinals within `reach` of the given ones, as ranges that do not touch.
fn merged(
    conversation: ConversationId,
    ordinals: &mut Vec<i32>,
    reach: i32,
) -> Vec<(ConversationId, i32, i32)> {
    ordinals.sort_unstable();
    ordinals.dedup();
    let mut ranges: Vec<(ConversationId, i32, i32)> = Vec::new();
    for ordinal in ordinals {
        let (low, high) = (ordinal.saturating_sub(reach), ordinal.saturating_add(reach));
        match ranges.last_mut() {
            Some(last) if low <= last.2.saturating_add(1) => last.2 = high,
            _ => ranges.push((conversation, low, high)),
        }
    }
    ranges
}

async fn changed_summaries(tx: &mut Tenant, ids: &[SummaryId]) -> Result<Gathered> {
    let found = Summary::list_by_ids(tx, ids).await?;
    let of: BTreeSet<_> = found.iter().map(|summary| summary.conversation_id).collect();
    let of: Vec<_> = of.into_iter().collect();
    // A rolling summary holds what the ones before it held, so only the newest can be found.
    let outdated: HashSet<_> = Summary::list_outdated(tx, &of).await?.into_iter().collect();
    let conversations = conversations(tx, of.into_iter()).await?;
    let known: HashSet<_> = found.iter().map(|summary| summary.id).collect();
    // A summary is only ever deleted because what it tells of was taken back.
    let erased: Vec<_> = ids.iter().filter(|id| !known.contains(id)).map(|id| id.0).collect();
    let gone = erased.iter().copied().chain(outdated.iter().map(|id| id.0)).collect();
    let newest = found.into_iter().filter(|summary| !outdated.contains(&summary.id));
    let summaries = with_conversations(newest, &conversations);
    Ok(Gathered { gone, summaries, erased, ..Gathered::default() })
}

pub(super) fn with_conversations(
    summaries: impl Iterator<Item = Summary>,
    conversations: &HashMap<ConversationId, Conversation>,
) -> Vec<(Conversation, Summary)> {
    summaries
        .filter_map(|summary| Some((conversations.get(&summary.conversation_id)?.clone(), summary)))
        .collect()
}

pub(super) async fn conversations(
    tx: &mut Tenant,
    ids: impl Iterator<Item = ConversationId>,
) -> Result<HashMap<ConversationId, Conversation>> {
    let ids: Vec<_> = ids.collect();
    let found = Conversation::list_by_ids(tx, &ids).await?;
    Ok(found.into_iter().map(|conversation| (conversation.id, conversation)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::documents::tests::{conversation, thread};

    #[test]
    fn ranges_that_meet_become_one() {
        let of = ConversationId::new();
        let ranges = merged(of, &mut vec![40, 3, 4, 60, 4], 10);
        assert_eq!(ranges, [(of, -7, 14), (of, 30, 70)]);
    }

    #[test]
    fn a_new_message_touches_the_five_before_it() {
        let of = conversation(None);
        let messages = thread(&of, &["a", "b", "c", "d", "e", "f", "g", "h"]);
        assert_eq!(touched(&messages, &[8]), [2, 3, 4, 5, 6, 7]);
        assert_eq!(touched(&messages, &[1, 2]), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(touched(&messages, &[99]), Vec::<usize>::new());
    }
}
