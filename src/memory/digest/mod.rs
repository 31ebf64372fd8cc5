//! Digests: the days of a conversation, and the weeks and months that they make, each in a few sentences. And what
//! else is done once a day: what was said and waits for a summary is summed up.
//!
//! A bot's schedule begins a digest; each conversation in which something was said is a job of its own. What was
//! missed while nobody ran is made up for, day by day.

mod days;
mod spans;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::id::{AccountId, BotId, ConversationId};
use crate::jobs::{self, Cron, Failure};
use crate::memory::summarize::{Summarize, Summarizer};
use crate::spec;
use crate::store::{Bot, BotRevision, Conversation, Schedule, Tenant};

/// So many conversations are enqueued in one transaction.
const PAGE: i64 = 500;

/// The job that enqueues the digests of one bot's conversations.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Digest {
    pub bot: BotId,
}

impl jobs::Payload for Digest {
    const KIND: &'static str = "memory.digest";
    fn key(&self) -> String {
        self.bot.to_string()
    }
}

/// The job that writes the digests of one conversation, of all that ended before `until`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DigestConversation {
    pub conversation: ConversationId,
    pub until: DateTime<Utc>,
}

impl jobs::Payload for DigestConversation {
    const KIND: &'static str = "memory.digest.conversation";
    fn key(&self) -> String {
        self.conversation.to_string()
    }
}

/// The job that has everything summed up that was said in an account and waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Daily {}

impl jobs::Payload for Daily {
    const KIND: &'static str = "memory.daily";
    fn key(&self) -> String {
        "account".into()
    }
}

/// To be called in the transaction that changes bots: sets the schedules of those in `bots`, and ends those of the
/// archived.
///
/// # Errors
/// `Invalid` for a schedule that never comes.
pub async fn schedule(
    tx: &mut Tenant,
    bots: &[(BotId, Option<spec::Digest>)],
    archived: &[BotId],
    now: DateTime<Utc>,
) -> Result<()> {
    let ended: Vec<String> = bots
        .iter()
        .filter(|(_, digest)| digest.is_none())
        .map(|(bot, _)| bot)
        .chain(archived)
        .map(ToString::to_string)
        .collect();
    if !ended.is_empty() {
        Schedule::delete_all(tx, <Digest as jobs::Payload>::KIND, &ended).await?;
    }
    for (bot, digest) in bots {
        if let Some(digest) = digest {
            let cron = Cron::parse(&digest.cron, &digest.timezone).map_err(crate::error::Error::invalid)?;
            jobs::schedule(tx, &Digest { bot: *bot }, &cron, now).await?;
        }
    }
    Ok(())
}

impl Summarizer {
    /// Enqueues a digest of each of the bot's conversations in which something was said.
    ///
    /// # Errors
    /// `Retry` while Postgres is away.
    pub async fn digest(&self, account: AccountId, job: &Digest) -> Result<(), Failure> {
        let now = self.clock.now();
        let mut after = None;
        loop {
            let mut tx = self.store.tenant(account).await?;
            let page = Conversation::list_undigested(&mut tx, job.bot, after, PAGE).await?;
            for conversation in &page {
                let part = DigestConversation { conversation: *conversation, until: now };
                jobs::enqueue(&mut tx, &part, now, now).await?;
            }
            tx.commit().await?;
            match page.last() {
                Some(last) => after = Some(*last),
                None => return Ok(()),
            }
        }
    }

    /// Writes the digests of the days of a conversation that ended, then those of weeks and months.
    ///
    /// # Errors
    /// `Retry` while Postgres or the provider is away or the budget is used up.
    pub async fn digest_conversation(
        &self,
        account: AccountId,
        job: &DigestConversation,
    ) -> Result<(), Failure> {
        let mut tx = self.store.tenant(account).await?;
        let place = place(&mut tx, job.conversation).await?;
        tx.commit().await?;
        let Some((conversation, bot)) = place else { return Ok(()) };
        let Some(digest) = &bot.memory.digest else { return Ok(()) };
        let cron = |text| Cron::parse(text, &digest.timezone).map_err(crate::error::Error::invalid);
        self.digest_days(&conversation, &bot, &cron(&digest.cron)?, job.until).await?;
        self.digest_span(&conversation, &bot, &spans::WEEK, &cron(spans::WEEK.ends)?, job.until).await?;
        self.digest_span(&conversation, &bot, &spans::MONTH, &cron(spans::MONTH.ends)?, job.until).await
    }

    /// Has everything summed up that waits, however little it is.
    ///
    /// # Errors
    /// `Retry` while Postgres is away.
    pub async fn daily(&self, account: AccountId, _job: &Daily) -> Result<(), Failure> {
        let now = self.clock.now();
        let mut after = None;
        loop {
            let mut tx = self.store.tenant(account).await?;
            let page = Conversation::list_unsummarised(&mut tx, after, PAGE).await?;
            for conversation in &page {
                jobs::enqueue(&mut tx, &Summarize::at_once(*conversation), now, now).await?;
            }
            tx.commit().await?;
            match page.last() {
                Some(last) => after = Some(*last),
                None => return Ok(()),
            }
        }
    }
}

/// A conversation and its bot as its file stands; none if either is gone.
async fn place(tx: &mut Tenant, conversation: ConversationId) -> Result<Option<(Conversation, spec::Bot)>> {
    let Some(conversation) = Conversation::find(tx, conversation).await? else { return Ok(None) };
    let Some(bot) = Bot::find(tx, conversation.bot_id).await? else { return Ok(None) };
    let Some(revision) = BotRevision::find(tx, bot.revision_id).await? else { return Ok(None) };
    Ok(Some((conversation, spec::Bot::from_authored(&revision.content)?)))
}
