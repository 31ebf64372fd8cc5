//! Runs what keeps a memory: `worker.on(move |task| summarize(summarizer.clone(), task))`.

use crate::jobs::Failure;
use crate::memory::{Daily, Digest, DigestConversation, Summarize, Summarizer};
use crate::worker::Task;

/// Summarises one conversation. A model that is away is asked again later; talk goes on without.
///
/// # Errors
/// As [`Summarizer::run`].
pub async fn summarize(summarizer: Summarizer, task: Task<Summarize>) -> Result<(), Failure> {
    summarizer.run(task.account, &task.payload).await
}

/// Enqueues the digests of a bot's conversations.
///
/// # Errors
/// As [`Summarizer::digest`].
pub async fn digest(summarizer: Summarizer, task: Task<Digest>) -> Result<(), Failure> {
    summarizer.digest(task.account, &task.payload).await
}

/// Writes the digests of one conversation.
///
/// # Errors
/// As [`Summarizer::digest_conversation`].
pub async fn digest_conversation(
    summarizer: Summarizer,
    task: Task<DigestConversation>,
) -> Result<(), Failure> {
    summarizer.digest_conversation(task.account, &task.payload).await
}

/// Enqueues summaries of all that waits in an account.
///
/// # Errors
/// As [`Summarizer::daily`].
pub async fn daily(summarizer: Summarizer, task: Task<Daily>) -> Result<(), Failure> {
    summarizer.daily(task.account).await
}
