//! Running what loaders gathered, within the execution that asks for it: a batch begins when every field that can
//! ask has asked, and ends with the execution, whatever becomes of that.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use futures_util::task::AtomicWaker;

type Batch = BoxFuture<'static, ()>;

/// The batches of one execution that have not begun. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Batches(Arc<Mutex<Vec<Batch>>>);

impl Batches {
    /// Adds one. It begins when the execution can do no more without it.
    pub(super) fn add(&self, batch: Batch) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
    }

    fn take(&self) -> Vec<Batch> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `execution` and the batches that it asks for.
    pub(super) async fn run<T>(self, execution: impl Future<Output = T>) -> T {
        let mut execution = pin!(execution);
        let mut running = FuturesUnordered::new();
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(bell.clone());
        bell.wake_by_ref();
        poll_fn(|context| {
            bell.outside.register(context.waker());
            loop {
                if bell.rang() {
                    let polled = execution.as_mut().poll(&mut Context::from_waker(&waker));
                    if polled.is_ready() {
                        return polled;
                    }
                    if bell.is_ringing() {
                        // It goes on by itself: others that ask are still to come.
                        return Poll::Pending;
                    }
                }
                running.extend(self.take());
                let has_ended = matches!(running.poll_next_unpin(context), Poll::Ready(Some(())));
                if !has_ended && !bell.is_ringing() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// Rings when an execution can go on.
#[derive(Default)]
struct Bell {
    ringing: AtomicBool,
    outside: AtomicWaker,
}

impl Bell {
    fn is_ringing(&self) -> bool {
        self.ringing.load(Ordering::Acquire)
    }

    /// Whether it was ringing; it is not any more.
    fn rang(&self) -> bool {
        self.ringing.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ringing.store(true, Ordering::Release);
        self.outside.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_batch_begins_when_everybody_has_asked() {
        let batches = Batches::default();
        let asked = Arc::new(AtomicUsize::new(0));
        let ask = async |number: usize| {
            // Some need a moment before they ask.
            for _ in 0..number % 3 {
                tokio::task::yield_now().await;
            }
            let (answer, told) = oneshot::channel();
            let before = asked.fetch_add(1, Ordering::SeqCst);
            if before == 0 {
                let asked = asked.clone();
                batches.add(Box::pin(async move {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    let _ = answer.send(asked.load(Ordering::SeqCst));
                }));
                told.await.unwrap()
            } else {
                0
            }
        };
        let seen = batches.clone().run(join_all((0..9).map(&ask))).await;
        assert_eq!(seen.iter().sum::<usize>(), 9, "the batch saw all of them");
    }

    #[tokio::test]
    async fn batches_may_follow_from_batches() {
        let batches = Batches::default();
        let all = batches.clone();
        let execution = async move {
            let mut sum = 0;
            for number in 1..=3 {
                let (answer, told) = oneshot::channel();
                all.add(Box::pin(async move { _ = answer.send(number) }));
                sum += told.await.unwrap();
            }
            sum
        };
        assert_eq!(batches.run(execution).await, 6);
    }
}
