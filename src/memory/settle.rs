//! Waiting until everything that was said can be found.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::memory::progress::Checkpoint;
use crate::store::Change;

/// How often it is looked at.
const PACE: Duration = Duration::from_millis(50);
/// The lag is not counted further than this.
const MOST_LAG: i64 = 10_000;

impl Memory {
    /// Waits until the index holds all that was said so far, whichever process writes it.
    ///
    /// # Errors
    /// `Unavailable` after `patience`, with how far it is.
    pub async fn settle(&self, patience: Duration) -> Result<()> {
        let began = Instant::now();
        loop {
            let missing = self.missing().await?;
            if missing == Some(0) {
                return Ok(());
            }
            if began.elapsed() > patience {
                let how = match missing {
                    Some(changes) => format!("{changes} changes behind"),
                    None => "being built".into(),
                };
                return Err(Error::unavailable(format!(
                    "the search index is {how}: a server that runs (`botwright up`) brings it up to date"
                )));
            }
            sleep(PACE).await;
        }
    }

    /// How many changes the index lacks; `None` while it is filled or there is none.
    pub async fn missing(&self) -> Result<Option<i64>> {
        let index = self.index.clone();
        let checkpoint =
            tokio::task::spawn_blocking(move || index.checkpoint()).await.map_err(Error::internal)?;
        let checkpoint = checkpoint.as_deref().and_then(Checkpoint::read);
        let Some(checkpoint) = checkpoint.filter(|checkpoint| !checkpoint.is_filling) else {
            return Ok(None);
        };
        let mut tx = self.store.system().await?;
        let missing = Change::count_after(&mut tx, checkpoint.cursor, MOST_LAG).await?;
        tx.commit().await?;
        Ok(Some(missing))
    }
}
