//! From what changed to what the index is told: loads the messages around every change, account by account.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::id::{AccountId, ConversationId, MessageId, SummaryId};
use crate::memory::documents::{self, APART, REACH};
use crate::search;
use crate::store::{self, Conversation, Message, Store, Summary, Tenant};

/// So many changed messages are loaded at once, each with its neighbours.
const AT_ONCE: usize = 250;

/// So many accounts are read at once, each on a connection of its own.
const CONNECTIONS: usize = 3;

/// Messages of one conversation by ordinal, and the places of those whose documents are to be written.
#[derive(Debug)]
struct Thread {
    conversation: Conversation,
    messages: Vec<Message>,
    wanted: Vec<usize>,
}

/// Everything that the index is told at once. Loaded here, turned into documents on a thread where that may
/// take its time.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    threads: Vec<Thread>,
    summaries: Vec<(Conversation, Summary)>,
    gone: Vec<Uuid>,
    /// Documents of which no earlier version may stay on disk: what was erased, and its neighbours.
    erased: Vec<Uuid>,
}

impl Gathered {
    /// The documents of which no earlier version may stay on disk.
    pub(super) fn erased(&self) -> &[Uuid] {
        &self.erased
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.threads.is_empty() && self.summaries.is_empty() && self.gone.is_empty()
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
        changes
    }

    fn join(&mut self, other: Self) {
        let Self { threads, summaries, gone, erased } = other;
        self.threads.extend(threads);
        self.summaries.extend(summaries);
        self.gone.extend(gone);
        self.erased.extend(erased);
    }
}

/// Loads what bears on `lines` of the feed. What happened to a thing is not asked: it is indexed as it stands
/// now, and a later line will say if it changed again.
pub(super) async fn changed(store: &Store, lines: &[store::Change]) -> Result<Gathered> {
    let mut messages: BTreeMap<AccountId, BTreeSet<MessageId>> = BTreeMap::new();
    let mut summaries: BTreeMap<AccountId, BTreeSet<SummaryId>> = BTreeMap::new();
    for line in lines {
        match line.kind.as_str() {
            "message" => _ = messages.entry(line.account_id).or_default().insert(line.entity_id.into()),
            "summary" => _ = summaries.entry(line.account_id).or_default().insert(line.entity_id.into()),
            _ => {}
        }
    }
    let messages = messages.into_iter().flat_map(|(account, ids)| {
        let ids: Vec<_> = ids.into_iter().collect();
        ids.chunks(AT_ONCE).map(|some| (account, some.to_vec())).collect::<Vec<_>>()
    });
    let messages = stream::iter(messages).map(|(account, ids)| async move {
        let mut tx = store.tenant(account).await?;
        let gathered = changed_messages(&mut tx, &ids).await?;
        tx.commit().await?;
        Ok::<_, Error>(gathered)
    });
    let summaries = stream::iter(summaries).map(|(account, ids)| async move {
        let mut tx = store.tenant(account).await?;
        let gathered = changed_summaries(&mut tx, &ids.into_iter().collect::<Vec<_>>()).await?;
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
    Ok(gathered)
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
    let loaded = Message::list_ranges(tx, &around).await?;
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

fn with_conversations(
    summaries: impl Iterator<Item = Summary>,
    conversations: &HashMap<ConversationId, Conversation>,
) -> Vec<(Conversation, Summary)> {
    summaries
        .filter_map(|summary| Some((conversations.get(&summary.conversation_id)?.clone(), summary)))
        .collect()
}

async fn conversations(
    tx: &mut Tenant,
    ids: impl Iterator<Item = ConversationId>,
) -> Result<HashMap<ConversationId, Conversation>> {
    let ids: Vec<_> = ids.collect();
    let found = Conversation::list_by_ids(tx, &ids).await?;
    Ok(found.into_iter().map(|conversation| (conversation.id, conversation)).collect())
}

/// So many messages are loaded at once when the index is filled.
const PAGE: i64 = 2_000;
/// And so many summaries.
const SUMMARIES: i64 = 500;

/// An account on its way into an empty index: newest messages first, then the summaries.
#[derive(Debug)]
pub(super) struct Filling {
    account: AccountId,
    before: Option<MessageId>,
    has_messages: bool,
    summaries_after: Option<ConversationId>,
}

impl Filling {
    pub(super) fn of(account: AccountId) -> Self {
        Self { account, before: None, has_messages: true, summaries_after: None }
    }

    /// The next part; `None` when all is loaded.
    pub(super) async fn next(&mut self, store: &Store) -> Result<Option<Gathered>> {
        let mut tx = store.tenant(self.account).await?;
        let part =
            if self.has_messages { self.messages(&mut tx).await? } else { self.summaries(&mut tx).await? };
        tx.commit().await?;
        Ok(part)
    }

    async fn messages(&mut self, tx: &mut Tenant) -> Result<Option<Gathered>> {
        let mut page = Message::list_backwards(tx, self.before, PAGE).await?;
        self.has_messages = i64::try_from(page.len()).is_ok_and(|count| count == PAGE);
        self.before = page.last().map(|message| message.id);
        page.sort_unstable_by_key(|message| (message.conversation_id, message.ordinal));
        let mut margins = Vec::new();
        for messages in page.chunk_by(|a, b| a.conversation_id == b.conversation_id) {
            margins.extend(missing_around(messages));
        }
        let margins = Message::list_ranges(tx, &margins).await?;
        let wanted: HashSet<_> = page.iter().map(|message| message.id).collect();
        let of: BTreeSet<_> = page.iter().map(|message| message.conversation_id).collect();
        let conversations = conversations(tx, of.into_iter()).await?;
        page.extend(margins);
        page.sort_unstable_by_key(|message| (message.conversation_id, message.ordinal));
        Ok(Some(Gathered { threads: threads(page, &wanted, &conversations), ..Gathered::default() }))
    }

    async fn summaries(&mut self, tx: &mut Tenant) -> Result<Option<Gathered>> {
        let page = Summary::list_latest(tx, self.summaries_after, SUMMARIES).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.summaries_after = Some(last.conversation_id);
        let of: Vec<_> = page.iter().map(|summary| summary.conversation_id).collect();
        let conversations = conversations(tx, of.into_iter()).await?;
        let summaries = with_conversations(page.into_iter(), &conversations);
        Ok(Some(Gathered { summaries, ..Gathered::default() }))
    }
}

/// The ordinals within reach of `messages` (of one conversation, in order) that are not among them.
fn missing_around(messages: &[Message]) -> Vec<(ConversationId, i32, i32)> {
    let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return Vec::new() };
    let of = first.conversation_id;
    let mut ranges =
        vec![(of, first.ordinal - REACH, first.ordinal - 1), (of, last.ordinal + 1, last.ordinal + REACH)];
    for pair in messages.windows(2) {
        let (low, high) = (pair[0].ordinal + 1, pair[1].ordinal - 1);
        if high - low < 2 * REACH {
            ranges.push((of, low, high));
        } else {
            ranges.extend([(of, low, low + REACH - 1), (of, high - REACH + 1, high)]);
        }
    }
    ranges.retain(|(_, low, high)| low <= high);
    ranges
}

fn threads(
    messages: Vec<Message>,
    wanted: &HashSet<MessageId>,
    conversations: &HashMap<ConversationId, Conversation>,
) -> Vec<Thread> {
    let mut threads: Vec<Thread> = Vec::new();
    for message in messages {
        let Some(conversation) = conversations.get(&message.conversation_id) else { continue };
        if threads.last().is_none_or(|thread| thread.conversation.id != message.conversation_id) {
            threads.push(Thread {
                conversation: conversation.clone(),
                messages: Vec::new(),
                wanted: Vec::new(),
            });
        }
        let Some(thread) = threads.last_mut() else { continue };
        if wanted.contains(&message.id) {
            thread.wanted.push(thread.messages.len());
        }
        thread.messages.push(message);
    }
    threads
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

    #[test]
    fn what_lies_around_a_page_is_loaded_once() {
        let of = conversation(None);
        let mut messages = thread(&of, &["a", "b", "c"]);
        messages[0].ordinal = 10;
        messages[1].ordinal = 13;
        messages[2].ordinal = 40;
        let missing = missing_around(&messages);
        let id = of.id;
        assert_eq!(missing, [(id, 5, 9), (id, 41, 45), (id, 11, 12), (id, 14, 18), (id, 35, 39)]);
    }
}
