//! The queue and its schedules, as seen by whoever has work to be done later: declare it here, `worker`
//! runs it.
//!
//! A job runs at least once: a runner that dies in the middle is followed by another, so what it does must
//! bear repeating. Two waiting jobs of one kind and key are one job.
//!
//! Knows: `store`. Never: what a job does.

mod cron;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Kind, Result};
use crate::id::ScheduleId;
use crate::store::{Job, Schedule, Tenant};
pub use cron::Cron;

/// What a job needs to know. It is kept as JSON, so a field that is added needs a default.
pub trait Payload: Serialize + DeserializeOwned + Send + 'static {
    /// Says which runner takes it, such as `memory.summarise`. Never changes once it was released.
    const KIND: &'static str;
    /// What it is about, within its kind.
    fn key(&self) -> String;
}

/// Why a job did not end well.
#[derive(Debug)]
pub enum Failure {
    /// Trying again may help.
    Retry(Error),
    /// It cannot be done; trying again would change nothing.
    Fail(Error),
}

impl From<Error> for Failure {
    /// What is wrong with the request stays wrong; everything else is tried again.
    fn from(error: Error) -> Self {
        match error.kind() {
            Kind::NotFound | Kind::Invalid | Kind::Unauthenticated | Kind::Forbidden => Self::Fail(error),
            Kind::Conflict | Kind::RateLimited | Kind::Unavailable | Kind::Internal => Self::Retry(error),
        }
    }
}

/// Puts a job in the queue, to run at `run_at` or soon after; whether it was added.
///
/// If one of its kind and key waits already, that one takes over the newer payload and the earlier time. It
/// is not started before this transaction ends, so it sees everything that this transaction wrote.
pub async fn enqueue<P: Payload>(
    tx: &mut Tenant,
    payload: &P,
    run_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let json = serde_json::to_value(payload).map_err(Error::internal)?;
    Job::enqueue(tx, P::KIND, &payload.key(), json, run_at, now).await
}

/// Lets `cron` enqueue `payload`, in place of an earlier schedule of its kind and key. Times that pass while
/// nobody runs are made up for once, not one by one.
pub async fn schedule<P: Payload>(
    tx: &mut Tenant,
    payload: &P,
    cron: &Cron,
    now: DateTime<Utc>,
) -> Result<()> {
    let next_at = cron
        .next_after(now)
        .ok_or_else(|| Error::invalid(format!("the schedule `{}` never comes again", cron.text())))?;
    let schedule = Schedule {
        account_id: tx.account(),
        id: ScheduleId::new(),
        kind: P::KIND.into(),
        key: payload.key(),
        payload: serde_json::to_value(payload).map_err(Error::internal)?,
        cron: cron.text().into(),
        timezone: cron.timezone().into(),
        next_at,
    };
    Schedule::put(tx, &schedule).await
}

/// Ends the schedule of that key; whether there was one. A job that it enqueued still runs.
pub async fn unschedule<P: Payload>(tx: &mut Tenant, key: &str) -> Result<bool> {
    Schedule::delete(tx, P::KIND, key).await
}
