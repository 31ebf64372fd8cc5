//! What runs in a process, and how it ends: the doors first, then the ground that they stand on.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};

/// A process ends within 20 seconds; letting go of the database takes what is left of them.
const DOORS_WITHIN: Duration = Duration::from_secs(14);
const GROUND_WITHIN: Duration = Duration::from_secs(3);

/// Everything that runs.
#[derive(Default)]
pub(super) struct Running {
    /// What takes work in: it stops first, and finishes what it has.
    doors: Tasks,
    /// What the doors need until their last word: wake-ups, the index, the database itself.
    ground: Tasks,
}

#[derive(Default)]
struct Tasks {
    stop: CancellationToken,
    set: JoinSet<&'static str>,
}

impl Running {
    /// Runs a door. It must return soon after its token is cancelled, and not before.
    pub(super) fn door<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.doors.spawn(name, task);
    }

    /// Runs a part of the ground. It must return soon after its token is cancelled, and not before.
    pub(super) fn ground<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.ground.spawn(name, task);
    }

    /// The token that ends the doors.
    pub(super) fn doors_stop(&self) -> CancellationToken {
        self.doors.stop.clone()
    }

    /// Waits for `stop`. An error if something ended that must not: a process that does half of its work is
    /// worse than one that is started again.
    pub(super) async fn until(&mut self, stop: &CancellationToken) -> Result<()> {
        let ended = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            Some(ended) = self.doors.set.join_next() => ended,
            Some(ended) = self.ground.set.join_next() => ended,
        };
        match ended {
            Ok(name) => Err(Error::internal(format!("`{name}` ended by itself"))),
            Err(error) => Err(Error::internal(error)),
        }
    }

    /// Ends everything in good order.
    pub(super) async fn end(self) {
        self.doors.end(DOORS_WITHIN).await;
        self.ground.end(GROUND_WITHIN).await;
    }
}

impl Tasks {
    fn spawn<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = task(self.stop.clone());
        self.set.spawn(async move {
            task.await;
            name
        });
    }

    async fn end(mut self, within: Duration) {
        self.stop.cancel();
        let all = async {
            while let Some(ended) = self.set.join_next().await {
                match ended {
                    Ok(name) => tracing::debug!(name, "ended"),
                    Err(error) => tracing::error!(%error, "a task died"),
                }
            }
        };
        if timeout(within, all).await.is_err() {
            tracing::warn!(left = self.set.len(), "not everything ended in time");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test]
    async fn doors_end_before_the_ground() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut running = Running::default();
        let task = |name: &'static str| {
            let order = order.clone();
            move |stop: CancellationToken| async move {
                stop.cancelled().await;
                order.lock().unwrap().push(name);
            }
        };
        running.ground("wake-ups", task("ground"));
        running.door("turns", task("door"));
        let stop = CancellationToken::new();
        stop.cancel();
        running.until(&stop).await.unwrap();
        running.end().await;
        assert_eq!(*order.lock().unwrap(), ["door", "ground"]);
    }

    #[tokio::test]
    async fn what_ends_by_itself_ends_the_process() {
        let mut running = Running::default();
        running.door("turns", |_| async {});
        let error = running.until(&CancellationToken::new()).await.unwrap_err();
        assert!(error.chain().contains("`turns` ended by itself"), "{}", error.chain());
        let mut running = Running::default();
        running.ground("index", |_| async { panic!("on purpose") });
        assert!(running.until(&CancellationToken::new()).await.is_err());
    }
}
