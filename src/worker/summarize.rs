//! Runs [`Summarize`]: `worker.on(move |task| summarize(summarizer.clone(), task))`.

use crate::jobs::Failure;
use crate::memory::{Summarize, Summarizer};
use crate::worker::Task;

/// Summarises one conversation. A model that is away is asked again later; talk goes on without.
///
/// # Errors
/// As [`Summarizer::run`].
pub async fn summarize(summarizer: Summarizer, task: Task<Summarize>) -> Result<(), Failure> {
    summarizer.run(task.account, &task.payload).await
}
