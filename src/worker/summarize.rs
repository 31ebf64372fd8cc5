//! What keeps memories: summaries, digests, and what is done about both every day. A model that is away is asked again
//! later; talk goes on without.

use crate::memory::Summarizer;
use crate::worker::Worker;

/// Lets `worker` take all jobs that keep memories.
pub fn keep_memories(worker: Worker, summarizer: &Summarizer) -> Worker {
    let [one, two, three, four] = [(); 4].map(|()| summarizer.clone());
    worker
        .on(move |task| {
            let summarizer = one.clone();
            async move { summarizer.run(task.account, &task.payload).await }
        })
        .on(move |task| {
            let summarizer = two.clone();
            async move { summarizer.digest(task.account, &task.payload).await }
        })
        .on(move |task| {
            let summarizer = three.clone();
            async move { summarizer.digest_conversation(task.account, &task.payload).await }
        })
        .on(move |task| {
            let summarizer = four.clone();
            async move { summarizer.daily(task.account, &task.payload).await }
        })
}
