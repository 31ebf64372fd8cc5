//! Making anew what models derived from messages.

use crate::error::Result;
use crate::id::{AccountId, BotId};
use crate::memory::Memory;
use crate::store::{Conversation, Fact, Summary};

/// So many conversations in one transaction.
const PAGE: i64 = 200;

impl Memory {
    /// Forgets the summaries of a bot's conversations and the facts that were drawn from them and that nobody
    /// touched, as far back as summaries reach (not before a fresh start), and enqueues the work of deriving them
    /// anew; says for how many conversations. What people and the bot itself noted stays, and so do digests: days
    /// long past are not told again.
    pub async fn rebuild(&self, account: AccountId, bot: BotId) -> Result<usize> {
        let now = self.clock.now();
        let (mut after, mut count) = (None, 0);
        loop {
            let mut tx = self.store.tenant(account).await?;
            let page = Conversation::list_of_bot(&mut tx, bot, after, PAGE).await?;
            for id in &page {
                let Some(conversation) = Conversation::find_locked(&tx, *id).await? else { continue };
                Summary::delete_rolling_since(&mut tx, *id, conversation.window_from).await?;
                let derived = Fact::list_derived(&mut tx, *id, conversation.window_from).await?;
                Fact::underive(&mut tx, &derived, now).await?;
                self.sum_up(&mut tx, *id, now).await?;
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
