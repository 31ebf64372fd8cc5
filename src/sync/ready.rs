//! Whether every replica runs what was applied.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::error::Result;
use crate::id::{AccountId, ReplicaId};
use crate::store::{ReplicaConfig, Store};

/// How often the replicas are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How the replicas stand to a version of an account's config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// Replicas that live and run it.
    pub ready: usize,
    /// Replicas that live and have not said so yet; only counted where they have no name.
    pub waiting: Vec<Option<ReplicaId>>,
    /// What replicas could not load of it.
    pub problems: Vec<String>,
}

impl Readiness {
    /// Whether every living replica runs it.
    pub fn is_ready(&self) -> bool {
        self.waiting.is_empty() && self.problems.is_empty()
    }
}

/// How the replicas stand to `version` now.
pub async fn readiness(store: &Store, account: AccountId, version: i64) -> Result<Readiness> {
    let mut tx = store.reading(account).await?;
    let replicas = ReplicaConfig::list(&mut tx).await?;
    tx.commit().await?;
    let (done, waiting): (Vec<_>, Vec<_>) =
        replicas.into_iter().partition(|replica| replica.version >= version);
    Ok(Readiness {
        ready: done.iter().filter(|replica| replica.problem.is_none()).count(),
        waiting: waiting.into_iter().map(|replica| replica.replica_id).collect(),
        problems: done.into_iter().filter_map(|replica| replica.problem).collect(),
    })
}

/// Waits until every living replica runs `version`, one has a problem with it, or `patience` is over.
pub async fn wait_until_ready(
    store: &Store,
    account: AccountId,
    version: i64,
    patience: Duration,
) -> Result<Readiness> {
    let since = Instant::now();
    loop {
        let found = readiness(store, account, version).await?;
        if found.waiting.is_empty() || !found.problems.is_empty() || since.elapsed() >= patience {
            return Ok(found);
        }
        sleep(LOOK).await;
    }
}
