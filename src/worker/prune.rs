//! Housekeeping: what has had its day is forgotten.
//!
//! Every worker does it by its own timer. The sweeps of all accounts' logs run under a lock, so that two
//! workers do not get in each other's way; nothing is lost if one of them skips a round.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use crate::chat::Expire;
use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::jobs::{self, Cron, Payload};
use crate::memory::Daily;
use crate::store::{
    Account, Arrival, Change, Idempotency, Job, Quarantined, Store, System, Tenant, TurnEvent, Upload,
};

const FIRST_AFTER: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(3600);
/// The number of the lock in the database.
const LOCK: i64 = 7_241_003;
/// How many rows one transaction deletes of a log that may be long.
const BATCH: i64 = 5_000;

const DELTAS_HOURS: i32 = 24;
const CHANGES_DAYS: i32 = 90;
const IDEMPOTENCY_HOURS: i64 = 24;
const JOBS_DAYS: i64 = 7;
const UPLOADS_HOURS: i64 = 24;
/// A channel repeats nothing that is older.
const ARRIVALS_HOURS: i64 = 48;
const QUARANTINE_DAYS: i64 = 30;

/// Prunes every hour until `stop`.
pub(super) async fn keep(store: &Store, clock: &SharedClock, stop: &CancellationToken) {
    let mut pause = FIRST_AFTER;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = EVERY;
        if let Err(error) = prune(store, clock.now()).await {
            tracing::warn!(
                error = error.chain(),
                "housekeeping was broken off; it is tried again in an hour"
            );
        }
    }
}

/// Forgets the text deltas of turns that ended (24 hours), lines of the change feed (90 days), idempotency
/// keys (24 hours), uploads that no message named (24 hours), jobs that ended (7 days), what arrived from channels
/// and became no message (48 hours) and what could not be taken in (30 days).
pub async fn prune(store: &Store, now: DateTime<Utc>) -> Result<()> {
    let mut tx = store.system().await?;
    let accounts = Account::list(&mut tx).await?;
    tx.commit().await?;

    while let Some(mut tx) = locked(store).await? {
        let forgotten = TurnEvent::delete_old_deltas(&mut tx, DELTAS_HOURS, BATCH).await?;
        tx.commit().await?;
        if forgotten < BATCH as usize {
            break;
        }
    }
    if let Some(mut tx) = locked(store).await? {
        Change::delete_older_than(&mut tx, CHANGES_DAYS).await?;
        Job::delete_finished_before(&mut tx, now - TimeDelta::days(JOBS_DAYS)).await?;
        tx.commit().await?;
    }
    for account in accounts {
        let mut tx = store.tenant(account.id).await?;
        Idempotency::delete_before(&mut tx, now - TimeDelta::hours(IDEMPOTENCY_HOURS)).await?;
        Upload::delete_unused_before(&mut tx, now - TimeDelta::hours(UPLOADS_HOURS)).await?;
        Arrival::delete_before(&mut tx, now - TimeDelta::hours(ARRIVALS_HOURS)).await?;
        Quarantined::delete_before(&mut tx, now - TimeDelta::days(QUARANTINE_DAYS)).await?;
        // An account may be new since the last round.
        every_day(&mut tx, &Expire {}, "40 3 * * *", now).await?;
        every_day(&mut tx, &Daily {}, "10 4 * * *", now).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Has a job run every day, in the small hours of UTC; a schedule that is there stays as it is.
async fn every_day<P: Payload>(tx: &mut Tenant, job: &P, cron: &str, now: DateTime<Utc>) -> Result<()> {
    let cron = Cron::parse(cron, "UTC").map_err(Error::internal)?;
    jobs::schedule(tx, job, &cron, now).await
}

/// A transaction that holds the lock; `None` while another worker does.
async fn locked(store: &Store) -> Result<Option<System>> {
    let mut tx = store.system().await?;
    let locked = tx.try_lock(LOCK).await?;
    Ok(locked.then_some(tx))
}
