//! Filling an empty index: an account's messages, facts, summaries and passages, page by page.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::error::Result;
use crate::id::{AccountId, ConversationId, FactId, MessageId, PassageId, SummaryId};
use crate::memory::documents::REACH;
use crate::memory::gather::{Gathered, Thread, conversations, with_conversations};
use crate::memory::told;
use crate::store::{Conversation, Fact, Message, Quoted, Store, Summary, Tenant};

/// So many messages are loaded at once when the index is filled.
const PAGE: i64 = 2_000;
/// And so many summaries, facts or passages.
const SUMMARIES: i64 = 500;

/// An account on its way into an empty index: newest messages first, then facts, summaries and
/// passages.
#[derive(Debug)]
pub(super) struct Filling {
    account: AccountId,
    next: Next,
}

/// What comes next, each after the last one that was loaded.
#[derive(Debug, Clone, Copy)]
enum Next {
    Messages(Option<MessageId>),
    Facts(Option<FactId>),
    Digests(Option<SummaryId>),
    Summaries(Option<ConversationId>),
    Passages(Option<PassageId>),
    Nothing,
}

impl Filling {
    pub(super) fn of(account: AccountId) -> Self {
        Self { account, next: Next::Messages(None) }
    }

    /// The next part; `None` when all is loaded.
    pub(super) async fn next(&mut self, store: &Store) -> Result<Option<Gathered>> {
        let mut tx = store.tenant(self.account).await?;
        let part = match self.next {
            Next::Messages(before) => self.messages(&mut tx, before).await?,
            Next::Facts(after) => self.facts(&mut tx, after).await?,
            Next::Digests(after) => self.digests(&mut tx, after).await?,
            Next::Summaries(after) => self.summaries(&mut tx, after).await?,
            Next::Passages(after) => self.passages(&mut tx, after).await?,
            Next::Nothing => return Ok(None),
        };
        tx.commit().await?;
        Ok(Some(part))
    }

    async fn facts(&mut self, tx: &mut Tenant, after: Option<FactId>) -> Result<Gathered> {
        let facts = Fact::list_all_after(tx, after, SUMMARIES).await?;
        self.next = facts.last().map_or(Next::Digests(None), |last| Next::Facts(Some(last.id)));
        Ok(Gathered { facts, ..Gathered::default() })
    }

    async fn digests(&mut self, tx: &mut Tenant, after: Option<SummaryId>) -> Result<Gathered> {
        let page = Summary::list_digests_after(tx, after, SUMMARIES).await?;
        self.next = page.last().map_or(Next::Summaries(None), |last| Next::Digests(Some(last.id)));
        of_summaries(tx, page).await
    }

    async fn summaries(&mut self, tx: &mut Tenant, after: Option<ConversationId>) -> Result<Gathered> {
        let page = Summary::list_latest(tx, after, SUMMARIES).await?;
        self.next =
            page.last().map_or(Next::Passages(None), |last| Next::Summaries(Some(last.conversation_id)));
        of_summaries(tx, page).await
    }

    async fn passages(&mut self, tx: &mut Tenant, after: Option<PassageId>) -> Result<Gathered> {
        let passages = Quoted::list_all_after(tx, after, SUMMARIES).await?;
        self.next = passages.last().map_or(Next::Nothing, |last| Next::Passages(Some(last.passage_id)));
        Ok(Gathered { passages, ..Gathered::default() })
    }

    async fn messages(&mut self, tx: &mut Tenant, before: Option<MessageId>) -> Result<Gathered> {
        let mut page = Message::list_backwards(tx, before, PAGE).await?;
        self.next = page.last().map_or(Next::Facts(None), |last| Next::Messages(Some(last.id)));
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
        told::retell(tx, &mut page).await?;
        Ok(Gathered { threads: threads(page, &wanted, &conversations), ..Gathered::default() })
    }
}

async fn of_summaries(tx: &mut Tenant, page: Vec<Summary>) -> Result<Gathered> {
    let of: BTreeSet<_> = page.iter().map(|summary| summary.conversation_id).collect();
    let conversations = conversations(tx, of.into_iter()).await?;
    Ok(Gathered { summaries: with_conversations(page.into_iter(), &conversations), ..Gathered::default() })
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
