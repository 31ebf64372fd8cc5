//! Albums: several messages that are one. Their parts arrive one by one, and are answered together.

use std::time::Duration;

use crate::chat::{Chat, Whence};
use crate::error::Result;
use crate::id::AccountId;
use crate::store::{Arrival, Hint, Turn};

/// So long after its last part an album counts as whole.
pub(super) const GATHERED_AFTER: Duration = Duration::from_secs(1);

impl Chat {
    /// Lets runners look for work once an album counts as whole; they do now and then anyway.
    pub(super) fn wake_once_gathered(&self) {
        let wake = self.engine.store.wake().clone();
        tokio::spawn(async move {
            tokio::time::sleep(GATHERED_AFTER).await;
            wake.send(vec![Hint::Work]);
        });
    }

    /// Lets the turn at a place that waits for the rest of an album wait so long from now on: the rest is being
    /// fetched. None: no longer than if it had just come.
    pub async fn expect_more(
        &self,
        account: AccountId,
        whence: &Whence,
        so_long: Option<Duration>,
    ) -> Result<()> {
        let mut tx = self.engine.store.tenant(account).await?;
        let place = (whence.bot, whence.channel, whence.key.as_str());
        Turn::wait_on(&mut tx, place, so_long.unwrap_or(GATHERED_AFTER)).await?;
        tx.commit().await
    }

    /// Whether something of an album arrived before that is answered.
    pub async fn is_album_answered(&self, account: AccountId, whence: &Whence, album: &str) -> Result<bool> {
        let mut tx = self.engine.store.reading(account).await?;
        let found = Arrival::is_album_answered(&mut tx, whence.connection, &whence.chat, album).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Whether something of an album arrived before.
    pub async fn has_album(&self, account: AccountId, whence: &Whence, album: &str) -> Result<bool> {
        let mut tx = self.engine.store.reading(account).await?;
        let found = Arrival::has_album(&mut tx, whence.connection, &whence.chat, album).await?;
        tx.commit().await?;
        Ok(found)
    }
}
