//! Keeps this replica on the active config: what was applied is compiled before the first message needs it, and
//! whoever applied it hears that it runs here.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::chat::Bots;
use crate::clock::SharedClock;
use crate::error::Result;
use crate::id::ReplicaId;
use crate::store::{Hint, ReplicaConfig, Store};

/// The poll beside the wake-ups: a command that applies on this machine's database is gone before it could send one.
const POLL: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_secs(1);
/// So long the names of replicas that ended are kept.
const KEPT: TimeDelta = TimeDelta::hours(1);

/// Who follows which config.
pub(super) struct Follower {
    pub(super) store: Store,
    pub(super) clock: SharedClock,
    pub(super) bots: Bots,
    pub(super) replica: ReplicaId,
}

impl Follower {
    /// Runs until `stop`.
    pub(super) async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = self.follow() => {}
            () = stop.cancelled() => {}
        }
    }

    async fn follow(&self) {
        let mut waiter = self.store.wake().waiter(Hint::Config);
        let mut begun = false;
        loop {
            let looked = async {
                if !begun {
                    self.begin().await?;
                }
                self.catch_up().await
            };
            match looked.await {
                Ok(()) => {
                    begun = true;
                    waiter.wait(POLL).await;
                }
                Err(error) => {
                    tracing::warn!(error = error.chain(), "cannot look which config is active");
                    sleep(AGAIN).await;
                }
            }
        }
    }

    /// A replica that just started has kept nothing that is older than the tables.
    async fn begin(&self) -> Result<()> {
        let now = self.clock.now();
        let mut tx = self.store.system().await?;
        ReplicaConfig::prune(&mut tx, now - KEPT).await?;
        ReplicaConfig::record_all(&mut tx, self.replica, now).await?;
        tx.commit().await
    }

    async fn catch_up(&self) -> Result<()> {
        loop {
            let mut tx = self.store.system().await?;
            let behind = ReplicaConfig::behind(&mut tx, self.replica).await?;
            tx.commit().await?;
            if behind.is_empty() {
                return Ok(());
            }
            for (account, version) in behind {
                // What cannot be compiled is told; what ran before runs on in turns that began with it.
                let problem = self.bots.list(account).await.err();
                if let Some(error) = &problem {
                    tracing::error!(error = error.chain(), %account, "a bot that was applied cannot run");
                }
                let problem = problem.map(|error| error.chain());
                let mut tx = self.store.system().await?;
                let now = self.clock.now();
                ReplicaConfig::record(&mut tx, account, self.replica, version, problem.as_deref(), now)
                    .await?;
                tx.commit().await?;
            }
        }
    }
}
