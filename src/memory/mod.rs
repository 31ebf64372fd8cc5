//! What a bot remembers: recall of what was said, and the rolling summary of it.
//!
//! Messages are the evidence; the index is a copy that can be thrown away. [`Indexer`] follows the change
//! feed into it, [`Memory::recall`] asks it and loads the texts from Postgres, so a hit on something that was
//! erased meanwhile yields nothing. [`Summarize`] is declared here and run by `worker`.
//!
//! Knows: dialog, spec, store, search, providers, jobs. Never: a text in a log, a connection held while a
//! model thinks.

mod confirm;
mod coverage;
mod digest;
mod documents;
mod facts;
mod filling;
mod found;
mod gather;
mod indexer;
mod long;
mod passages;
mod past;
mod profile;
mod progress;
mod rebuild;
mod recall;
mod scribe;
mod settle;
mod summarize;
mod told;
mod tools;
mod verify;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use crate::clock::SharedClock;
use crate::error::Result;
use crate::id::ConversationId;
use crate::jobs;
use crate::search::{self, Index, Mode};
use crate::spec;
use crate::store::{Conversation, Store, Summary, Tenant};

pub use digest::{Daily, Digest, DigestConversation, schedule};
pub use found::{Ask, Found, FoundKind, IndexStatus, Match, Matches, Recalled, fenced};
pub use indexer::Indexer;
pub use long::{Cut, asked, worth_reading};
pub use past::PastSummary;
pub use scribe::Keyring;
pub use summarize::{Summarize, Summarizer};
pub use told::retell;
pub use verify::Verified;

use progress::{Checkpoint, Progress};

/// What bots remember. Cheap to clone.
#[derive(Clone)]
pub struct Memory {
    store: Store,
    index: Index,
    clock: SharedClock,
    progress: Arc<Progress>,
    /// Up to which ordinal a conversation need not be looked at: its next summary cannot be due before.
    not_due: Arc<Mutex<HashMap<ConversationId, i32>>>,
}

/// So many conversations are remembered as not due; forgetting one costs a query.
const REMEMBERED: usize = 20_000;

impl Memory {
    pub fn new(store: Store, index: Index, clock: SharedClock) -> Self {
        Self { store, index, clock, progress: Arc::default(), not_due: Arc::default() }
    }

    /// The task that keeps this memory's index in step. One is enough in a process; without one, this process
    /// only reads what another writes.
    pub fn indexer(&self) -> Indexer {
        Indexer::new(self.store.clone(), self.index.clone(), self.clock.clone(), self.progress.clone())
    }

    /// For each of `texts` the share of the question's content words that it holds, each weighed by how rare
    /// it is among `texts`: 0 to 1. All 0 where the question has no content words.
    pub fn coverage(question: &str, texts: &[&str]) -> Vec<f32> {
        coverage::of(question, texts)
    }

    /// The content words of `text`, stemmed: words that mean the same to recall are the same here.
    pub fn words(text: &str) -> Vec<String> {
        search::terms(text)
    }

    /// Cuts a source into passages along its headings and paragraphs, each under the path of its headings.
    pub fn passages(text: &str) -> Vec<String> {
        passages::cut(text)
    }

    /// The newest summary of a conversation that covers nothing from the message `before` on; none where it
    /// says nothing.
    pub async fn latest_summary(
        &self,
        tx: &Tenant,
        conversation: ConversationId,
        before: i32,
    ) -> Result<Option<Summary>> {
        let latest = Summary::find_latest_before(tx, conversation, before).await?;
        Ok(latest.filter(|summary| !summary.text.is_empty()))
    }

    /// To be called in the transaction that takes back some of the messages `from` to `to`: summaries and digests
    /// that tell of them are forgotten and made anew. The conversation must be locked.
    pub async fn unsay(
        &self,
        tx: &mut Tenant,
        conversation: ConversationId,
        (from, to): (i32, i32),
        now: DateTime<Utc>,
    ) -> Result<()> {
        Summary::delete_digests_of(tx, conversation, from, to).await?;
        // The newer ones hold what the older ones held.
        if Summary::delete_rolling_since(tx, conversation, from).await? > 0 {
            jobs::enqueue(tx, &Summarize::when_due(conversation), now, now).await?;
        }
        Ok(())
    }

    /// Sums up a conversation soon, however little was said since it was last done.
    pub async fn sum_up(
        &self,
        tx: &mut Tenant,
        conversation: ConversationId,
        now: DateTime<Utc>,
    ) -> Result<()> {
        jobs::enqueue(tx, &Summarize::at_once(conversation), now, now).await?;
        Ok(())
    }

    /// To be called in the transaction that edits the message `ordinal`: the newest summary is made anew if it
    /// tells of that message. What older ones tell is folded into it and stays: the messages are the evidence.
    pub async fn correct(
        &self,
        tx: &mut Tenant,
        conversation: ConversationId,
        ordinal: i32,
        now: DateTime<Utc>,
    ) -> Result<()> {
        match Summary::find_latest(tx, conversation).await? {
            Some(latest) if latest.from_ordinal <= ordinal => {
                self.unsay(tx, conversation, (ordinal, ordinal), now).await
            }
            _ => Ok(()),
        }
    }

    /// To be called in the transaction that ends a turn: enqueues a summary when one is due, or when the prompt had no
    /// room for something that no summary tells of (`forgets`). Most calls cost
    /// nothing: with so many messages missing, the next summary cannot be due before so many have come.
    pub async fn after_turn(
        &self,
        tx: &mut Tenant,
        bot: &spec::Bot,
        conversation: &Conversation,
        forgets: bool,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let Conversation { id, last_ordinal, window_from, .. } = *conversation;
        if forgets {
            return self.sum_up(tx, id, now).await;
        }
        let needed = i32::try_from(bot.memory.summarize.every_turns).unwrap_or(i32::MAX).max(1);
        if last_ordinal < self.next_look(id, needed) {
            return Ok(());
        }
        let waiting = Summary::count_waiting(tx, id, window_from, needed.into()).await?;
        let missing = needed.saturating_sub(i32::try_from(waiting).unwrap_or(needed));
        if missing == 0 {
            jobs::enqueue(tx, &Summarize::when_due(id), now, now).await?;
        }
        // The next turn looks again, in case this transaction or the job comes to nothing.
        let pause = if missing == 0 { 2 } else { missing };
        let mut not_due = self.not_due.lock().unwrap_or_else(PoisonError::into_inner);
        if not_due.len() >= REMEMBERED {
            not_due.clear();
        }
        not_due.insert(id, last_ordinal.saturating_add(pause));
        Ok(())
    }

    fn next_look(&self, conversation: ConversationId, needed: i32) -> i32 {
        let not_due = self.not_due.lock().unwrap_or_else(PoisonError::into_inner);
        // A summary takes at least so many messages of people, and each has an ordinal.
        not_due.get(&conversation).copied().unwrap_or(needed)
    }

    /// How the index of this process stands.
    pub fn status(&self) -> IndexStatus {
        IndexStatus {
            lag: self.progress.lag(),
            rebuilding: self.progress.is_filling(),
            documents: self.index.documents(),
            writer: self.index.mode() == Mode::Writer,
            complete: self.is_complete(),
        }
    }

    /// Whether the index holds everything but what was just said. Where no indexer runs, what the writer left
    /// on disk tells.
    fn is_complete(&self) -> bool {
        self.progress.is_complete().unwrap_or_else(|| {
            let checkpoint = self.index.checkpoint().as_deref().and_then(Checkpoint::read);
            checkpoint.is_some_and(|checkpoint| !checkpoint.is_filling)
        })
    }
}
