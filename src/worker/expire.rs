//! Runs [`Expire`]: `worker.on(move |task| expire(chat.clone(), task))`, once a day for every account.

use chrono::{DateTime, Utc};

use crate::chat::{Chat, Expire};
use crate::error::{Error, Result};
use crate::jobs::{self, Cron, Failure};
use crate::store::Tenant;
use crate::worker::Task;

/// When: in the small hours, in UTC.
const DAILY: &str = "40 3 * * *";

/// Forgets the guests of one account who have long been silent. Broken off, it goes on the next time.
///
/// # Errors
/// `Retry` while Postgres is away.
pub async fn expire(chat: Chat, task: Task<Expire>) -> Result<(), Failure> {
    let guests = chat.expire_guests(task.account).await?;
    if guests > 0 {
        tracing::info!(account = %task.account, guests, "silent guests were forgotten");
    }
    Ok(())
}

/// Has it run every day for the account of `tx`; a schedule that is there stays as it is.
pub(super) async fn plan(tx: &mut Tenant, now: DateTime<Utc>) -> Result<()> {
    let daily = Cron::parse(DAILY, "UTC").map_err(Error::internal)?;
    jobs::schedule(tx, &Expire {}, &daily, now).await
}
