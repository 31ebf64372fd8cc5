//! The usage of requests that store nothing else: noted in memory, written in batches off their way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::id::AccountId;
use crate::store::{Store, UsageEvent};

/// How often it is written. A crash loses the usage of as much time.
const EVERY: Duration = Duration::from_secs(1);
/// How long the last writing may take.
const LAST_WITHIN: Duration = Duration::from_secs(2);

/// What was used and is not written yet. It cannot grow without bound while the database is away: tokens
/// cannot be looked up then either, so requests end.
#[derive(Default)]
pub(super) struct Ledger(Mutex<Vec<UsageEvent>>);

impl Ledger {
    pub(super) fn note(&self, event: UsageEvent) {
        self.waiting().push(event);
    }

    /// Writes what was noted, again and again, until `stop`, and once more then.
    pub(super) async fn keep(&self, store: &Store, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = sleep(EVERY) => {}
                () = stop.cancelled() => {}
            }
            match timeout(LAST_WITHIN, self.write(store)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(error = error.chain(), "usage waits: the database did not take it");
                }
                Err(_) => tracing::warn!("usage waits: the database takes too long"),
            }
        }
        let lost = self.waiting().len();
        if lost > 0 {
            tracing::error!(lost, "the usage of these requests could not be written");
        }
    }

    async fn write(&self, store: &Store) -> Result<()> {
        let mut by_account: HashMap<AccountId, Vec<UsageEvent>> = HashMap::new();
        for event in std::mem::take(&mut *self.waiting()) {
            by_account.entry(event.account_id).or_default().push(event);
        }
        let mut unwritten = Unwritten { ledger: self, events: by_account };
        let accounts: Vec<AccountId> = unwritten.events.keys().copied().collect();
        for account in accounts {
            let Some(events) = unwritten.events.get(&account) else { continue };
            let mut tx = store.tenant(account).await?;
            UsageEvent::insert_all(&mut tx, events).await?;
            tx.commit().await?;
            unwritten.events.remove(&account);
        }
        Ok(())
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<UsageEvent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was not written goes back, also where the writing was broken off.
struct Unwritten<'l> {
    ledger: &'l Ledger,
    events: HashMap<AccountId, Vec<UsageEvent>>,
}

impl Drop for Unwritten<'_> {
    fn drop(&mut self) {
        self.ledger.waiting().extend(self.events.drain().flat_map(|(_, events)| events));
    }
}
