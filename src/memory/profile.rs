//! What is known of the people of a conversation before anything is asked, and making all of it anew.

use crate::error::Result;
use crate::id::{AccountId, BotId};
use crate::memory::Memory;
use crate::memory::facts::Place;
use crate::memory::summarize::{self, Summarize};
use crate::spec;
use crate::store::{Conversation, Fact, Summary, Tenant};

/// So many facts at most, and none that matters less: 1 to 10.
const MOST: i64 = 12;
const LEAST_IMPORTANCE: i32 = 6;

impl Memory {
    /// The most important facts that may be known in a conversation, the most important first.
    pub async fn profile(
        &self,
        tx: &Tenant,
        bot: &spec::Bot,
        conversation: &Conversation,
    ) -> Result<Vec<Fact>> {
        if bot.memory.facts.max == 0 {
            return Ok(Vec::new());
        }
        let mut facts = Place::of(conversation, bot).list_most(tx, MOST).await?;
        facts.retain(|fact| fact.importance >= LEAST_IMPORTANCE);
        Ok(facts)
    }

    /// Forgets everything that models derived from the messages of a bot's conversations (summaries, digests, facts
    /// that nobody touched) and enqueues the work of deriving it anew; says for how many conversations. What people
    /// and the bot itself noted stays.
    pub async fn rebuild(&self, account: AccountId, bot: BotId) -> Result<usize> {
        let now = self.clock.now();
        let (mut after, mut count) = (None, 0);
        loop {
            let mut tx = self.store.tenant(account).await?;
            let page = Conversation::list_of_bot(&mut tx, bot, after, 200).await?;
            for conversation in &page {
                Conversation::find_locked(&tx, *conversation).await?;
                Summary::delete_since(&mut tx, *conversation, 0).await?;
                Fact::erase_derived(&mut tx, *conversation).await?;
                summarize::enqueue(&mut tx, Summarize::at_once(*conversation), now).await?;
            }
            tx.commit().await?;
            count += page.len();
            match page.last() {
                Some(last) => after = Some(*last),
                None => return Ok(count),
            }
        }
    }
}
