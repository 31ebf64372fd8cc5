//! Runs [`Expire`]: `worker.on(move |task| expire(chat.clone(), task))`, once a day for every account.

use crate::chat::{Chat, Expire};
use crate::jobs::Failure;
use crate::worker::Task;

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
